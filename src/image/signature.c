/* SPDX-License-Identifier: Apache-2.0 */
#include "image/signature.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/digest.h"

enum { RSA_BITS_MIN = 2048, EC_BITS_MIN = 224 };

struct signature_key {
        EVP_PKEY *key;
        char fingerprint[MN_DIGEST_SIZE];
};

static bool is_strong(const EVP_PKEY *key) {
        switch (EVP_PKEY_get_base_id(key)) {
        case EVP_PKEY_RSA:
                return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
        case EVP_PKEY_EC:
                return EVP_PKEY_get_bits(key) >= EC_BITS_MIN;
        default:
                return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
        }
}

static mn_status take_key(EVP_PKEY *key, signature_key **ret, mn_err *err) {
        unsigned char *der = NULL;
        if (!is_strong(key))
                return mn_fail(err, MN_INVALID,
                               "the public key is of no kind that is trusted: ECDSA, Ed25519, RSA from 2048 "
                               "bits on");
        int len = i2d_PUBKEY(key, &der);
        if (len <= 0)
                return mn_fail(err, MN_INVALID, "the public key cannot be encoded");
        signature_key *k = mn_alloc(sizeof(*k));
        k->key = key;
        mn_digest_of(der, (size_t) len, k->fingerprint);
        OPENSSL_free(der);
        *ret = k;
        return MN_OK;
}

mn_status signature_key_read(const char *pem, size_t len, signature_key **ret, mn_err *err) {
        BIO *bio = BIO_new_mem_buf(pem, (int) MN_MIN(len, (size_t) 1 << 20));
        EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
        ERR_clear_error();
        if (!key)
                return mn_fail(err, MN_INVALID, "not a public key in PEM form");
        mn_status status = take_key(key, ret, err);
        if (status)
                EVP_PKEY_free(key);
        return status;
}

void signature_key_free(signature_key *key) {
        if (!key)
                return;
        EVP_PKEY_free(key->key);
        free(key);
}

const char *signature_key_fingerprint(const signature_key *key) {
        return key->fingerprint;
}

static bool verify(const signature_key *key, int rsa_padding, const void *data, size_t len,
                   const void *signature, size_t signature_len) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY_CTX *settings = NULL;
        bool is_ed25519 = EVP_PKEY_get_base_id(key->key) == EVP_PKEY_ED25519;
        bool is_ok = EVP_DigestVerifyInit(ctx, &settings, is_ed25519 ? NULL : EVP_sha256(), NULL, key->key) ==
                     1;
        if (is_ok && rsa_padding)
                is_ok = EVP_PKEY_CTX_set_rsa_padding(settings, rsa_padding) == 1;
        is_ok = is_ok && EVP_DigestVerify(ctx, signature, signature_len, data, len) == 1;
        EVP_MD_CTX_free(ctx);
        ERR_clear_error();
        return is_ok;
}

bool signature_is_valid(const signature_key *key, const void *data, size_t len, const void *signature,
                        size_t signature_len) {
        if (EVP_PKEY_get_base_id(key->key) != EVP_PKEY_RSA)
                return verify(key, 0, data, len, signature, signature_len);
        return verify(key, RSA_PKCS1_PADDING, data, len, signature, signature_len) ||
               verify(key, RSA_PKCS1_PSS_PADDING, data, len, signature, signature_len);
}
