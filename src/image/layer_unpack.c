/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driver `unpack`, for kernels and file systems that cannot mount EROFS: `tree` is a directory with the
 * layer's contents, `split` and `names` say how the tar comes out of it again (image/split.h).
 *
 * The daemon does not look at the tar: it hands the bytes to a worker (minato-unpack) that has given away
 * everything but the layer's directory, then puts the tar together from what the worker left and compares its
 * digest.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "image/layer_metadata.h"
#include "image/layer_private.h"
#include "image/split.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mountfd.h"
#include "sys/path.h"
#include "sys/spawn.h"
#include "sys/tree.h"

enum { SOCKET_BUFFER = 1 << 20, OPAQUE_MAX = 64 << 20 };

/* A layer being made. */
struct making {
        int dir_fd; /* borrowed */
        int socket;
        int pidfd; /* -1: the worker has been reaped */
        bool has_result;
        struct unpack_result result;
};

/* ---- the worker ---- */

static int begin(const layer_store *layers, int dir_fd, void **ret) {
        int pair[2];
        if (!layers->unpack_path || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return layers->unpack_path ? -errno : -ENOENT;
        cleanup_close int ours = pair[0], theirs = pair[1];
        const int size = SOCKET_BUFFER;
        setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        char *argv[] = { (char *) "minato-unpack", NULL };
        const mn_spawn_fd fds[] = { { theirs, UNPACK_SOCKET_FD }, { dir_fd, UNPACK_DIR_FD } };
        const mn_spawn_spec spec = {
                .path = layers->unpack_path, .argv = argv, .fds = fds, .nfds = MN_ARRAY_LEN(fds)
        };
        int pidfd;
        pid_t pid = mn_spawn(&spec, &pidfd);
        if (pid < 0)
                return pid;
        struct making *m = mn_alloc(sizeof(*m));
        m->dir_fd = dir_fd;
        m->socket = MN_TAKE_FD(ours);
        m->pidfd = pidfd;
        *ret = m;
        return 0;
}

static int send_all(int fd, const void *data, size_t len) {
        const char *p = data;
        while (len) {
                ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
                if (n < 0 && errno != EINTR)
                        return -errno;
                n = MN_MAX(n, (ssize_t) 0);
                p += n;
                len -= (size_t) n;
        }
        return 0;
}

/* A worker that does not get all of it must not wait for the rest. */
static int send_piece(struct making *m, const void *data, size_t len) {
        const uint32_t size = (uint32_t) len;
        int r = send_all(m->socket, &size, sizeof(size));
        if (r == 0)
                r = send_all(m->socket, data, len);
        if (r < 0)
                shutdown(m->socket, SHUT_WR);
        return r;
}

static int write_tar(void *making, const void *data, size_t len) {
        return send_piece(making, data, len);
}

/* What the worker says, or how it ended without a word. */
static void wait_result(struct making *m) {
        if (m->has_result)
                return;
        struct unpack_result *result = &m->result;
        m->has_result = true;
        ssize_t n = mn_read_full(m->socket, result, sizeof(*result));
        m->socket = mn_close(m->socket);
        int status = mn_wait_pidfd(m->pidfd);
        m->pidfd = mn_close(m->pidfd);
        result->problem[sizeof(result->problem) - 1] = '\0';
        if (n == sizeof(*result) && result->error <= 0)
                return;
        result->error = -EIO;
        if (WIFSIGNALED(status))
                snprintf(result->problem, sizeof(result->problem),
                         "the unpacking process was ended by signal %d", WTERMSIG(status));
        else
                snprintf(result->problem, sizeof(result->problem), "the unpacking process ended with %d",
                         mn_exit_code(status));
}

static const char *problem(void *making, int *error) {
        struct making *m = making;
        wait_result(m);
        if (m->result.error < 0)
                *error = m->result.error;
        return m->result.problem;
}

static void free_making(void *making) {
        struct making *m = making;
        if (m->pidfd >= 0) {
                mn_pidfd_kill(m->pidfd, SIGKILL);
                mn_wait_pidfd(m->pidfd);
        }
        mn_close(m->pidfd);
        mn_close(m->socket);
        free(m);
}

/* ---- what it left ---- */

static int mark_opaque(int dir_fd, char *path) {
        cleanup_close int fd = layer_open_long(dir_fd, path, O_DIRECTORY);
        if (fd < 0)
                return fd;
        char link[32];
        return setxattr(mn_fd_path(fd, link), "trusted.overlay.opaque", "y", 1, 0) < 0 ? -errno : 0;
}

/* Directories that hide what lower layers have: the mark is an attribute the worker may not set. */
static int mark_all_opaque(int dir_fd) {
        cleanup_free char *list = NULL;
        size_t len = 0;
        cleanup_close int fd = mn_open_nofollow(dir_fd, "opaque", O_RDONLY | O_NONBLOCK, 0);
        int r = fd < 0 ? fd : mn_file_read_fd(fd, OPAQUE_MAX, &list, &len);
        for (size_t at = 0; r >= 0 && at < len;) {
                uint32_t size;
                if (len - at < sizeof(size))
                        return -EBADMSG;
                memcpy(&size, list + at, sizeof(size));
                at += sizeof(size);
                if (size > len - at || memchr(list + at, 0, size))
                        return -EBADMSG;
                cleanup_free char *path = mn_strndup(list + at, size);
                r = mark_opaque(dir_fd, path);
                at += size;
        }
        if (r >= 0 && unlinkat(dir_fd, "opaque", 0) < 0)
                r = -errno;
        return MN_MIN(0, r);
}

/* Reads the tar back: it must be the one that was hashed on its way to the worker. */
static int verify(int dir_fd, const char *diff_id, int64_t tar_size) {
        cleanup_layer_reader layer_reader *reader = NULL;
        int r = layer_reader_of_tree(dir_fd, &reader);
        if (r < 0)
                return r;
        layer_reader_verify(reader, diff_id, tar_size);
        cleanup_free char *buffer = mn_alloc(LAYER_CHUNK_SIZE);
        ssize_t n;
        while ((n = layer_reader_read(reader, buffer, LAYER_CHUNK_SIZE)) > 0)
                ;
        return (int) n;
}

static int finish(void *making, const char *diff_id, int64_t tar_size) {
        struct making *m = making;
        (void) send_piece(m, "", 0); /* when that fails, the worker says why */
        wait_result(m);
        int r = m->result.error;
        if (r == 0)
                r = mark_all_opaque(m->dir_fd);
        if (r == 0)
                r = verify(m->dir_fd, diff_id, tar_size);
        if (r == 0)
                r = layer_metadata_write(m->dir_fd);
        uint64_t disk = 0;
        if (r == 0)
                r = mn_tree_usage(m->dir_fd, &disk);
        return r < 0 ? r : layer_sizes_write(m->dir_fd, &(struct layer_sizes){ tar_size, (int64_t) disk });
}

static int sync_tree(void *making) {
        struct making *m = making;
        return syncfs(m->dir_fd) < 0 ? -errno : 0;
}

static int mount_tree(int dir_fd) {
        int fd = mn_mount_clone(dir_fd, "tree", false);
        if (fd < 0)
                return fd;
        int r = mn_mount_setattr(fd, "", &(mn_mount_change){ .set = MN_MOUNT_RDONLY });
        if (r < 0)
                mn_close(fd);
        return r < 0 ? r : fd;
}

const layer_driver layer_driver_unpack = {
        .name = "unpack",
        .backing = "directories",
        .begin = begin,
        .write = write_tar,
        .finish = finish,
        .sync = sync_tree,
        .problem = problem,
        .free = free_making,
        .mount = mount_tree,
};
