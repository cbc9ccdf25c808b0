/* SPDX-License-Identifier: Apache-2.0 */
#include "container/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "base/time.h"
#include "codec/tar.h"
#include "sys/fd.h"
#include "sys/path.h"

/* Go's os.FileMode bits, which the API speaks. */
enum {
        GO_MODE_DIR = 1u << 31,
        GO_MODE_SYMLINK = 1u << 27,
        GO_MODE_DEVICE = 1u << 26,
        GO_MODE_NAMED_PIPE = 1u << 25,
        GO_MODE_SOCKET = 1u << 24,
        GO_MODE_SETUID = 1u << 23,
        GO_MODE_SETGID = 1u << 22,
        GO_MODE_CHAR_DEVICE = 1u << 21,
        GO_MODE_STICKY = 1u << 20,
};

char *container_clean_path(mn_arena *arena, const char *path) {
        cleanup_strv char **parts = mn_strv_split(path, '/');
        const char **kept = mn_alloc_array(mn_strv_len(parts) + 1, sizeof(*kept));
        size_t n = 0, len = 1;
        for (char **p = parts; *p; p++) {
                if (!**p || strcmp(*p, ".") == 0)
                        continue;
                if (strcmp(*p, "..") == 0)
                        n -= n > 0;
                else
                        kept[n++] = *p;
        }
        for (size_t i = 0; i < n; i++)
                len += strlen(kept[i]) + 1;
        char *clean = mn_arena_alloc(arena, len + 1), *to = clean;
        for (size_t i = 0; i < n; i++) {
                *to++ = '/';
                to = stpcpy(to, kept[i]);
        }
        if (n == 0)
                *to++ = '/';
        *to = '\0';
        mn_freep(&kept);
        return clean;
}

/* The rest of `path` below the directory `top`, "/" for itself; NULL when it is not below. */
static const char *path_below(const char *path, const char *top) {
        size_t len = strlen(top);
        if (strcmp(top, "/") == 0)
                return path;
        if (strncmp(path, top, len) != 0 || (path[len] && path[len] != '/'))
                return NULL;
        return path[len] ? path + len : "/";
}

/* The innermost volume, bind mount or image the path lies in, or NULL. */
static const container_mount *find_mount(const container_record *r, const char *path) {
        const container_mount *found = NULL;
        for (size_t i = 0; i < r->mounts.len; i++) {
                const container_mount *m = &r->mounts.items[i];
                bool has_files = strcmp(m->type, "tmpfs") != 0;
                if (has_files && path_below(path, m->destination) &&
                    (!found || strlen(m->destination) > strlen(found->destination)))
                        found = m;
        }
        return found;
}

/* The container's own root. Opened by pid, so the pid is checked to be still the container's afterwards. */
static int open_running_root(container *c) {
        char path[40];
        engine_lock(c->engine);
        pid_t pid = container_is_running(c) ? c->state.pid : 0;
        int pidfd = pid > 0 && c->pidfd >= 0 ? fcntl(c->pidfd, F_DUPFD_CLOEXEC, 3) : -1;
        engine_unlock(c->engine);
        if (pid <= 0)
                return -ESRCH;
        snprintf(path, sizeof(path), "/proc/%d/root", pid);
        int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct pollfd has_ended = { .fd = pidfd, .events = POLLIN };
        if (fd >= 0 && pidfd >= 0 && poll(&has_ended, 1, 0) > 0)
                fd = mn_close(fd);
        mn_close(pidfd);
        return fd < 0 ? -ESRCH : fd;
}

static mn_status open_mount(container_tree *t, const container_mount *m, int image_fd, mn_arena *arena,
                            mn_err *err) {
        char *source = m->source;
        if (strcmp(m->type, "volume") == 0) {
                mn_status st = volume_use(t->c->engine->options.volumes, m->name, t->c->id, false, arena,
                                          &source, err);
                if (st)
                        return st;
                t->volume = mn_arena_strdup(arena, m->name);
        }
        t->root_fd = image_fd >= 0 ? image_fd : open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (t->root_fd < 0)
                return mn_fail_errno(err, -errno, "cannot open %s, mounted at %s", source, m->destination);
        t->is_read_only = !m->is_writable;
        t->path = mn_arena_strdup(arena, path_below(t->path, m->destination));
        return MN_OK;
}

static mn_status open_stopped_root(container_tree *t, bool is_for_writing, mn_arena *arena, mn_err *err) {
        const container_record *r = t->c->record;
        const container_mount *m = find_mount(r, t->path);
        struct stat st;
        cleanup_close int image = -1;
        mn_status status = m && strcmp(m->type, "image") == 0
                                   ? container_image_mount_open(t->c->engine, m, &image, err)
                                   : MN_OK;
        if (status)
                return status;
        bool is_directory = m && (strcmp(m->type, "volume") == 0 ||
                                  ((image >= 0 ? fstat(image, &st) : stat(m->source, &st)) == 0 &&
                                   S_ISDIR(st.st_mode)));
        if (is_directory)
                return open_mount(t, m, MN_TAKE_FD(image), arena, err);
        cleanup_close int dir = container_open_directory(t->c);
        if (dir < 0)
                return mn_fail_errno(err, dir, "cannot open the directory of container %s", t->c->id);
        image_rootfs_spec spec = {
                .image_id = r->image_id,
                .container_fd = dir,
                .is_readonly = !is_for_writing,
                .has_init_layer = true,
        };
        t->is_read_only = r->host_config.is_rootfs_readonly;
        return image_rootfs_mount(t->c->engine->options.images, &spec, &t->root_fd, err);
}

mn_status container_tree_open(container_engine *e, const char *name, const char *path, bool is_for_writing,
                              mn_arena *arena, container_tree *ret, mn_err *err) {
        *ret = (container_tree){ .root_fd = -1, .path = container_clean_path(arena, path) };
        mn_status st = container_find(e, name, &ret->c, err);
        if (st)
                return st;
        ret->root_fd = open_running_root(ret->c);
        if (ret->root_fd >= 0) {
                engine_lock(e);
                const container_mount *m = find_mount(ret->c->record, ret->path);
                ret->is_read_only = m ? !m->is_writable : ret->c->record->host_config.is_rootfs_readonly;
                engine_unlock(e);
                return MN_OK;
        }
        st = container_operate_on(ret->c, &ret->op, err);
        if (!st)
                st = open_stopped_root(ret, is_for_writing, arena, err);
        if (st)
                container_tree_close(ret);
        return st;
}

void container_tree_close(container_tree *t) {
        t->root_fd = mn_close(t->root_fd);
        if (t->volume)
                volume_unuse(t->c->engine->options.volumes, t->volume, t->c->id);
        t->volume = NULL;
        container_operation_end(&t->op);
        container_unref(t->c);
        t->c = NULL;
}

static uint32_t go_mode(mode_t mode) {
        static const struct {
                mode_t kind;
                uint32_t bits;
        } kinds[] = {
                { S_IFDIR, GO_MODE_DIR },     { S_IFLNK, GO_MODE_SYMLINK },
                { S_IFBLK, GO_MODE_DEVICE },  { S_IFIFO, GO_MODE_NAMED_PIPE },
                { S_IFSOCK, GO_MODE_SOCKET }, { S_IFCHR, GO_MODE_DEVICE | GO_MODE_CHAR_DEVICE },
        };
        uint32_t bits = mode & 0777;
        for (size_t i = 0; i < MN_ARRAY_LEN(kinds); i++)
                if ((mode & S_IFMT) == kinds[i].kind)
                        bits |= kinds[i].bits;
        return bits | (mode & S_ISUID ? GO_MODE_SETUID : 0) | (mode & S_ISGID ? GO_MODE_SETGID : 0) |
               (mode & S_ISVTX ? GO_MODE_STICKY : 0);
}

/* Where a link leads, as a path in the container. */
static char *link_target(const container_tree *t, int fd, mn_arena *arena) {
        char target[MN_TAR_PATH_MAX];
        ssize_t len = readlinkat(fd, "", target, sizeof(target) - 1);
        if (len < 0)
                return mn_arena_strdup(arena, "");
        target[len] = '\0';
        if (*target == '/')
                return container_clean_path(arena, target);
        const char *slash = strrchr(t->path, '/');
        cleanup_free char *joined = mn_asprintf("%.*s/%s", (int) (slash - t->path), t->path, target);
        return container_clean_path(arena, joined);
}

mn_status container_tree_stat(const container_tree *t, const char *asked, mn_arena *arena,
                              wire_path_stat *ret, mn_err *err) {
        bool wants_directory = mn_str_has_suffix(asked, "/") || mn_str_has_suffix(asked, "/.");
        int flags = O_PATH | (wants_directory ? O_DIRECTORY : O_NOFOLLOW);
        cleanup_close int fd = mn_open_in_root(t->root_fd, t->path, flags, 0);
        struct stat st;
        if (fd == -ENOTDIR)
                return mn_fail(err, MN_INVALID, "not a directory");
        if (fd < 0 || fstat(fd, &st) < 0)
                return mn_fail(err, MN_NOT_FOUND, "Could not find the file %s in container %s", asked,
                               t->c->record->name);
        const char *slash = strrchr(t->path, '/');
        *ret = (wire_path_stat){
                .name = mn_arena_strdup(arena, slash[1] ? slash + 1 : "/"),
                .size = st.st_size,
                .mode = go_mode(st.st_mode),
                .mtime_ns = st.st_mtim.tv_sec * MN_NS_PER_SEC + st.st_mtim.tv_nsec,
                .link_target = S_ISLNK(st.st_mode) ? link_target(t, fd, arena) : mn_arena_strdup(arena, ""),
        };
        return MN_OK;
}
