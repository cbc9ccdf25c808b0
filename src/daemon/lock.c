/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/spawn.h"

enum { LOCK_RETRY_MS = 2, LOCK_WAIT_MS = 300, LOCK_WAIT_DEAD_MS = 5000 };

/* The process number in the file, "" when there is none. */
static void read_owner(int fd, char *text, size_t size) {
        ssize_t n = pread(fd, text, size - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        text[strcspn(text, "\n")] = '\0';
}

static bool is_owner_alive(int fd) {
        char text[32];
        int pid;
        read_owner(fd, text, sizeof(text));
        if (mn_parse_int(text, 1, INT32_MAX, &pid) < 0)
                return true;
        cleanup_close int pidfd = mn_pidfd_open(pid);
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        return pidfd >= 0 && poll(&p, 1, 0) == 0;
}

/* A daemon that is killed holds its locks a little longer: until its memory is torn down, and until a child
   it was about to start has executed its program. That is waited for, so that starting again at once works.
 */
static bool take_lock(int fd) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        for (int waited_ms = 0; fcntl(fd, F_OFD_SETLK, &lock) < 0; waited_ms += LOCK_RETRY_MS) {
                if (waited_ms >= LOCK_WAIT_DEAD_MS || (waited_ms >= LOCK_WAIT_MS && is_owner_alive(fd)))
                        return false;
                (void) poll(NULL, 0, LOCK_RETRY_MS);
        }
        return true;
}

/* Opens and locks a file (an open-file-description lock: it belongs to the descriptor) and writes our process
 * number into it, for people. */
static mn_status lock_file(const char *path, mode_t mode, const char *what, int *ret_fd, mn_err *err) {
        char text[32] = { 0 };
        cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return mn_fail_errno(err, -errno, "cannot open \"%s\"", path);
        if (!take_lock(fd)) {
                read_owner(fd, text, sizeof(text));
                return mn_fail(err, MN_CONFLICT,
                               "failed to start daemon: the %s is in use by the daemon with process "
                               "id %s (\"%s\" is locked)",
                               what, *text ? text : "unknown", path);
        }
        int len = snprintf(text, sizeof(text), "%d\n", (int) getpid());
        if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t) len, 0) != len)
                return mn_fail_errno(err, -errno, "cannot write \"%s\"", path);
        *ret_fd = MN_TAKE_FD(fd);
        return MN_OK;
}

static mn_status lock_root(const char *root, mode_t mode, const char *what, int *ret_fd, mn_err *err) {
        int r = mn_mkdir_p(root, mode);
        if (r < 0)
                return mn_fail_errno(err, r, "cannot make the %s \"%s\"", what, root);
        cleanup_free char *path = mn_asprintf("%s/lock", root);
        return lock_file(path, 0600, what, ret_fd, err);
}

mn_status daemon_lock(const char *data_root, const char *exec_root, const char *pidfile, daemon_locks *ret,
                      mn_err *err) {
        daemon_locks locks = { .data_fd = -1, .exec_fd = -1, .pid_fd = -1, .pidfile = pidfile };
        mn_status s = lock_root(data_root, 0710, "data root", &locks.data_fd, err);
        if (s == MN_OK)
                s = lock_root(exec_root, 0711, "exec root", &locks.exec_fd, err);
        if (s == MN_OK)
                s = lock_file(pidfile, 0644, "pid file", &locks.pid_fd, err);
        if (s != MN_OK) {
                mn_close(locks.data_fd);
                mn_close(locks.exec_fd);
                return s;
        }
        *ret = locks;
        return MN_OK;
}

void daemon_unlock(daemon_locks *locks) {
        unlink(locks->pidfile);
        locks->pid_fd = mn_close(locks->pid_fd);
        locks->exec_fd = mn_close(locks->exec_fd);
        locks->data_fd = mn_close(locks->data_fd);
}
