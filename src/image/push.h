/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Pushing, from whatever keeps images. */

#include "image/ingest.h"
#include "image/registry.h"

/* image_push with the place that keeps images as a table; the tests' entry. */
mn_status push_from(const image_ingest_ops *ops, void *store, image_registry *registry,
                    const image_push_spec *spec, image_progress_fn report, void *arg,
                    mn_err *err) MN_MUST_USE;
