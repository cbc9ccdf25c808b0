/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the state database keeps of a container: the record (what it is, changed by few operations) and the
 * state (what it does, written at every change), as two documents of the same id.
 */

#include "store/store.h"
#include "wire/container.h"

#define CONTAINER_KIND "container"
#define CONTAINER_STATE_KIND "container-state"
#define CONTAINER_REMOVED_KIND "container-removed"

/* Something mounted into the container beside what every container gets, resolved at create. */
typedef struct container_mount {
        char *type;        /* bind, volume, tmpfs, image */
        char *name;        /* of the volume; the image as the user named it */
        char *image_id;    /* image */
        char *source;      /* bind: host path */
        char *destination; /* clean and absolute */
        char *driver;      /* volume: "local" */
        char *mode;        /* options as the user wrote them, for inspect */
        char *propagation; /* bind */
        char *options;     /* tmpfs: mount options */
        char *subpath;     /* volume, image: directory or file in it */
        bool is_writable;
        bool is_anonymous;     /* volume made for this container */
        bool has_no_copy;      /* volume: do not fill it from the image */
        bool is_non_recursive; /* bind: without the mounts below the source */
        bool is_ro_non_recursive;
        bool creates_source; /* bind by -v: a missing host path becomes a directory */
        bool is_from_mounts; /* given in HostConfig.Mounts */
} container_mount;
typedef MN_LIST(container_mount) container_mount_list;

typedef struct container_record {
        char *id;
        char *name; /* without the slash */
        int64_t created_ns;
        char *image_id;
        char *path; /* argv[0] */
        char **args;
        wire_container_config config; /* merged with the image's */
        wire_host_config host_config; /* defaults filled in */
        wire_endpoints endpoints;     /* networks and the wishes for them */
        container_mount_list mounts;
} container_record;

typedef enum container_status {
        CONTAINER_CREATED, /* never ran */
        CONTAINER_RUNNING,
        CONTAINER_PAUSED,
        CONTAINER_RESTARTING, /* ended, and a timer will start it again */
        CONTAINER_EXITED,
        CONTAINER_REMOVING,
        CONTAINER_DEAD, /* its removal failed half-way */
} container_status;

typedef struct container_state {
        int32_t status; /* container_status */
        int32_t pid;    /* of the first process; 0 when it does not run */
        int32_t exit_code;
        bool is_oom_killed;
        char *error; /* why the last start failed */
        int64_t started_at;
        int64_t finished_at;
        int32_t restart_count;
        bool was_started;         /* at least once: volumes have been filled */
        bool is_manually_stopped; /* by the user: "unless-stopped" stays down */
        wire_health *health;      /* NULL without a health check */
} container_state;

extern const mn_type container_record_type;
extern const mn_type container_state_type;

/* "created", "running" ... as Docker writes them. */
const char *container_status_text(container_status status);
