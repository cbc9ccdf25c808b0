/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Fetching a blob: into a file of the partial folder, resumed by range after every break (also one of the
 * daemon's own life), its size and then its digest verified while it streams.
 */

#include "image/registry_session.h"

typedef enum registry_blob_event {
        REGISTRY_BLOB_PROGRESS,  /* value: bytes of the blob that are here */
        REGISTRY_BLOB_RETRYING,  /* value: seconds until the next try */
        REGISTRY_BLOB_VERIFYING, /* all bytes are here */
} registry_blob_event;

typedef struct registry_blob_spec {
        const char *digest; /* valid */
        int64_t size_bytes;
        size_t endpoint; /* of the session, where to begin */
        void (*report)(void *arg, registry_blob_event event, int64_t value); /* may be NULL */
        void *arg;
} registry_blob_spec;

/* Fetches the blob, from the endpoint named or those after it. `*ret_fd` is a readable file of exactly the
   descriptor's bytes, at its beginning; its name stays until registry_blob_drop. The caller holds the claim
   on the digest. On failure the bytes that may still be good stay for the next time; on a full disk and on
   wrong bytes they do not. */
mn_status registry_blob_fetch(registry_session *session, registry_http *http, const registry_blob_spec *spec,
                              int *ret_fd, mn_err *err) MN_MUST_USE;

/* Opens the blob's file for reading, made empty when it is not there yet: it may be read while it is fetched.
   Descriptor or -errno. */
int registry_blob_open(const image_registry *registry, const char *digest);

/* Removes the blob's file: it is stored, or not wanted any more. */
void registry_blob_drop(image_registry *registry, const char *digest);

/* Claims the digest for this pull, waiting while another one fetches it. False when cancelled. */
bool registry_blob_claim(image_registry *registry, const char *digest, const atomic_bool *is_cancelled);
void registry_blob_unclaim(image_registry *registry, const char *digest);
