/* SPDX-License-Identifier: Apache-2.0 */
/* The worker that decompresses gives the same bytes as the library, and one that lies or dies is an error. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "worker/decompress.h"

static const char *program; /* minato-decompress */

static int add(void *arg, const void *data, size_t len) {
        mn_str_add_len(arg, data, len);
        return 0;
}

static int refuse(void *arg, const void *data, size_t len) {
        (void) data;
        size_t *left = arg;
        if (len > *left)
                return -EFBIG;
        *left -= len;
        return 0;
}

static void pack(mn_compression format, const mn_str *text, mn_str *out) {
        size_t room = compressBound(text->len) + ZSTD_compressBound(text->len);
        char *to = mn_str_reserve(out, room);
        if (format == MN_COMPRESSION_ZSTD) {
                out->len = ZSTD_compress(to, room, text->data, text->len, 1);
                return;
        }
        z_stream z = { .next_in = (Bytef *) text->data,
                       .avail_in = (uInt) text->len,
                       .next_out = (Bytef *) to,
                       .avail_out = (uInt) room };
        assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        out->len = room - z.avail_out;
        deflateEnd(&z);
}

/* Several times what all slots hold, in both directions. */
static void fill(mn_str *text) {
        for (unsigned i = 0; text->len < 12000000; i++)
                mn_str_printf(text, "%u %x;", i, i * 2654435761u);
}

static int run_in(decompress_pool *pool, const mn_str *in, size_t step, bool copies, mn_sink_fn sink,
                  void *arg) {
        cleanup_decompress_worker decompress_worker *w = NULL;
        int r = decompress_worker_new(pool, mn_compression_detect(in->data, in->len), copies, sink, arg, &w);
        for (size_t at = 0; r == 0 && at < in->len; at += step)
                r = decompress_worker_feed(w, in->data + at, MN_MIN(step, in->len - at));
        return r < 0 ? r : decompress_worker_finish(w);
}

static int run(const char *path, const mn_str *in, size_t step, bool copies, mn_sink_fn sink, void *arg) {
        decompress_pool *pool = decompress_pool_new(path);
        int r = run_in(pool, in, step, copies, sink, arg);
        decompress_pool_free(pool);
        return r;
}

static void no_child_is_left(void) {
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

/* How many processes this one has. */
static int children(void) {
        char *text;
        size_t len;
        int n = 0;
        cleanup_free char *path = mn_asprintf("/proc/self/task/%d/children", (int) getpid());
        assert_true(mn_file_read(AT_FDCWD, path, 4096, &text, &len) >= 0);
        for (size_t i = 0; i < len; i++)
                n += text[i] == ' ';
        free(text);
        return n;
}

static void gives_the_same_bytes(void **state) {
        (void) state;
        static const mn_compression formats[] = { MN_COMPRESSION_GZIP, MN_COMPRESSION_ZSTD };
        static const size_t steps[] = { 1 << 10, 64 << 10, 256 << 10, 1 << 30 };
        cleanup_str mn_str text = MN_STR_INIT(16 << 20);
        fill(&text);
        for (size_t f = 0; f < MN_ARRAY_LEN(formats); f++) {
                cleanup_str mn_str packed = { 0 };
                pack(formats[f], &text, &packed);
                for (size_t i = 0; i < MN_ARRAY_LEN(steps); i++) {
                        cleanup_str mn_str out = { 0 };
                        assert_int_equal(run(program, &packed, steps[i], i % 2, add, &out), 0);
                        assert_int_equal(out.len, text.len);
                        assert_memory_equal(out.data, text.data, text.len);
                }
                cleanup_str mn_str out = { 0 };
                mn_str cut = packed;
                cut.len -= 20;
                assert_int_equal(run(program, &cut, 4096, true, add, &out), -EBADMSG);
                if (formats[f] != MN_COMPRESSION_GZIP)
                        continue; /* ZSTD_compress adds no checksum */
                packed.data[packed.len / 3] ^= 0x10;
                assert_int_equal(run(program, &packed, 4096, true, add, &out), -EBADMSG);
        }
        no_child_is_left();
}

/* One process for all streams of an operation, until one of them is broken. */
static void one_after_the_other(void **state) {
        (void) state;
        decompress_pool *pool = decompress_pool_new(program);
        cleanup_str mn_str text = MN_STR_INIT(16 << 20), gzip = { 0 }, zstd = { 0 };
        fill(&text);
        pack(MN_COMPRESSION_GZIP, &text, &gzip);
        pack(MN_COMPRESSION_ZSTD, &text, &zstd);
        decompress_pool_enter(pool);
        for (size_t i = 0; i < 6; i++) {
                cleanup_str mn_str out = MN_STR_INIT(16 << 20);
                mn_str cut = gzip;
                cut.len -= 9;
                assert_int_equal(run_in(pool, i % 2 ? &zstd : &gzip, 70000, true, add, &out), 0);
                assert_int_equal(out.len, text.len);
                assert_memory_equal(out.data, text.data, text.len);
                assert_int_equal(children(), 1);
                if (i == 3) {
                        assert_int_equal(run_in(pool, &cut, 70000, true, add, &out), -EBADMSG);
                        assert_int_equal(children(), 0);
                }
        }
        decompress_pool_leave(pool);
        decompress_pool_free(pool);
        no_child_is_left();
}

static void the_sink_stops_it(void **state) {
        (void) state;
        cleanup_str mn_str text = MN_STR_INIT(16 << 20), packed = { 0 };
        fill(&text);
        pack(MN_COMPRESSION_GZIP, &text, &packed);
        size_t left = 3000000;
        assert_int_equal(run(program, &packed, 100000, true, refuse, &left), -EFBIG);
        no_child_is_left();
}

static void what_has_no_worker(void **state) {
        (void) state;
        mn_str plain = { .data = (char *) "plain text", .len = 10 },
               bzip = { .data = (char *) "BZh91AY", .len = 7 };
        cleanup_str mn_str out = { 0 };
        assert_int_equal(run("/nonexistent", &plain, 3, true, add, &out), 0);
        assert_string_equal(mn_str_text(&out), "plain text");
        assert_int_equal(run(program, &bzip, 7, true, add, &out), -ENOTSUP);
}

/* A worker that is a script of ours, with the sockets `i` and `o`. */
static int run_fake(const char *folder, const char *script, const mn_str *in, mn_str *out) {
        cleanup_free char *path = mn_asprintf("%s/worker", folder);
        unlink(path);
        FILE *f = fopen(path, "we");
        fprintf(f,
                "#!/usr/bin/python3\nimport os, socket, struct\n"
                "i, o = socket.socket(fileno=3), socket.socket(fileno=4)\n"
                "end = lambda n, e=0: o.sendall(struct.pack('Ii', n, e))\n%s\n",
                script);
        fclose(f);
        chmod(path, 0700);
        return run(path, in, 100000, true, add, out);
}

static void a_worker_that_lies_or_dies(void **state) {
        (void) state;
        static const struct {
                const char *script;
                int result;
        } fakes[] = {
                { "pass", -EPROTO },
                { "os.kill(os.getpid(), 9)", -EPROTO },
                { "end(1 << 30)", -EPROTO },      /* more than a slot holds */
                { "o.sendall(b'abc')", -EPROTO }, /* half a message */
                { "end(0)", -EBADMSG },           /* done before the input was */
                { "end(0, -74)", -EBADMSG },
                { "end(0, -13)", -EPROTO }, /* an error that is not its to have */
                { "i.close(); end(0, -74)", -EBADMSG },
        };
        char folder[] = "/tmp/unit-decompress-XXXXXX";
        assert_non_null(mkdtemp(folder));
        cleanup_str mn_str text = MN_STR_INIT(16 << 20), packed = { 0 };
        fill(&text);
        pack(MN_COMPRESSION_GZIP, &text, &packed);
        for (size_t i = 0; i < MN_ARRAY_LEN(fakes); i++) {
                cleanup_str mn_str out = { 0 };
                int r = run_fake(folder, fakes[i].script, &packed, &out);
                if (r != fakes[i].result)
                        fail_msg("%s: %d instead of %d", fakes[i].script, r, fakes[i].result);
        }
        cleanup_free char *path = mn_asprintf("%s/worker", folder);
        unlink(path);
        rmdir(folder);
        no_child_is_left();
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(gives_the_same_bytes),       cmocka_unit_test(one_after_the_other),
                cmocka_unit_test(the_sink_stops_it),          cmocka_unit_test(what_has_no_worker),
                cmocka_unit_test(a_worker_that_lies_or_dies),
        };
        if (argc < 2 || geteuid() != 0)
                return 77;
        program = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
