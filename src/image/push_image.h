/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Pushing one image: its layers, its config, its manifest. */

#include "image/ingest.h"
#include "image/registry_session.h"
#include "image/transfer.h"

/* A push under way. */
typedef struct push_context {
        const image_ingest_ops *ops;
        void *store;
        image_registry *registry;
        registry_session *session;
        size_t endpoint;
        registry_http *http;                           /* of the calling thread */
        registry_http *workers[TRANSFER_PARALLEL_MAX]; /* of the layers' threads */
        mn_reference reference;                        /* with the tag */
        atomic_bool *is_cancelled;
        image_progress_fn report;
        void *report_arg;
} push_context;

/* A manifest or index as it was pushed. */
typedef struct push_manifest {
        char digest[MN_DIGEST_TEXT_MAX + 1];
        const char *media_type;
        size_t size_bytes;
        bool is_original; /* the very bytes the image came with */
} push_manifest;

/* Tells the client; MN_INTERNAL "context canceled" when nobody listens. */
mn_status push_tell(push_context *p, const char *status, const char *aux, mn_err *err) MN_MUST_USE;

/* Pushes the image under `name`, a tag, or under its digest when NULL. The image's own manifest is used again
   when the registry has, or gets, exactly the blobs it names; else one is written that names those there are.
 */
mn_status push_image(push_context *p, const image_export *image, const char *name, push_manifest *ret,
                     mn_err *err) MN_MUST_USE;

/* Puts a manifest or an index. `name` as above. */
mn_status push_put_manifest(push_context *p, const image_ingest_document *manifest, const char *name,
                            mn_err *err) MN_MUST_USE;

/* True when the registry has the manifest. */
mn_status push_has_manifest(push_context *p, const char *digest, bool *ret, mn_err *err) MN_MUST_USE;
