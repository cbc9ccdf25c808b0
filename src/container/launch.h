/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One start under way: what its steps hand to each other. */

#include "container/engine.h"
#include "container/spec.h"

struct launch {
        container *c;
        container_engine *e;
        const container_record *record;
        mn_arena *arena;
        const container_runtime *runtime;
        const char *network_target; /* id of the container whose network it joins; NULL: its own */
        bool is_host_network;       /* its own choice, or that of the container it joins */
        const char *ipc_target;     /* as above, for its IPC namespace */
        bool is_ipc_of_host;        /* which is the host's */
        int32_t ipc_pid, pid_pid;
        char *seccomp_profile; /* text of the daemon's, NULL for the built-in one */
        char **links_env;      /* variables of legacy links */
        char **hosts;          /* --add-host and links */
        container_user user;
        char **sources;  /* of record->mounts */
        bool has_images; /* among them */
        char *shm_path;  /* what becomes /dev/shm; NULL: a tmpfs of its own */
        shim_link *link;
        int bundle_fd, directory_fd, rootfs_fd, netns_fd;
        int pidfd, pid;
        int64_t started_at;
        int32_t failure_code;
};

/* Runtime, and the containers it joins. MN_CONFLICT when one of those does not run. */
mn_status launch_look_up(struct launch *l, mn_err *err) MN_MUST_USE;

/* What config.json is made from, at the start and for each exec session. */
mn_status launch_spec_input(struct launch *l, container_spec_input *ret, mn_err *err) MN_MUST_USE;

/* Mounts the image of record->mounts[index] in the bundle, for the runtime to copy from there: the path goes
   to `ret`, in the launch's arena. */
mn_status launch_mount_image(struct launch *l, size_t index, char **ret, mn_err *err) MN_MUST_USE;

/* Makes the /dev/shm that others may join, or takes over that of the container it joins. MN_INVALID when that
   one lets nobody in. */
mn_status launch_share_memory(struct launch *l, mn_err *err) MN_MUST_USE;

/* Hands a client's socket to a shim; the descriptor stays the caller's. `post` does not wait for the answer:
   before the start, where no more can go wrong than that the shim is gone. */
mn_status launch_send_attach(shim_link *link, const container_attach_spec *spec, int client_fd,
                             mn_err *err) MN_MUST_USE;
mn_status launch_post_attach(shim_link *link, const container_attach_spec *spec, int client_fd,
                             mn_err *err) MN_MUST_USE;
