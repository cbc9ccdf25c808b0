/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/launch.h"
#include "sys/fd.h"
#include "sys/mountfd.h"

enum { F_ADD_SEALS_ = 1033, F_GET_SEALS_ = 1034, SEAL_ALL = 0xf, SEAL_WRITE = 0x8 };

/* True when nobody can write to what we run from: a read-only mount, or a sealed copy in memory. */
static bool is_protected(void) {
        struct statfs fs;
        if (statfs("/proc/self/exe", &fs) < 0)
                return false;
        if (fs.f_flags & ST_RDONLY)
                return true;
        if (fs.f_type != TMPFS_MAGIC)
                return false;
        cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        int seals = self < 0 ? -1 : fcntl(self, F_GET_SEALS_);
        return seals >= 0 && (seals & SEAL_WRITE);
}

static int sealed_copy(void) {
        cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        cleanup_close int copy = (int) syscall(SYS_memfd_create, "minato-runtime",
                                               3U /* CLOEXEC, ALLOW_SEALING */);
        struct stat st;
        if (self < 0 || copy < 0 || fstat(self, &st) < 0)
                return -errno;
        for (off_t left = st.st_size; left > 0;) {
                ssize_t n = sendfile(copy, self, NULL, (size_t) left);
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                left -= n;
        }
        if (fchmod(copy, 0500) < 0 || fcntl(copy, F_ADD_SEALS_, SEAL_ALL) < 0)
                return -errno;
        return MN_TAKE_FD(copy);
}

mn_status launch_protect_binary(char **argv, mn_err *err) {
        extern char **environ;
        if (is_protected())
                return MN_OK;
        int fd = mn_mount_clone_readonly("/proc/self/exe");
        if (fd < 0)
                fd = sealed_copy();
        if (fd < 0)
                return mn_fail_errno(err, fd, "protecting the runtime's own program");
        syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
        return mn_fail_errno(err, -errno, "executing the protected copy of the runtime");
}
