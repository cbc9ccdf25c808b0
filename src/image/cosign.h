/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Signatures as cosign leaves them in a registry: beside the image at the tag "sha256-<hex>.sig" (simple
 * signing), or as Sigstore bundles that refer to it (referrers API, or the tag "sha256-<hex>"). Only fetched
 * and taken apart here; whether they are valid says image/signature.h, whether they count
 * image/policy_verify.h.
 */

#include "codec/json.h"
#include "image/registry_session.h"

typedef enum cosign_form { COSIGN_SIMPLE_SIGNING, COSIGN_DSSE } cosign_form;

typedef struct cosign_signature {
        cosign_form form;
        const char *signed_data; /* the bytes the signature is over */
        size_t signed_len;
        const char *payload; /* what they say; the same bytes, or inside them */
        size_t payload_len;
        const char *signature;
        size_t signature_len;
} cosign_signature;

typedef MN_LIST(cosign_signature) cosign_signature_list;

/* All signatures attached to `digest`, at most `max`; none at all is an empty list. Documents that are no
   signatures are passed over. MN_INTERNAL when the registry fails. */
mn_status cosign_fetch(registry_session *session, registry_http *http, size_t endpoint, const char *digest,
                       size_t max, mn_arena *arena, cosign_signature_list *ret, mn_err *err) MN_MUST_USE;

/* What was signed. */
typedef struct cosign_claim {
        const char *digest;    /* of the image */
        const char *reference; /* the name it was signed for, "" when none is given */
} cosign_claim;

/* Reads a payload whose signature is valid. A statement about several subjects claims `digest` when it is
   among them. MN_INVALID for anything that is not cosign's claim about an image. */
mn_status cosign_read_claim(const cosign_signature *signature, const char *digest, mn_arena *arena,
                            cosign_claim *ret, mn_err *err) MN_MUST_USE;
