/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of the API's image documents, in the order Docker writes them. */

#include "wire/image.h"

#define SUMMARY(member) offsetof(wire_image_summary, member)
static const mn_field summary_fields[] = {
        { "Containers", &mn_type_i64, SUMMARY(containers) },
        { "Created", &mn_type_i64, SUMMARY(created) },
        { "Id", &mn_type_str, SUMMARY(id) },
        { "Labels", &mn_type_str_map, SUMMARY(labels), MN_EMPTY_NOT_NULL },
        { "ParentId", &mn_type_str, SUMMARY(parent_id) },
        { "Descriptor", &mn_type_raw, SUMMARY(descriptor), MN_OMIT_EMPTY, .since = 148 },
        { "Manifests", &mn_type_raw, SUMMARY(manifests), MN_OMIT_EMPTY, .since = 147 },
        { "RepoDigests", &mn_type_strv, SUMMARY(repo_digests), MN_EMPTY_NOT_NULL },
        { "RepoTags", &mn_type_strv, SUMMARY(repo_tags), MN_EMPTY_NOT_NULL },
        { "LastUsed", &mn_type_i64, SUMMARY(last_used) },
        { "SharedSize", &mn_type_i64, SUMMARY(shared_size) },
        { "Size", &mn_type_i64, SUMMARY(size) },
        { "VirtualSize", &mn_type_i64, SUMMARY(virtual_size), .until = 143 },
        { 0 },
};
const mn_type wire_image_summary_type = MN_STRUCT(wire_image_summary, summary_fields);
const mn_type wire_image_summary_list_type = MN_LIST_OF(&wire_image_summary_type);

#define GRAPH(member)                                                                                        \
        (offsetof(wire_image_inspect, graph_driver.member) - offsetof(wire_image_inspect, graph_driver))
static const mn_field graph_driver_fields[] = {
        { "Data", &mn_type_str_map, GRAPH(data), MN_EMPTY_NOT_NULL },
        { "Name", &mn_type_str, GRAPH(name) },
        { 0 },
};
static const mn_type graph_driver_type = { .kind = MN_T_STRUCT,
                                           .size = sizeof(((wire_image_inspect *) NULL)->graph_driver),
                                           .fields = graph_driver_fields };

#define ROOTFS(member) (offsetof(wire_image_inspect, rootfs.member) - offsetof(wire_image_inspect, rootfs))
static const mn_field rootfs_fields[] = {
        { "Type", &mn_type_str, ROOTFS(type) },
        { "Layers", &mn_type_strv, ROOTFS(layers), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type rootfs_type = { .kind = MN_T_STRUCT,
                                     .size = sizeof(((wire_image_inspect *) NULL)->rootfs),
                                     .fields = rootfs_fields };

#define METADATA(member)                                                                                     \
        (offsetof(wire_image_inspect, metadata.member) - offsetof(wire_image_inspect, metadata))
static const mn_field metadata_fields[] = {
        { "LastTagTime", &mn_type_time, METADATA(last_tag_time) },
        { "LastUsedTime", &mn_type_time, METADATA(last_used_time), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type metadata_type = { .kind = MN_T_STRUCT,
                                       .size = sizeof(((wire_image_inspect *) NULL)->metadata),
                                       .fields = metadata_fields };

#define INSPECT(member) offsetof(wire_image_inspect, member)
static const mn_field inspect_fields[] = {
        { "Id", &mn_type_str, INSPECT(id) },
        { "RepoTags", &mn_type_strv, INSPECT(repo_tags), MN_EMPTY_NOT_NULL },
        { "RepoDigests", &mn_type_strv, INSPECT(repo_digests), MN_EMPTY_NOT_NULL },
        { "Parent", &mn_type_str, INSPECT(parent), .until = 151 },
        { "Comment", &mn_type_str, INSPECT(comment) },
        { "Container", &mn_type_str, INSPECT(container), .until = 144 },
        { "ContainerConfig", &mn_type_raw, INSPECT(config), .until = 144 },
        { "Created", &mn_type_time, INSPECT(created), .until = 143 },
        { "Created", &mn_type_time, INSPECT(created), MN_OMIT_EMPTY, .since = 144 },
        { "DockerVersion", &mn_type_str, INSPECT(docker_version), .until = 151 },
        { "Author", &mn_type_str, INSPECT(author) },
        { "Config", &mn_type_raw, INSPECT(config) },
        { "Architecture", &mn_type_str, INSPECT(architecture) },
        { "Variant", &mn_type_str, INSPECT(variant), MN_OMIT_EMPTY },
        { "Os", &mn_type_str, INSPECT(os) },
        { "OsVersion", &mn_type_str, INSPECT(os_version), MN_OMIT_EMPTY },
        { "Size", &mn_type_i64, INSPECT(size) },
        { "VirtualSize", &mn_type_i64, INSPECT(virtual_size), .until = 143 },
        { "GraphDriver", &graph_driver_type, INSPECT(graph_driver) },
        { "RootFS", &rootfs_type, INSPECT(rootfs) },
        { "Metadata", &metadata_type, INSPECT(metadata) },
        { "Descriptor", &mn_type_raw, INSPECT(descriptor), MN_OMIT_EMPTY, .since = 148 },
        { "Manifests", &mn_type_raw, INSPECT(manifests), MN_OMIT_EMPTY, .since = 148 },
        { "Identity", &mn_type_raw, INSPECT(identity), MN_OMIT_EMPTY, .since = 153 },
        { 0 },
};
const mn_type wire_image_inspect_type = MN_STRUCT(wire_image_inspect, inspect_fields);

#define HISTORY(member) offsetof(wire_image_history, member)
static const mn_field history_fields[] = {
        { "Comment", &mn_type_str, HISTORY(comment) },
        { "Created", &mn_type_i64, HISTORY(created) },
        { "CreatedBy", &mn_type_str, HISTORY(created_by) },
        { "Id", &mn_type_str, HISTORY(id) },
        { "Size", &mn_type_i64, HISTORY(size) },
        { "Tags", &mn_type_strv, HISTORY(tags), MN_EMPTY_NOT_NULL },
        { 0 },
};
static const mn_type history_type = MN_STRUCT(wire_image_history, history_fields);
const mn_type wire_image_history_list_type = MN_LIST_OF(&history_type);

static const mn_field delete_fields[] = {
        { "Untagged", &mn_type_str, offsetof(wire_image_delete, untagged), MN_OMIT_EMPTY },
        { "Deleted", &mn_type_str, offsetof(wire_image_delete, deleted), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type delete_type = MN_STRUCT(wire_image_delete, delete_fields);
const mn_type wire_image_delete_list_type = MN_LIST_OF(&delete_type);

static const mn_field prune_fields[] = {
        { "ImagesDeleted", &wire_image_delete_list_type, offsetof(wire_image_prune, deleted),
          MN_EMPTY_NOT_NULL },
        { "SpaceReclaimed", &mn_type_i64, offsetof(wire_image_prune, space_reclaimed) },
        { 0 },
};
const mn_type wire_image_prune_type = MN_STRUCT(wire_image_prune, prune_fields);

static const mn_field change_fields[] = {
        { "Path", &mn_type_str, offsetof(wire_change, path) },
        { "Kind", &mn_type_i32, offsetof(wire_change, kind) },
        { 0 },
};
static const mn_type change_type = MN_STRUCT(wire_change, change_fields);
const mn_type wire_change_list_type = MN_LIST_OF(&change_type);

#define DETAIL(member) offsetof(__typeof__(*((wire_progress *) NULL)->detail), member)
static const mn_field detail_fields[] = {
        { "current", &mn_type_i64, DETAIL(current), MN_OMIT_EMPTY },
        { "total", &mn_type_i64, DETAIL(total), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type detail_type = { .kind = MN_T_STRUCT,
                                     .size = sizeof(*((wire_progress *) NULL)->detail),
                                     .fields = detail_fields };
static const mn_type detail_ptr_type = MN_PTR_TO(&detail_type);

#define ERROR_DETAIL(member) offsetof(__typeof__(*((wire_progress *) NULL)->error_detail), member)
static const mn_field error_detail_fields[] = {
        { "code", &mn_type_i32, ERROR_DETAIL(code), MN_OMIT_EMPTY },
        { "message", &mn_type_str, ERROR_DETAIL(message) },
        { 0 },
};
static const mn_type error_detail_type = { .kind = MN_T_STRUCT,
                                           .size = sizeof(*((wire_progress *) NULL)->error_detail),
                                           .fields = error_detail_fields };
static const mn_type error_detail_ptr_type = MN_PTR_TO(&error_detail_type);

#define PROGRESS(member) offsetof(wire_progress, member)
static const mn_field progress_fields[] = {
        { "stream", &mn_type_str, PROGRESS(stream), MN_OMIT_EMPTY },
        { "status", &mn_type_str, PROGRESS(status), MN_OMIT_EMPTY },
        { "progressDetail", &detail_ptr_type, PROGRESS(detail), MN_OMIT_EMPTY },
        { "progress", &mn_type_str, PROGRESS(progress), MN_OMIT_EMPTY },
        { "id", &mn_type_str, PROGRESS(id), MN_OMIT_EMPTY },
        { "errorDetail", &error_detail_ptr_type, PROGRESS(error_detail), MN_OMIT_EMPTY },
        { "error", &mn_type_str, PROGRESS(error), MN_OMIT_EMPTY },
        { "aux", &mn_type_raw, PROGRESS(aux), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type wire_progress_type = MN_STRUCT(wire_progress, progress_fields);
