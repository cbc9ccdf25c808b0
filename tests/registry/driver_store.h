/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A place for images that is a plain directory: layers/<hex> (uncompressed tars), images/<hex> (configs),
 * manifests/<hex>, refs/<escaped reference> (the id). Enough to test the registry client by itself. */

#include "image/ingest.h"

extern const image_ingest_ops driver_store_ops;

/* The table's object is the directory's path. */
void driver_store_init(const char *dir);
