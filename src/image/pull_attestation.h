/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Attestations that an index has for an image: manifests whose layers are in-toto statements. */

#include "image/ingest.h"
#include "image/pull_document.h"

/* Fetches and verifies the documents of the attestations the document's index has for the manifest chosen,
   into the arena. What cannot be had, or is larger than a document may be, is left out with a warning: an
   image runs without it. Returns how many documents `*ret` has. */
size_t pull_attestations(const pull_document *doc, registry_session *session, registry_http *http,
                         const mn_reference *reference, mn_arena *arena, image_ingest_document **ret);
