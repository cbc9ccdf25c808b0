/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/loopdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "sys/fd.h"

/* Others take free devices too: this often another one is asked for. */
enum { ATTEMPTS = 64, BLOCK_SIZE = 512 };

static int configure(int device, int fd) {
        /* The kernel buffers the file as well as the file system above: with direct I/O only the latter keeps
           pages, but then what was just written is read from the disk again when the container starts. */
        struct loop_config config = {
                .fd = (unsigned) fd,
                .block_size = BLOCK_SIZE,
                .info = { .lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR },
        };
        return ioctl(device, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
}

int mn_loop_attach(int fd) {
        cleanup_close int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        if (control < 0)
                return -errno;
        for (int i = 0; i < ATTEMPTS; i++) {
                char path[32];
                int number = ioctl(control, LOOP_CTL_GET_FREE);
                if (number < 0)
                        return -errno;
                snprintf(path, sizeof(path), "/dev/loop%d", number);
                cleanup_close int device = open(path, O_RDONLY | O_CLOEXEC);
                if (device < 0)
                        return -errno;
                int r = configure(device, fd);
                if (r == 0)
                        return MN_TAKE_FD(device);
                if (r != -EBUSY)
                        return r;
        }
        return -EBUSY;
}
