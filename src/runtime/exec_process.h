/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which process `exec` runs: a document, or the container's own with what the command line changes. */

#include "runtime/launch.h"

typedef struct exec_options {
        launch_options launch; /* console-socket, pid-file, preserve-fds, detach */
        char *process_file;
        char *cwd, *user, *apparmor, *process_label, *cgroup;
        char **env, **caps, **additional_gids;
        bool has_tty, has_no_new_privs, ignores_paused;
} exec_options;

/* The process of --process, or without it that of `spec` with the arguments `argv` and the options. */
mn_status exec_process(const exec_options *o, char **argv, const oci_spec *spec, mn_arena *arena,
                       oci_process **ret, mn_err *err) MN_MUST_USE;
