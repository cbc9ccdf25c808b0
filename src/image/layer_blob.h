/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Compressed copies of a layer, where the store is asked to keep them: files `<digest of the copy>` in the
 * layer's directory, which come and go with it. A layer may have several, as registries compress differently.
 */

#include "image/layer.h"

/* Keeps the bytes behind `fd`, a regular file on the data root's file system whose digest was verified, as a
   copy of a layer that is there: another name of that file, permanent when this returns. 0 or -errno. */
int layer_blob_keep(layer_store *layers, const char *diff_id, const char *digest, int fd);

bool layer_blob_has(layer_store *layers, const char *diff_id, const char *digest);

/* Opens a copy for reading; its size. Descriptor or -errno. Who reads it verifies it. */
int layer_blob_open(layer_store *layers, const char *diff_id, const char *digest, int64_t *ret_size);

/* Calls `each` with the digest of every copy the layer has. */
void layer_blob_each(layer_store *layers, const char *diff_id, void (*each)(void *arg, const char *digest),
                     void *arg);

/* Bytes the copies of a layer take on the disk. */
int64_t layer_blob_disk_size(layer_store *layers, const char *diff_id);

/* Reads a copy and compares its digest. MN_INTERNAL when it is another. */
mn_status layer_blob_verify(layer_store *layers, const char *diff_id, const char *digest,
                            mn_err *err) MN_MUST_USE;
int layer_blob_remove(layer_store *layers, const char *diff_id, const char *digest);

/* ---- writing ---- */

/* A copy that is written while its bytes come; it has no name before layer_copy_keep. */
typedef struct layer_copy layer_copy;

mn_status layer_copy_new(layer_store *layers, layer_copy **ret, mn_err *err) MN_MUST_USE;
mn_status layer_copy_add(layer_copy *copy, const void *data, size_t len, mn_err *err) MN_MUST_USE;

/* As layer_blob_keep. */
mn_status layer_copy_keep(layer_copy *copy, layer_store *layers, const char *diff_id, const char *digest,
                          mn_err *err) MN_MUST_USE;

/* NULL is accepted. */
void layer_copy_free(layer_copy *copy);
