/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Content digests, computed while the bytes stream by. */

#include <stddef.h>

#include "base/macro.h"
#include "codec/reference.h"

#define MN_DIGEST_SIZE (MN_DIGEST_TEXT_MAX + 1) /* room for any digest as text, with the NUL */

typedef enum mn_digest_algorithm { MN_DIGEST_SHA256, MN_DIGEST_SHA512 } mn_digest_algorithm;

/* A digest being computed. */
typedef struct mn_digest mn_digest;

mn_digest *mn_digest_new(mn_digest_algorithm algorithm) __attribute__((returns_nonnull));
void mn_digest_free(mn_digest *d);
void mn_digest_update(mn_digest *d, const void *data, size_t len);

/* "sha256:<64 hex>" or "sha512:<128 hex>" of all bytes so far; the object is used up, free it. Returns
 * `text`. */
const char *mn_digest_finish(mn_digest *d, char text[MN_DIGEST_SIZE]);

/* Algorithm of a digest's text; it must be a valid one (mn_digest_text_is_valid). */
mn_digest_algorithm mn_digest_algorithm_of(const char *text);

/* sha256 digest of a buffer. Returns `text`. */
const char *mn_digest_of(const void *data, size_t len, char text[MN_DIGEST_SIZE]);

void mn_digest_freep(mn_digest **d);
#define cleanup_digest MN_CLEANUP(mn_digest_freep)
