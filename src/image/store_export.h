/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Images on their way out of the store: functions of image_ingest_ops (image/ingest.h). */

#include "image/ingest.h"

mn_status store_export_image(void *object, const char *id, mn_arena *arena, image_export *ret, mn_err *err);
mn_status store_export_index(void *object, const mn_reference *reference, mn_arena *arena,
                             image_export_index *ret, mn_err *err);
mn_status store_export_open_layer(void *object, const char *diff_id, layer_reader **ret, int64_t *ret_size,
                                  mn_err *err);
int store_export_open_blob(void *object, const char *diff_id, const char *digest, int64_t *ret_size);
