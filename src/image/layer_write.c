/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a layer, on three threads: the caller's takes what a process decompresses, one worker hashes and
 * lets the driver parse, one lets it write. They share a ring of chunks, each of which goes to both workers;
 * a failure stops all.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/id.h"
#include "codec/compress.h"
#include "image/layer_private.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "worker/decompress.h"

enum { WORKERS = 2, CHUNKS = 8 };

/* Output may be this many times the input, once it is larger than EXPANSION_FREE. */
enum { EXPANSION_MAX = 1000 };
#define EXPANSION_FREE (INT64_C(1) << 30)

struct chunk {
        size_t len;
        char *data; /* LAYER_CHUNK_SIZE bytes */
};

struct worker {
        layer_writer *writer;
        int (*take)(layer_writer *w, const struct chunk *chunk);
        pthread_t thread;
        bool is_running;
        uint64_t taken; /* chunks done so far */
};

struct layer_writer {
        layer_store *layers;
        char name[LAYER_TMP_NAME_SIZE]; /* in tmp/ */
        int dir_fd;
        const layer_driver *driver;
        void *making; /* the driver's object */
        bool is_committed;
        bool is_scratch;
        bool is_deferred;
        char expected[MN_DIGEST_SIZE];
        char diff_id[MN_DIGEST_SIZE];

        /* the caller's side */
        decompress_worker *decompressor;
        char head[MN_COMPRESSION_HEAD];
        size_t head_len;
        int64_t in_bytes;
        int64_t out_bytes;
        struct chunk *filling;

        /* the workers' side */
        struct worker workers[WORKERS];
        mn_digest *digest;
        int64_t written;

        /* between them */
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct chunk chunks[CHUNKS];
        uint64_t produced; /* chunks handed over so far */
        bool is_ended;
        int error; /* of the first worker that failed */
};

void layer_tmp_name(char name[LAYER_TMP_NAME_SIZE]) {
        unsigned char raw[8];
        mn_random(raw, sizeof(raw));
        memcpy(name, LAYER_TMP_PREFIX, strlen(LAYER_TMP_PREFIX));
        mn_hex_encode(raw, sizeof(raw), name + strlen(LAYER_TMP_PREFIX));
}

int layer_make_tmp(layer_store *layers, char name[LAYER_TMP_NAME_SIZE]) {
        layer_tmp_name(name);
        if (mkdirat(layers->tmp_fd, name, 0700) < 0)
                return -errno;
        int fd = openat(layers->tmp_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* ---- the workers ---- */

static int hash_chunk(layer_writer *w, const struct chunk *chunk) {
        mn_digest_update(w->digest, chunk->data, chunk->len);
        return w->driver->parse ? w->driver->parse(w->making, chunk->data, chunk->len) : 0;
}

static int write_chunk(layer_writer *w, const struct chunk *chunk) {
        w->written += (int64_t) chunk->len;
        return w->driver->write(w->making, chunk->data, chunk->len);
}

static void *work(void *arg) {
        struct worker *self = arg;
        layer_writer *w = self->writer;
        pthread_mutex_lock(&w->lock);
        for (;;) {
                while (self->taken == w->produced && !w->is_ended && !w->error)
                        pthread_cond_wait(&w->changed, &w->lock);
                if (self->taken == w->produced || w->error)
                        break;
                const struct chunk *chunk = &w->chunks[self->taken % CHUNKS];
                pthread_mutex_unlock(&w->lock);
                int error = self->take(w, chunk);
                pthread_mutex_lock(&w->lock);
                if (error < 0 && !w->error)
                        w->error = error;
                self->taken++;
                pthread_cond_broadcast(&w->changed);
        }
        pthread_mutex_unlock(&w->lock);
        return NULL;
}

static int start_workers(layer_writer *w) {
        static int (*const steps[WORKERS])(layer_writer *, const struct chunk *) = { hash_chunk,
                                                                                     write_chunk };
        for (size_t i = 0; i < WORKERS; i++) {
                struct worker *worker = &w->workers[i];
                worker->writer = w;
                worker->take = steps[i];
                int r = pthread_create(&worker->thread, NULL, work, worker);
                if (r)
                        return -r;
                worker->is_running = true;
        }
        return 0;
}

/* ---- the caller ---- */

/* Chunks that a worker still needs. With the lock. */
static uint64_t pending(const layer_writer *w) {
        uint64_t slowest = w->produced;
        for (size_t i = 0; i < WORKERS; i++)
                slowest = MN_MIN(slowest, w->workers[i].taken);
        return w->produced - slowest;
}

/* Waits for a free chunk; NULL when a worker has failed. */
static struct chunk *next_chunk(layer_writer *w) {
        pthread_mutex_lock(&w->lock);
        while (pending(w) == CHUNKS && !w->error)
                pthread_cond_wait(&w->changed, &w->lock);
        struct chunk *chunk = w->error ? NULL : &w->chunks[w->produced % CHUNKS];
        pthread_mutex_unlock(&w->lock);
        if (chunk)
                chunk->len = 0;
        return chunk;
}

static void hand_over(layer_writer *w) {
        pthread_mutex_lock(&w->lock);
        w->produced++;
        pthread_cond_broadcast(&w->changed);
        pthread_mutex_unlock(&w->lock);
        w->filling = NULL;
}

/* Sink of the decompressor. */
static int put(void *arg, const void *data, size_t len) {
        layer_writer *w = arg;
        const char *p = data;
        w->out_bytes += (int64_t) len;
        if (w->out_bytes > EXPANSION_FREE && w->out_bytes / EXPANSION_MAX > w->in_bytes)
                return -EFBIG;
        while (len) {
                if (!w->filling)
                        w->filling = next_chunk(w);
                if (!w->filling)
                        return -ECANCELED;
                size_t n = MN_MIN(len, LAYER_CHUNK_SIZE - w->filling->len);
                memcpy(w->filling->data + w->filling->len, p, n);
                w->filling->len += n;
                p += n;
                len -= n;
                if (w->filling->len == LAYER_CHUNK_SIZE)
                        hand_over(w);
        }
        return 0;
}

mn_status layer_writer_new(layer_store *layers, const char *expected, layer_writer **ret, mn_err *err) {
        return layer_writer_new_as(layers, layers->driver, expected, ret, err);
}

mn_status layer_writer_new_as(layer_store *layers, const layer_driver *driver, const char *expected,
                              layer_writer **ret, mn_err *err) {
        layer_writer *w = mn_alloc(sizeof(*w));
        w->layers = layers;
        w->driver = driver;
        pthread_mutex_init(&w->lock, NULL);
        pthread_cond_init(&w->changed, NULL);
        if (expected)
                memcpy(w->expected, expected, strlen(expected) + 1);
        w->digest = mn_digest_new(expected ? mn_digest_algorithm_of(expected) : MN_DIGEST_SHA256);
        for (size_t i = 0; i < CHUNKS; i++)
                w->chunks[i].data = mn_alloc(LAYER_CHUNK_SIZE);
        image_trash_make_room(layers->trash);
        w->dir_fd = layer_make_tmp(layers, w->name);
        int r = w->dir_fd;
        if (r >= 0)
                r = driver->begin(layers, w->dir_fd, &w->making);
        if (r >= 0)
                r = start_workers(w);
        if (r < 0) {
                layer_writer_free(w);
                return mn_fail_errno(err, r, "making room for a layer");
        }
        *ret = w;
        return MN_OK;
}

void layer_writer_set_scratch(layer_writer *w) {
        w->is_scratch = true;
}

void layer_writer_defer_sync(layer_writer *w) {
        w->is_deferred = true;
}

/* Lets the workers finish what they have and go. */
static void join(layer_writer *w) {
        pthread_mutex_lock(&w->lock);
        w->is_ended = true;
        pthread_cond_broadcast(&w->changed);
        pthread_mutex_unlock(&w->lock);
        for (size_t i = 0; i < WORKERS; i++)
                if (w->workers[i].is_running)
                        pthread_join(w->workers[i].thread, NULL);
        for (size_t i = 0; i < WORKERS; i++)
                w->workers[i].is_running = false;
}

void layer_writer_free(layer_writer *w) {
        if (!w)
                return;
        join(w);
        decompress_worker_free(w->decompressor);
        mn_digest_free(w->digest);
        if (w->making)
                w->driver->free(w->making);
        for (size_t i = 0; i < CHUNKS; i++)
                free(w->chunks[i].data);
        mn_close(w->dir_fd);
        if (w->dir_fd >= 0 && !w->is_committed)
                mn_remove_tree(w->layers->tmp_fd, w->name);
        pthread_cond_destroy(&w->changed);
        pthread_mutex_destroy(&w->lock);
        free(w);
}

/* What went wrong, in the words of the one who knows most. */
static mn_status explain(layer_writer *w, int r, mn_err *err) {
        join(w);
        if (w->error < 0) {
                const char *problem = w->driver->problem(w->making, &w->error);
                if (*problem)
                        return mn_fail(err, MN_INVALID, "invalid layer: %s", problem);
                return mn_fail_errno(err, w->error, "writing a layer");
        }
        if (r == -EBADMSG)
                return mn_fail(err, MN_INVALID, "invalid layer: the compressed data is corrupt or cut short");
        if (r == -EPROTO)
                return mn_fail(err, MN_INVALID,
                               "invalid layer: the process that decompresses it came to an end");
        if (r == -EFBIG)
                return mn_fail(err, MN_INVALID, "invalid layer: it expands to more than %d times its size",
                               EXPANSION_MAX);
        return mn_fail_errno(err, r, "writing a layer");
}

static int start(layer_writer *w) {
        mn_compression format = mn_compression_detect(w->head, w->head_len);
        int r = decompress_worker_new(w->layers->decompressors, format, true, put, w, &w->decompressor);
        return r < 0 ? r : decompress_worker_feed(w->decompressor, w->head, w->head_len);
}

mn_status layer_writer_feed(layer_writer *w, const void *data, size_t len, mn_err *err) {
        const char *p = data;
        int r = 0;
        w->in_bytes += (int64_t) len;
        while (len && !w->decompressor && r == 0) {
                w->head[w->head_len++] = *p++;
                len--;
                if (w->head_len == sizeof(w->head))
                        r = start(w);
        }
        if (r == -ENOTSUP)
                return mn_fail(err, MN_INVALID,
                               "unsupported compression of a layer: gzip, zstd and none are supported");
        if (r == 0 && len)
                r = decompress_worker_feed(w->decompressor, p, len);
        return r < 0 ? explain(w, r, err) : MN_OK;
}

mn_status layer_writer_finish(layer_writer *w, mn_err *err) {
        int r = w->decompressor ? 0 : start(w);
        if (r == 0)
                r = decompress_worker_finish(w->decompressor);
        if (r == 0 && w->filling)
                hand_over(w);
        join(w);
        if (r < 0 || w->error < 0)
                return explain(w, r, err);
        mn_digest_finish(w->digest, w->diff_id);
        if (*w->expected && strcmp(w->expected, w->diff_id) != 0)
                return mn_fail(err, MN_INVALID, "invalid layer: its digest is %s instead of %s", w->diff_id,
                               w->expected);
        w->error = w->driver->finish(w->making, w->diff_id, w->written);
        return w->error < 0 ? explain(w, 0, err) : MN_OK;
}

const char *layer_writer_diff_id(const layer_writer *w) {
        return w->diff_id;
}

int64_t layer_writer_size(const layer_writer *w) {
        return w->written;
}

/* ---- commit ---- */

int layer_writer_dir(const layer_writer *w) {
        return w->dir_fd;
}

int layer_writer_sync(layer_writer *w) {
        return w->driver->sync(w->making);
}

int layer_writer_replace(layer_writer *w) {
        int r = layer_writer_sync(w);
        if (r == 0)
                r = layer_store_exchange(w->layers, w->diff_id, w->name);
        w->is_committed = r == 0;
        return r;
}

mn_status layer_writer_commit(layer_writer *w, mn_err *err) {
        if (layer_store_has(w->layers, w->diff_id, NULL))
                return MN_OK;
        int r = w->is_scratch || w->is_deferred ? 0 : layer_writer_sync(w);
        if (w->is_deferred)
                layer_store_owe_sync(w->layers, w->diff_id);
        if (r == 0 && renameat(w->layers->tmp_fd, w->name, w->layers->fd, layer_name(w->diff_id)) < 0)
                r = errno == EEXIST || errno == ENOTEMPTY ? 1 : -errno; /* another one was quicker */
        if (r < 0)
                return mn_fail_errno(err, r, "storing layer %s", w->diff_id);
        w->is_committed = r == 0;
        return MN_OK;
}
