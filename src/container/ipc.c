/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containers that share an IPC namespace share besides: /dev/shm. One that lets others in ("shareable")
 * has its own mounted as `shm` in its bundle, one that joined has a copy of that mount there, for those who
 * join it; the container's own is a copy in turn. So whoever is left of a group keeps it.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "container/create.h"
#include "container/launch.h"
#include "sys/fd.h"
#include "sys/mountfd.h"

#define PLACE "shm"

/* The mount that others' /dev/shm is a copy of: of the host, or of a container. -errno. */
static int open_shared(struct launch *l) {
        if (l->is_ipc_of_host)
                return mn_mount_clone(AT_FDCWD, "/dev/shm", true);
        cleanup_close int bundle = container_bundle_open(l->e, l->ipc_target);
        cleanup_close int shm = bundle < 0 ? bundle
                                           : openat(bundle, PLACE,
                                                    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return shm < 0 ? -ENOENT : mn_mount_clone(shm, "", true);
}

static int make_own(const wire_host_config *host) {
        char size[32];
        snprintf(size, sizeof(size), "%lld", (long long) host->shm_size_bytes);
        cleanup_close int context = mn_fs_open("tmpfs");
        int r = context < 0 ? context : mn_fs_set(context, "source", "shm");
        if (r >= 0)
                r = mn_fs_set(context, "mode", "1777");
        if (r >= 0)
                r = mn_fs_set(context, "size", size);
        return r < 0 ? r : mn_fs_mount(context, MN_MOUNT_NOSUID | MN_MOUNT_NODEV | MN_MOUNT_NOEXEC);
}

static bool has_mount_there(const container_record *r) {
        for (size_t i = 0; i < r->mounts.len; i++)
                if (strcmp(r->mounts.items[i].destination, "/dev/shm") == 0)
                        return true;
        return false;
}

mn_status launch_share_memory(struct launch *l, mn_err *err) {
        const wire_host_config *host = &l->record->host_config;
        bool is_shareable = mn_str_equal(host->ipc_mode, "shareable") && !has_mount_there(l->record);
        if (!l->ipc_target && !is_shareable)
                return MN_OK;
        cleanup_close int fd = l->ipc_target ? open_shared(l) : make_own(host);
        if (fd == -ENOENT)
                return mn_fail(err, MN_INVALID,
                               "failed to join IPC namespace: container %s: non-shareable IPC (hint: use "
                               "IpcMode:shareable for the donor container)",
                               l->ipc_target);
        int r = fd;
        if (r >= 0 && mkdirat(l->bundle_fd, PLACE, 0700) < 0)
                r = -errno;
        if (r >= 0)
                r = mn_mount_attach_at(fd, l->bundle_fd, PLACE);
        if (r >= 0)
                r = mn_mount_setattr(fd, "", &(mn_mount_change){ .propagation = MS_PRIVATE });
        if (r < 0)
                return mn_fail_errno(err, r, "mounting the container's /dev/shm");
        l->shm_path = container_bundle_path(l->c, l->arena, PLACE);
        return MN_OK;
}

void container_shared_memory_detach(const container *c) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        umount2(container_bundle_path(c, arena, PLACE), MNT_DETACH | UMOUNT_NOFOLLOW);
}
