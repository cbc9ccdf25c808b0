/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Public keys and signatures: ECDSA, RSA (PKCS 1.5 and PSS) with SHA-256, Ed25519. */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef struct signature_key signature_key;

enum { SIGNATURE_FINGERPRINT_SIZE = 7 + 64 + 1 };

/* Reads a public key in PEM ("BEGIN PUBLIC KEY"). MN_INVALID for anything else and for keys too weak to count
   (RSA below 2048 bits). */
mn_status signature_key_read(const char *pem, size_t len, signature_key **ret, mn_err *err) MN_MUST_USE;
void signature_key_free(signature_key *key);

/* "sha256:<hex>" of the key's DER form, as `openssl pkey -pubin -outform der | sha256sum` gives it. */
const char *signature_key_fingerprint(const signature_key *key);

/* True when `signature` is the key's over exactly these bytes. */
bool signature_is_valid(const signature_key *key, const void *data, size_t len, const void *signature,
                        size_t signature_len);
