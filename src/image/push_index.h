/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Pushing an index of several platforms. */

#include "image/push_image.h"

/*
 * Pushes what is here of the index, then the index under the reference's tag: the very one when the registry
 * has, or gets, exactly the manifests it names. When a layer had to be compressed anew, an index of the new
 * manifests is written; attestations are then left out, as they are about others.
 *
 * `*ret_is_done` is false when only one platform is here and the registry lacks the others: the caller then
 * pushes that image alone, as Docker does. MN_NOT_FOUND in Docker's words when several are here, but not all.
 */
mn_status push_index(push_context *p, const image_export_index *index, push_manifest *ret, bool *ret_is_done,
                     mn_err *err) MN_MUST_USE;

/* Tells the client that a manifest was pushed in place of the index. */
mn_status push_index_tell_replaced(push_context *p, const image_export_index *index,
                                   const push_manifest *pushed, mn_err *err) MN_MUST_USE;
