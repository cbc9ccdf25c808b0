/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Images in the API: list, inspect, history, delete and prune responses, and the messages of a progress
 * stream.
 */

#include "codec/json.h"

/* One row of GET /images/json. */
typedef struct wire_image_summary {
        char *id; /* "sha256:<hex>" */
        char *parent_id;
        char **repo_tags;     /* "busybox:latest" */
        char **repo_digests;  /* "busybox@sha256:<hex>" */
        int64_t created;      /* seconds since the epoch */
        int64_t size;         /* bytes of all layers */
        int64_t virtual_size; /* the same, up to v1.43 */
        int64_t shared_size;  /* bytes of layers other images have too; -1: not computed */
        mn_str_map labels;
        int64_t containers; /* made from it; -1: not counted */
        int64_t last_used;  /* seconds since the epoch; our own */
        const mn_json *manifests;
        const mn_json *descriptor;
} wire_image_summary;
typedef MN_LIST(wire_image_summary) wire_image_summary_list;
extern const mn_type wire_image_summary_type;
extern const mn_type wire_image_summary_list_type; /* wire_image_summary_list */

/* GET /images/{name}/json. */
typedef struct wire_image_inspect {
        char *id;
        char **repo_tags;
        char **repo_digests;
        char *parent;
        char *comment;
        char *container; /* that a builder made it from: none */
        int64_t created;
        char *docker_version;
        char *author;
        const mn_json *config; /* ImageConfig, as the image has it */
        char *architecture;
        char *variant;
        char *os;
        char *os_version;
        int64_t size;
        int64_t virtual_size;
        struct {
                char *name;
                mn_str_map data;
        } graph_driver;
        struct {
                char *type;
                char **layers;
        } rootfs;
        struct {
                int64_t last_tag_time;
                int64_t last_used_time; /* our own */
        } metadata;
        const mn_json *descriptor;
        const mn_json *manifests;
        const mn_json *identity;
} wire_image_inspect;
extern const mn_type wire_image_inspect_type;

/* One row of GET /images/{name}/history, newest first. */
typedef struct wire_image_history {
        char *id; /* "<missing>" for layers that are no image here */
        int64_t created;
        char *created_by;
        char **tags;
        int64_t size;
        char *comment;
} wire_image_history;
typedef MN_LIST(wire_image_history) wire_image_history_list;
extern const mn_type wire_image_history_list_type; /* wire_image_history_list */

/* One row of DELETE /images/{name}: exactly one member is set. */
typedef struct wire_image_delete {
        char *untagged; /* "busybox:latest" */
        char *deleted;  /* "sha256:<hex>" */
} wire_image_delete;
typedef MN_LIST(wire_image_delete) wire_image_delete_list;
extern const mn_type wire_image_delete_list_type; /* wire_image_delete_list */

/* POST /images/prune. */
typedef struct wire_image_prune {
        wire_image_delete_list deleted;
        int64_t space_reclaimed;
} wire_image_prune;
extern const mn_type wire_image_prune_type;

/* One row of GET /containers/{id}/changes. */
typedef struct wire_change {
        char *path;
        int32_t kind; /* 0 modified, 1 added, 2 deleted */
} wire_change;
typedef MN_LIST(wire_change) wire_change_list;
extern const mn_type wire_change_list_type; /* wire_change_list */

/* One message of a progress stream: load, import, pull, push and build. */
typedef struct wire_progress {
        char *stream; /* text to show as it is */
        char *status;
        struct {
                int64_t current;
                int64_t total;
        } * detail;
        char *progress; /* the bar as text, for old clients */
        char *id;       /* layer or tag the message is about */
        char *error;    /* the last message of a failed operation */
        struct {
                int32_t code;
                char *message;
        } * error_detail;
        const mn_json *aux;
} wire_progress;
extern const mn_type wire_progress_type;
