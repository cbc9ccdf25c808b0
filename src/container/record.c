/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of the stored documents. */

#include "container/record.h"

#define MOUNT(member) offsetof(container_mount, member)
static const mn_field mount_fields[] = {
        { "Type", &mn_type_str, MOUNT(type) },
        { "Name", &mn_type_str, MOUNT(name), MN_OMIT_EMPTY },
        { "ImageId", &mn_type_str, MOUNT(image_id), MN_OMIT_EMPTY },
        { "Source", &mn_type_str, MOUNT(source), MN_OMIT_EMPTY },
        { "Destination", &mn_type_str, MOUNT(destination) },
        { "Driver", &mn_type_str, MOUNT(driver), MN_OMIT_EMPTY },
        { "Mode", &mn_type_str, MOUNT(mode), MN_OMIT_EMPTY },
        { "Propagation", &mn_type_str, MOUNT(propagation), MN_OMIT_EMPTY },
        { "Options", &mn_type_str, MOUNT(options), MN_OMIT_EMPTY },
        { "Subpath", &mn_type_str, MOUNT(subpath), MN_OMIT_EMPTY },
        { "RW", &mn_type_bool, MOUNT(is_writable) },
        { "Anonymous", &mn_type_bool, MOUNT(is_anonymous), MN_OMIT_EMPTY },
        { "NoCopy", &mn_type_bool, MOUNT(has_no_copy), MN_OMIT_EMPTY },
        { "NonRecursive", &mn_type_bool, MOUNT(is_non_recursive), MN_OMIT_EMPTY },
        { "ReadOnlyNonRecursive", &mn_type_bool, MOUNT(is_ro_non_recursive), MN_OMIT_EMPTY },
        { "CreateSource", &mn_type_bool, MOUNT(creates_source), MN_OMIT_EMPTY },
        { "FromMounts", &mn_type_bool, MOUNT(is_from_mounts), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type mount_type = MN_STRUCT(container_mount, mount_fields);
static const mn_type mount_list_type = MN_LIST_OF(&mount_type);

#define RECORD(member) offsetof(container_record, member)
static const mn_field record_fields[] = {
        { "Id", &mn_type_str, RECORD(id), MN_REQUIRED },
        { "Name", &mn_type_str, RECORD(name), MN_REQUIRED },
        { "Created", &mn_type_time, RECORD(created_ns) },
        { "ImageId", &mn_type_str, RECORD(image_id) },
        { "Path", &mn_type_str, RECORD(path) },
        { "Args", &mn_type_strv, RECORD(args) },
        { "Config", &wire_container_config_type, RECORD(config) },
        { "HostConfig", &wire_host_config_type, RECORD(host_config) },
        { "Endpoints", &wire_endpoints_type, RECORD(endpoints) },
        { "Mounts", &mount_list_type, RECORD(mounts) },
        { 0 },
};
const mn_type container_record_type = MN_STRUCT(container_record, record_fields);

#define STATE(member) offsetof(container_state, member)
static const mn_field state_fields[] = {
        { "Status", &mn_type_i32, STATE(status) },
        { "Pid", &mn_type_i32, STATE(pid) },
        { "ExitCode", &mn_type_i32, STATE(exit_code) },
        { "OOMKilled", &mn_type_bool, STATE(is_oom_killed), MN_OMIT_EMPTY },
        { "Error", &mn_type_str, STATE(error), MN_OMIT_EMPTY },
        { "StartedAt", &mn_type_time, STATE(started_at) },
        { "FinishedAt", &mn_type_time, STATE(finished_at) },
        { "RestartCount", &mn_type_i32, STATE(restart_count), MN_OMIT_EMPTY },
        { "WasStarted", &mn_type_bool, STATE(was_started), MN_OMIT_EMPTY },
        { "ManuallyStopped", &mn_type_bool, STATE(is_manually_stopped), MN_OMIT_EMPTY },
        { "Health", &wire_health_ptr_type, STATE(health), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type container_state_type = MN_STRUCT(container_state, state_fields);

const char *container_status_text(container_status status) {
        static const char *const texts[] = {
                [CONTAINER_CREATED] = "created", [CONTAINER_RUNNING] = "running",
                [CONTAINER_PAUSED] = "paused",   [CONTAINER_RESTARTING] = "restarting",
                [CONTAINER_EXITED] = "exited",   [CONTAINER_REMOVING] = "removing",
                [CONTAINER_DEAD] = "dead",
        };
        return status <= CONTAINER_DEAD ? texts[status] : "dead";
}
