/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Uploads of the distribution API, for push_layer.c. */

#include "image/push_layer.h"

/* True when the registry has the blob, with this size unless that is not known (-1). */
mn_status push_has_blob(registry_session *session, registry_http *http, size_t endpoint, const char *digest,
                        int64_t size, bool *ret, mn_err *err) MN_MUST_USE;

/* POST blobs/uploads/ with a query ("" or "?mount=..."). */
mn_status push_upload_post(const push_layer_spec *spec, registry_http *http, const char *query,
                           registry_response *response, mn_err *err) MN_MUST_USE;

/* The URL of an upload as the registry gave it, absolute, on the heap. NULL when the answer has none that is
   usable. */
char *push_upload_url(const push_layer_spec *spec, const registry_response *response);

/* Sends the layer: the bytes of `copy_fd`, which must be the blob that is wanted, or compressed as it goes
   when that is negative. `*url`, an upload the registry has begun or NULL, is taken over. One that breaks is
   gone on with where the registry says it stopped: the same bytes are made again, those it has are skipped.
 */
mn_status push_upload_layer(const push_layer_spec *spec, registry_http *http, int copy_fd, char **url,
                            transfer_slot *slot, push_blob *ret, mn_err *err) MN_MUST_USE;
