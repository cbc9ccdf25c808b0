/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/container.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/spawn.h"

enum { MAX_STATE = 1 << 20, MAX_CONFIG = 8 << 20, PIDFS_MAGIC = 0x50494446, MAX_ID = 255 };

static const mn_field record_fields[] = {
        { "ociVersion", &mn_type_str, offsetof(container_record, oci_version), MN_REQUIRED },
        { "id", &mn_type_str, offsetof(container_record, id), MN_REQUIRED },
        { "pid", &mn_type_i32, offsetof(container_record, pid) },
        { "pidKey", &mn_type_u64, offsetof(container_record, pid_key) },
        { "bundle", &mn_type_str, offsetof(container_record, bundle), MN_REQUIRED },
        { "rootfs", &mn_type_str, offsetof(container_record, rootfs) },
        { "created", &mn_type_str, offsetof(container_record, created) },
        { "cgroupPaths", &mn_type_str_map, offsetof(container_record, cgroup_paths), MN_EMPTY_NOT_NULL },
        { "systemdUnit", &mn_type_str, offsetof(container_record, systemd_unit), MN_OMIT_EMPTY },
        { "joinFlags", &mn_type_i32, offsetof(container_record, join_flags) },
        { "resctrl", &mn_type_str, offsetof(container_record, resctrl), MN_OMIT_EMPTY },
        { "plain", &mn_type_bool, offsetof(container_record, is_plain), MN_OMIT_EMPTY },
        { "preserveFds", &mn_type_i32, offsetof(container_record, preserve_fds), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type record_type = MN_STRUCT(container_record, record_fields);

mn_status container_check_id(const char *id, mn_err *err) {
        size_t len = strlen(id);
        bool is_ok = len > 0 && len <= MAX_ID && strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
        for (size_t i = 0; i < len && is_ok; i++)
                is_ok = strchr("_+-.", id[i]) || (id[i] >= '0' && id[i] <= '9') ||
                        ((id[i] | 32) >= 'a' && (id[i] | 32) <= 'z');
        return is_ok ? MN_OK : mn_fail(err, MN_INVALID, "invalid container id \"%s\"", id);
}

static char *directory_of(const runtime_context *rt, const char *id) {
        return mn_asprintf("%s/%s", rt->root, id);
}

mn_status container_reserve(const runtime_context *rt, const char *id, int *ret_dir_fd, mn_err *err) {
        cleanup_free char *dir = directory_of(rt, id);
        int r = mkdir(dir, 0711) < 0 ? -errno : 0;
        if (r == -ENOENT) {
                r = mn_mkdir_p(rt->root, 0711);
                if (r == 0)
                        r = mkdir(dir, 0711) < 0 ? -errno : 0;
        }
        if (r == -EEXIST)
                return mn_fail(err, MN_CONFLICT, "container with given ID already exists");
        if (r < 0)
                return mn_fail_errno(err, r, "creating \"%s\"", dir);
        *ret_dir_fd = openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *ret_dir_fd < 0 ? mn_fail_errno(err, -errno, "opening \"%s\"", dir) : MN_OK;
}

void container_forget(const runtime_context *rt, const char *id) {
        static const char *const always[] = { CONTAINER_STATE_FILE, CONTAINER_CONFIG_FILE };
        cleanup_free char *dir = directory_of(rt, id);
        cleanup_close int fd = openat(AT_FDCWD, dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return;
        for (size_t i = 0; i < MN_ARRAY_LEN(always); i++)
                unlinkat(fd, always[i], 0);
        if (rmdir(dir) < 0)
                mn_remove_tree(AT_FDCWD, dir);
}

void container_record_print(const container_record *record, mn_str *ret) {
        mn_json_encode(&record_type, record, 0, ret);
}

mn_status container_record_parse(const char *text, size_t len, mn_arena *arena, container_record *ret,
                                 mn_err *err) {
        mn_status st = mn_json_decode_text(&record_type, text, len, NULL, arena, MN_UNKNOWN_IGNORE, ret, err);
        if (st == MN_OK && !ret->id) /* "null" is a document, too */
                return mn_fail(err, MN_INVALID, "not an object");
        return st;
}

mn_status container_save(int dir_fd, const container_record *record, mn_err *err) {
        cleanup_str mn_str text = MN_STR_INIT(MAX_STATE);
        container_record_print(record, &text);
        int r = mn_str_error(&text);
        if (r == 0) /* new: nobody reads it before the directory is complete */
                r = mn_file_create(dir_fd, CONTAINER_STATE_FILE, text.data, text.len, 0600);
        if (r == -EEXIST)
                r = mn_file_replace(dir_fd, CONTAINER_STATE_FILE, text.data, text.len, 0600);
        return r < 0 ? mn_fail_errno(err, r, "writing the state file") : MN_OK;
}

static mn_status read_record(container *c, const char *id, mn_err *err) {
        cleanup_free char *text = NULL;
        size_t len;
        int r = mn_file_read(c->dir_fd, CONTAINER_STATE_FILE, MAX_STATE, &text, &len);
        if (r == -ENOENT) {
                c->record.id = mn_arena_strdup(c->arena, id);
                return MN_OK;
        }
        if (r < 0)
                return mn_fail_errno(err, r, "reading the state of container \"%s\"", id);
        mn_status st = container_record_parse(text, len, c->arena, &c->record, err);
        return st ? mn_err_prefix(err, MN_INTERNAL, "state of container \"%s\"", id) : MN_OK;
}

mn_status container_open(const runtime_context *rt, const char *id, container *ret, mn_err *err) {
        *ret = (container){ .dir_fd = -1 };
        mn_status st = container_check_id(id, err);
        if (st)
                return st;
        cleanup_free char *dir = directory_of(rt, id);
        ret->dir_fd = openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (ret->dir_fd < 0 && errno == ENOENT)
                return mn_fail(err, MN_NOT_FOUND, "container \"%s\" does not exist", id);
        if (ret->dir_fd < 0)
                return mn_fail_errno(err, -errno, "opening \"%s\"", dir);
        ret->arena = mn_arena_new();
        st = read_record(ret, id, err);
        if (st)
                container_release(ret);
        return st;
}

void container_release(container *c) {
        c->dir_fd = mn_close(c->dir_fd);
        mn_arena_free(c->arena);
        c->arena = NULL;
}

enum { START_TIME = 22 }; /* in /proc/PID/stat */

/* Since 6.9 a pidfd's inode number is the process's, for this boot; before, its start time has to do. */
static int key_of(int pidfd, pid_t pid, uint64_t *ret) {
        struct statfs fs;
        struct stat st;
        if (fstatfs(pidfd, &fs) == 0 && fs.f_type == PIDFS_MAGIC && fstat(pidfd, &st) == 0) {
                *ret = st.st_ino;
                return 0;
        }
        int r = mn_process_stat(pid, START_TIME, ret);
        *ret |= UINT64_C(1) << 63;
        return r;
}

int container_pid_key(pid_t pid, uint64_t *ret) {
        cleanup_close int pidfd = mn_pidfd_open(pid);
        return pidfd < 0 ? pidfd : key_of(pidfd, pid, ret);
}

int container_open_pid(const container *c) {
        uint64_t key;
        if (c->record.pid <= 0)
                return -ESRCH;
        cleanup_close int pidfd = mn_pidfd_open(c->record.pid);
        if (pidfd < 0)
                return pidfd;
        /* The pidfd holds the process; if it is still the one that was recorded, it stays so. */
        if (key_of(pidfd, c->record.pid, &key) < 0 || key != c->record.pid_key)
                return -ESRCH;
        return MN_TAKE_FD(pidfd);
}

/* Also when nobody has waited for it yet. */
static bool has_ended(int pidfd) {
        return poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, 0) > 0;
}

static bool is_frozen(const container *c) {
        const char *v2 = mn_str_map_get(&c->record.cgroup_paths, "");
        if (v2)
                return mn_cgroup_is_frozen_at(v2) == 1;
        mn_cgroup_host host;
        mn_cgroup cg;
        bool is_frozen = false;
        if (container_open_cgroup(c, &host, &cg) == 0) {
                is_frozen = mn_cgroup_is_frozen(&cg) == 1;
                mn_cgroup_release(&cg);
        }
        mn_cgroup_host_release(&host);
        return is_frozen;
}

container_status container_get_status(const container *c) {
        if (!c->record.oci_version)
                return CONTAINER_CREATING;
        cleanup_close int pidfd = container_open_pid(c);
        if (pidfd < 0 || has_ended(pidfd))
                return CONTAINER_STOPPED;
        if (faccessat(c->dir_fd, CONTAINER_FIFO, F_OK, 0) == 0)
                return CONTAINER_CREATED;
        return is_frozen(c) ? CONTAINER_PAUSED : CONTAINER_RUNNING;
}

const char *container_status_name(container_status status) {
        static const char *const names[] = { "creating", "created", "running", "paused", "stopped" };
        return names[status];
}

int container_open_cgroup(const container *c, mn_cgroup_host *host, mn_cgroup *ret) {
        enum { MAX = MN_CGROUP_MAX_HIERARCHIES };
        const char *names[MAX], *paths[MAX];
        size_t len = 0;
        int r = mn_cgroup_host_init(host);
        for (; len < c->record.cgroup_paths.len && len < MAX; len++) {
                names[len] = c->record.cgroup_paths.items[len].key;
                paths[len] = c->record.cgroup_paths.items[len].value;
        }
        return r < 0 ? r : mn_cgroup_open_dirs(host, names, paths, len, ret);
}

mn_status container_load_spec(const container *c, oci_spec **ret, mn_err *err) {
        cleanup_free char *text = NULL;
        size_t len;
        int r = mn_file_read(c->dir_fd, CONTAINER_CONFIG_FILE, MAX_CONFIG, &text, &len);
        if (r < 0)
                return mn_fail_errno(err, r, "reading the configuration of container \"%s\"", c->record.id);
        return oci_spec_parse(text, len, c->arena, ret, err);
}

oci_state container_oci_state(const container_record *record, container_status status,
                              const mn_str_map *annotations) {
        bool has_process = status == CONTAINER_CREATED || status == CONTAINER_RUNNING ||
                           status == CONTAINER_PAUSED || status == CONTAINER_CREATING;
        return (oci_state){
                .oci_version = record->oci_version ? record->oci_version : (char *) (uintptr_t) OCI_VERSION,
                .id = record->id,
                .status = (char *) (uintptr_t) container_status_name(status),
                .pid = has_process ? record->pid : 0,
                .bundle = record->bundle,
                .rootfs = record->rootfs,
                .created = record->created,
                .owner = NULL,
                .annotations = annotations ? *annotations : (mn_str_map){ 0 },
        };
}
