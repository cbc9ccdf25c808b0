/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/time.h"
#include "logs/logs.h"
#include "sys/file.h"

struct place {
        char folder[32];
        char path[48];
};

static int make_place(void **state) {
        struct place *p = mn_alloc(sizeof(*p));
        strcpy(p->folder, "/tmp/logs-XXXXXX");
        assert_non_null(mkdtemp(p->folder));
        strcat(strcpy(p->path, p->folder), "/c.log");
        *state = p;
        return 0;
}

static int remove_place(void **state) {
        struct place *p = *state;
        mn_remove_tree(AT_FDCWD, p->folder);
        free(p);
        return 0;
}

/* Writes records with one number each, `count` from `first` on. */
static void write_numbers(const logs_config *config, int first, int count) {
        logs_writer *w = NULL;
        assert_int_equal(logs_writer_open(config, &w, NULL), MN_OK);
        for (int i = first; i < first + count; i++) {
                char line[32];
                int len = snprintf(line, sizeof(line), "%d\n", i);
                logs_write(w, i % 2 ? LOGS_STDERR : LOGS_STDOUT, line, (size_t) len);
        }
        logs_writer_close(w);
}

static logs_reader *open_reader(const char *path, logs_query query) {
        logs_reader *r = NULL;
        cleanup_err mn_err err = { 0 };
        assert_int_equal(logs_reader_open(&(logs_config){ .path = path }, &query, &r, &err), MN_OK);
        return r;
}

/* All texts a query gives, with '|' for the newline. */
static char *read_all(const char *path, logs_query query) {
        logs_reader *r = open_reader(path, query);
        mn_str out = MN_STR_INIT(0);
        logs_entry entry;
        int n;
        while ((n = logs_reader_next(r, &entry)) == 1)
                mn_str_add_len(&out, entry.text, entry.len);
        assert_int_equal(n, 0);
        logs_reader_close(r);
        for (size_t i = 0; i < out.len; i++)
                out.data[i] = out.data[i] == '\n' ? '|' : out.data[i];
        return mn_str_take(&out);
}

#define BOTH .has_stdout = true, .has_stderr = true

static void reads_across_rotated_files(void **state) {
        struct place *p = *state;
        write_numbers(&(logs_config){ .path = p->path, .max_size_bytes = 300, .max_file = 20 }, 10, 30);
        cleanup_free char *all = read_all(p->path, (logs_query){ BOTH });
        assert_string_equal(
                all, "10|11|12|13|14|15|16|17|18|19|20|21|22|23|24|25|26|27|28|29|30|31|32|33|34|35|36|"
                     "37|38|39|");
        cleanup_free char *out = read_all(p->path,
                                          (logs_query){ .has_stdout = true, .is_tail = true, .tail = 5 });
        assert_string_equal(out, "36|38|");
}

static void tail_counts_from_the_end(void **state) {
        struct place *p = *state;
        write_numbers(&(logs_config){ .path = p->path, .max_size_bytes = 300, .max_file = 20 }, 10, 12);
        static const struct {
                int64_t tail;
                const char *expected;
        } cases[] = {
                { 0, "" },
                { 1, "21|" },
                { 2, "20|21|" },
                { 7, "15|16|17|18|19|20|21|" },
                { 12, "10|11|12|13|14|15|16|17|18|19|20|21|" },
                { 1000, "10|11|12|13|14|15|16|17|18|19|20|21|" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                cleanup_free char *got = read_all(
                        p->path, (logs_query){ BOTH, .is_tail = true, .tail = cases[i].tail });
                assert_string_equal(got, cases[i].expected);
        }
}

static void tail_finds_lines_longer_than_a_block(void **state) {
        struct place *p = *state;
        logs_writer *w = NULL;
        assert_int_equal(logs_writer_open(&(logs_config){ .path = p->path }, &w, NULL), MN_OK);
        cleanup_free char *nuls = mn_alloc(3 * LOGS_LINE_MAX); /* 96 KiB a record, once escaped */
        logs_write(w, LOGS_STDOUT, "first\n", 6);
        logs_write(w, LOGS_STDOUT, nuls, 3 * LOGS_LINE_MAX);
        logs_write(w, LOGS_STDOUT, "last\n", 5);
        logs_writer_close(w);
        logs_reader *r = open_reader(p->path, (logs_query){ BOTH, .is_tail = true, .tail = 2 });
        logs_entry entry;
        assert_int_equal(logs_reader_next(r, &entry), 1);
        assert_int_equal(entry.len, LOGS_LINE_MAX);
        assert_memory_equal(entry.text, nuls, LOGS_LINE_MAX);
        assert_int_equal(logs_reader_next(r, &entry), 1);
        assert_int_equal(entry.len, 5);
        assert_int_equal(logs_reader_next(r, &entry), 0);
        logs_reader_close(r);
}

static void since_and_until(void **state) {
        struct place *p = *state;
        static const char text[] =
                "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:01Z\"}\n"
                "not a record\n"
                "{\"time\":\"2026-01-01T00:00:02.5Z\",\"stream\":\"stderr\",\"log\":\"\\ud83d\\ude00\\n\","
                "\"x\":1}\n"
                "{\"log\":\"c\\n\",\"stream\":\"stdout\",\"attrs\":{\"a "
                "b\":\"x/y\",\"k\":\"v\"},\"time\":\"2026-01-"
                "01T00:00:03Z\"}\n"
                "{\"log\":\"torn";
        assert_int_equal(mn_file_create(AT_FDCWD, p->path, text, sizeof(text) - 1, 0600), 0);
        int64_t second;
        assert_int_equal(mn_time_parse("2026-01-01T00:00:02.5Z", &second), 0);
        cleanup_free char *since = read_all(p->path, (logs_query){ BOTH, .since_ns = second });
        assert_string_equal(since, "\xf0\x9f\x98\x80|c|");
        cleanup_free char *until = read_all(p->path, (logs_query){ BOTH, .until_ns = second });
        assert_string_equal(until, "a|\xf0\x9f\x98\x80|");
        logs_reader *r = open_reader(p->path, (logs_query){ BOTH, .since_ns = second + 1 });
        logs_entry entry;
        assert_int_equal(logs_reader_next(r, &entry), 1);
        cleanup_str mn_str shown = MN_STR_INIT(0);
        logs_entry_render(&entry, true, true, &shown);
        assert_string_equal(mn_str_text(&shown), "2026-01-01T00:00:03.000000000Z a+b=x%2Fy,k=v c\n");
        logs_reader_close(r);
}

static void a_line_too_long_is_skipped(void **state) {
        struct place *p = *state;
        size_t len = 3 << 20;
        cleanup_free char *text = mn_alloc(len + 100);
        memset(text, 'x', len);
        strcpy(text + len, "\n{\"log\":\"ok\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:01Z\"}\n");
        assert_int_equal(mn_file_create(AT_FDCWD, p->path, text, strlen(text), 0600), 0);
        cleanup_free char *got = read_all(p->path, (logs_query){ BOTH });
        assert_string_equal(got, "ok|");
}

static void no_file_is_an_empty_log(void **state) {
        struct place *p = *state;
        cleanup_free char *got = read_all(p->path, (logs_query){ BOTH });
        assert_string_equal(got, "");
        logs_reader *r;
        cleanup_err mn_err err = { 0 };
        assert_int_equal(
                logs_reader_open(&(logs_config){ .driver = "none" }, &(logs_query){ BOTH }, &r, &err),
                MN_NOT_IMPLEMENTED);
        assert_string_equal(mn_err_text(&err), "configured logging driver does not support reading");
}

enum { FLOOD = 20000 };

struct flood {
        const char *path;
        logs_reader *reader;
};

static void *write_flood(void *arg) {
        struct flood *f = arg;
        /* About 40 rotations, while the reader follows; nobody removes a file it has not reached, 200 are
         * kept. */
        write_numbers(&(logs_config){ .path = f->path, .max_size_bytes = 40000, .max_file = 200 }, 0, FLOOD);
        logs_reader_stop(f->reader);
        return NULL;
}

static void follows_through_rotation(void **state) {
        struct place *p = *state;
        struct flood f = { p->path, open_reader(p->path, (logs_query){ BOTH, .is_follow = true }) };
        pthread_t thread;
        logs_entry entry;
        assert_int_equal(logs_reader_next(f.reader, &entry), -EAGAIN); /* nothing there yet */
        assert_int_equal(pthread_create(&thread, NULL, write_flood, &f), 0);
        int expected = 0, n;
        while ((n = logs_reader_next(f.reader, &entry)) != 0) {
                if (n == -EAGAIN) {
                        assert_true(logs_reader_wait(f.reader, -1));
                        continue;
                }
                assert_int_equal(n, 1);
                assert_int_equal(atoi(entry.text), expected);
                expected++;
        }
        assert_int_equal(expected, FLOOD);
        pthread_join(thread, NULL);
        logs_reader_close(f.reader);
}

static void follow_with_tail_zero_gives_only_the_new(void **state) {
        struct place *p = *state;
        logs_config config = { .path = p->path, .max_file = 1, .max_size_bytes = 260 };
        write_numbers(&config, 10, 2);
        logs_reader *r = open_reader(p->path, (logs_query){ BOTH, .is_follow = true, .is_tail = true });
        logs_entry entry;
        assert_int_equal(logs_reader_next(r, &entry), -EAGAIN);
        write_numbers(&config, 20, 1);
        assert_true(logs_reader_wait(r, -1));
        assert_int_equal(logs_reader_next(r, &entry), 1);
        assert_memory_equal(entry.text, "20\n", 3);
        write_numbers(&config, 30, 2); /* the file is full and emptied before 31 */
        int seen = 0;
        while (logs_reader_next(r, &entry) == 1)
                seen = atoi(entry.text);
        assert_in_range(seen, 30, 31);
        logs_reader_stop(r);
        assert_true(logs_reader_wait(r, -1));
        assert_int_equal(logs_reader_next(r, &entry), 0);
        logs_reader_close(r);
}

static void until_in_the_future_ends_the_follow(void **state) {
        struct place *p = *state;
        logs_reader *r = open_reader(p->path, (logs_query){ BOTH, .is_follow = true,
                                                            .until_ns = mn_now_ns() + 20 * MN_NS_PER_MS });
        logs_entry entry;
        int n;
        while ((n = logs_reader_next(r, &entry)) == -EAGAIN)
                logs_reader_wait(r, -1);
        assert_int_equal(n, 0);
        logs_reader_close(r);
}

/* The driver "local": byte for byte what was written, whatever it is, thirteen bytes more per record; and a
   file that json-file has begun. */
static void the_compact_form_comes_back_exactly(void **state) {
        struct place *p = *state;
        static const char odd[] = "\0\x01\"\\<\xff\xed\xa0\r\n{\"log\":1}\n o\n\n";
        logs_writer *w = NULL;
        write_numbers(&(logs_config){ .path = p->path }, 1, 2);
        mn_str_pair pair = { (char *) "k", (char *) "v\nw" };
        const logs_config config = { .driver = "local", .path = p->path, .attrs = { &pair, 1 } };
        assert_int_equal(logs_writer_open(&config, &w, NULL), MN_OK);
        int64_t before = mn_now_ns();
        logs_write(w, LOGS_STDERR, odd, sizeof(odd) - 1);
        char *wide = mn_alloc(LOGS_LINE_MAX + 5);
        memset(wide, 'w', LOGS_LINE_MAX + 5);
        logs_write(w, LOGS_STDOUT, wide, LOGS_LINE_MAX + 5);
        logs_writer_close(w);
        static const struct {
                logs_stream stream;
                size_t len;
        } wanted[] = { { LOGS_STDERR, 2 },
                       { LOGS_STDOUT, 2 },
                       { LOGS_STDERR, 10 },
                       { LOGS_STDERR, 10 },
                       { LOGS_STDERR, 3 },
                       { LOGS_STDERR, 1 },
                       { LOGS_STDOUT, LOGS_LINE_MAX },
                       { LOGS_STDOUT, 5 } };
        logs_reader *r = open_reader(p->path, (logs_query){ .has_stdout = true, .has_stderr = true });
        size_t at = 0;
        for (size_t i = 0; i < MN_ARRAY_LEN(wanted); i++) {
                logs_entry entry;
                assert_int_equal(logs_reader_next(r, &entry), 1);
                assert_int_equal(entry.stream, wanted[i].stream);
                assert_int_equal(entry.len, wanted[i].len);
                if (i < 2)
                        continue;
                assert_true(entry.time_ns >= before && entry.time_ns <= mn_now_ns());
                assert_string_equal(entry.attrs.items[0].value, "v\nw");
                if (i < 6)
                        assert_memory_equal(entry.text, odd + at, entry.len);
                at += entry.len;
        }
        logs_reader_close(r);
        free(wide);
}

static void a_compact_line_costs_thirteen_bytes(void **state) {
        struct place *p = *state;
        logs_writer *w = NULL;
        assert_int_equal(logs_writer_open(&(logs_config){ .driver = "local", .path = p->path }, &w, NULL),
                         MN_OK);
        for (int i = 0; i < 1000; i++)
                logs_write(
                        w, LOGS_STDOUT,
                        "0123456789012345678901234567890123456789012345678901234567890123456789012345678\n",
                        80);
        logs_writer_close(w);
        struct stat st;
        assert_int_equal(stat(p->path, &st), 0);
        assert_int_equal(st.st_size, 1000 * 93);
}

/* What is no record is skipped, and reading goes on behind it. */
static void broken_compact_lines_are_skipped(void **state) {
        struct place *p = *state;
        static const char *const broken[] = { "o",
                                              "o00000000000",
                                              "x00000000000 t",
                                              "o0000000000! t",
                                              "ozzzzzzzzzzz t",
                                              "o00000000000=0000",
                                              "o00000000000=00005{}",
                                              "o00000000000=0000g{} t",
                                              "o00000000000-t" };
        cleanup_str mn_str text = { 0 };
        for (size_t i = 0; i < MN_ARRAY_LEN(broken); i++)
                mn_str_printf(&text, "%s\no00000000001 good%zu\n", broken[i], i);
        assert_int_equal(mn_file_create(AT_FDCWD, p->path, text.data, text.len, 0600), 0);
        cleanup_free char *all = read_all(p->path, (logs_query){ .has_stdout = true, .has_stderr = true });
        assert_string_equal(all, "good0|good1|good2|good3|good4|good5|good6|good7|good8|");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(the_compact_form_comes_back_exactly, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(a_compact_line_costs_thirteen_bytes, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(broken_compact_lines_are_skipped, make_place, remove_place),
                cmocka_unit_test_setup_teardown(reads_across_rotated_files, make_place, remove_place),
                cmocka_unit_test_setup_teardown(tail_counts_from_the_end, make_place, remove_place),
                cmocka_unit_test_setup_teardown(tail_finds_lines_longer_than_a_block, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(since_and_until, make_place, remove_place),
                cmocka_unit_test_setup_teardown(a_line_too_long_is_skipped, make_place, remove_place),
                cmocka_unit_test_setup_teardown(no_file_is_an_empty_log, make_place, remove_place),
                cmocka_unit_test_setup_teardown(follows_through_rotation, make_place, remove_place),
                cmocka_unit_test_setup_teardown(follow_with_tail_zero_gives_only_the_new, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(until_in_the_future_ends_the_follow, make_place,
                                                remove_place),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
