/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minato-unpack: the daemon's worker that unpacks one layer. It gets the tar over a socket and the layer's
 * directory as a descriptor, gives away all it does not need, then reads the tar: a layer that makes this
 * program do something else finds nothing to do it with.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/vec.h"
#include "codec/tar.h"
#include "image/split.h"
#include "image/tree.h"
#include "image/unpack_files.h"
#include "image/unpack_out.h"
#include "image/unpack_sandbox.h"
#include "sys/fd.h"

/* Stored bytes of a file in the tar, or the piece of a sparse one. */
struct stretch {
        int64_t begin;
        struct split_record record;
};

struct unpacking {
        tree *tree;
        mn_tar_reader *reader;
        unpack_files *files;
        bool is_in_file;
        struct unpack_out split;
        int64_t position;            /* of the tar */
        MN_VEC(struct stretch) next; /* what is known to come, in order */
        size_t first;                /* of those not over yet */
};

/* ---- the description ---- */

static void note(struct unpacking *u, int64_t begin, int64_t offset, int64_t len) {
        if (len <= 0)
                return;
        const struct split_record record = { SPLIT_FILE, unpack_files_count(u->files), (uint64_t) offset,
                                             (uint64_t) len };
        mn_vec_push(&u->next, ((struct stretch){ begin, record }));
}

static void note_data(struct unpacking *u, const mn_tar_entry *entry) {
        int64_t at = entry->data_offset;
        if (!entry->is_sparse)
                note(u, at, 0, entry->data_size);
        for (size_t i = 0; entry->is_sparse && i < entry->npieces; i++) {
                note(u, at, entry->pieces[i].offset, entry->pieces[i].len);
                at += entry->pieces[i].len;
        }
}

static void put_run(struct unpack_out *out, char kind, const char *bytes, size_t len) {
        const struct split_record record = { (uint8_t) kind, 0, 0, len };
        if (!len)
                return;
        unpack_out_put(out, &record, sizeof(record));
        if (kind == SPLIT_BYTES)
                unpack_out_put(out, bytes, len);
}

/* Bytes of the tar that are no file's. */
static void put_bytes(struct unpack_out *out, const char *bytes, size_t len) {
        size_t from = 0;
        for (size_t at = 0; at < len;) {
                size_t end = at;
                while (end < len && !bytes[end])
                        end++;
                if (end - at >= SPLIT_RUN_MIN) {
                        put_run(out, SPLIT_BYTES, bytes + from, at - from);
                        put_run(out, SPLIT_ZEROS, NULL, end - at);
                        from = end;
                }
                at = end + 1;
        }
        put_run(out, SPLIT_BYTES, bytes + from, len - from);
}

/* Describes a piece the reader has seen: all files that begin in it are known. */
static void describe(struct unpacking *u, const char *data, size_t len) {
        int64_t end = u->position + (int64_t) len;
        while (u->position < end) {
                struct stretch *s = u->first < u->next.len ? &u->next.items[u->first] : NULL;
                int64_t until = s ? MN_MIN(end, s->begin) : end;
                if (until > u->position) {
                        size_t n = (size_t) (until - u->position);
                        put_bytes(&u->split, data, n);
                        data += n;
                        u->position = until;
                        continue;
                }
                int64_t over = s->begin + (int64_t) s->record.len;
                if (s->begin == u->position)
                        unpack_out_put(&u->split, &s->record, sizeof(s->record));
                data += MN_MIN(over, end) - u->position;
                u->position = MN_MIN(over, end);
                if (u->position == over)
                        u->first++;
        }
        if (u->first == u->next.len)
                u->first = u->next.len = 0;
}

/* ---- the tar ---- */

static int on_entry(void *arg, const mn_tar_entry *entry) {
        struct unpacking *u = arg;
        int r = tree_add(u->tree, entry);
        u->is_in_file = r == 0 && entry->type == MN_TAR_FILE;
        if (!u->is_in_file)
                return r;
        r = unpack_files_begin(u->files, tree_last(u->tree), entry);
        if (r == 0)
                note_data(u, entry);
        return r;
}

static int on_data(void *arg, const void *data, size_t len) {
        struct unpacking *u = arg;
        return u->is_in_file ? unpack_files_data(u->files, data, len) : 0;
}

static int on_end(void *arg) {
        struct unpacking *u = arg;
        return u->is_in_file ? unpack_files_end(u->files) : 0;
}

/* ---- the daemon ---- */

/* The next piece into `buffer`: its length, 0 at the end; when the daemon is gone, so are we. */
static size_t receive(char *buffer) {
        uint32_t len;
        if (mn_read_full(UNPACK_SOCKET_FD, &len, sizeof(len)) != sizeof(len) || len > UNPACK_PIECE_MAX)
                _exit(2);
        if (mn_read_full(UNPACK_SOCKET_FD, buffer, len) != (ssize_t) len)
                _exit(2);
        return len;
}

static void answer(int error, const char *problem) {
        struct unpack_result result = { .error = error };
        mn_str_copy(result.problem, sizeof(result.problem), problem);
        ssize_t n = send(UNPACK_SOCKET_FD, &result, sizeof(result), MSG_NOSIGNAL);
        _exit(n == sizeof(result) ? 0 : 2);
}

static int read_tar(struct unpacking *u) {
        cleanup_free char *buffer = mn_alloc(UNPACK_PIECE_MAX);
        size_t len;
        int r = 0;
        while (r == 0 && (len = receive(buffer)) > 0) {
                r = mn_tar_reader_feed(u->reader, buffer, len);
                if (r == 0)
                        describe(u, buffer, len);
        }
        return r == 0 ? mn_tar_reader_finish(u->reader) : r;
}

static int unpack(struct unpacking *u) {
        static const mn_tar_handler handler = { .entry = on_entry, .data = on_data, .end = on_end };
        u->tree = tree_new();
        u->reader = mn_tar_reader_new(&handler, u);
        int r = unpack_files_new(&u->files);
        if (r == 0)
                r = unpack_out_open(&u->split, "split");
        if (r == 0)
                r = read_tar(u);
        if (r == 0)
                r = unpack_out_close(&u->split);
        return r == 0 ? unpack_files_place(u->files, u->tree) : r;
}

int main(void) {
        static struct unpacking u;
        int r = unpack_sandbox_enter(UNPACK_DIR_FD);
        close(UNPACK_DIR_FD);
        if (r < 0)
                answer(r, "");
        r = unpack(&u);
        const char *problem = tree_problem(u.tree);
        if (r < 0 && !*problem)
                problem = mn_tar_reader_problem(u.reader);
        answer(r, r < 0 ? problem : "");
}
