/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundle of a run, <exec root>/containers/<id>, and who works in it. Whoever does holds a lock that the
 * kernel drops with him: the shim and its runtimes a shared one on the directory, which they inherit; a
 * runtime that the daemon gave a command an exclusive one on the file `command`. So a daemon that comes back
 * knows when nobody is left who may still write there, also of those who did not come to say anything yet.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "container/engine.h"
#include "sys/fd.h"

#define COMMAND_FILE "command"

enum { LOOK_AGAIN_MS = 2 };

int container_bundle_make(container *c) {
        if (mkdirat(c->engine->bundles_fd, c->id, 0700) < 0)
                return -errno;
        c->has_bundle = true;
        cleanup_close int fd = container_bundle_open(c->engine, c->id);
        int r = fd < 0 ? fd : mn_fd_lock(fd, LOCK_SH | LOCK_NB);
        return r < 0 ? r : MN_TAKE_FD(fd);
}

int container_bundle_open(container_engine *e, const char *id) {
        int fd = openat(e->bundles_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* True when nobody holds it. */
static bool is_free(int fd) {
        if (mn_fd_lock(fd, LOCK_EX | LOCK_NB) < 0)
                return false;
        (void) mn_fd_lock(fd, LOCK_UN);
        return true;
}

bool container_bundle_is_free(int bundle_fd) {
        if (!is_free(bundle_fd))
                return false;
        cleanup_close int command = openat(bundle_fd, COMMAND_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        return command < 0 || is_free(command);
}

bool container_bundle_wait_free(container_engine *e, const char *id, int timeout_ms) {
        cleanup_close int fd = container_bundle_open(e, id);
        int64_t deadline = mn_monotonic_ns() + timeout_ms * MN_NS_PER_MS;
        while (fd >= 0 && !container_bundle_is_free(fd)) {
                if (mn_monotonic_ns() > deadline) {
                        mn_log(MN_LOG_WARN, "somebody still works in a bundle", " container=%s", id);
                        return false;
                }
                (void) poll(NULL, 0, LOOK_AGAIN_MS);
        }
        return true;
}

int container_bundle_begin_command(container *c) {
        cleanup_close int bundle = container_bundle_open(c->engine, c->id);
        if (bundle < 0)
                return bundle;
        cleanup_close int fd = openat(bundle, COMMAND_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        int r = mn_fd_lock(fd, LOCK_EX); /* after another command, if one runs */
        return r < 0 ? r : MN_TAKE_FD(fd);
}

void container_bundle_end_command(container *c) {
        cleanup_close int bundle = container_bundle_open(c->engine, c->id);
        if (bundle >= 0)
                unlinkat(bundle, COMMAND_FILE, 0);
}

bool container_bundle_had_command(int bundle_fd) {
        cleanup_close int fd = openat(bundle_fd, COMMAND_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        int64_t deadline = mn_monotonic_ns() + CONTAINER_SHIM_GONE_MS * MN_NS_PER_MS;
        while (fd >= 0 && !is_free(fd) && mn_monotonic_ns() < deadline)
                (void) poll(NULL, 0, LOOK_AGAIN_MS);
        return fd >= 0;
}
