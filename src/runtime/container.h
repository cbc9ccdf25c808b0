/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A container as the runtime remembers it: a directory below --root with state.json, a copy of config.json,
   exec.fifo while it waits for `start`, and start.error where `start` waits for its hooks. */

#include "oci/runtime_spec.h"
#include "runtime/context.h"
#include "sys/cgroup.h"

#define CONTAINER_STATE_FILE "state.json"
#define CONTAINER_CONFIG_FILE "config.json"
#define CONTAINER_FIFO "exec.fifo"
#define CONTAINER_START_ERROR "start.error"

typedef enum container_status {
        CONTAINER_CREATING, /* being set up, or its set-up was interrupted */
        CONTAINER_CREATED,
        CONTAINER_RUNNING,
        CONTAINER_PAUSED,
        CONTAINER_STOPPED,
} container_status;

/* state.json. Internal: its form may change between versions that know how to read the older. */
typedef struct container_record {
        char *oci_version;
        char *id;
        int32_t pid;
        uint64_t pid_key; /* tells this process from a later one of the same pid */
        char *bundle;
        char *rootfs;
        char *created;
        mn_str_map cgroup_paths; /* hierarchy name -> directory */
        char *systemd_unit;      /* "" unless systemd made the cgroup */
        int32_t join_flags;      /* CLONE_NEW*: namespaces other than the host's, which `exec` enters */
        int32_t preserve_fds;
        bool is_plain; /* neither hooks nor intelRdt: `start` and `delete` need not read config.json */
        char *resctrl; /* where the resctrl file system is whose group we made; NULL: none */
} container_record;

typedef struct container {
        mn_arena *arena;
        int dir_fd;
        container_record record;
} container;

/* An id is one path component of letters, digits and "_+-.". */
mn_status container_check_id(const char *id, mn_err *err) MN_MUST_USE;

/* Makes the directory (and --root): it reserves the id. MN_CONFLICT when it is taken. */
mn_status container_reserve(const runtime_context *rt, const char *id, int *ret_dir_fd,
                            mn_err *err) MN_MUST_USE;

/* Removes the directory. */
void container_forget(const runtime_context *rt, const char *id);

/* The text of state.json, and the record in such a text (strings in the arena). */
void container_record_print(const container_record *record, mn_str *ret);
mn_status container_record_parse(const char *text, size_t len, mn_arena *arena, container_record *ret,
                                 mn_err *err) MN_MUST_USE;

/* Writes state.json. */
mn_status container_save(int dir_fd, const container_record *record, mn_err *err) MN_MUST_USE;

/* Opens a container. MN_NOT_FOUND "container "x" does not exist". A directory without state.json (its
   creation was interrupted) is opened with an empty record: status creating. */
mn_status container_open(const runtime_context *rt, const char *id, container *ret, mn_err *err) MN_MUST_USE;
void container_release(container *c);
#define cleanup_container MN_CLEANUP(container_release)

/* What it is doing now. */
container_status container_get_status(const container *c);
const char *container_status_name(container_status status);

/* A pidfd of its first process, checked to be that one; -ESRCH when it is gone. */
int container_open_pid(const container *c);

/* Its cgroup; -ENOENT when that is gone. `host` must outlive `ret`. */
int container_open_cgroup(const container *c, mn_cgroup_host *host, mn_cgroup *ret);

/* The configuration it was made from. */
mn_status container_load_spec(const container *c, oci_spec **ret, mn_err *err) MN_MUST_USE;

/* The key of a process for container_record.pid_key; -errno as negative via `ret` untouched. */
int container_pid_key(pid_t pid, uint64_t *ret);

/* The OCI state document; `annotations` may be NULL. */
oci_state container_oci_state(const container_record *record, container_status status,
                              const mn_str_map *annotations);
