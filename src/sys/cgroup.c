/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mounttable.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
/* What v2 has without a controller that could be handed down. */
#define V2_BUILT_IN (MN_CG_UNIFIED | MN_CG_CPUACCT | MN_CG_DEVICES | MN_CG_FREEZER)

enum { CGROUP1_MAGIC = 0x27e0eb, CGROUP2_MAGIC = 0x63677270, MAX_PROC_FILE = 4 << 20 };

/* The names of the controllers, v1 and v2 ("io" is v2's blkio). */
static const struct {
        const char *name;
        unsigned bit;
} controller_names[] = {
        { "cpu", MN_CG_CPU },
        { "cpuacct", MN_CG_CPUACCT },
        { "cpuset", MN_CG_CPUSET },
        { "memory", MN_CG_MEMORY },
        { "devices", MN_CG_DEVICES },
        { "freezer", MN_CG_FREEZER },
        { "blkio", MN_CG_BLKIO },
        { "io", MN_CG_BLKIO },
        { "pids", MN_CG_PIDS },
        { "hugetlb", MN_CG_HUGETLB },
        { "rdma", MN_CG_RDMA },
        { "net_cls", MN_CG_NET_CLS },
        { "net_prio", MN_CG_NET_PRIO },
        { "perf_event", MN_CG_PERF_EVENT },
        { "name=systemd", MN_CG_SYSTEMD },
};

static unsigned controller_mask(const char *list, char separator) {
        unsigned mask = 0;
        for (const char *s = list; *s;) {
                size_t n = strcspn(s, separator == ',' ? "," : " \n");
                for (size_t i = 0; i < MN_ARRAY_LEN(controller_names); i++)
                        if (strlen(controller_names[i].name) == n &&
                            memcmp(controller_names[i].name, s, n) == 0)
                                mask |= controller_names[i].bit;
                s += n;
                while (*s && strchr(", \n", *s))
                        s++;
        }
        return mask;
}

static bool is_cgroup_fs(const char *path, bool is_v2) {
        struct statfs fs;
        return statfs(path, &fs) == 0 && (unsigned long) fs.f_type == (is_v2 ? CGROUP2_MAGIC : CGROUP1_MAGIC);
}

bool mn_cgroup_is_pure_v2(void) {
        return is_cgroup_fs(CGROUP_ROOT, true);
}

/* ---- what the host has ---- */

/* "rw,cpu,cpuacct" has "cpu". */
static bool has_option(const char *options, const char *name) {
        for (const char *s = options; *s; s += strcspn(s, ","), s += *s == ',')
                if (strncmp(s, name, strlen(name)) == 0 && strchr(",", s[strlen(name)]))
                        return true;
        return false;
}

/* Looks among the mounts for a hierarchy that is not where everybody has it. NULL when it is not mounted.
   `*mounts` is read when it is first needed (a kernel has hierarchies that nobody here has mounted). */
static char *find_mount(const char *name, bool is_v2, mn_mount_table *mounts) {
        if (!mounts->text && mn_mount_table_read(mounts) < 0)
                return NULL;
        for (size_t i = 0; i < mounts->len; i++) {
                const mn_mount_row *row = &mounts->rows[i];
                if (strcmp(row->type, is_v2 ? "cgroup2" : "cgroup") == 0 &&
                    (is_v2 || has_option(row->super_options, name)))
                        return mn_strdup(row->path);
        }
        return NULL;
}

bool mn_cgroup_has_nsdelegate(void) {
        cleanup_mount_table mn_mount_table mounts = { 0 };
        if (mn_mount_table_read(&mounts) < 0)
                return false;
        for (size_t i = 0; i < mounts.len; i++)
                if (strcmp(mounts.rows[i].type, "cgroup2") == 0 &&
                    has_option(mounts.rows[i].super_options, "nsdelegate"))
                        return true;
        return false;
}

static char *hierarchy_mount(const char *name, bool is_v2, mn_mount_table *mounts) {
        const char *dir = *name == '\0' ? "unified" : mn_str_has_prefix(name, "name=") ? name + 5 : name;
        char *path = mn_asprintf(CGROUP_ROOT "/%s", dir);
        if (is_cgroup_fs(path, is_v2))
                return path;
        mn_freep(&path);
        return find_mount(name, is_v2, mounts);
}

/* Our own cgroup is only usable as a base when the mount shows it (in a container it may not). */
static char *visible_own(const char *mount, const char *own) {
        if (own[0] == '/' && own[1] == '\0')
                return mn_strdup("/");
        cleanup_free char *path = mn_asprintf("%s%s", mount, own);
        return mn_strdup(faccessat(AT_FDCWD, path, F_OK, 0) == 0 && !strstr(own, "..") ? own : "/");
}

static unsigned root_controllers(const char *mount) {
        cleanup_free char *file = mn_asprintf("%s/cgroup.controllers", mount);
        cleanup_free char *text = NULL;
        return mn_file_read(AT_FDCWD, file, 4096, &text, NULL) < 0 ? 0 : controller_mask(text, ' ');
}

static void add_hierarchy(mn_cgroup_host *host, const char *name, const char *own, bool is_pure_v2,
                          mn_mount_table *mounts) {
        bool is_v2 = *name == '\0';
        if (host->len == MN_CGROUP_MAX_HIERARCHIES || (is_pure_v2 && !is_v2))
                return;
        char *mount = is_pure_v2 ? mn_strdup(CGROUP_ROOT) : hierarchy_mount(name, is_v2, mounts);
        if (!mount)
                return;
        unsigned mask = is_v2 ? MN_CG_UNIFIED | root_controllers(mount) : controller_mask(name, ',');
        host->items[host->len++] = (mn_cgroup_hierarchy){
                .controllers = is_pure_v2 ? mask | V2_BUILT_IN : mask,
                .is_v2 = is_v2,
                .name = mn_strdup(name),
                .mount = mount,
                .own = visible_own(mount, own),
        };
}

int mn_cgroup_host_init(mn_cgroup_host *host) {
        *host = (mn_cgroup_host){ 0 };
        cleanup_free char *text = NULL;
        cleanup_mount_table mn_mount_table mounts = { 0 };
        int r = mn_file_read(AT_FDCWD, "/proc/self/cgroup", MAX_PROC_FILE, &text, NULL);
        if (r < 0)
                return r;
        bool is_pure_v2 = mn_cgroup_is_pure_v2(), has_v1 = false, has_v2 = false;
        char *save = NULL;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *name = strchr(line, ':'), *own = name ? strchr(name + 1, ':') : NULL;
                if (!own)
                        continue;
                *own++ = '\0';
                add_hierarchy(host, name + 1, own, is_pure_v2, &mounts);
        }
        for (size_t i = 0; i < host->len; i++)
                *(host->items[i].is_v2 ? &has_v2 : &has_v1) = true;
        host->mode = !has_v1 ? MN_CGROUP_V2 : has_v2 ? MN_CGROUP_HYBRID : MN_CGROUP_V1;
        return host->len ? 0 : -ENOENT;
}

void mn_cgroup_host_release(mn_cgroup_host *host) {
        for (size_t i = 0; i < host->len; i++) {
                mn_freep(&host->items[i].name);
                mn_freep(&host->items[i].mount);
                mn_freep(&host->items[i].own);
        }
        host->len = 0;
}

/* ---- opening and creating ---- */

void mn_cgroup_release(mn_cgroup *cg) {
        for (size_t i = 0; i < cg->len; i++) {
                cg->dirs[i].fd = mn_close(cg->dirs[i].fd);
                mn_freep(&cg->dirs[i].path);
        }
        cg->len = 0;
}

static bool is_valid_path(const char *path) {
        if (!*path || strlen(path) > MN_CGROUP_MAX_PATH || strchr(path, '\n'))
                return false;
        for (const char *s = path; *s; s += strcspn(s, "/"), s += *s == '/') {
                size_t n = strcspn(s, "/");
                if ((n == 2 && s[0] == '.' && s[1] == '.') || (n == 1 && s[0] == '.'))
                        return false;
        }
        return true;
}

/* The cgroup `path` in one hierarchy, relative to its mount. */
static char *path_in(const mn_cgroup_hierarchy *h, const char *path) {
        if (*path == '/')
                return mn_strdup(path);
        size_t base = strlen(h->own);
        if (h->is_v2)
                while (base > 1 && h->own[base - 1] != '/')
                        base--;
        while (base && h->own[base - 1] == '/')
                base--;
        return mn_asprintf("%.*s/%s", (int) base, h->own, path);
}

static mn_cgroup_dir *add_dir(mn_cgroup *cg, const mn_cgroup_hierarchy *h, char *path) {
        cg->dirs[cg->len] = (mn_cgroup_dir){
                .controllers = h->controllers, .is_v2 = h->is_v2, .fd = -1, .key = h->name, .path = path
        };
        return &cg->dirs[cg->len++];
}

static int open_dir(mn_cgroup_dir *dir) {
        dir->fd = openat(AT_FDCWD, dir->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return dir->fd < 0 ? -errno : 0;
}

/* 0 when at least one directory could be opened. */
static int open_result(mn_cgroup *cg) {
        for (size_t i = 0; i < cg->len; i++)
                if (cg->dirs[i].fd >= 0)
                        return 0;
        mn_cgroup_release(cg);
        return -ENOENT;
}

int mn_cgroup_open(const mn_cgroup_host *host, const char *path, mn_cgroup *ret) {
        if (!is_valid_path(path))
                return -EINVAL;
        *ret = (mn_cgroup){ .mode = host->mode };
        for (size_t i = 0; i < host->len; i++) {
                cleanup_free char *below = path_in(&host->items[i], path);
                open_dir(add_dir(ret, &host->items[i], mn_asprintf("%s%s", host->items[i].mount, below)));
        }
        return open_result(ret);
}

int mn_cgroup_open_dirs(const mn_cgroup_host *host, const char *const *names, const char *const *paths,
                        size_t len, mn_cgroup *ret) {
        *ret = (mn_cgroup){ .mode = host->mode };
        for (size_t i = 0; i < host->len; i++)
                for (size_t k = 0; k < len; k++)
                        if (mn_str_equal(names[k], host->items[i].name))
                                open_dir(add_dir(ret, &host->items[i], mn_strdup(paths[k])));
        return open_result(ret);
}

/* Cuts the path behind the component that holds `id`. */
static void cut_behind(char *path, const char *id) {
        char *at = id && *id ? strstr(path, id) : NULL;
        if (at)
                at[strcspn(at, "/")] = '\0';
}

int mn_cgroup_open_pid(const mn_cgroup_host *host, pid_t pid, const char *id, mn_cgroup *ret) {
        char file[64];
        snprintf(file, sizeof(file), "/proc/%d/cgroup", (int) pid);
        cleanup_free char *text = NULL;
        int r = mn_file_read(AT_FDCWD, file, MAX_PROC_FILE, &text, NULL);
        if (r < 0)
                return r;
        *ret = (mn_cgroup){ .mode = host->mode };
        char *save = NULL;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *name = strchr(line, ':'), *own = name ? strchr(name + 1, ':') : NULL;
                if (!own || !is_valid_path(own + 1))
                        continue;
                *own++ = '\0';
                cut_behind(own, id);
                for (size_t i = 0; i < host->len && ret->len < MN_CGROUP_MAX_HIERARCHIES; i++)
                        if (strcmp(host->items[i].name, name + 1) == 0)
                                open_dir(add_dir(ret, &host->items[i],
                                                 mn_asprintf("%s%s", host->items[i].mount, own)));
        }
        return open_result(ret);
}

/* Hands the controllers of a v2 directory down to its children, as far as it has them. */
static int hand_down(const char *dir, unsigned wanted) {
        cleanup_free char *has_file = mn_asprintf("%s/cgroup.controllers", dir), *has = NULL;
        cleanup_free char *given_file = mn_asprintf("%s/cgroup.subtree_control", dir), *given = NULL;
        int r = mn_file_read(AT_FDCWD, given_file, 4096, &given, NULL);
        if (r < 0 || !(wanted & ~controller_mask(given, ' ')))
                return r;
        r = mn_file_read(AT_FDCWD, has_file, 4096, &has, NULL);
        unsigned missing = r < 0 ? 0 : controller_mask(has, ' ') & wanted & ~controller_mask(given, ' ');
        if (!missing)
                return r;
        char text[128] = "";
        for (size_t i = 0, n = 0; i < MN_ARRAY_LEN(controller_names); i++)
                if ((missing & controller_names[i].bit) && strcmp(controller_names[i].name, "blkio") != 0)
                        n += (size_t) snprintf(text + n, sizeof(text) - n, "+%s ", controller_names[i].name);
        return mn_file_put(AT_FDCWD, given_file, text);
}

/* A new v1 cpuset has neither processors nor memory nodes, and nothing can be put into it. */
static int inherit_cpuset(const char *parent, const char *dir) {
        static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
        cleanup_close int from = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
        cleanup_close int to = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (from < 0 || to < 0)
                return -errno;
        for (size_t i = 0; i < MN_ARRAY_LEN(files); i++) {
                cleanup_free char *value = NULL;
                int r = mn_file_read(from, files[i], 65536, &value, NULL);
                if (r < 0 || (r = mn_file_put(to, files[i], value)) < 0)
                        return r;
        }
        return 0;
}

/* Makes every missing directory from the mount down to `full`. 1 when the last one is new, 0 when it was
 * there. */
static int make_dirs(const mn_cgroup_hierarchy *h, char *full, unsigned controllers) {
        int is_new = 0;
        bool is_cpuset = !h->is_v2 && (h->controllers & MN_CG_CPUSET);
        if (!h->is_v2 && !is_cpuset && mkdir(full, 0755) == 0)
                return 1; /* the parents are there: nearly always */
        for (char *end = full + strlen(h->mount); *end == '/';) {
                char *next = end + 1 + strcspn(end + 1, "/");
                char was = *next;
                if (next == end + 1 && was) { /* "//" */
                        end = next;
                        continue;
                }
                *end = '\0';
                /* On failure the controller is missing below, which the limit that needs it reports. */
                if (h->is_v2)
                        (void) hand_down(full, controllers & h->controllers & ~V2_BUILT_IN);
                cleanup_free char *parent = is_cpuset ? mn_strdup(full) : NULL;
                *end = '/';
                *next = '\0';
                is_new = mkdir(full, 0755) == 0;
                int error = is_new ? 0 : errno;
                int r = is_cpuset && is_new ? inherit_cpuset(parent, full) : 0;
                *next = was;
                if ((error && error != EEXIST) || r < 0)
                        return error && error != EEXIST ? -error : r;
                end = next;
        }
        return is_new;
}

int mn_cgroup_create(const mn_cgroup_host *host, const char *path, unsigned controllers, mn_cgroup *ret,
                     bool *ret_is_new) {
        if (!is_valid_path(path))
                return -EINVAL;
        mn_cgroup made = { .mode = host->mode };
        bool is_new = true;
        int r = 0;
        for (size_t i = 0; i < host->len && r >= 0; i++) {
                const mn_cgroup_hierarchy *h = &host->items[i];
                if (!(h->controllers & controllers))
                        continue;
                cleanup_free char *below = path_in(h, path);
                mn_cgroup_dir *dir = add_dir(&made, h, mn_asprintf("%s%s", h->mount, below));
                r = make_dirs(h, dir->path, controllers);
                if (r == 0)
                        is_new = false;
                if (r >= 0)
                        r = open_dir(dir);
        }
        if (r < 0) {
                for (size_t i = 0; i < made.len && is_new; i++)
                        rmdir(made.dirs[i].path);
                mn_cgroup_release(&made);
                return r;
        }
        if (ret_is_new)
                *ret_is_new = is_new;
        *ret = made;
        return made.len ? 0 : -ENOENT;
}

/* ---- members ---- */

static const mn_cgroup_dir *find_dir(const mn_cgroup *cg, unsigned controller) {
        for (size_t i = 0; i < cg->len; i++)
                if ((cg->dirs[i].controllers & controller) && cg->dirs[i].fd >= 0)
                        return &cg->dirs[i];
        return NULL;
}

int mn_cgroup_fd(const mn_cgroup *cg, unsigned controller) {
        const mn_cgroup_dir *dir = find_dir(cg, controller);
        return dir ? dir->fd : -1;
}

bool mn_cgroup_is_v2(const mn_cgroup *cg, unsigned controller) {
        const mn_cgroup_dir *dir = find_dir(cg, controller);
        return dir && dir->is_v2;
}

static int put(int dirfd, const char *file, const char *value, size_t len) {
        int fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        ssize_t n = write(fd, value, len);
        int r = n < 0 ? -errno : 0;
        close(fd);
        return r;
}

int mn_cgroup_join(const mn_cgroup *cg, bool also_v2) {
        for (size_t i = 0; i < cg->len; i++) {
                if (cg->dirs[i].fd < 0 || (cg->dirs[i].is_v2 && !also_v2))
                        continue;
                int r = put(cg->dirs[i].fd, cg->dirs[i].is_v2 ? "cgroup.procs" : "tasks", "0", 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

int mn_cgroup_add(const mn_cgroup *cg, pid_t pid) {
        char text[16];
        int len = snprintf(text, sizeof(text), "%d", (int) pid);
        for (size_t i = 0; i < cg->len; i++) {
                int r = cg->dirs[i].fd < 0 ? 0 : put(cg->dirs[i].fd, "cgroup.procs", text, (size_t) len);
                if (r < 0)
                        return r;
        }
        return 0;
}
