/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Manifests and indexes as a registry serves them. They are decoded once, from the bytes whose digest was
 * computed, into a value that was checked as a whole: nobody looks at the document again.
 */

#include "base/arena.h"
#include "codec/json.h"
#include "image/platform.h"

#define REGISTRY_TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define REGISTRY_TYPE_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define REGISTRY_TYPE_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define REGISTRY_TYPE_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define REGISTRY_TYPE_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define REGISTRY_TYPE_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define REGISTRY_TYPE_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar.gzip"

/* Value of an Accept header for any of the four. */
#define REGISTRY_MANIFEST_ACCEPT                                                                             \
        "Accept: " REGISTRY_TYPE_DOCKER_MANIFEST ", " REGISTRY_TYPE_DOCKER_LIST                              \
        ", " REGISTRY_TYPE_OCI_MANIFEST ", " REGISTRY_TYPE_OCI_INDEX

enum { REGISTRY_LAYERS_MAX = 127, REGISTRY_INDEX_MAX = 1000 };

/* A descriptor whose digest is a valid one and whose size is not negative. */
typedef struct registry_descriptor {
        char *media_type;
        char *digest;
        int64_t size_bytes;
        char *artifact_type;
        char **urls;
        mn_str_map annotations;
        struct {
                char *os;
                char *architecture;
                char *variant;
                char *os_version;
        } * platform; /* of an entry of an index, or NULL */
} registry_descriptor;

typedef MN_LIST(registry_descriptor) registry_descriptor_list;

typedef struct registry_manifest {
        bool is_index;
        char *media_type;
        char *artifact_type;
        registry_descriptor config;
        registry_descriptor_list layers;
        registry_descriptor_list manifests; /* of an index */
        registry_descriptor *subject;       /* what this is about (signatures), or NULL */
} registry_manifest;

/* Decodes and checks. `content_type` is the answer's header (parameters are ignored) or NULL when the
   document was not served as one; it must agree with the document's own mediaType. MN_INVALID says what is
   wrong. */
mn_status registry_manifest_parse(const char *content_type, const char *text, size_t len, mn_arena *arena,
                                  registry_manifest *ret, mn_err *err) MN_MUST_USE;

/* Further checks of a manifest that is to be run as an image: an image config, layers we can unpack, none of
 * them foreign. */
mn_status registry_manifest_check_image(const registry_manifest *manifest, mn_err *err) MN_MUST_USE;

/* The entry of an index that serves the platform best, NULL when none does. */
const registry_descriptor *registry_manifest_choose(const registry_manifest *index,
                                                    const image_platform *wanted);

/* What pull must know of an image's config before its layers come. */
typedef struct registry_config {
        image_platform platform;
        char **diff_ids; /* as many as the manifest has layers, each a valid sha256 digest */
} registry_config;

mn_status registry_config_parse(const char *text, size_t len, const registry_manifest *manifest,
                                mn_arena *arena, registry_config *ret, mn_err *err) MN_MUST_USE;

/* Digest of bytes: "sha256:<hex>", or sha512 when `like` begins so. `to` has room for MN_DIGEST_TEXT_MAX + 1.
 */
void registry_digest_of(const void *data, size_t len, const char *like, char *to);

/* True when the two media types are the same, parameters and case aside. */
bool registry_same_media_type(const char *a, const char *b);

extern const mn_type registry_descriptor_type;
