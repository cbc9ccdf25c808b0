/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/disk_usage.h"

#include <stddef.h>

/* The sums every kind has. */
#define SUMS(T)                                                                                              \
        { "ActiveCount", &mn_type_i64, offsetof(T, active_count), 0 },                                       \
                { "TotalCount", &mn_type_i64, offsetof(T, total_count), 0 },                                 \
                { "Reclaimable", &mn_type_i64, offsetof(T, reclaimable), 0 }, {                              \
                "TotalSize", &mn_type_i64, offsetof(T, total_size), 0                                        \
        }

static const mn_field images_fields[] = {
        SUMS(wire_images_usage),
        { "Items", &wire_image_summary_list_type, offsetof(wire_images_usage, items), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type images_type = MN_STRUCT(wire_images_usage, images_fields);
static const mn_type images_ptr = MN_PTR_TO(&images_type);

static const mn_field containers_fields[] = {
        SUMS(wire_containers_usage),
        { "Items", &wire_container_summary_list_type, offsetof(wire_containers_usage, items), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type containers_type = MN_STRUCT(wire_containers_usage, containers_fields);
static const mn_type containers_ptr = MN_PTR_TO(&containers_type);

static const mn_field volumes_fields[] = {
        SUMS(wire_volumes_usage),
        { "Items", &wire_volume_items_type, offsetof(wire_volumes_usage, items), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type volumes_type = MN_STRUCT(wire_volumes_usage, volumes_fields);
static const mn_type volumes_ptr = MN_PTR_TO(&volumes_type);

static const mn_field build_cache_fields[] = {
        SUMS(wire_build_cache_usage),
        { 0 },
};
static const mn_type build_cache_type = MN_STRUCT(wire_build_cache_usage, build_cache_fields);
static const mn_type build_cache_ptr = MN_PTR_TO(&build_cache_type);
static const mn_type build_cache_list = MN_LIST_OF(&build_cache_type);

#define AT(member) offsetof(wire_disk_usage, member)
static const mn_field usage_fields[] = {
        { "ImageUsage", &images_ptr, AT(image_usage), MN_OMIT_EMPTY, 152 },
        { "ContainerUsage", &containers_ptr, AT(container_usage), MN_OMIT_EMPTY, 152 },
        { "VolumeUsage", &volumes_ptr, AT(volume_usage), MN_OMIT_EMPTY, 152 },
        { "BuildCacheUsage", &build_cache_ptr, AT(build_cache_usage), MN_OMIT_EMPTY, 152 },
        { "LayersSize", &mn_type_i64, AT(layers_size), 0, 0, 151 },
        { "Images", &wire_image_summary_list_type, AT(images), 0, 0, 151 },
        { "Containers", &wire_container_summary_list_type, AT(containers), 0, 0, 151 },
        { "Volumes", &wire_volume_items_type, AT(volumes), 0, 0, 151 },
        { "BuildCache", &build_cache_list, AT(build_cache), 0, 0, 151 },
        { 0 },
};
const mn_type wire_disk_usage_type = MN_STRUCT(wire_disk_usage, usage_fields);
