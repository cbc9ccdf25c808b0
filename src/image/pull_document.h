/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The documents that make an image: index, manifest, config; fetched, verified, and kept byte for byte. */

#include "image/policy_signer.h"
#include "image/registry_manifest.h"
#include "image/registry_session.h"

/* Bytes in the arena, NUL-terminated; data NULL: none. */
typedef struct pull_text {
        const char *data;
        size_t len;
} pull_text;

typedef struct pull_document {
        size_t endpoint; /* of the session: the one that served them */
        pull_text index_text;
        const char *index_media_type;
        char index_digest[MN_DIGEST_TEXT_MAX + 1];
        pull_text manifest_text;
        char manifest_digest[MN_DIGEST_TEXT_MAX + 1];
        oci_document manifest;
        pull_text config_text;
        registry_config config;
        policy_signer_list signers; /* who signed, when the policy asked */
} pull_document;

typedef struct pull_document_spec {
        const mn_reference *reference; /* with a tag or a digest */
        const image_platform *platform;
        bool is_verified; /* a signature is demanded whatever the policy's default */
} pull_document_spec;

/* Resolves the reference to the manifest of the wanted platform and checks it against the policy. Strings go
   to the arena. Failures in Docker's words. */
mn_status pull_document_fetch(pull_document *doc, registry_session *session, registry_http *http,
                              const pull_document_spec *spec, mn_arena *arena, mn_err *err) MN_MUST_USE;

/* Fetches the config of the manifest that was chosen. */
mn_status pull_document_fetch_config(pull_document *doc, registry_session *session, registry_http *http,
                                     mn_arena *arena, mn_err *err) MN_MUST_USE;

/* The top document of a reference: its bytes, type and digest, nothing else. For inspection. */
mn_status pull_top_document(registry_session *session, registry_http *http, size_t *endpoint,
                            const mn_reference *reference, mn_arena *arena, pull_text *ret,
                            const char **ret_content_type, char ret_digest[MN_DIGEST_TEXT_MAX + 1],
                            mn_err *err) MN_MUST_USE;

/* A small blob named by a descriptor (config, signature), in memory; size, then digest verified. */
mn_status pull_small_blob(registry_session *session, registry_http *http, size_t *endpoint,
                          const oci_descriptor *descriptor, mn_arena *arena, pull_text *ret,
                          mn_err *err) MN_MUST_USE;

/* All tags of the repository, in the registry's order; the array ends with NULL. */
mn_status pull_list_tags(registry_session *session, registry_http *http, const mn_reference *reference,
                         mn_arena *arena, char ***ret, mn_err *err) MN_MUST_USE;

/* The failure of an answer that is no success, in Docker's words for `reference`. */
mn_status pull_fail(const registry_response *response, const mn_reference *reference, mn_err *err);
