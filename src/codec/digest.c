/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-2 by OpenSSL, which uses the processor's SHA instructions where it has them. */

#include "codec/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"

struct mn_digest {
        EVP_MD_CTX *ctx;
        const char *prefix;
};

/* OpenSSL fails here only without memory or without its built-in algorithms: both end the program. */
static void must(int is_ok) {
        if (is_ok)
                return;
        mn_log(MN_LOG_FATAL, "computing a digest failed", " cause=libcrypto");
        abort();
}

mn_digest *mn_digest_new(mn_digest_algorithm algorithm) {
        mn_digest *d = mn_alloc(sizeof(*d));
        bool is_512 = algorithm == MN_DIGEST_SHA512;
        d->prefix = is_512 ? "sha512:" : "sha256:";
        d->ctx = EVP_MD_CTX_new();
        must(d->ctx && EVP_DigestInit_ex(d->ctx, is_512 ? EVP_sha512() : EVP_sha256(), NULL));
        return d;
}

void mn_digest_free(mn_digest *d) {
        if (!d)
                return;
        EVP_MD_CTX_free(d->ctx);
        free(d);
}

void mn_digest_freep(mn_digest **d) {
        mn_digest_free(*d);
}

void mn_digest_update(mn_digest *d, const void *data, size_t len) {
        must(EVP_DigestUpdate(d->ctx, data, len));
}

const char *mn_digest_finish(mn_digest *d, char text[MN_DIGEST_SIZE]) {
        unsigned char raw[EVP_MAX_MD_SIZE];
        unsigned len = 0;
        must(EVP_DigestFinal_ex(d->ctx, raw, &len));
        memcpy(text, d->prefix, strlen(d->prefix));
        mn_hex_encode(raw, len, text + strlen(d->prefix));
        return text;
}

mn_digest_algorithm mn_digest_algorithm_of(const char *text) {
        return mn_str_has_prefix(text, "sha512:") ? MN_DIGEST_SHA512 : MN_DIGEST_SHA256;
}

const char *mn_digest_of(const void *data, size_t len, char text[MN_DIGEST_SIZE]) {
        cleanup_digest mn_digest *d = mn_digest_new(MN_DIGEST_SHA256);
        mn_digest_update(d, data, len);
        return mn_digest_finish(d, text);
}
