/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "image/platform.h"

static void challenges(void **state) {
        (void) state;
        static const struct {
                const char *header;
                registry_scheme scheme;
                const char *realm, *service, *scope;
        } cases[] = {
                { "", REGISTRY_AUTH_NONE, "", "", "" },
                { "Basic realm=\"x\"", REGISTRY_AUTH_BASIC, "x", "", "" },
                { "basic", REGISTRY_AUTH_BASIC, "", "", "" },
                { "Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:a/b:pull,push\"",
                  REGISTRY_AUTH_BEARER, "https://a/t", "s", "repository:a/b:pull,push" },
                { "BEARER Realm = \"r\" , service = s", REGISTRY_AUTH_BEARER, "r", "s", "" },
                { "Basic realm=\"x\", Bearer realm=\"y\"", REGISTRY_AUTH_BEARER, "y", "", "" },
                { "Bearer realm=\"y\", Basic realm=\"x\"", REGISTRY_AUTH_BEARER, "y", "", "" },
                { "Negotiate, Basic realm=\"x\"", REGISTRY_AUTH_BASIC, "x", "", "" },
                { "Bearer realm=\"a\\\"b\"", REGISTRY_AUTH_BEARER, "a\"b", "", "" },
                { "Bearer", REGISTRY_AUTH_NONE, "", "", "" },
                { "Bearer realm=", REGISTRY_AUTH_NONE, "", "", "" },
                { "Bearer realm=\"unended", REGISTRY_AUTH_NONE, "", "", "" },
                { "=,=\"", REGISTRY_AUTH_NONE, "", "", "" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                registry_challenge c;
                registry_challenge_parse(cases[i].header, arena, &c);
                if (c.scheme != cases[i].scheme || strcmp(c.realm, cases[i].realm) != 0 ||
                    strcmp(c.service, cases[i].service) != 0 || strcmp(c.scope, cases[i].scope) != 0)
                        fail_msg("%s: %d %s %s %s", cases[i].header, (int) c.scheme, c.realm, c.service,
                                 c.scope);
        }
}

static void realms(void **state) {
        (void) state;
        static const struct {
                const char *registry, *realm;
                bool is_trusted;
        } cases[] = {
                { "registry-1.docker.io", "auth.docker.io", true },
                { "registry.gitlab.com", "gitlab.com", true },
                { "ghcr.io", "ghcr.io", true },
                { "127.0.0.1", "127.0.0.1", true },
                { "registry.example.com", "auth.example.com", true },
                { "a.b.example.com", "c.b.example.com", true },
                { "a.b.example.com", "example.com", false },
                { "ghcr.io", "evil.io", false },
                { "quay.io", "io", false },
                { "shop.co.uk", "evil.co.uk", false },
                { "127.0.0.1", "127.0.0.2", false },
                { "10.0.0.1", "10.0.0.10", false },
                { "registry.example.com", "evilexample.com", false },
                { "localhost", "evil.localhost", false },
                { "::1", "::2", false },
                { "example.com", "auth.example.com", false },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
                if (registry_realm_is_trusted(NULL, cases[i].registry, cases[i].realm) != cases[i].is_trusted)
                        fail_msg("%s asks for %s", cases[i].registry, cases[i].realm);
}

static void platforms(void **state) {
        (void) state;
        static const struct {
                const char *text, *normal;
        } cases[] = { { "linux/amd64", "linux/amd64" },
                      { "linux/x86_64", "linux/amd64" },
                      { "Linux/AMD64", "linux/amd64" },
                      { "linux/aarch64", "linux/arm64" },
                      { "linux/arm64/v8", "linux/arm64" },
                      { "linux/arm", "linux/arm/v7" },
                      { "linux/arm/6", "linux/arm/v6" },
                      { "linux/armhf", "linux/arm/v7" },
                      { "arm64", "linux/arm64" },
                      { "windows/amd64", "windows/amd64" },
                      { "linux/amd64/v3", "linux/amd64/v3" } };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                image_platform p;
                char text[IMAGE_PLATFORM_TEXT_SIZE];
                assert_int_equal(image_platform_parse(cases[i].text, &p, NULL), MN_OK);
                assert_string_equal(image_platform_text(&p, text), cases[i].normal);
        }
        static const char *const bad[] = { "a/b/c/d",       "/",     "linux/", "/amd64", "li nux/amd64",
                                           "linux/amd64\n", "bogus", "../x" };
        for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++) {
                image_platform p;
                if (image_platform_parse(bad[i], &p, NULL) != MN_INVALID)
                        fail_msg("accepted: %s", bad[i]);
        }
        image_platform v7, v6, v5, arm64;
        image_platform_set("linux", "arm", "v7", &v7);
        image_platform_set("linux", "arm", "v6", &v6);
        image_platform_set("linux", "arm", "v5", &v5);
        image_platform_set("linux", "arm64", "", &arm64);
        assert_true(image_platform_fit(&v7, &v7) > image_platform_fit(&v7, &v6));
        assert_true(image_platform_fit(&v7, &v6) > image_platform_fit(&v7, &v5));
        assert_true(image_platform_fit(&v7, &v5) > 0);
        assert_int_equal(image_platform_fit(&v6, &v7), 0);
        assert_int_equal(image_platform_fit(&v7, &arm64), 0);
}

static void auth_headers(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        image_auth auth;
        assert_int_equal(image_auth_decode("", arena, &auth, NULL), MN_OK);
        assert_string_equal(auth.username, "");
        assert_int_equal(
                image_auth_decode("eyJ1c2VybmFtZSI6ImpvZSIsInBhc3N3b3JkIjoicCJ9", arena, &auth, NULL), MN_OK);
        assert_string_equal(auth.username, "joe");
        assert_string_equal(registry_basic_header(&auth, arena), "Authorization: Basic am9lOnA=");
        assert_int_equal(image_auth_decode("e30=", arena, &auth, NULL), MN_OK);
        assert_null(registry_basic_header(&auth, arena));
        assert_int_equal(image_auth_decode("!", arena, &auth, NULL), MN_INVALID);
        assert_int_equal(image_auth_decode("bm90IGpzb24=", arena, &auth, NULL), MN_INVALID);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(challenges), cmocka_unit_test(realms),
                                            cmocka_unit_test(platforms), cmocka_unit_test(auth_headers) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
