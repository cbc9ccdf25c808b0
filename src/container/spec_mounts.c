/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: what is mounted. */

#include <stdarg.h>
#include <string.h>

#include "base/str.h"
#include "base/strv.h"
#include "base/vec.h"
#include "container/create.h"
#include "container/spec.h"

typedef MN_VEC(oci_mount) mount_vec;

/* Copies of the strings up to NULL. */
static char **options(mn_arena *arena, ...) {
        MN_VEC(char *) list = { 0 };
        va_list ap;
        va_start(ap, arena);
        for (const char *s; (s = va_arg(ap, const char *));)
                if (*s)
                        mn_vec_push(&list, mn_arena_strdup(arena, s));
        va_end(ap);
        char **out = mn_arena_array(arena, list.len + 1, sizeof *out);
        if (list.len)
                memcpy(out, list.items, list.len * sizeof *out);
        mn_vec_release(&list);
        return out;
}

static void add(mount_vec *mounts, mn_arena *arena, const char *destination, const char *type,
                const char *source, char **opts) {
        oci_mount m = { .destination = mn_arena_strdup(arena, destination),
                        .type = mn_arena_strdup(arena, type),
                        .source = mn_arena_strdup(arena, source),
                        .options = opts };
        mn_vec_push(mounts, m);
}

/* True when the user mounts something there, or on /dev as a whole. */
static bool is_replaced(const container_record *r, const char *destination) {
        for (size_t i = 0; i < r->mounts.len; i++) {
                const char *own = r->mounts.items[i].destination;
                if (strcmp(own, destination) == 0 ||
                    (strcmp(own, "/dev") == 0 && mn_str_has_prefix(destination, "/dev/")))
                        return true;
        }
        return false;
}

static void add_kernel_mounts(const container_spec_input *in, mn_arena *arena, mount_vec *mounts) {
        const container_record *r = in->record;
        const wire_host_config *host = &r->host_config;
        const char *sys_mode = host->is_privileged ? "rw" : "ro";
        bool is_cgroup_writable = host->is_privileged ||
                                  container_security_flag(host, "writable-cgroups", false);
        if (!is_replaced(r, "/proc"))
                add(mounts, arena, "/proc", "proc", "proc",
                    options(arena, "nosuid", "noexec", "nodev", NULL));
        if (!is_replaced(r, "/dev"))
                add(mounts, arena, "/dev", "tmpfs", "tmpfs",
                    options(arena, "nosuid", "strictatime", "mode=755", "size=65536k", NULL));
        if (!is_replaced(r, "/dev/pts"))
                add(mounts, arena, "/dev/pts", "devpts", "devpts",
                    options(arena, "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5",
                            NULL));
        if (!is_replaced(r, "/sys"))
                add(mounts, arena, "/sys", "sysfs", "sysfs",
                    options(arena, "nosuid", "noexec", "nodev", sys_mode, NULL));
        if (!is_replaced(r, "/sys/fs/cgroup"))
                add(mounts, arena, "/sys/fs/cgroup", "cgroup", "cgroup",
                    options(arena, is_cgroup_writable ? "rw" : "ro", "nosuid", "noexec", "nodev", NULL));
}

/* Queues of the namespace the container is in; shared memory of the host, shared with other containers, of
   the container's own, or none at all. */
static void add_ipc_mounts(const container_spec_input *in, mn_arena *arena, mount_vec *mounts) {
        const container_record *r = in->record;
        const wire_host_config *host = &r->host_config;
        const char *shared = mn_str_equal(host->ipc_mode, "host") ? "/dev/shm" : in->shm_path;
        if (!is_replaced(r, "/dev/mqueue"))
                add(mounts, arena, "/dev/mqueue", "mqueue", "mqueue",
                    options(arena, "nosuid", "noexec", "nodev", NULL));
        if (is_replaced(r, "/dev/shm") || mn_str_equal(host->ipc_mode, "none"))
                return;
        if (shared)
                add(mounts, arena, "/dev/shm", "bind", shared, options(arena, "rbind", "rprivate", NULL));
        else
                add(mounts, arena, "/dev/shm", "tmpfs", "shm",
                    options(arena, "nosuid", "noexec", "nodev", "mode=1777",
                            mn_arena_printf(arena, "size=%lld", (long long) host->shm_size_bytes), NULL));
}

/* What systemd finds mounted is taken as it is; it may not mount itself. */
static void add_system_mounts(const container_spec_input *in, mn_arena *arena, mount_vec *mounts) {
        static const char *const rows[][2] = { { "/run", "size=20%" }, { "/run/lock", "size=5242880" } };
        for (size_t i = 0; i < MN_ARRAY_LEN(rows); i++)
                if (!is_replaced(in->record, rows[i][0]))
                        add(mounts, arena, rows[i][0], "tmpfs", "tmpfs",
                            options(arena, "nosuid", "nodev", "mode=755", rows[i][1], i ? "" : "tmpcopyup",
                                    NULL));
}

static void add_tmpfs(const container_mount *m, mn_arena *arena, mount_vec *mounts) {
        MN_VEC(char *) list = { 0 };
        static const char *const defaults[] = { "noexec", "nosuid", "nodev" };
        for (size_t i = 0; i < MN_ARRAY_LEN(defaults); i++)
                mn_vec_push(&list, mn_arena_strdup(arena, defaults[i]));
        if (!mn_str_is_empty(m->options)) {
                cleanup_strv char **own = mn_strv_split(m->options, ',');
                for (char **o = own; *o; o++)
                        if (**o)
                                mn_vec_push(&list, mn_arena_strdup(arena, *o));
        }
        if (mn_str_is_empty(m->options) || !strstr(m->options, "mode="))
                mn_vec_push(&list, mn_arena_strdup(arena, "mode=1777"));
        if (!m->is_writable)
                mn_vec_push(&list, mn_arena_strdup(arena, "ro"));
        char **opts = mn_arena_array(arena, list.len + 1, sizeof *opts);
        memcpy(opts, list.items, list.len * sizeof *opts);
        mn_vec_release(&list);
        add(mounts, arena, m->destination, "tmpfs", "tmpfs", opts);
}

static void add_users(const container_spec_input *in, mn_arena *arena, mount_vec *mounts) {
        const container_mount_list *own = &in->record->mounts;
        for (size_t i = 0; i < own->len; i++) {
                const container_mount *m = &own->items[i];
                if (strcmp(m->type, "tmpfs") == 0) {
                        add_tmpfs(m, arena, mounts);
                        continue;
                }
                const char *read_only = m->is_ro_non_recursive || in->is_foreign_runtime ? "ro" : "rro";
                add(mounts, arena, m->destination, "bind", in->sources[i],
                    options(arena, m->is_non_recursive ? "bind" : "rbind",
                            mn_str_is_empty(m->propagation) ? "rprivate" : m->propagation,
                            m->is_writable ? "rw" : read_only, NULL));
        }
}

static void add_file(const container_spec_input *in, mn_arena *arena, mount_vec *mounts,
                     const char *destination, const char *source) {
        const char *mode = in->record->host_config.is_rootfs_readonly ? "ro" : "rw";
        if (source && !is_replaced(in->record, destination))
                add(mounts, arena, destination, "bind", source,
                    options(arena, "bind", "rprivate", mode, NULL));
}

/* A shared or slave bind needs a root that lets mounts through. */
static const char *root_propagation(const container_record *r) {
        const char *found = NULL;
        for (size_t i = 0; i < r->mounts.len; i++) {
                const char *p = r->mounts.items[i].propagation;
                if (p && strstr(p, "shared"))
                        return "rshared";
                if (p && strstr(p, "slave"))
                        found = "rslave";
        }
        return found;
}

void container_spec_mounts(const container_spec_input *in, mn_arena *arena, oci_spec *spec) {
        mount_vec mounts = { 0 };
        add_kernel_mounts(in, arena, &mounts);
        add_ipc_mounts(in, arena, &mounts);
        if (in->is_system)
                add_system_mounts(in, arena, &mounts);
        add_file(in, arena, &mounts, "/etc/resolv.conf", in->resolv_conf_path);
        add_file(in, arena, &mounts, "/etc/hostname", in->hostname_path);
        add_file(in, arena, &mounts, "/etc/hosts", in->hosts_path);
        if (in->init_path)
                add(&mounts, arena, "/sbin/docker-init", "bind", in->init_path,
                    options(arena, "bind", "ro", NULL));
        add_users(in, arena, &mounts);
        spec->mounts.items = mn_arena_array(arena, mounts.len + 1, sizeof *spec->mounts.items);
        memcpy(spec->mounts.items, mounts.items, mounts.len * sizeof *mounts.items);
        spec->mounts.len = mounts.len;
        mn_vec_release(&mounts);
        spec->linux_->rootfs_propagation = mn_arena_strdup(arena, root_propagation(in->record));
}
