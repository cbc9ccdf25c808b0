/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "runtime/mount_options.h"
#include "sys/clone.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mountfd.h"
#include "sys/spawn.h"

enum { MAX_MAPPINGS = 340, MAX_MAP_TEXT = 16384 };

/* ---- checking ---- */

static bool overlaps(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size) {
        return (uint64_t) a < (uint64_t) b + b_size && (uint64_t) b < (uint64_t) a + a_size;
}

static mn_status check_mappings(const oci_id_mappings *maps, const char *field, mn_err *err) {
        if (maps->len > MAX_MAPPINGS)
                return mn_fail(err, MN_INVALID, "%s: more than %d mappings", field, MAX_MAPPINGS);
        for (size_t i = 0; i < maps->len; i++) {
                const oci_id_mapping *m = &maps->items[i];
                if (m->size == 0 || (uint64_t) m->container_id + m->size > UINT32_MAX ||
                    (uint64_t) m->host_id + m->size > UINT32_MAX)
                        return mn_fail(err, MN_INVALID, "%s[%zu]: empty or past the last id", field, i);
                for (size_t k = 0; k < i; k++)
                        if (overlaps(m->container_id, m->size, maps->items[k].container_id,
                                     maps->items[k].size) ||
                            overlaps(m->host_id, m->size, maps->items[k].host_id, maps->items[k].size))
                                return mn_fail(err, MN_INVALID, "%s[%zu]: overlaps [%zu]", field, i, k);
        }
        return MN_OK;
}

static mn_status check_time(const oci_spec *spec, const namespace_plan *namespaces, mn_err *err) {
        for (size_t i = 0; i < spec->linux_->time_offsets.len; i++) {
                const char *clock = spec->linux_->time_offsets.items[i].key;
                if (strcmp(clock, "monotonic") != 0 && strcmp(clock, "boottime") != 0)
                        return mn_fail(err, MN_INVALID, "linux.timeOffsets: unknown clock \"%s\"", clock);
                if (!(namespaces->create_flags & CLONE_NEWTIME))
                        return mn_fail(err, MN_INVALID, "linux.timeOffsets: needs a new time namespace");
        }
        return MN_OK;
}

static mn_status check_mount_mappings(const oci_spec *spec, mn_err *err) {
        for (size_t i = 0; i < spec->mounts.len; i++) {
                const oci_mount *m = &spec->mounts.items[i];
                char field[64];
                if ((m->uid_mappings.len == 0) != (m->gid_mappings.len == 0))
                        return mn_fail(err, MN_INVALID,
                                       "mounts[%zu]: uidMappings and gidMappings come together", i);
                snprintf(field, sizeof(field), "mounts[%zu].uidMappings", i);
                mn_status st = check_mappings(&m->uid_mappings, field, err);
                if (st)
                        return st;
                snprintf(field, sizeof(field), "mounts[%zu].gidMappings", i);
                if ((st = check_mappings(&m->gid_mappings, field, err)))
                        return st;
        }
        return MN_OK;
}

mn_status idmap_check(const oci_spec *spec, const namespace_plan *namespaces, mn_err *err) {
        if (!spec->linux_)
                return MN_OK;
        const oci_linux *lx = spec->linux_;
        mn_status st = check_mappings(&lx->uid_mappings, "linux.uidMappings", err);
        if (st == MN_OK)
                st = check_mappings(&lx->gid_mappings, "linux.gidMappings", err);
        if (st)
                return st;
        bool is_new = namespaces->create_flags & CLONE_NEWUSER;
        if (is_new && (lx->uid_mappings.len == 0 || lx->gid_mappings.len == 0))
                return mn_fail(err, MN_INVALID,
                               "linux.uidMappings: a new user namespace needs uidMappings and gidMappings");
        if (!namespace_is_own(namespaces, CLONE_NEWUSER) && (lx->uid_mappings.len || lx->gid_mappings.len))
                return mn_fail(err, MN_INVALID, "linux.uidMappings: needs a user namespace");
        st = check_mount_mappings(spec, err);
        return st == MN_OK ? check_time(spec, namespaces, err) : st;
}

/* ---- writing ---- */

static int write_map(pid_t pid, const char *file, const oci_id_mappings *maps) {
        cleanup_str mn_str text = MN_STR_INIT(MAX_MAP_TEXT);
        char path[64];
        for (size_t i = 0; i < maps->len; i++)
                mn_str_printf(&text, "%u %u %u\n", maps->items[i].container_id, maps->items[i].host_id,
                              maps->items[i].size);
        snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, file);
        int r = mn_str_error(&text);
        return r < 0 ? r : mn_file_put(AT_FDCWD, path, mn_str_text(&text));
}

static int write_maps(pid_t pid, const oci_id_mappings *uids, const oci_id_mappings *gids) {
        int r = write_map(pid, "gid_map", gids);
        if (r == -EPERM) {
                /* Without privileges groups must be given up first. */
                char path[64];
                snprintf(path, sizeof(path), "/proc/%d/setgroups", (int) pid);
                mn_file_put(AT_FDCWD, path, "deny");
                r = write_map(pid, "gid_map", gids);
        }
        return r < 0 ? r : write_map(pid, "uid_map", uids);
}

mn_status idmap_write(const oci_spec *spec, pid_t pid, mn_err *err) {
        int r = write_maps(pid, &spec->linux_->uid_mappings, &spec->linux_->gid_mappings);
        return r < 0 ? mn_fail_errno(err, r, "linux.uidMappings: writing the mappings") : MN_OK;
}

/* ---- idmapped mounts ---- */

static int pause_main(void *arg) {
        (void) arg;
        pause();
        return 0;
}

/* A user namespace that exists only to carry mappings: of a child that does nothing and is ended at once. */
static int userns_of(const oci_id_mappings *uids, const oci_id_mappings *gids) {
        pid_t pid;
        cleanup_close int pidfd = -1;
        mn_clone_spec spec = {
                .flags = CLONE_NEWUSER, .main = pause_main, .ret_pid = &pid, .ret_pidfd = &pidfd
        };
        pid = mn_clone(&spec);
        if (pid < 0)
                return (int) pid;
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/ns/user", (int) pid);
        int r = write_maps(pid, uids, gids);
        int fd = r < 0 ? r : open(path, O_RDONLY | O_CLOEXEC);
        if (r >= 0 && fd < 0)
                fd = -errno;
        mn_pidfd_kill(pidfd, SIGKILL);
        mn_wait_pidfd(pidfd);
        return fd;
}

/* The user namespace whose mappings an idmapped mount gets: its own, else the container's. */
static int userns_for(const oci_spec *spec, const namespace_plan *namespaces, const oci_mount *m) {
        if (m->uid_mappings.len)
                return userns_of(&m->uid_mappings, &m->gid_mappings);
        int joined = namespace_joined_fd(namespaces, CLONE_NEWUSER);
        if (joined < 0)
                return userns_of(&spec->linux_->uid_mappings, &spec->linux_->gid_mappings);
        int fd = fcntl(joined, F_DUPFD_CLOEXEC, 0);
        return fd < 0 ? -errno : fd;
}

static int prepare_one(const oci_spec *spec, const namespace_plan *namespaces, const oci_mount *m,
                       const mount_options *o, int bundle_fd, int *ret) {
        cleanup_close int fd = mn_mount_clone(*m->source == '/' ? AT_FDCWD : bundle_fd, m->source,
                                              o->is_recursive);
        if (fd < 0)
                return fd;
        int r = o->propagation ? 0
                               : mn_mount_setattr(
                                         fd, "",
                                         &(mn_mount_change){ .propagation = MS_SLAVE, .is_recursive = true });
        if (r == 0 && o->is_idmapped) {
                cleanup_close int userns = userns_for(spec, namespaces, m);
                r = userns < 0
                            ? userns
                            : mn_mount_setattr(fd, "",
                                               &(mn_mount_change){ .set = MN_MOUNT_IDMAP,
                                                                   .userns_fd = userns,
                                                                   .is_recursive = o->is_idmap_recursive });
        }
        if (r == 0)
                *ret = MN_TAKE_FD(fd);
        return r;
}

mn_status idmap_prepare_mounts(const oci_spec *spec, const namespace_plan *namespaces, int bundle_fd,
                               mn_arena *arena, int **ret, mn_err *err) {
        int *fds = NULL;
        for (size_t i = 0; i < spec->mounts.len; i++) {
                const oci_mount *m = &spec->mounts.items[i];
                mount_options o;
                mn_status st = mount_options_parse(&o, m, err);
                bool is_needed = st == MN_OK && o.is_bind && !o.is_remount && m->source && *m->source &&
                                 (o.is_idmapped || namespace_is_own(namespaces, CLONE_NEWUSER));
                if (is_needed && !fds) {
                        fds = mn_arena_array(arena, spec->mounts.len, sizeof(int));
                        for (size_t k = 0; k < spec->mounts.len; k++)
                                fds[k] = -1;
                }
                int r = is_needed ? prepare_one(spec, namespaces, m, &o, bundle_fd, &fds[i]) : 0;
                if (st == MN_OK && o.is_idmapped && !o.is_bind)
                        r = -EOPNOTSUPP;
                mount_options_release(&o);
                if (st || r < 0)
                        return st ? mn_err_prefix(err, st, "mounts[%zu]", i)
                                  : mn_fail_errno(err, r, "mounts[%zu] (\"%s\"): source \"%s\"%s", i,
                                                  m->destination, m->source ? m->source : "",
                                                  r == -EINVAL || r == -EOPNOTSUPP
                                                          ? ": this file system cannot be idmapped"
                                                          : "");
        }
        *ret = fds;
        return MN_OK;
}

/* ---- time ---- */

mn_status idmap_new_time_namespace(const oci_spec *spec, mn_err *err) {
        if (syscall(SYS_unshare, CLONE_NEWTIME) < 0)
                return mn_fail_errno(err, -errno, "making the time namespace");
        cleanup_str mn_str text = MN_STR_INIT(256);
        for (size_t i = 0; i < spec->linux_->time_offsets.len; i++) {
                const oci_time_offset *o = &spec->linux_->time_offsets.items[i].value;
                mn_str_printf(&text, "%s %lld %u\n", spec->linux_->time_offsets.items[i].key,
                              (long long) o->secs, o->nanosecs);
        }
        int r = text.len ? mn_file_put(AT_FDCWD, "/proc/self/timens_offsets", text.data) : 0;
        return r < 0 ? mn_fail_errno(err, r, "linux.timeOffsets") : MN_OK;
}
