/* SPDX-License-Identifier: Apache-2.0 */
/* Image documents: what is refused, what is dropped, that the rest survives a round trip. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/strv.h"
#include "oci/image_spec.h"

#define HEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DESCRIPTOR(digest, size) "{\"mediaType\":\"x\",\"digest\":\"" digest "\",\"size\":" size "}"
#define GOOD DESCRIPTOR("sha256:" HEX, "1")
#define MANIFEST(config, layers) "{\"schemaVersion\":2,\"config\":" config ",\"layers\":[" layers "]}"

static void test_documents(void **state) {
        (void) state;
        const struct {
                const char *text;
                const char *content_type;
                mn_status want;
        } cases[] = {
                { MANIFEST(GOOD, GOOD), NULL, MN_OK },
                { MANIFEST(GOOD, GOOD), OCI_MEDIA_MANIFEST "; charset=utf-8", MN_OK },
                { MANIFEST(GOOD, GOOD), OCI_MEDIA_INDEX, MN_INVALID },
                { "{\"schemaVersion\":2,\"manifests\":[" GOOD "]}", OCI_MEDIA_INDEX, MN_OK },
                { "{\"schemaVersion\":2,\"manifests\":[" GOOD "]}", DOCKER_MEDIA_MANIFEST, MN_INVALID },
                { "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", NULL, MN_INVALID },
                { "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_INDEX "\",\"config\":" GOOD
                  ",\"layers\":[]}",
                  NULL, MN_INVALID },
                { "{\"schemaVersion\":1,\"config\":" GOOD ",\"layers\":[]}", NULL, MN_INVALID },
                { "{\"schemaVersion\":2,\"layers\":[]}", NULL, MN_INVALID },
                { "{\"schemaVersion\":2,\"config\":null,\"layers\":[]}", NULL, MN_INVALID },
                { "{\"schemaVersion\":2,\"config\":" GOOD ",\"layers\":null}", NULL, MN_INVALID },
                { "{\"schemaVersion\":2,\"schemaVersion\":2,\"config\":" GOOD ",\"layers\":[]}", NULL,
                  MN_INVALID },
                { MANIFEST(DESCRIPTOR("sha256:../../etc/passwd", "1"), GOOD), NULL, MN_INVALID },
                { MANIFEST(GOOD, DESCRIPTOR("sha256:" HEX "0", "1")), NULL, MN_INVALID },
                { MANIFEST(GOOD, DESCRIPTOR("sha256:" HEX "\\n", "1")), NULL, MN_INVALID },
                { MANIFEST(GOOD, DESCRIPTOR("md5:" HEX, "1")), NULL, MN_INVALID },
                { MANIFEST(GOOD, DESCRIPTOR("sha256:" HEX, "-1")), NULL, MN_INVALID },
                { MANIFEST(GOOD, DESCRIPTOR("sha256:" HEX, "1e999")), NULL, MN_INVALID },
                { MANIFEST(GOOD, "null"), NULL, MN_INVALID },
                { "[]", NULL, MN_INVALID },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                cleanup_err mn_err err = { 0 };
                oci_document document;
                mn_status st = oci_document_decode(cases[i].text, strlen(cases[i].text),
                                                   cases[i].content_type, arena, &document, &err);
                if (st != cases[i].want)
                        fail_msg("%s: %d, %s", cases[i].text, (int) st, mn_err_text(&err));
        }
}

static void test_config(void **state) {
        (void) state;
        static const char text[] =
                "{\"os\":\"linux\",\"config\":{\"Env\":[\"A=b\",\"HOME\",\"*\",\"=x\",\"\"],"
                "\"Volumes\":{\"/v\":{},\"relative\":{},\"/\":{}},\"Entrypoint\":\"/bin/"
                "x\",\"Labels\":{\"a\":\"b\"}},"
                "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" HEX "\"]}}";
        cleanup_arena mn_arena *arena = mn_arena_new();
        oci_image image;
        assert_int_equal(oci_image_decode(text, strlen(text), arena, &image, NULL), MN_OK);
        assert_int_equal(mn_strv_len(image.config.env), 1);
        assert_int_equal(mn_strv_len(image.config.volumes), 1);
        assert_string_equal(image.config.entrypoint[0], "/bin/x");
        cleanup_str mn_str out = { 0 };
        oci_image_encode(&image, &out);
        oci_image again;
        assert_int_equal(oci_image_decode(mn_str_text(&out), out.len, arena, &again, NULL), MN_OK);
        assert_string_equal(again.config.env[0], "A=b");
}

static void test_bad_configs(void **state) {
        (void) state;
        const char *const cases[] = {
                "{}",
                "{\"rootfs\":null}",
                "{\"rootfs\":{\"type\":\"other\",\"diff_ids\":[]}}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:x\"]}}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[null]}}",
                "{\"created\":\"yesterday\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
                "{\"config\":{\"Env\":\"A=b\"},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                oci_image image;
                if (oci_image_decode(cases[i], strlen(cases[i]), arena, &image, NULL) != MN_INVALID)
                        fail_msg("accepted: %s", cases[i]);
        }
}

static void test_limits(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_str mn_str text = { 0 };
        mn_str_add(&text, "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[");
        for (int i = 0; i <= OCI_LAYERS_MAX; i++)
                mn_str_printf(&text, "%s\"sha256:" HEX "\"", i ? "," : "");
        mn_str_add(&text, "]}}");
        oci_image image;
        assert_int_equal(oci_image_decode(mn_str_text(&text), text.len, arena, &image, NULL), MN_INVALID);
        cleanup_str mn_str huge = { 0 };
        while (huge.len <= OCI_DOCUMENT_MAX)
                mn_str_add(&huge, "                                                                ");
        assert_int_equal(oci_image_decode(mn_str_text(&huge), huge.len, arena, &image, NULL), MN_INVALID);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_documents),
                cmocka_unit_test(test_config),
                cmocka_unit_test(test_bad_configs),
                cmocka_unit_test(test_limits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
