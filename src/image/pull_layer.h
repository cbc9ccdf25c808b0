/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One layer: downloaded and stored at the same time. */

#include "image/ingest.h"
#include "image/registry_session.h"
#include "image/transfer.h"
#include "oci/image_spec.h"

typedef struct pull_layer_spec {
        const image_ingest_ops *ops;
        void *store, *ingest; /* the store's session */
        registry_session *session;
        size_t endpoint;
        const mn_reference *reference;
        const oci_descriptor *descriptor;
        const char *diff_id;
        const atomic_bool *is_cancelled;
} pull_layer_spec;

/* Brings the layer into the store unless it is there. A thread of its own decompresses and stores what has
   arrived while the rest is on its way; nothing is kept before the whole blob's digest is verified. Another
   pull of the same blob is waited for. */
mn_status pull_layer(const pull_layer_spec *spec, registry_http *http, transfer_slot *slot,
                     mn_err *err) MN_MUST_USE;
