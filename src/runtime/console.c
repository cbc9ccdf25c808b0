/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/console.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "sys/fd.h"
#include "sys/path.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

enum { PTS_MAJOR_FIRST = 136, PTS_MAJOR_LAST = 143 };

mn_status console_connect(const char *socket_path, int *ret_fd, mn_err *err) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char through_fd[32];
        cleanup_close int place = -1;
        const char *path = socket_path;
        /* A long path fits through a descriptor. */
        if (strlen(path) >= sizeof(address.sun_path)) {
                place = open(path, O_PATH | O_CLOEXEC);
                if (place < 0)
                        return mn_fail_errno(err, -errno, "\"%s\"", socket_path);
                path = mn_fd_path(place, through_fd);
        }
        memcpy(address.sun_path, path, strlen(path) + 1);
        cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return mn_fail_errno(err, -errno, "\"%s\"", socket_path);
        *ret_fd = MN_TAKE_FD(fd);
        return MN_OK;
}

static int open_pair(int root_fd, int *ret_slave) {
        cleanup_close int master = mn_open_in_root(root_fd, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0);
        int unlock = 0;
        struct stat st;
        if (master < 0)
                return master;
        if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
                return -errno;
        /* Asked of the master itself: no name that somebody could have replaced. */
        cleanup_close int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0 || fstat(slave, &st) < 0)
                return -errno;
        if (!S_ISCHR(st.st_mode) || major(st.st_rdev) < PTS_MAJOR_FIRST || major(st.st_rdev) > PTS_MAJOR_LAST)
                return -ENODEV;
        *ret_slave = MN_TAKE_FD(slave);
        return MN_TAKE_FD(master);
}

mn_status console_open(int root_fd, int socket_fd, const oci_console_size *size, uid_t uid, int *ret_slave,
                       mn_err *err) {
        cleanup_close int slave = -1;
        cleanup_close int master = open_pair(root_fd, &slave);
        if (master < 0)
                return mn_fail_errno(err, master, "process.terminal: opening a pseudo terminal in /dev/pts");
        if (size) {
                struct winsize ws = { .ws_row = (unsigned short) size->height,
                                      .ws_col = (unsigned short) size->width };
                ioctl(slave, TIOCSWINSZ, &ws);
        }
        if (fchown(slave, uid, (gid_t) -1) < 0 && errno != EPERM && errno != EROFS && errno != EINVAL)
                return mn_fail_errno(err, -errno, "process.terminal: giving it to the user");
        static const char name[] = "/dev/ptmx";
        int r = mn_send_fds(socket_fd, name, sizeof(name) - 1, &master, 1);
        if (r < 0)
                return mn_fail_errno(err, r, "--console-socket: sending the terminal");
        *ret_slave = MN_TAKE_FD(slave);
        return MN_OK;
}

mn_status console_take(int slave_fd, mn_err *err) {
        if (ioctl(slave_fd, TIOCSCTTY, 0) < 0)
                return mn_fail_errno(err, -errno, "process.terminal: making it the controlling terminal");
        for (int i = 0; i <= STDERR_FILENO; i++)
                if (dup2(slave_fd, i) < 0)
                        return mn_fail_errno(err, -errno, "process.terminal");
        return MN_OK;
}
