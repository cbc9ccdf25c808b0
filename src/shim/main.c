/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "shim/shim.h"
#include "sys/fd.h"

enum { TRIM_AFTER_MS = 2000 };

#ifdef __GLIBC__
#include <malloc.h>

/* One small heap, given back early. */
static void init_heap(void) {
        mallopt(M_TRIM_THRESHOLD, 16 * 1024);
        mallopt(M_TOP_PAD, 4 * 1024);
        mallopt(M_MMAP_THRESHOLD, 32 * 1024);
}

static void trim_heap(void) {
        malloc_trim(0);
}
#else
/* musl's allocator gives back what is free by itself. */
static void init_heap(void) {
}

static void trim_heap(void) {
}
#endif

/* Gives back what a burst of output or a session has taken. */
static void trim(void *arg) {
        struct shim *shim = arg;
        if (shim->is_busy) {
                shim->is_busy = false;
                loop_timer_set(shim->trim_timer, TRIM_AFTER_MS);
                return;
        }
        madvise(shim->buffer, SHIM_BUFFER_SIZE, MADV_DONTNEED);
        if (shim->session.log)
                logs_writer_trim(shim->session.log);
        trim_heap();
}

void shim_note_activity(struct shim *shim) {
        shim->is_busy = true;
        if (!loop_timer_is_running(shim->trim_timer))
                loop_timer_set(shim->trim_timer, TRIM_AFTER_MS);
}

/* Nothing but SIGKILL ends a shim before its container: not the end of a terminal, not the daemon's group. */
static void ignore_signals(void) {
        static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU };
        struct sigaction ignore = { .sa_handler = SIG_IGN };
        for (size_t i = 0; i < MN_ARRAY_LEN(signals); i++)
                sigaction(signals[i], &ignore, NULL);
}

static int init(struct shim *shim) {
        init_heap();
        ignore_signals();
        setsid(); /* fails where the daemon did it already */
        if (chdir("/") < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                return -errno;
        shim->buffer = mmap(NULL, SHIM_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                            0);
        shim->loop = loop_new();
        if (shim->buffer == MAP_FAILED || !shim->loop)
                return -errno;
        shim->arena = mn_arena_new();
        shim->trim_timer = loop_timer_add(shim->loop, trim, shim);
        shim_session_init(&shim->session, shim, "");
        shim->session.on_drained = shim_container_drained;
        int r = shim_reaper_init(shim);
        return r < 0 ? r : shim_peer_add(shim, WIRE_SHIM_CONTROL_FD, true);
}

static void release(struct shim *shim) {
        shim_session_release(&shim->session);
        logs_writer_close(shim->session.log);
        shim_peers_close(shim);
        for (size_t i = 0; i < SHIM_FINISHED_EXECS; i++)
                free(shim->finished[i].exec_id);
        loop_timer_remove(shim->trim_timer);
        loop_free(shim->loop);
        mn_arena_free(shim->arena);
}

static bool has_control_socket(void) {
        int type;
        socklen_t len = sizeof(type);
        return getsockopt(WIRE_SHIM_CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
               type == SOCK_SEQPACKET && mn_fd_set_cloexec(WIRE_SHIM_CONTROL_FD, true) == 0;
}

int main(void) {
        if (!has_control_socket()) {
                static const char text[] = "minato-shim " MINATO_VERSION
                                           ": started by minatod, one per container\n";
                mn_write_all(STDERR_FILENO, text, sizeof(text) - 1);
                return 2;
        }
        struct shim shim = {
                .bundle_fd = -1,
                .hold_fd = -1,
                .pidfd = -1,
                .mnt_ns_fd = -1,
                .rootfs_fd = -1,
                .netns_fd = -1,
                .memory_fd = -1,
                .oom_fd = -1,
                .events_fd = -1,
                .slice_fd = -1,
                .listen_fd = -1,
                .console = { .fd = -1 },
        };
        int r = init(&shim);
        if (r == 0)
                r = loop_run(shim.loop);
        if (r < 0)
                mn_error("shim failed", " error=\"%s\"", mn_strerror(r));
        release(&shim);
        return r < 0 ? 1 : 0;
}
