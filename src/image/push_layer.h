/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Bringing blobs to a registry: found there, mounted from another repository, or uploaded. */

#include "image/ingest.h"
#include "image/registry_session.h"
#include "image/transfer.h"
#include "oci/image_spec.h"

/* A blob as the manifest will name it. */
typedef struct push_blob {
        char digest[MN_DIGEST_TEXT_MAX + 1];
        char media_type[128];
        int64_t size_bytes;
} push_blob;

typedef struct push_layer_spec {
        registry_session *session;
        size_t endpoint;
        const image_ingest_ops *ops;
        void *store;
        const mn_reference *repository; /* where to */
        const char *diff_id;
        const oci_descriptor *wanted; /* the blob the image's own manifest names; NULL: any will do */
} push_layer_spec;

/* Makes sure the registry has the layer, compressed somehow, if it can be as the blob that is wanted; tells
 * through `slot` how. */
mn_status push_layer(const push_layer_spec *spec, registry_http *http, transfer_slot *slot, push_blob *ret,
                     mn_err *err) MN_MUST_USE;

/* Makes sure the registry has these bytes. */
mn_status push_bytes(registry_session *session, registry_http *http, size_t endpoint, const char *digest,
                     const void *data, size_t len, mn_err *err) MN_MUST_USE;

/* Scopes for mounting from the repositories in which the registry of `repository` is known to have one of the
   layers: "repository:other:pull ...", "" when there is none. */
char *push_mount_scopes(const image_ingest_ops *ops, void *store, const mn_reference *repository,
                        const image_export *image, mn_arena *arena);
