/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the API tells of an image's manifests and indexes. */

#include "image/index.h"

/* The descriptor of the index, or without one of the image's newest manifest; NULL when the image came
   without a manifest. With `lock`. */
const mn_json *image_descriptor(image_store *images, const struct image_record *record,
                                const struct index_record *index, mn_arena *arena);

/* The list of ImageManifestSummary: one entry for each manifest of the name's index, whether it is here or
   not; of an image without an index its own; NULL for one without a manifest. Without `lock`. */
mn_status image_manifests(image_store *images, const char *name, mn_arena *arena, const mn_json **ret,
                          mn_err *err) MN_MUST_USE;
