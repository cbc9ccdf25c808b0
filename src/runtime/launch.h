/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Making a container: everything that can be checked or prepared is done by the parent (launch.c), then one
 * child (launch_child.c) is born in the new namespaces (launch_birth.c), builds the file system and executes
 * the program.
 *
 * Two ways to make the child. Fast: it shares our memory, we sleep until it has executed; there is nothing to
 * synchronise, and its error message is simply there. It serves `run` of containers that need nothing from a
 * parent meanwhile. General: it has its own memory and speaks with us over a socket: id mappings and the
 * runtime's hooks are done by us at its request, and it may outlive us (`create`).
 */

#include "runtime/container.h"
#include "runtime/namespaces.h"
#include "runtime/process.h"
#include "runtime/systemd_cgroup.h"
#include "runtime/terminal.h"
#include "sys/cgroup.h"

typedef struct launch_options {
        char *bundle;         /* "." */
        char *console_socket; /* NULL: none */
        char *pid_file;
        char *process_file; /* exec */
        int preserve_fds;
        bool is_detached;
        bool keeps_root; /* --no-pivot was asked for: refused */
        bool has_no_keyring;
        bool is_kept; /* --keep */
        bool is_subreaper_off;
} launch_options;

/* What the child asks the parent for, in this order; the answer is the child's pid. */
typedef enum launch_request {
        REQUEST_PRIVILEGES = 'P', /* we are in a user namespace: mappings, limits, oom score */
        REQUEST_HOOKS = 'H',      /* the namespaces are there: run prestart and createRuntime hooks */
        REQUEST_READY = 'R',      /* all set: record us */
        REQUEST_ERROR = 'E',      /* followed by a status byte and the message; no answer is awaited */
} launch_request;

typedef struct launch {
        runtime_context *rt;
        const launch_options *options;
        const char *id;
        bool waits_for_start; /* `create` */
        bool is_fast;
        bool has_go_between;  /* see launch_birth.c */
        bool has_environment; /* hooks have seen it: those after its end are due, also when it fails */
        mn_arena *arena;
        oci_spec *spec;
        char *config_text;
        size_t config_len;
        char *bundle; /* absolute */
        int bundle_fd;
        int state_fd;        /* directory of the container's state */
        int fifo_fd;         /* reading end of exec.fifo */
        int start_error_fd;  /* start.error: only where `start` waits for startContainer hooks */
        int root_fd;         /* detached mount of the root */
        int console_fd;      /* connected --console-socket, or the other end of `terminal` */
        int listener_fd;     /* connected linux.seccomp.listenerPath */
        int memory_limit_fd; /* v2: memory.max; the host's namespace opened it, see resources.h */
        terminal terminal;   /* in the foreground, without a console socket */
        int *source_fds;     /* mounts prepared by the parent; NULL */
        namespace_plan namespaces;
        mn_cgroup_host cgroup_host;
        mn_cgroup cgroup;
        systemd_unit systemd; /* empty without --systemd-cgroup */
        bool has_scope;
        bool lacks_cgroup; /* it could not be made, and nothing needs it */
        int holder;        /* pidfd, see systemd_cgroup.h */
        process_plan process;
        int sync_fds[2]; /* parent's and child's end; general way only */
        container_record record;
        pid_t pid;              /* as the host sees the child; a child with memory of its own knows it from
                                   the first answer */
        mn_status child_status; /* fast way and go-between: what the child failed with ... */
        mn_err child_err;       /* ... and why */
} launch;

/* Reads and checks the bundle: everything that is refused before anything is made. */
mn_status launch_load(launch *l, mn_err *err) MN_MUST_USE;

/* `create` (waits_for_start) and the first half of `run`: makes the container. On failure nothing of it is
 * left. */
mn_status launch_container(launch *l, mn_err *err) MN_MUST_USE;
void launch_release(launch *l);

/* Makes the child, which is ours. */
mn_status launch_bear(launch *l, int *ret_pidfd, mn_err *err) MN_MUST_USE;

/* The child; returns only on failure, with the exit status. */
int launch_child(void *launch_ptr);

/* In the child: enters the cgroup and the namespaces in which it was not born, as root of its user namespace.
 */
mn_status launch_enter(launch *l, mn_err *err) MN_MUST_USE;

/* Asks the parent (general way) and waits for its answer. */
mn_status launch_ask(launch *l, launch_request request, mn_err *err) MN_MUST_USE;

/* Records the container as existing: state.json with our pid. */
mn_status launch_commit(launch *l, mn_err *err) MN_MUST_USE;

/* Closes every descriptor above standard error and the preserved ones, but for those in `keep` (negative ones
   are skipped). Async-signal-safe. */
void launch_close_fds(int preserve, const int *keep, size_t len);

/* Foreground: from before the start on signals wait until launch_wait passes them on. */
void launch_block_signals(void);

/* Foreground: waits for the process and reaps whatever else becomes ours, passing signals on to it. Its exit
   code as a shell shows it. */
int launch_wait(pid_t pid);

/* Runs the program from a read-only copy of its own mount, so that a container that gets hold of
   /proc/PID/exe cannot write to it. Returns at once when that is so already. */
mn_status launch_protect_binary(char **argv, mn_err *err) MN_MUST_USE;
