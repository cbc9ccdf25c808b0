/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/digest.h"

/* FIPS 180-4's examples. */
static void known_texts(void **state) {
        (void) state;
        static const struct {
                const char *text, *digest;
        } cases[] = {
                { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
                { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
                { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        };
        char text[MN_SHA256_TEXT_SIZE];
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
                assert_string_equal(mn_sha256_text(cases[i].text, strlen(cases[i].text), text),
                                    cases[i].digest);
}

/* Every length around the block's, against OpenSSL. */
static void every_length(void **state) {
        (void) state;
        uint8_t data[300];
        char ours[MN_SHA256_TEXT_SIZE], theirs[MN_DIGEST_SIZE];
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t) (i * 37 + 11);
        for (size_t len = 0; len <= sizeof(data); len++)
                assert_string_equal(mn_sha256_text(data, len, ours),
                                    mn_digest_of(data, len, theirs) + strlen("sha256:"));
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(known_texts), cmocka_unit_test(every_length) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
