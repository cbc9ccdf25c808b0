/* SPDX-License-Identifier: Apache-2.0 */
/* Tar streams: what the writer makes is what the reader gives, in pieces of any size; hostile headers end
 * cleanly. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/tar.h"
#include "codec/tar_header.h"

/* What a reader saw, as text. */
struct seen {
        mn_str text;
        mn_str data;
};

static int on_entry(void *arg, const mn_tar_entry *e) {
        struct seen *s = arg;
        mn_str_printf(&s->text, "%d %s -> %s %o %u:%u %lld @%lld+%lld %lld.%09u %u,%u", (int) e->type,
                      e->path, e->link, e->mode, e->uid, e->gid, (long long) e->size,
                      (long long) e->data_offset, (long long) e->data_size, (long long) e->mtime_sec,
                      e->mtime_nsec, e->major, e->minor);
        for (size_t i = 0; i < e->nxattrs; i++)
                mn_str_printf(&s->text, " %s=%.*s", e->xattrs[i].name, (int) e->xattrs[i].len,
                              (const char *) e->xattrs[i].value);
        for (size_t i = 0; i < e->npieces; i++)
                mn_str_printf(&s->text, " [%lld+%lld]", (long long) e->pieces[i].offset,
                              (long long) e->pieces[i].len);
        mn_str_add_char(&s->text, '\n');
        return 0;
}

static int on_data(void *arg, const void *data, size_t len) {
        mn_str_add_len(&((struct seen *) arg)->data, data, len);
        return 0;
}

/* Reads `tar` in pieces of `step` bytes; the reader's verdict. */
static int read_tar(const mn_str *tar, size_t step, struct seen *seen) {
        static const mn_tar_handler handler = { .entry = on_entry, .data = on_data };
        cleanup_tar_reader mn_tar_reader *r = mn_tar_reader_new(&handler, seen);
        for (size_t at = 0; at < tar->len; at += step) {
                int err = mn_tar_reader_feed(r, tar->data + at, MN_MIN(step, tar->len - at));
                if (err < 0)
                        return err;
        }
        return mn_tar_reader_finish(r);
}

static void seen_release(struct seen *s) {
        mn_str_release(&s->text);
        mn_str_release(&s->data);
        *s = (struct seen){ 0 };
}

static void add_data(mn_str *tar, const char *data) {
        mn_str_add(tar, data);
        for (size_t i = mn_tar_padding((int64_t) strlen(data)); i > 0; i--)
                mn_str_add_char(tar, '\0');
}

static void test_round_trip(void **state) {
        (void) state;
        cleanup_str mn_str tar = { 0 };
        char long_name[301];
        memset(long_name, 'n', 300);
        long_name[300] = '\0';
        const mn_tar_xattr xattr = { "user.colour", "blue", 4 };
        mn_tar_write_header(
                &(mn_tar_entry){ .type = MN_TAR_DIR, .path = "etc/", .mode = 0755, .mtime_sec = 1 }, &tar);
        mn_tar_write_header(&(mn_tar_entry){ .path = "etc/a",
                                             .mode = 04711,
                                             .uid = 3000000,
                                             .gid = 7,
                                             .size = 5,
                                             .mtime_sec = 1700000000,
                                             .mtime_nsec = 120000000,
                                             .xattrs = &xattr,
                                             .nxattrs = 1 },
                            &tar);
        add_data(&tar, "hello");
        mn_tar_write_header(&(mn_tar_entry){ .type = MN_TAR_SYMLINK,
                                             .path = long_name,
                                             .link = long_name,
                                             .mode = 0777,
                                             .mtime_sec = -2,
                                             .mtime_nsec = 500000000 },
                            &tar);
        mn_tar_write_header(
                &(mn_tar_entry){ .type = MN_TAR_CHAR, .path = "null", .mode = 0666, .major = 1, .minor = 3 },
                &tar);
        mn_tar_write_header(&(mn_tar_entry){ .type = MN_TAR_HARDLINK, .path = "b", .link = "etc/a" }, &tar);
        mn_tar_write_end(&tar);

        cleanup_free char *want = mn_asprintf(
                "5 etc/ ->  755 0:0 0 @0+0 1.000000000 0,0\n"
                "0 etc/a ->  4711 3000000:7 5 @2048+5 1700000000.120000000 0,0 user.colour=blue\n"
                "2 %s -> %s 777 0:0 0 @0+0 -2.500000000 0,0\n"
                "3 null ->  666 0:0 0 @0+0 0.000000000 1,3\n"
                "1 b -> etc/a 0 0:0 0 @0+0 0.000000000 0,0\n",
                long_name, long_name);
        const size_t steps[] = { 1, 7, 512, 513, 1 << 20 };
        for (size_t i = 0; i < MN_ARRAY_LEN(steps); i++) {
                struct seen seen = { 0 };
                assert_int_equal(read_tar(&tar, steps[i], &seen), 0);
                assert_string_equal(mn_str_text(&seen.text), want);
                assert_string_equal(mn_str_text(&seen.data), "hello");
                seen_release(&seen);
        }
}

static void test_split_names(void **state) {
        (void) state;
        for (size_t len = 90; len < 270; len++) {
                char name[300];
                for (size_t i = 0; i < len; i++)
                        name[i] = i % 40 == 39 ? '/' : 'x';
                name[len] = '\0';
                cleanup_str mn_str tar = { 0 };
                mn_tar_write_header(&(mn_tar_entry){ .path = name }, &tar);
                struct seen seen = { 0 };
                assert_int_equal(read_tar(&tar, 4096, &seen), 0);
                assert_non_null(strstr(mn_str_text(&seen.text), name));
                seen_release(&seen);
        }
}

/* A header of `type` with a right checksum and the raw size field. */
static void add_raw(mn_str *tar, char type, const char *name, const char *size) {
        struct tar_header h = { 0 };
        memcpy(h.name, name, strlen(name));
        memcpy(h.size, size, strlen(size));
        memcpy(h.magic, "ustar", 6);
        h.type = type;
        unsigned sum = tar_checksum(&h);
        for (size_t i = 6; i-- > 0; sum >>= 3)
                h.checksum[i] = (char) ('0' + (sum & 7));
        mn_str_add_len(tar, &h, sizeof(h));
}

static void expect(const mn_str *tar, int want) {
        struct seen seen = { 0 };
        assert_int_equal(read_tar(tar, 4096, &seen), want);
        seen_release(&seen);
}

static void test_refused(void **state) {
        (void) state;
        const struct {
                char type;
                const char *size;
                int want;
        } headers[] = {
                { '0', "77777777777", -EBADMSG }, /* ends inside the entry */
                { '0', "12345x", -EBADMSG },
                { '0', "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", -EBADMSG }, /* -1 */
                { '0', "\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", -EBADMSG },
                { 'x', "00077777777", -E2BIG },
                { 'L', "00077777777", -E2BIG },
                { 'M', "0", -ENOTSUP },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(headers); i++) {
                cleanup_str mn_str tar = { 0 };
                add_raw(&tar, headers[i].type, "x", headers[i].size);
                expect(&tar, headers[i].want);
        }
        cleanup_str mn_str rubbish = { 0 };
        for (size_t i = 0; i < 1024; i++)
                mn_str_add_char(&rubbish, 'r');
        expect(&rubbish, -EBADMSG);
}

static void test_pax_records(void **state) {
        (void) state;
        const struct {
                const char *records;
                int want;
        } cases[] = {
                { "12 path=abc\n", 0 },
                { "13 path=abc\n", -EBADMSG },
                { "99999999 path=abc\n", -EBADMSG },
                { "-1 path=abc\n", -EBADMSG },
                { "9 =abcd\n", -EBADMSG },
                { "14 uid=-12345\n", -EBADMSG },
                { "15 size=-12345\n", -EBADMSG },
                { "16 mtime=1.2.3x\n", -EBADMSG },
                { "28 GNU.sparse.map=5,1,3,1,9\n", -EBADMSG },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                cleanup_str mn_str tar = { 0 };
                char size[12];
                snprintf(size, sizeof(size), "%011o", (unsigned) strlen(cases[i].records));
                add_raw(&tar, 'x', "pax", size);
                add_data(&tar, cases[i].records);
                add_raw(&tar, '0', "file", "0");
                struct seen seen = { 0 };
                assert_int_equal(read_tar(&tar, 4096, &seen), cases[i].want);
                seen_release(&seen);
        }
}

static void test_endless_extensions(void **state) {
        (void) state;
        cleanup_str mn_str tar = { 0 };
        for (int i = 0; i < 4000; i++)
                add_raw(&tar, 'x', "pax", "0");
        expect(&tar, -E2BIG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_split_names),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_pax_records),
                cmocka_unit_test(test_endless_extensions),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
