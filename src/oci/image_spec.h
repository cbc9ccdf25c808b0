/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Documents of an image: the manifest and index (OCI image-spec 1.1 and Docker schema 2), the image
 * configuration, and the `manifest.json` of a docker-archive. Each is decoded and validated in one step; what
 * comes back can be used without further checks: every digest follows the grammar, sizes are not negative,
 * lists that must be there are there. Whoever hashes a document hashes the very bytes that were decoded.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"

enum {
        OCI_DOCUMENT_MAX = 4 << 20,     /* bytes of a manifest, index or configuration */
        OCI_ARCHIVE_LIST_MAX = 1 << 20, /* bytes of a docker-archive's manifest.json */
        OCI_LAYERS_MAX = 480,           /* what an overlay mount carries, less the container's own two */
        OCI_HISTORY_MAX = 10000,
};

#define OCI_MEDIA_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_MEDIA_CONFIG "application/vnd.oci.image.config.v1+json"
#define OCI_MEDIA_LAYER "application/vnd.oci.image.layer.v1.tar"
#define OCI_MEDIA_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define OCI_MEDIA_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define DOCKER_MEDIA_INDEX "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_MEDIA_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_MEDIA_CONFIG "application/vnd.docker.container.image.v1+json"
#define DOCKER_MEDIA_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define DOCKER_MEDIA_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"

/* ---- descriptors, manifest, index ---- */

typedef struct oci_platform {
        char *architecture;
        char *os;
        char *os_version;
        char **os_features;
        char *variant;
} oci_platform;

typedef struct oci_descriptor {
        char *media_type;
        char *digest; /* by the grammar: sha256 or sha512, lower-case hex */
        int64_t size; /* bytes, >= 0 */
        char **urls;
        mn_str_map annotations;
        char *data; /* base64 of the content */
        oci_platform *platform;
        char *artifact_type;
} oci_descriptor;
typedef MN_LIST(oci_descriptor) oci_descriptor_list;

typedef enum oci_document_kind { OCI_MANIFEST, OCI_INDEX } oci_document_kind;

/* A manifest or an index. */
typedef struct oci_document {
        oci_document_kind kind;
        int64_t schema_version; /* 2 */
        char *media_type;       /* never NULL after decoding: the document's own, else the content type's */
        char *artifact_type;
        oci_descriptor *config;        /* manifest: never NULL */
        oci_descriptor_list layers;    /* manifest */
        oci_descriptor_list manifests; /* index */
        oci_descriptor *subject;
        mn_str_map annotations;
} oci_document;

/* Decodes a manifest or index of at most OCI_DOCUMENT_MAX bytes. `content_type` (NULL: not known) must agree
   with the document's mediaType; a document that could be read as both is refused. MN_INVALID otherwise. */
mn_status oci_document_decode(const char *text, size_t len, const char *content_type, mn_arena *arena,
                              oci_document *ret, mn_err *err) MN_MUST_USE;

/* Appends a manifest or index as compact JSON, members in the specification's order. */
void oci_document_encode(const oci_document *document, mn_str *out);

/* JSON table of one descriptor. */
extern const mn_type oci_descriptor_type;

/* How a layer's media type says it is packed. */
typedef enum oci_layer_kind {
        OCI_LAYER_UNKNOWN, /* not a layer's media type */
        OCI_LAYER_TAR,
        OCI_LAYER_GZIP,
        OCI_LAYER_ZSTD,
        OCI_LAYER_FOREIGN, /* non-distributable: refused */
} oci_layer_kind;
oci_layer_kind oci_layer_kind_of(const char *media_type);

/* True for the media types of an index and of a manifest. */
bool oci_media_is_index(const char *media_type);
bool oci_media_is_manifest(const char *media_type);

/* ---- the image configuration ---- */

/* Durations in nanoseconds. */
typedef struct oci_healthcheck {
        char **test;
        int64_t interval;
        int64_t timeout;
        int64_t start_period;
        int64_t start_interval;
        int32_t retries;
} oci_healthcheck;

/* What an image may say about containers made from it; nothing else of a configuration is ever used. */
typedef struct oci_image_config {
        char *user;
        char **exposed_ports; /* "80/tcp" */
        char **env;           /* "NAME=value"; entries without a name or '=' are dropped when decoding */
        char **entrypoint;
        char **cmd;
        oci_healthcheck *healthcheck;
        bool args_escaped;
        char **volumes; /* absolute paths */
        char *working_dir;
        char **on_build;
        mn_str_map labels;
        char *stop_signal;
        char **shell;
} oci_image_config;

typedef struct oci_history {
        int64_t created; /* nanoseconds; 0 when not given */
        char *author;
        char *created_by;
        char *comment;
        bool is_empty_layer;
} oci_history;

typedef struct oci_rootfs {
        char *type;      /* "layers" */
        char **diff_ids; /* digests of the uncompressed layers, lowest first */
} oci_rootfs;

typedef struct oci_image {
        int64_t created;
        char *author;
        char *architecture; /* "amd64" ... */
        char *variant;
        char *os;
        char *os_version;
        char **os_features;
        char *comment;        /* Docker's */
        char *docker_version; /* Docker's */
        char *parent;         /* Docker's, in old archives; not used */
        oci_image_config config;
        oci_rootfs rootfs;
        MN_LIST(oci_history) history;
} oci_image;

/* Decodes and checks an image configuration of at most OCI_DOCUMENT_MAX bytes. */
mn_status oci_image_decode(const char *text, size_t len, mn_arena *arena, oci_image *ret,
                           mn_err *err) MN_MUST_USE;

/* Appends an image configuration as compact JSON. */
void oci_image_encode(const oci_image *image, mn_str *out);

/* JSON table of the `config` part: the API shows it as Config. */
extern const mn_type oci_image_config_type;

/* ---- the docker-archive list ---- */

/* One image of manifest.json. Names are those of archive members, unchecked: compare, never open them. */
typedef struct oci_archive_image {
        char *config;
        char **repo_tags; /* may be NULL */
        char **layers;
} oci_archive_image;
typedef MN_LIST(oci_archive_image) oci_archive_list;

mn_status oci_archive_decode(const char *text, size_t len, mn_arena *arena, oci_archive_list *ret,
                             mn_err *err) MN_MUST_USE;
void oci_archive_encode(const oci_archive_list *list, mn_str *out);
