/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Volumes in the API. */

#include "codec/json.h"

typedef struct wire_volume_usage {
        int64_t size;      /* bytes; -1: not known */
        int64_t ref_count; /* containers that use it; -1: not known */
} wire_volume_usage;

typedef struct wire_volume {
        int64_t created_ns;
        char *driver;
        mn_str_map labels;
        char *mountpoint;
        char *name;
        mn_str_map options;
        char *scope;
        wire_volume_usage *usage; /* only in `system df` */
} wire_volume;
typedef MN_LIST(wire_volume) wire_volume_items;

/* Answer to GET /volumes. */
typedef struct wire_volume_list {
        wire_volume_items volumes;
        char **warnings;
} wire_volume_list;

/* Body of POST /volumes/create. */
typedef struct wire_volume_create {
        char *name; /* "": one is made up */
        char *driver;
        mn_str_map driver_opts;
        mn_str_map labels;
        const mn_json *cluster_volume_spec; /* swarm only */
} wire_volume_create;

typedef struct wire_volume_prune_report {
        char **volumes_deleted;
        uint64_t space_reclaimed; /* bytes */
} wire_volume_prune_report;

extern const mn_type wire_volume_type;
extern const mn_type wire_volume_items_type; /* wire_volume_items */
extern const mn_type wire_volume_list_type;
extern const mn_type wire_volume_create_type;
extern const mn_type wire_volume_prune_report_type;
