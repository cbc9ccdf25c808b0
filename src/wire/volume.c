/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of the API's volume documents. */

#include "wire/volume.h"

static const mn_field usage_fields[] = {
        { "RefCount", &mn_type_i64, offsetof(wire_volume_usage, ref_count) },
        { "Size", &mn_type_i64, offsetof(wire_volume_usage, size) },
        { 0 },
};
static const mn_type usage_type = MN_STRUCT(wire_volume_usage, usage_fields);
static const mn_type usage_ptr_type = MN_PTR_TO(&usage_type);

#define VOLUME(member) offsetof(wire_volume, member)
static const mn_field volume_fields[] = {
        { "CreatedAt", &mn_type_time, VOLUME(created_ns) },
        { "Driver", &mn_type_str, VOLUME(driver) },
        { "Labels", &mn_type_str_map, VOLUME(labels), MN_EMPTY_NOT_NULL },
        { "Mountpoint", &mn_type_str, VOLUME(mountpoint) },
        { "Name", &mn_type_str, VOLUME(name) },
        { "Options", &mn_type_str_map, VOLUME(options), MN_EMPTY_NOT_NULL },
        { "Scope", &mn_type_str, VOLUME(scope) },
        { "UsageData", &usage_ptr_type, VOLUME(usage), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_volume_type = MN_STRUCT(wire_volume, volume_fields);
const mn_type wire_volume_items_type = MN_LIST_OF(&wire_volume_type);

static const mn_field list_fields[] = {
        { "Volumes", &wire_volume_items_type, offsetof(wire_volume_list, volumes), MN_EMPTY_NOT_NULL },
        { "Warnings", &mn_type_strv, offsetof(wire_volume_list, warnings), MN_EMPTY_NOT_NULL },
        { 0 },
};
const mn_type wire_volume_list_type = MN_STRUCT(wire_volume_list, list_fields);

#define CREATE(member) offsetof(wire_volume_create, member)
static const mn_field create_fields[] = {
        { "Name", &mn_type_str, CREATE(name), MN_OMIT_EMPTY },
        { "Driver", &mn_type_str, CREATE(driver), MN_OMIT_EMPTY },
        { "DriverOpts", &mn_type_str_map, CREATE(driver_opts), MN_OMIT_EMPTY },
        { "Labels", &mn_type_str_map, CREATE(labels), MN_OMIT_EMPTY },
        { "ClusterVolumeSpec", &mn_type_raw, CREATE(cluster_volume_spec), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_volume_create_type = MN_STRUCT(wire_volume_create, create_fields);

static const mn_field prune_fields[] = {
        { "VolumesDeleted", &mn_type_strv, offsetof(wire_volume_prune_report, volumes_deleted),
          MN_EMPTY_NOT_NULL },
        { "SpaceReclaimed", &mn_type_u64, offsetof(wire_volume_prune_report, space_reclaimed) },
        { 0 },
};
const mn_type wire_volume_prune_report_type = MN_STRUCT(wire_volume_prune_report, prune_fields);
