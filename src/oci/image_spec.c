/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of the image documents, in the order the specification and Docker write them. */

#include "oci/image_spec.h"
#include "oci/image_types.h"

/* ---- descriptors ---- */

#define PLATFORM(member) offsetof(oci_platform, member)
static const mn_field platform_fields[] = {
        { "architecture", &mn_type_str, PLATFORM(architecture) },
        { "os", &mn_type_str, PLATFORM(os) },
        { "os.version", &mn_type_str, PLATFORM(os_version), MN_OMIT_EMPTY },
        { "os.features", &mn_type_strv, PLATFORM(os_features), MN_OMIT_EMPTY },
        { "variant", &mn_type_str, PLATFORM(variant), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type platform_type = MN_STRUCT(oci_platform, platform_fields);
static const mn_type platform_ptr_type = MN_PTR_TO(&platform_type);

#define DESCRIPTOR(member) offsetof(oci_descriptor, member)
static const mn_field descriptor_fields[] = {
        { "mediaType", &mn_type_str, DESCRIPTOR(media_type), MN_REQUIRED },
        { "digest", &mn_type_str, DESCRIPTOR(digest), MN_REQUIRED },
        { "size", &mn_type_i64, DESCRIPTOR(size), MN_REQUIRED },
        { "urls", &mn_type_strv, DESCRIPTOR(urls), MN_OMIT_EMPTY },
        { "annotations", &mn_type_str_map, DESCRIPTOR(annotations), MN_OMIT_EMPTY },
        { "data", &mn_type_str, DESCRIPTOR(data), MN_OMIT_EMPTY },
        { "platform", &platform_ptr_type, DESCRIPTOR(platform), MN_OMIT_EMPTY },
        { "artifactType", &mn_type_str, DESCRIPTOR(artifact_type), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type oci_descriptor_type = MN_STRUCT(oci_descriptor, descriptor_fields);
static const mn_type descriptor_ptr_type = MN_PTR_TO(&oci_descriptor_type);
static const mn_type descriptor_list_type = MN_LIST_OF(&oci_descriptor_type);

/* ---- manifest and index ---- */

#define DOCUMENT(member) offsetof(oci_document, member)
static const mn_field manifest_fields[] = {
        { "schemaVersion", &mn_type_i64, DOCUMENT(schema_version), MN_REQUIRED },
        { "mediaType", &mn_type_str, DOCUMENT(media_type), MN_OMIT_EMPTY },
        { "artifactType", &mn_type_str, DOCUMENT(artifact_type), MN_OMIT_EMPTY },
        { "config", &descriptor_ptr_type, DOCUMENT(config), MN_REQUIRED },
        { "layers", &descriptor_list_type, DOCUMENT(layers), MN_REQUIRED | MN_EMPTY_NOT_NULL },
        { "subject", &descriptor_ptr_type, DOCUMENT(subject), MN_OMIT_EMPTY },
        { "annotations", &mn_type_str_map, DOCUMENT(annotations), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type oci_manifest_type = MN_STRUCT(oci_document, manifest_fields);

static const mn_field index_fields[] = {
        { "schemaVersion", &mn_type_i64, DOCUMENT(schema_version), MN_REQUIRED },
        { "mediaType", &mn_type_str, DOCUMENT(media_type), MN_OMIT_EMPTY },
        { "artifactType", &mn_type_str, DOCUMENT(artifact_type), MN_OMIT_EMPTY },
        { "manifests", &descriptor_list_type, DOCUMENT(manifests), MN_REQUIRED | MN_EMPTY_NOT_NULL },
        { "subject", &descriptor_ptr_type, DOCUMENT(subject), MN_OMIT_EMPTY },
        { "annotations", &mn_type_str_map, DOCUMENT(annotations), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type oci_index_type = MN_STRUCT(oci_document, index_fields);

/* ---- image configuration ---- */

#define HEALTH(member) offsetof(oci_healthcheck, member)
static const mn_field health_fields[] = {
        { "Test", &mn_type_strv, HEALTH(test), MN_OMIT_EMPTY },
        { "Interval", &mn_type_i64, HEALTH(interval), MN_OMIT_EMPTY },
        { "Timeout", &mn_type_i64, HEALTH(timeout), MN_OMIT_EMPTY },
        { "StartPeriod", &mn_type_i64, HEALTH(start_period), MN_OMIT_EMPTY },
        { "StartInterval", &mn_type_i64, HEALTH(start_interval), MN_OMIT_EMPTY },
        { "Retries", &mn_type_i32, HEALTH(retries), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type health_type = MN_STRUCT(oci_healthcheck, health_fields);
static const mn_type health_ptr_type = MN_PTR_TO(&health_type);

#define CONFIG(member) offsetof(oci_image_config, member)
static const mn_field config_fields[] = {
        { "User", &mn_type_str, CONFIG(user), MN_OMIT_EMPTY },
        { "ExposedPorts", &mn_type_set, CONFIG(exposed_ports), MN_OMIT_EMPTY },
        { "Env", &mn_type_strv, CONFIG(env), MN_OMIT_EMPTY },
        { "Entrypoint", &mn_type_strv, CONFIG(entrypoint), MN_OMIT_EMPTY | MN_STR_OR_LIST },
        { "Cmd", &mn_type_strv, CONFIG(cmd), MN_OMIT_EMPTY | MN_STR_OR_LIST },
        { "Healthcheck", &health_ptr_type, CONFIG(healthcheck), MN_OMIT_EMPTY },
        { "ArgsEscaped", &mn_type_bool, CONFIG(args_escaped), MN_OMIT_EMPTY },
        { "Volumes", &mn_type_set, CONFIG(volumes), MN_OMIT_EMPTY },
        { "WorkingDir", &mn_type_str, CONFIG(working_dir), MN_OMIT_EMPTY },
        { "OnBuild", &mn_type_strv, CONFIG(on_build), MN_OMIT_EMPTY },
        { "Labels", &mn_type_str_map, CONFIG(labels), MN_OMIT_EMPTY },
        { "StopSignal", &mn_type_str, CONFIG(stop_signal), MN_OMIT_EMPTY },
        { "Shell", &mn_type_strv, CONFIG(shell), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type oci_image_config_type = MN_STRUCT(oci_image_config, config_fields);

#define HISTORY(member) offsetof(oci_history, member)
static const mn_field history_fields[] = {
        { "created", &mn_type_time, HISTORY(created), MN_OMIT_EMPTY },
        { "author", &mn_type_str, HISTORY(author), MN_OMIT_EMPTY },
        { "created_by", &mn_type_str, HISTORY(created_by), MN_OMIT_EMPTY },
        { "comment", &mn_type_str, HISTORY(comment), MN_OMIT_EMPTY },
        { "empty_layer", &mn_type_bool, HISTORY(is_empty_layer), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type history_type = MN_STRUCT(oci_history, history_fields);
static const mn_type history_list_type = MN_LIST_OF(&history_type);

static const mn_field rootfs_fields[] = {
        { "type", &mn_type_str, offsetof(oci_rootfs, type) },
        { "diff_ids", &mn_type_strv, offsetof(oci_rootfs, diff_ids), MN_EMPTY_NOT_NULL },
        { 0 },
};
static const mn_type rootfs_type = MN_STRUCT(oci_rootfs, rootfs_fields);

#define IMAGE(member) offsetof(oci_image, member)
static const mn_field image_fields[] = {
        { "architecture", &mn_type_str, IMAGE(architecture) },
        { "variant", &mn_type_str, IMAGE(variant), MN_OMIT_EMPTY },
        { "author", &mn_type_str, IMAGE(author), MN_OMIT_EMPTY },
        { "config", &oci_image_config_type, IMAGE(config) },
        { "created", &mn_type_time, IMAGE(created), MN_OMIT_EMPTY },
        { "docker_version", &mn_type_str, IMAGE(docker_version), MN_OMIT_EMPTY },
        { "history", &history_list_type, IMAGE(history), MN_OMIT_EMPTY },
        { "os", &mn_type_str, IMAGE(os) },
        { "os.version", &mn_type_str, IMAGE(os_version), MN_OMIT_EMPTY },
        { "os.features", &mn_type_strv, IMAGE(os_features), MN_OMIT_EMPTY },
        { "parent", &mn_type_str, IMAGE(parent), MN_OMIT_EMPTY },
        { "comment", &mn_type_str, IMAGE(comment), MN_OMIT_EMPTY },
        { "rootfs", &rootfs_type, IMAGE(rootfs), MN_REQUIRED },
        { 0 },
};
const mn_type oci_image_type = MN_STRUCT(oci_image, image_fields);

/* ---- docker-archive ---- */

static const mn_field archive_fields[] = {
        { "Config", &mn_type_str, offsetof(oci_archive_image, config), MN_REQUIRED },
        { "RepoTags", &mn_type_strv, offsetof(oci_archive_image, repo_tags) },
        { "Layers", &mn_type_strv, offsetof(oci_archive_image, layers), MN_EMPTY_NOT_NULL },
        { 0 },
};
static const mn_type archive_type = MN_STRUCT(oci_archive_image, archive_fields);
const mn_type oci_archive_list_type = MN_LIST_OF(&archive_type);
