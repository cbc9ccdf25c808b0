/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a registry's manifests and indexes must be beyond their format (oci/image_spec.h) before an image is
 * pulled. */

#include "base/arena.h"
#include "image/platform.h"
#include "oci/image_spec.h"

/* Value of an Accept header for manifests and indexes of both kinds. */
#define REGISTRY_MANIFEST_ACCEPT                                                                             \
        "Accept: " DOCKER_MEDIA_MANIFEST ", " DOCKER_MEDIA_INDEX ", " OCI_MEDIA_MANIFEST ","                 \
        " " OCI_MEDIA_INDEX

enum { REGISTRY_LAYERS_MAX = 127, REGISTRY_INDEX_MAX = 1000 };

/* oci_document_decode for an answer with this Content-Type (NULL: none). A type that names no kind of
   manifest, as plain web servers send it, is no evidence and ignored. MN_INVALID; MN_NOT_IMPLEMENTED for the
   old schema 1. */
mn_status registry_manifest_parse(const char *content_type, const char *text, size_t len, mn_arena *arena,
                                  oci_document *ret, mn_err *err) MN_MUST_USE;

/* Checks that a manifest can be run as an image: an image config, layers we can unpack, none of them foreign.
 */
mn_status registry_manifest_check_image(const oci_document *manifest, mn_err *err) MN_MUST_USE;

/* The entry of an index that serves the platform best, NULL when none does. */
const oci_descriptor *registry_manifest_choose(const oci_document *index, const image_platform *wanted);

/* What pull must know of an image's config before its layers come. */
typedef struct registry_config {
        image_platform platform;
        char **diff_ids; /* as many as the manifest has layers, each a valid sha256 digest */
} registry_config;

mn_status registry_config_parse(const char *text, size_t len, const oci_document *manifest, mn_arena *arena,
                                registry_config *ret, mn_err *err) MN_MUST_USE;

/* Digest of bytes by the algorithm of the digest `like` ("": sha256). `to` has room for MN_DIGEST_SIZE. */
void registry_digest_of(const void *data, size_t len, const char *like, char *to);
