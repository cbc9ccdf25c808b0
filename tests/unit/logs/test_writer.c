/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
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

static logs_writer *open_writer(const logs_config *config) {
        logs_writer *w = NULL;
        cleanup_err mn_err err = { 0 };
        assert_int_equal(logs_writer_open(config, &w, &err), MN_OK);
        return w;
}

/* The file with the 30 characters of every time replaced by "T". */
static char *contents(const char *path) {
        char *text = NULL;
        size_t len;
        assert_int_equal(mn_file_read(AT_FDCWD, path, 1 << 20, &text, &len), 0);
        for (char *p = text; (p = strstr(p, "\"time\":\"20"));) {
                char *end = strstr(p, "\"}");
                p += strlen("\"time\":\"");
                *p++ = 'T';
                memmove(p, end, strlen(end) + 1);
        }
        return text;
}

#define OUT "\",\"stream\":\"stdout\",\"time\":\"T\"}\n"
#define ERR "\",\"stream\":\"stderr\",\"time\":\"T\"}\n"

static void writes_what_docker_writes(void **state) {
        struct place *p = *state;
        logs_writer *w = open_writer(&(logs_config){ .path = p->path });
        logs_write(w, LOGS_STDOUT, "hello\nwor", 9);
        logs_write(w, LOGS_STDERR, "<a & \"b\"\\>\t\x01\x7f\r\n", 15);
        logs_write(w, LOGS_STDOUT, "ld\n\n", 4);
        logs_write(w, LOGS_STDOUT, "\xc3\xa4\xff\xe2\x80\xa8\xf0\x9f\x98\x80\xed\xa0\x80\n", 14);
        logs_write(w, LOGS_STDOUT, "no newline", 10);
        logs_writer_close(w);
        cleanup_free char *text = contents(p->path);
        assert_string_equal(text,
                            "{\"log\":\"hello\\n" OUT
                            "{\"log\":\"\\u003ca \\u0026 \\\"b\\\"\\\\\\u003e\\u0009\\u0001\x7f\\r\\n" ERR
                            "{\"log\":\"world\\n" OUT "{\"log\":\"\\n" OUT
                            "{\"log\":\"\xc3\xa4\\ufffd\\u2028\xf0\x9f\x98\x80\\ufffd\\ufffd\\ufffd\\n" OUT
                            "{\"log\":\"no newline" OUT);
        struct stat st;
        assert_int_equal(stat(p->path, &st), 0);
        assert_int_equal(st.st_mode & 07777 & ~0027, 0640 & ~0027);
}

/* Feeds `len` bytes in pieces of `piece` and says how long each record's text is. */
static void check_split(struct place *p, size_t len, size_t piece, const char *expected) {
        unlink(p->path);
        logs_writer *w = open_writer(&(logs_config){ .path = p->path });
        cleanup_free char *bytes = mn_alloc(len + 1);
        memset(bytes, 'x', len);
        bytes[len] = '\n';
        for (size_t at = 0; at < len + 1; at += piece)
                logs_write(w, LOGS_STDOUT, bytes + at, MN_MIN(piece, len + 1 - at));
        logs_writer_close(w);
        cleanup_free char *text = contents(p->path);
        cleanup_str mn_str lengths = MN_STR_INIT(0);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
                mn_str_printf(&lengths, "%zu%s ", strspn(line + 8, "x"), strstr(line, "\\n") ? "n" : "");
        assert_string_equal(mn_str_text(&lengths), expected);
}

static void splits_long_lines_at_16_kib(void **state) {
        struct place *p = *state;
        static const size_t pieces[] = { 1000000, 16384, 7, 20000 };
        for (size_t i = 0; i < MN_ARRAY_LEN(pieces); i++) {
                check_split(p, 16383, pieces[i], "16383n ");
                check_split(p, 16384, pieces[i], "16384 0n ");
                check_split(p, 40000, pieces[i], "16384 16384 7232n ");
        }
}

static void stores_attributes(void **state) {
        struct place *p = *state;
        mn_str_pair pairs[] = { { (char *) "b", (char *) "2" }, { (char *) "a", (char *) "1" } };
        logs_writer *w = open_writer(&(logs_config){ .path = p->path, .attrs = { pairs, 2 } });
        logs_write(w, LOGS_STDOUT, "x\n", 2);
        logs_writer_close(w);
        cleanup_free char *text = contents(p->path);
        assert_string_equal(text,
                            "{\"log\":\"x\\n\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"1\",\"b\":\"2\"},"
                            "\"time\":\"T\"}\n");
}

static size_t size_of(const char *path, int index) {
        cleanup_free char *name = index ? mn_asprintf("%s.%d", path, index) : mn_strdup(path);
        struct stat st;
        return stat(name, &st) < 0 ? (size_t) -1 : (size_t) st.st_size;
}

static void rotates_and_keeps_only_so_many(void **state) {
        struct place *p = *state;
        logs_writer *w = open_writer(
                &(logs_config){ .path = p->path, .max_size_bytes = 1000, .max_file = 3 });
        for (int i = 0; i < 100; i++)
                logs_write(w, LOGS_STDOUT, "0123456789\n", 11);
        logs_writer_close(w);
        assert_in_range(size_of(p->path, 0), 0, 1100);
        assert_in_range(size_of(p->path, 1), 1000, 1100);
        assert_in_range(size_of(p->path, 2), 1000, 1100);
        assert_int_equal(size_of(p->path, 3), -1);
}

static void one_file_is_emptied(void **state) {
        struct place *p = *state;
        logs_writer *w = open_writer(
                &(logs_config){ .path = p->path, .max_size_bytes = 1000, .max_file = 1 });
        for (int i = 0; i < 100; i++)
                logs_write(w, LOGS_STDOUT, "0123456789\n", 11);
        logs_writer_close(w);
        assert_in_range(size_of(p->path, 0), 0, 1100);
        assert_int_equal(size_of(p->path, 1), -1);
}

static void goes_on_after_a_torn_record(void **state) {
        struct place *p = *state;
        assert_int_equal(mn_file_create(AT_FDCWD, p->path, "{\"log\":\"half", 12, 0600), 0);
        logs_writer *w = open_writer(&(logs_config){ .path = p->path });
        logs_write(w, LOGS_STDOUT, "x\n", 2);
        logs_writer_close(w);
        cleanup_free char *text = contents(p->path);
        assert_string_equal(text, "{\"log\":\"half\n{\"log\":\"x\\n" OUT);
}

static void trimming_loses_nothing(void **state) {
        struct place *p = *state;
        logs_writer *w = open_writer(&(logs_config){ .path = p->path });
        logs_write(w, LOGS_STDERR, "ab", 2);
        logs_writer_trim(w);
        logs_write(w, LOGS_STDERR, "c\n", 2);
        logs_writer_close(w);
        cleanup_free char *text = contents(p->path);
        assert_string_equal(text, "{\"log\":\"abc\\n" ERR);
}

static void a_full_disk_drops_whole_records(void **state) {
        (void) state;
        logs_writer *w = NULL;
        cleanup_err mn_err err = { 0 };
        assert_int_equal(logs_writer_open(&(logs_config){ .path = "/dev/full" }, &w, &err), MN_INVALID);
        assert_int_equal(logs_writer_open(&(logs_config){ .driver = "none" }, &w, &err), MN_OK);
        logs_write(w, LOGS_STDOUT, "x\n", 2);
        assert_int_equal(logs_writer_dropped(w), 0);
        logs_writer_close(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(writes_what_docker_writes, make_place, remove_place),
                cmocka_unit_test_setup_teardown(splits_long_lines_at_16_kib, make_place, remove_place),
                cmocka_unit_test_setup_teardown(stores_attributes, make_place, remove_place),
                cmocka_unit_test_setup_teardown(rotates_and_keeps_only_so_many, make_place, remove_place),
                cmocka_unit_test_setup_teardown(one_file_is_emptied, make_place, remove_place),
                cmocka_unit_test_setup_teardown(goes_on_after_a_torn_record, make_place, remove_place),
                cmocka_unit_test_setup_teardown(trimming_loses_nothing, make_place, remove_place),
                cmocka_unit_test(a_full_disk_drops_whole_records),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
