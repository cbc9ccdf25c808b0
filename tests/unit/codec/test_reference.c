/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define HEX32 "0123456789abcdef0123456789abcdef"
#define HEX64 HEX32 HEX32
#define SHA256 "sha256:" HEX64
#define SHA512 "sha512:" HEX64 HEX64
#define TAG128 HEX64 HEX64
#define BAD "invalid reference format"
#define BAD_CASE(name) "invalid reference format: repository name (" name ") must be lowercase"

/* What a user writes, and its normal form or (in `error`) the words of the refusal. */
static const struct {
        const char *text, *full, *familiar, *error;
} verdicts[] = {
        /* names without a registry */
        { "busybox", "docker.io/library/busybox", "busybox", NULL },
        { "busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36", NULL },
        { "library/busybox", "docker.io/library/busybox", "busybox", NULL },
        { "docker.io/busybox", "docker.io/library/busybox", "busybox", NULL },
        { "index.docker.io/busybox", "docker.io/library/busybox", "busybox", NULL },
        { "docker.io/library/busybox", "docker.io/library/busybox", "busybox", NULL },
        { "index.docker.io/library/busybox", "docker.io/library/busybox", "busybox", NULL },
        { "me/app", "docker.io/me/app", "me/app", NULL },
        { "me/app/sub:1", "docker.io/me/app/sub:1", "me/app/sub:1", NULL },
        { "docker.io/library/a/b", "docker.io/library/a/b", "library/a/b", NULL },
        { "localhost", "docker.io/library/localhost", "localhost", NULL },
        { "a", "docker.io/library/a", "a", NULL },
        { "1", "docker.io/library/1", "1", NULL },
        { "a.b", "docker.io/library/a.b", "a.b", NULL },
        { "a_b", "docker.io/library/a_b", "a_b", NULL },
        { "a__b", "docker.io/library/a__b", "a__b", NULL },
        { "a-b", "docker.io/library/a-b", "a-b", NULL },
        { "a----b", "docker.io/library/a----b", "a----b", NULL },
        { HEX64 "0", "docker.io/library/" HEX64 "0", HEX64 "0", NULL },
        { HEX32, "docker.io/library/" HEX32, HEX32, NULL },
        /* registries */
        { "localhost/app", "localhost/app", "localhost/app", NULL },
        { "localhost:5000/app", "localhost:5000/app", "localhost:5000/app", NULL },
        { "localhost:5000/app:latest", "localhost:5000/app:latest", "localhost:5000/app:latest", NULL },
        { "example.com/app", "example.com/app", "example.com/app", NULL },
        { "example.com:443/a/b/c:x", "example.com:443/a/b/c:x", "example.com:443/a/b/c:x", NULL },
        { "xn--n3h.com/a", "xn--n3h.com/a", "xn--n3h.com/a", NULL },
        { "127.0.0.1:5000/app", "127.0.0.1:5000/app", "127.0.0.1:5000/app", NULL },
        { "[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app", NULL },
        { "[2001:db8::1]/app:1", "[2001:db8::1]/app:1", "[2001:db8::1]/app:1", NULL },
        { "Registry/app", "Registry/app", "Registry/app", NULL },
        { "EXAMPLE.com/app", "EXAMPLE.com/app", "EXAMPLE.com/app", NULL },
        { "localhosts/app", "docker.io/localhosts/app", "localhosts/app", NULL },
        { "a:5000/b:6000", "a:5000/b:6000", "a:5000/b:6000", NULL },
        { "a-b.c-d/e", "a-b.c-d/e", "a-b.c-d/e", NULL },
        { "foo:5000", "docker.io/library/foo:5000", "foo:5000", NULL },
        /* tags and digests */
        { "x:_", "docker.io/library/x:_", "x:_", NULL },
        { "x:V1.0-rc_1", "docker.io/library/x:V1.0-rc_1", "x:V1.0-rc_1", NULL },
        { "x:" TAG128, "docker.io/library/x:" TAG128, "x:" TAG128, NULL },
        { "x@" SHA256, "docker.io/library/x@" SHA256, "x@" SHA256, NULL },
        { "x@" SHA512, "docker.io/library/x@" SHA512, "x@" SHA512, NULL },
        { "x:1@" SHA256, "docker.io/library/x:1@" SHA256, "x:1@" SHA256, NULL },
        { "r.io/x:1@" SHA256, "r.io/x:1@" SHA256, "r.io/x:1@" SHA256, NULL },
        /* refusals: format */
        { "", NULL, NULL, BAD },
        { " ", NULL, NULL, BAD },
        { "a b", NULL, NULL, BAD },
        { " a", NULL, NULL, BAD },
        { "a ", NULL, NULL, BAD },
        { "a\n", NULL, NULL, BAD },
        { "/", NULL, NULL, BAD },
        { "/a", NULL, NULL, BAD },
        { "a/", NULL, NULL, BAD },
        { "a//b", NULL, NULL, BAD },
        { "example.com/", NULL, NULL, BAD },
        { "example.com//a", NULL, NULL, BAD },
        { ":", NULL, NULL, BAD },
        { ":tag", NULL, NULL, BAD },
        { "@" SHA256, NULL, NULL, BAD },
        { "a:", NULL, NULL, BAD },
        { "a:@" SHA256, NULL, NULL, BAD },
        { "a:b:c", NULL, NULL, BAD },
        { "a:-b", NULL, NULL, BAD },
        { "a:.b", NULL, NULL, BAD },
        { "a:b/c", NULL, NULL, BAD },
        { "a:b c", NULL, NULL, BAD },
        { "x:" TAG128 "0", NULL, NULL, BAD },
        { "..", NULL, NULL, BAD },
        { "a/..", NULL, NULL, BAD },
        { "../a", NULL, NULL, BAD },
        { "a/../b", NULL, NULL, BAD },
        { "a..b", NULL, NULL, BAD },
        { ".a", NULL, NULL, BAD },
        { "a.", NULL, NULL, BAD },
        { "-a", NULL, NULL, BAD },
        { "a-", NULL, NULL, BAD },
        { "_a", NULL, NULL, BAD },
        { "a_", NULL, NULL, BAD },
        { "a___b", NULL, NULL, BAD },
        { "a.-b", NULL, NULL, BAD },
        { "a_-b", NULL, NULL, BAD },
        { "a$b", NULL, NULL, BAD },
        { "a\xc3\xa9", NULL, NULL, BAD },
        { "\xff", NULL, NULL, BAD },
        { "-bad.com/a", NULL, NULL, BAD },
        { "bad-.com/a", NULL, NULL, BAD },
        { "bad..com/a", NULL, NULL, BAD },
        { ".com/a", NULL, NULL, BAD },
        { "com./a", NULL, NULL, BAD },
        { "a_b.com/c", NULL, NULL, BAD },
        { "example.com:/a", NULL, NULL, BAD },
        { "example.com:5x/a", NULL, NULL, BAD },
        { "example.com:50:60/a", NULL, NULL, BAD },
        { "[::1/a", NULL, NULL, BAD },
        { "::1/a", NULL, NULL, BAD },
        { "[]/a", NULL, NULL, BAD },
        { "[::1]x/a", NULL, NULL, BAD },
        { "[fe80::1%25eth0]/a", NULL, NULL, BAD },
        { "http://example.com/a", NULL, NULL, BAD },
        { "user@example.com/a", NULL, NULL, BAD },
        { "a@", NULL, NULL, BAD },
        { "a@b", NULL, NULL, BAD },
        { "a@sha256", NULL, NULL, BAD },
        { "a@sha256:", NULL, NULL, BAD },
        { "a@sha256:abc", NULL, NULL, BAD },
        { "a@sha256:../../etc/passwd", NULL, NULL, BAD },
        { "a@" SHA256 ":x", NULL, NULL, BAD },
        { "a@" SHA256 "@" SHA256, NULL, NULL, BAD },
        { "a@" SHA256 "\n", NULL, NULL, BAD },
        { "a@sha256:" HEX32, NULL, NULL, "invalid checksum digest length" },
        { "a@" SHA256 "0", NULL, NULL, "invalid checksum digest length" },
        { "a@sha256:0123456789ABCDEF"
          "0123456789abcdef" HEX32,
          NULL, NULL, "invalid checksum digest format" },
        { "a@sha1:" HEX32 "01234567", NULL, NULL, "unsupported digest algorithm" },
        { "a@md5:" HEX32, NULL, NULL, "unsupported digest algorithm" },
        { "a@sha384:" HEX64 HEX32, NULL, NULL, "unsupported digest algorithm" },
        /* refusals: capital letters, ids, length */
        { "Busybox", NULL, NULL, BAD_CASE("library/Busybox") },
        { "BUSYBOX:1", NULL, NULL, BAD_CASE("library/BUSYBOX") },
        { "me/App", NULL, NULL, BAD_CASE("me/App") },
        { "example.com/App:1", NULL, NULL, BAD_CASE("App") },
        { "Up/Down", NULL, NULL, BAD_CASE("Down") },
        { "docker.io/Foo", NULL, NULL, BAD_CASE("library/Foo") },
        { HEX64, NULL, NULL,
          "invalid repository name (" HEX64 "), cannot specify 64-byte hexadecimal strings" },
        { HEX64 "/" HEX64 "/" HEX64 "/" HEX64, NULL, NULL,
          "repository name must not be more than 255 characters" },
};

static void table_of_verdicts(void **state) {
        (void) state;
        for (size_t i = 0; i < MN_ARRAY_LEN(verdicts); i++) {
                cleanup_err mn_err err = { 0 };
                mn_reference ref;
                char buf[MN_REFERENCE_TEXT_SIZE];
                mn_status status = mn_reference_parse(verdicts[i].text, &ref, &err);
                if (verdicts[i].error) {
                        if (status != MN_INVALID)
                                fail_msg("accepted: \"%s\"", verdicts[i].text);
                        assert_string_equal(mn_err_text(&err), verdicts[i].error);
                        continue;
                }
                if (status)
                        fail_msg("refused: \"%s\": %s", verdicts[i].text, mn_err_text(&err));
                assert_string_equal(mn_reference_text(&ref, buf), verdicts[i].full);
                assert_string_equal(mn_reference_familiar(&ref, buf), verdicts[i].familiar);
                /* what we print is read back as the same */
                mn_reference again;
                assert_int_equal(mn_reference_parse(buf, &again, &err), MN_OK);
                assert_string_equal(mn_reference_text(&again, buf), verdicts[i].full);
        }
}

static void ids_are_told_from_names(void **state) {
        (void) state;
        mn_reference ref;
        char buf[MN_REFERENCE_TEXT_SIZE];
        assert_int_equal(mn_reference_parse_any(HEX64, &ref, NULL), MN_OK);
        assert_string_equal(ref.digest, SHA256);
        assert_string_equal(ref.path, "");
        assert_int_equal(mn_reference_parse_any(SHA256, &ref, NULL), MN_OK);
        assert_string_equal(mn_reference_text(&ref, buf), SHA256);
        assert_int_equal(mn_reference_parse_any("busybox", &ref, NULL), MN_OK);
        assert_string_equal(ref.path, "library/busybox");
        assert_int_equal(mn_reference_parse_any("Busybox", &ref, NULL), MN_INVALID);
}

static void tag_parameter_replaces(void **state) {
        (void) state;
        mn_reference ref;
        char buf[MN_REFERENCE_TEXT_SIZE];
        cleanup_err mn_err err = { 0 };
        assert_int_equal(mn_reference_parse("app", &ref, NULL), MN_OK);
        mn_reference_add_default_tag(&ref);
        assert_string_equal(mn_reference_familiar(&ref, buf), "app:latest");
        assert_int_equal(mn_reference_set_tag_or_digest(&ref, "2", NULL), MN_OK);
        assert_string_equal(mn_reference_familiar(&ref, buf), "app:2");
        assert_int_equal(mn_reference_set_tag_or_digest(&ref, SHA256, NULL), MN_OK);
        assert_string_equal(mn_reference_familiar(&ref, buf), "app@" SHA256);
        mn_reference_add_default_tag(&ref);
        assert_string_equal(ref.tag, "");
        assert_int_equal(mn_reference_set_tag_or_digest(&ref, "../x", &err), MN_INVALID);
        assert_string_equal(mn_err_text(&err), "invalid tag format");
        assert_int_equal(mn_reference_set_tag_or_digest(&ref, "sha256:abc", &err), MN_INVALID);
}

static void patterns(void **state) {
        (void) state;
        static const struct {
                const char *text, *pattern;
                bool is_match;
        } cases[] = {
                { "busybox:1.36", "busybox", true },
                { "busybox:1.36", "busybox:1.*", true },
                { "busybox:1.36", "busy*", true },
                { "busybox:1.36", "busybox:2.*", false },
                { "me/app:1", "*", false },
                { "me/app:1", "*/*", true },
                { "me/app:1", "me/*", true },
                { "localhost:5000/a:1", "localhost:5000/*", true },
                { "busybox:1", "library/busybox", false },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                mn_reference ref;
                assert_int_equal(mn_reference_parse(cases[i].text, &ref, NULL), MN_OK);
                if (mn_reference_matches(&ref, cases[i].pattern) != cases[i].is_match)
                        fail_msg("%s against %s", cases[i].text, cases[i].pattern);
        }
}

static void digests(void **state) {
        (void) state;
        static const char *const bad[] = { "",
                                           "sha256",
                                           "sha256:",
                                           "sha256:" HEX32,
                                           SHA256 "\n",
                                           SHA256 "0",
                                           "sha256:../../../../etc/passwd",
                                           "SHA256:" HEX64,
                                           "md5:" HEX32,
                                           "sha1:" HEX32 "01234567",
                                           "sha512:" HEX64,
                                           " " SHA256,
                                           HEX64 };
        assert_false(mn_digest_text_is_valid(NULL));
        assert_true(mn_digest_text_is_valid(SHA256));
        assert_true(mn_digest_text_is_valid(SHA512));
        for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++)
                if (mn_digest_text_is_valid(bad[i]))
                        fail_msg("accepted: \"%s\"", bad[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(table_of_verdicts),
                cmocka_unit_test(ids_are_told_from_names),
                cmocka_unit_test(tag_parameter_replaces),
                cmocka_unit_test(patterns),
                cmocka_unit_test(digests),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
