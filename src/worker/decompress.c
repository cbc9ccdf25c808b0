/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/decompress.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "worker/decompress_pool.h"
#include "worker/decompress_protocol.h"

enum { SILENCE_MS = 60 * 1000 };

struct decompress_worker {
        mn_sink_fn sink;
        void *arg;
        mn_decompressor *own; /* this process does it; NULL: the worker */
        decompress_pool *pool;
        struct decompress_process *process;
        char *copy;    /* of one output slot; NULL: the sink copies */
        size_t filled; /* bytes in the input slot */
        bool is_input_over;
        bool has_ended;
        int result;    /* once it has ended, or has failed */
        bool is_clean; /* it has ended, and its process waits for another stream */
};

static void send_length(decompress_worker *w, uint32_t len) {
        (void) !send(w->process->in, &len, sizeof(len), MSG_NOSIGNAL);
}

int decompress_worker_new(decompress_pool *pool, mn_compression format, bool copies, mn_sink_fn sink,
                          void *arg, decompress_worker **ret) {
        if (format == MN_COMPRESSION_BZIP2 || format == MN_COMPRESSION_XZ)
                return -ENOTSUP;
        struct decompress_process *process = NULL;
        int r = format == MN_COMPRESSION_NONE ? 0 : decompress_pool_take(pool, &process);
        if (r < 0)
                return r;
        decompress_worker *w = mn_alloc(sizeof(*w));
        w->sink = sink;
        w->arg = arg;
        w->pool = pool;
        w->process = process;
        if (!process)
                w->own = mn_decompressor_new(format, sink, arg);
        else
                send_length(w, format == MN_COMPRESSION_ZSTD ? DECOMPRESS_ZSTD : DECOMPRESS_GZIP);
        if (process && !copies)
                w->copy = mn_alloc(DECOMPRESS_OUT_SIZE);
        *ret = w;
        return 0;
}

void decompress_worker_free(decompress_worker *w) {
        if (!w)
                return;
        mn_decompressor_free(w->own);
        if (w->process)
                decompress_pool_give(w->pool, w->process, w->is_clean);
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
        ssize_t n = recv(w->process->out, &message, sizeof(message), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n != sizeof(message) || message.len > DECOMPRESS_OUT_SIZE)
                return end(w, -EPROTO);
        w->is_clean = message.len == 0 && message.error == 0 && w->is_input_over;
        if (message.len == 0)
                return end(w, message.error == 0 || message.error == -EBADMSG ? message.error : -EPROTO);
        const char *data = w->process->memory + DECOMPRESS_OUT_BEGIN +
                           (size_t) w->process->out_slot * DECOMPRESS_OUT_SIZE;
        int r = w->sink(w->arg, w->copy ? memcpy(w->copy, data, message.len) : data, message.len);
        if (r < 0)
                return end(w, r);
        w->process->out_slot = (w->process->out_slot + 1) % DECOMPRESS_SLOTS;
        (void) !send(w->process->out, "", 1,
                     MSG_NOSIGNAL); /* one that is gone is noticed by what it does not say */
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
        struct pollfd p[] = { { .fd = w->process->out, .events = POLLIN },
                              { .fd = takes_input ? w->process->in : -1, .events = POLLIN } };
        int n = poll(p, MN_ARRAY_LEN(p), SILENCE_MS);
        if (n == 0 || (n < 0 && errno != EINTR))
                end(w, n ? -errno : -EPROTO);
}

/* Waits until an input slot is empty, and takes what comes out meanwhile. */
static void wait_for_slot(decompress_worker *w) {
        while (!w->process->nfree && take_outputs(w) == 0 && !w->has_ended) {
                char bytes[DECOMPRESS_SLOTS];
                ssize_t n = recv(w->process->in, bytes, sizeof(bytes), MSG_DONTWAIT);
                w->process->nfree += n > 0 ? (unsigned) n : 0;
                if (!w->process->nfree)
                        wait_for_news(w, n != 0); /* 0: it has closed; its last word is on the other socket */
        }
}

/* Hands over the slot that has been filled. */
static void hand_over(decompress_worker *w) {
        send_length(w, (uint32_t) w->filled);
        w->process->in_slot = (w->process->in_slot + 1) % DECOMPRESS_SLOTS;
        w->filled = 0;
        w->process->nfree--;
}

int decompress_worker_feed(decompress_worker *w, const void *data, size_t len) {
        const char *p = data;
        if (w->own)
                return mn_decompressor_feed(w->own, data, len);
        while (len) {
                if (!w->has_ended && !w->process->nfree)
                        wait_for_slot(w);
                if (w->has_ended) /* before its input has: something is wrong */
                        return w->result ? w->result : -EBADMSG;
                size_t n = MN_MIN(len, DECOMPRESS_IN_SIZE - w->filled);
                memcpy(w->process->memory + (size_t) w->process->in_slot * DECOMPRESS_IN_SIZE + w->filled, p,
                       n);
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
        w->is_input_over = true;
        if (!w->has_ended)
                send_length(w, 0);
        while (!w->has_ended)
                if (take_outputs(w) == 0 && !w->has_ended)
                        wait_for_news(w, false);
        return w->result;
}
