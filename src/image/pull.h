/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Pulling, into whatever keeps images. */

#include "image/ingest.h"
#include "image/registry.h"

/* image_pull with the place to keep images as a table; the tests' entry. */
mn_status pull_into(const image_ingest_ops *ops, void *store, image_registry *registry,
                    const image_pull_spec *spec, image_progress_fn report, void *arg,
                    mn_err *err) MN_MUST_USE;
