/* SPDX-License-Identifier: Apache-2.0 */
#include "image/unpack_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/macro.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "worker/sandbox.h"

enum { DESCRIPTORS = 64 };
#define MEMORY (UINT64_C(3) << 30) /* the tree alone may take 1 GiB (image/tree.h) */

/* Devices cannot be opened: the root is mounted without them. */
#define CAPABILITY(cap) (UINT64_C(1) << (cap))
#define CAPABILITIES                                                                                         \
        (CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_FOWNER) |                     \
         CAPABILITY(CAP_FSETID) | CAPABILITY(CAP_MKNOD) | CAPABILITY(CAP_SETFCAP))

static const int allowed_calls[] = {
        SYS_read,      SYS_write,     SYS_pwrite64, SYS_close,    SYS_openat2,    SYS_mkdirat,
        SYS_symlinkat, SYS_mknodat,   SYS_linkat,   SYS_unlinkat, SYS_fchdir,     SYS_chdir,
        SYS_fchmod,    SYS_fchmodat,  SYS_fchown,   SYS_fchownat, SYS_fsetxattr,  SYS_lsetxattr,
        SYS_utimensat, SYS_ftruncate, SYS_brk,      SYS_mmap,     SYS_munmap,     SYS_mremap,
        SYS_madvise,   SYS_recvfrom,  SYS_sendto,   SYS_exit,     SYS_exit_group, SYS_rt_sigreturn,
        SYS_renameat2, SYS_fcntl,
#ifdef SYS_renameat
        SYS_renameat,
#endif
};

/* The layer's directory as root: nothing else of the host has a name any more. */
static int change_root(int dir_fd) {
        cleanup_close int layer = mn_mount_clone(dir_fd, "", false);
        if (layer < 0)
                return layer;
        if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
                return -errno;
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        const mn_mount_change change = { .set = MN_MOUNT_NODEV | MN_MOUNT_NOSUID | MN_MOUNT_NOEXEC };
        int r = mn_mount_setattr(layer, "", &change);
        if (r == 0)
                r = mn_mount_attach_at(layer, AT_FDCWD, "/");
        return r < 0 ? r : mn_pivot_root(layer);
}

int unpack_sandbox_enter(int dir_fd) {
        umask(0);
        int r = change_root(dir_fd);
        if (r == 0)
                r = sandbox_limit(MEMORY, DESCRIPTORS);
        if (r == 0)
                r = sandbox_keep_capabilities(CAPABILITIES);
        if (r == 0)
                r = sandbox_restrict_access(true);
        return r < 0 ? r : sandbox_filter_calls(allowed_calls, MN_ARRAY_LEN(allowed_calls));
}
