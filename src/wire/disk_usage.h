/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* GET /system/df: lists of everything up to v1.51, sums by kind from v1.52 on. */

#include "wire/container.h"
#include "wire/image.h"
#include "wire/volume.h"

/* Sums of one kind of object; the items are there only when asked for. */
typedef struct wire_images_usage {
        int64_t active_count, total_count, reclaimable, total_size;
        wire_image_summary_list items;
} wire_images_usage;
typedef struct wire_containers_usage {
        int64_t active_count, total_count, reclaimable, total_size;
        wire_container_summary_list items;
} wire_containers_usage;
typedef struct wire_volumes_usage {
        int64_t active_count, total_count, reclaimable, total_size;
        wire_volume_items items;
} wire_volumes_usage;
typedef struct wire_build_cache_usage {
        int64_t active_count, total_count, reclaimable, total_size;
} wire_build_cache_usage;

/* A kind that was not asked for is NULL. */
typedef struct wire_disk_usage {
        wire_images_usage *image_usage;
        wire_containers_usage *container_usage;
        wire_volumes_usage *volume_usage;
        wire_build_cache_usage *build_cache_usage;

        int64_t layers_size; /* the rest until v1.51 */
        wire_image_summary_list images;
        wire_container_summary_list containers;
        wire_volume_items volumes;
        MN_LIST(wire_build_cache_usage) build_cache; /* always empty */
} wire_disk_usage;
extern const mn_type wire_disk_usage_type;
