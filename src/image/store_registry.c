/* SPDX-License-Identifier: Apache-2.0 */
/* Pull and push with the image store. */

#include "image/image.h"
#include "image/ingest.h"
#include "image/pull.h"
#include "image/push.h"
#include "worker/decompress.h"

mn_status image_pull(image_store *store, image_registry *registry, const image_pull_spec *spec,
                     image_progress_fn report, void *arg, mn_err *err) {
        decompress_pool *decompressors = image_store_decompressors(store);
        decompress_pool_enter(decompressors);
        mn_status status = pull_into(&image_store_ingest_ops, store, registry, spec, report, arg, err);
        decompress_pool_leave(decompressors);
        return status;
}

mn_status image_push(image_store *store, image_registry *registry, const image_push_spec *spec,
                     image_progress_fn report, void *arg, mn_err *err) {
        return push_from(&image_store_ingest_ops, store, registry, spec, report, arg, err);
}
