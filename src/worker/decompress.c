/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/decompress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fd.h"
#include "sys/spawn.h"
#include "worker/decompress_protocol.h"

enum { SILENCE_MS = 60 * 1000 };

struct decompress_worker {
        mn_sink_fn sink;
        void *arg;
        mn_decompressor *own; /* this process does it; NULL: the worker */
        int in, out;          /* sockets */
        int pidfd;
        char *memory;
        char *copy; /* of one output slot; NULL: the sink copies */

        unsigned in_slot; /* being filled, with `filled` bytes */
        size_t filled;
        unsigned nfree; /* input slots the worker has emptied, that one included */
        unsigned out_slot;
        bool has_ended;
        int result; /* once it has ended, or has failed */
};

/* ---- starting and ending ---- */

/* Its size is fixed: a worker that could make it smaller would let us read past its end. */
static int make_memory(char **ret) {
        cleanup_close int fd = memfd_create("minato-decompress", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0 || ftruncate(fd, DECOMPRESS_MEMORY_SIZE) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return -errno;
        *ret = mmap(NULL, DECOMPRESS_MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        return *ret == MAP_FAILED ? -errno : MN_TAKE_FD(fd);
}

static int start(decompress_worker *w, const char *program, mn_compression format) {
        int in[2], out[2];
        cleanup_close int memory = make_memory(&w->memory);
        if (memory < 0) {
                w->memory = NULL;
                return memory;
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) < 0)
                return -errno;
        w->in = in[0];
        cleanup_close int their_in = in[1];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out) < 0)
                return -errno;
        w->out = out[0];
        cleanup_close int their_out = out[1];
        char *argv[] = { (char *) "minato-decompress",
                         (char *) (format == MN_COMPRESSION_ZSTD ? "zstd" : "gzip"), NULL };
        const mn_spawn_fd fds[] = { { their_in, DECOMPRESS_IN_FD },
                                    { their_out, DECOMPRESS_OUT_FD },
                                    { memory, DECOMPRESS_MEMORY_FD } };
        const mn_spawn_spec spec = { .path = program, .argv = argv, .fds = fds, .nfds = MN_ARRAY_LEN(fds) };
        pid_t pid = mn_spawn(&spec, &w->pidfd);
        return pid < 0 ? (int) pid : 0;
}

int decompress_worker_new(const char *program, mn_compression format, bool copies, mn_sink_fn sink, void *arg,
                          decompress_worker **ret) {
        if (format == MN_COMPRESSION_BZIP2 || format == MN_COMPRESSION_XZ)
                return -ENOTSUP;
        decompress_worker *w = mn_alloc(sizeof(*w));
        w->sink = sink;
        w->arg = arg;
        w->in = w->out = w->pidfd = -1;
        w->nfree = DECOMPRESS_SLOTS;
        int r = 0;
        if (!program || format == MN_COMPRESSION_NONE)
                w->own = mn_decompressor_new(format, sink, arg);
        else
                r = start(w, program, format);
        if (r < 0) {
                decompress_worker_free(w);
                return r;
        }
        if (!w->own && !copies)
                w->copy = mn_alloc(DECOMPRESS_OUT_SIZE);
        *ret = w;
        return 0;
}

void decompress_worker_free(decompress_worker *w) {
        if (!w)
                return;
        mn_decompressor_free(w->own);
        if (w->pidfd >= 0) {
                mn_pidfd_kill(w->pidfd, SIGKILL);
                mn_wait_pidfd(w->pidfd);
        }
        mn_close(w->pidfd);
        mn_close(w->in);
        mn_close(w->out);
        if (w->memory)
                munmap(w->memory, DECOMPRESS_MEMORY_SIZE);
        free(w->copy);
        free(w);
}

void decompress_worker_freep(decompress_worker **w) {
        decompress_worker_free(*w);
        *w = NULL;
}

/* ---- talking to it ---- */

/* Nothing more goes to the sink. */
static int end(decompress_worker *w, int result) {
        w->has_ended = true;
        w->result = result;
        return result;
}

/* Takes one output slot: 1, 0 when there is none yet, negative when all is over. */
static int take_output(decompress_worker *w) {
        struct decompress_out message;
        ssize_t n = recv(w->out, &message, sizeof(message), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n != sizeof(message) || message.len > DECOMPRESS_OUT_SIZE)
                return end(w, -EPROTO);
        if (message.len == 0)
                return end(w, message.error == 0 || message.error == -EBADMSG ? message.error : -EPROTO);
        const char *data = w->memory + DECOMPRESS_OUT_BEGIN + (size_t) w->out_slot * DECOMPRESS_OUT_SIZE;
        int r = w->sink(w->arg, w->copy ? memcpy(w->copy, data, message.len) : data, message.len);
        if (r < 0)
                return end(w, r);
        w->out_slot = (w->out_slot + 1) % DECOMPRESS_SLOTS;
        (void) !send(w->out, "", 1, MSG_NOSIGNAL); /* one that is gone is noticed by what it does not say */
        return 1;
}

/* 0 when there is none left, negative when all is over. */
static int take_outputs(decompress_worker *w) {
        int r;
        while ((r = take_output(w)) > 0)
                ;
        return r;
}

/* Waits for an output slot or, with `takes_input`, for an empty input slot. A worker that has nothing to say
 * for that long does not do its work. */
static void wait_for_news(decompress_worker *w, bool takes_input) {
        struct pollfd p[] = { { .fd = w->out, .events = POLLIN },
                              { .fd = takes_input ? w->in : -1, .events = POLLIN } };
        int n = poll(p, MN_ARRAY_LEN(p), SILENCE_MS);
        if (n == 0 || (n < 0 && errno != EINTR))
                end(w, n ? -errno : -EPROTO);
}

/* Waits until an input slot is empty, and takes what comes out meanwhile. */
static void wait_for_slot(decompress_worker *w) {
        while (!w->nfree && take_outputs(w) == 0 && !w->has_ended) {
                char bytes[DECOMPRESS_SLOTS];
                ssize_t n = recv(w->in, bytes, sizeof(bytes), MSG_DONTWAIT);
                w->nfree += n > 0 ? (unsigned) n : 0;
                if (!w->nfree)
                        wait_for_news(w, n != 0); /* 0: it has closed; its last word is on the other socket */
        }
}

static void send_length(decompress_worker *w, uint32_t len) {
        (void) !send(w->in, &len, sizeof(len), MSG_NOSIGNAL);
}

/* Hands over the slot that has been filled. */
static void hand_over(decompress_worker *w) {
        send_length(w, (uint32_t) w->filled);
        w->in_slot = (w->in_slot + 1) % DECOMPRESS_SLOTS;
        w->filled = 0;
        w->nfree--;
}

int decompress_worker_feed(decompress_worker *w, const void *data, size_t len) {
        const char *p = data;
        if (w->own)
                return mn_decompressor_feed(w->own, data, len);
        while (len) {
                if (!w->has_ended && !w->nfree)
                        wait_for_slot(w);
                if (w->has_ended) /* before its input has: something is wrong */
                        return w->result ? w->result : -EBADMSG;
                size_t n = MN_MIN(len, DECOMPRESS_IN_SIZE - w->filled);
                memcpy(w->memory + (size_t) w->in_slot * DECOMPRESS_IN_SIZE + w->filled, p, n);
                w->filled += n;
                p += n;
                len -= n;
                if (w->filled == DECOMPRESS_IN_SIZE)
                        hand_over(w);
        }
        return w->has_ended ? w->result : take_outputs(w);
}

int decompress_worker_finish(decompress_worker *w) {
        if (w->own)
                return mn_decompressor_finish(w->own);
        if (!w->has_ended && w->filled)
                hand_over(w);
        if (!w->has_ended)
                send_length(w, 0);
        while (!w->has_ended)
                if (take_outputs(w) == 0)
                        wait_for_news(w, false);
        return w->result;
}
