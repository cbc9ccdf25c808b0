/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Containers: their documents, their life from create to remove, the processes in them.
 *
 * A container is named by its id, an unambiguous prefix of it, or its name (a leading '/' is fine); unknown
 * ones are MN_NOT_FOUND "No such container: NAME". Every function may be called from any thread and blocks
 * for as long as the operation takes: operations on one container wait for each other, those on different
 * ones run in parallel; looking (inspect, list, wait, logs, stats, top) never waits for an operation. Results
 * live in the caller's arena. Every change of state is published as an event.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "events/events.h"
#include "image/image.h"
#include "logs/logs.h"
#include "loop/loop.h"
#include "network/network.h"
#include "store/store.h"
#include "volume/volume.h"
#include "wire/container.h"
#include "wire/filter.h"
#include "wire/stats.h"

typedef struct container_engine container_engine;

/* ---- the engine ---- */

/* An OCI runtime containers can name. */
typedef struct container_runtime {
        const char *name;
        const char *path;  /* absolute */
        char *const *args; /* put before the command; may be NULL */
        bool is_foreign;   /* any but minato-runtime: gets the root file system as a path */
} container_runtime;

/* Where things are and what containers get by default. Borrowed until container_engine_free; zero means
   Docker's default. */
typedef struct container_engine_options {
        store *store;
        image_store *images;
        network_manager *networks;
        volume_store *volumes;
        events_bus *events;
        loop *loop; /* runs in a thread of its own while the engine lives */

        const char *data_root;
        const char *exec_root;
        const char *shim_path; /* absolute paths of our programs */
        const char *init_path; /* for --init */

        const container_runtime *runtimes; /* the first is minato-runtime */
        size_t nruntimes;
        const char *default_runtime; /* NULL: the first */

        const char *log_driver; /* NULL: json-file */
        mn_str_map log_options;
        const char *cgroup_parent;   /* NULL: "/minato", "system.slice" */
        bool uses_systemd_cgroup;    /* cgroups are systemd's scopes */
        const char *cgroupns_mode;   /* NULL: private */
        const char *ipc_mode;        /* NULL: private */
        const char *seccomp_profile; /* path of a JSON profile, "builtin" or NULL, "unconfined" */
        int64_t shm_size_bytes;      /* 0: 64 MiB */
        const wire_ulimit *ulimits;
        size_t nulimits;
        int64_t stop_timeout_s; /* 0: 10 */
        bool has_init;
        bool has_no_new_privileges;
        const char *const
                *environment; /* proxy variables for every container, NULL-terminated; may be NULL */
} container_engine_options;

/* Whether containers get an AppArmor profile by default: the kernel has it, and this host the program that
   loads profiles. */
bool container_has_apparmor(void);

/* MN_INVALID unless `parent` is a slice's name, as the systemd driver needs it. */
mn_status container_check_slice(const char *parent, mn_err *err) MN_MUST_USE;

/* Reads the containers from the store. Nothing is started and nothing is cleaned up yet. */
mn_status container_engine_open(const container_engine_options *options, container_engine **ret,
                                mn_err *err) MN_MUST_USE;

/* Takes over what survived the former daemon: connects to the shims of running containers (and restores their
   sandboxes), takes the exit status of those that ended meanwhile, undoes or finishes what was half done.
   After network_open, before network_start. */
mn_status container_engine_restore(container_engine *e, mn_err *err) MN_MUST_USE;

/* Starts what restart policies ask for, in the background. After network_start, with the loop running or
 * about to. */
void container_engine_start(container_engine *e);

/* The daemon goes down: no operation begins any more (MN_UNAVAILABLE), those under way end. With
   `stops_containers` all running ones are stopped with their own time-outs; else they go on. The loop must
   still run. */
void container_engine_shut_down(container_engine *e, bool stops_containers);

/* After the loop has stopped. NULL is accepted. */
void container_engine_free(container_engine *e);

/* Containers by state, for GET /info. */
typedef struct container_counts {
        size_t total, running, paused, stopped;
} container_counts;
void container_count(container_engine *e, container_counts *ret);

/* For image_hooks.count_users; `arg` is the engine. */
size_t container_count_image_users(void *arg, const char *image_id, char ret_container[MN_ID_SIZE],
                                   bool *ret_is_running);

/* For image_hooks.list_users: ids, NULL-terminated, in the arena. */
char **container_list_image_users(void *arg, const char *image_id, mn_arena *arena);

/* ---- create, remove, look ---- */

/* POST /containers/create. `name` may be NULL or "" (one is made up); `platform` NULL or "" for the host's.
   MN_NOT_FOUND "No such image: ...", MN_CONFLICT for a name in use, MN_INVALID for what makes no sense. */
mn_status container_create(container_engine *e, const wire_container_create *request, const char *name,
                           const char *platform, mn_arena *arena, wire_container_create_response *ret,
                           mn_err *err) MN_MUST_USE;

typedef struct container_remove_spec {
        bool is_forced;       /* kills it first */
        bool removes_volumes; /* anonymous ones */
        bool is_link;         /* `name` is "CONTAINER/ALIAS", a legacy link, which is removed instead */
} container_remove_spec;
mn_status container_remove(container_engine *e, const char *name, const container_remove_spec *spec,
                           mn_err *err) MN_MUST_USE;

/* POST /containers/prune: stopped ones that match until, label, label!. */
extern const char *const container_prune_filters[];
mn_status container_prune(container_engine *e, const wire_filters *filters, mn_arena *arena,
                          wire_container_prune_report *ret, mn_err *err) MN_MUST_USE;

/* GET /containers/{id}/json; sizes are only there when asked for. */
mn_status container_inspect(container_engine *e, const char *name, bool has_size, mn_arena *arena,
                            wire_container_inspect *ret, mn_err *err) MN_MUST_USE;

typedef struct container_list_spec {
        bool is_all;
        int64_t limit; /* 0: none; then stopped ones are shown, too */
        bool has_size;
        bool has_disk_usage; /* size_rw is all that the container takes on the disk: its writable layer in
                                blocks, logs, files of ours */
        const wire_filters *filters; /* NULL: none */
} container_list_spec;
extern const char *const container_list_filters[];

/* GET /containers/json; newest first. */
mn_status container_list(container_engine *e, const container_list_spec *spec, mn_arena *arena,
                         wire_container_summary_list *ret, mn_err *err) MN_MUST_USE;

/* The full id. */
mn_status container_resolve(container_engine *e, const char *name, char ret_id[MN_ID_SIZE],
                            mn_err *err) MN_MUST_USE;

/* ---- life ---- */

/* MN_NOT_MODIFIED when it runs already. `detach_keys` may be NULL. When the program could not be executed the
   status is MN_INVALID and the text the runtime's, as the command line expects it. */
mn_status container_start(container_engine *e, const char *name, const char *detach_keys,
                          mn_err *err) MN_MUST_USE;

typedef struct container_stop_spec {
        const char *signal;       /* NULL or "": the container's */
        const int64_t *timeout_s; /* NULL: the container's; negative: for ever */
} container_stop_spec;
/* MN_NOT_MODIFIED when it does not run. */
mn_status container_stop(container_engine *e, const char *name, const container_stop_spec *spec,
                         mn_err *err) MN_MUST_USE;
mn_status container_restart(container_engine *e, const char *name, const container_stop_spec *spec,
                            mn_err *err) MN_MUST_USE;

/* `signal`: "KILL", "SIGKILL", "9"; NULL or "" is KILL. KILL waits for the end as Docker does. */
mn_status container_kill(container_engine *e, const char *name, const char *signal, mn_err *err) MN_MUST_USE;
mn_status container_pause(container_engine *e, const char *name, mn_err *err) MN_MUST_USE;
mn_status container_unpause(container_engine *e, const char *name, mn_err *err) MN_MUST_USE;
mn_status container_rename(container_engine *e, const char *name, const char *new_name,
                           mn_err *err) MN_MUST_USE;
mn_status container_update(container_engine *e, const char *name, const wire_container_update *request,
                           mn_arena *arena, wire_container_update_response *ret, mn_err *err) MN_MUST_USE;
mn_status container_resize(container_engine *e, const char *name, int height, int width,
                           mn_err *err) MN_MUST_USE;

/* POST /networks/{id}/connect and /disconnect: also remembered for the next start. `settings` may be NULL. */
mn_status container_connect(container_engine *e, const char *name, const char *network,
                            const wire_endpoint_settings *settings, mn_err *err) MN_MUST_USE;
mn_status container_disconnect(container_engine *e, const char *name, const char *network, bool is_forced,
                               mn_err *err) MN_MUST_USE;

/* ---- wait ---- */

typedef enum container_wait_condition {
        CONTAINER_WAIT_NOT_RUNNING, /* at once when it does not run */
        CONTAINER_WAIT_NEXT_EXIT,
        CONTAINER_WAIT_REMOVED,
} container_wait_condition;

/* "not-running" (also NULL and ""), "next-exit", "removed". MN_INVALID otherwise. */
mn_status container_wait_condition_parse(const char *text, container_wait_condition *ret,
                                         mn_err *err) MN_MUST_USE;

typedef struct container_wait container_wait;

/* Begins to wait: from here on no end is missed, so the answer's head can be sent now. */
mn_status container_wait_begin(container_engine *e, const char *name, container_wait_condition condition,
                               container_wait **ret, mn_err *err) MN_MUST_USE;

/* Blocks until the condition holds, or `other_fd` (a client's socket; -1: none) was closed by its other side:
   then MN_UNAVAILABLE. */
mn_status container_wait_finish(container_wait *w, int other_fd, mn_arena *arena,
                                wire_container_wait_response *ret, mn_err *err) MN_MUST_USE;
void container_wait_free(container_wait *w);

/* ---- attach, logs, top, stats ---- */

typedef struct container_attach_spec {
        bool has_stdin, has_stdout, has_stderr;
        bool is_framed;          /* 8-byte stdio frames; not for a terminal */
        const char *detach_keys; /* NULL or "": ctrl-p,ctrl-q */
} container_attach_spec;

/* An attach under way. */
struct container;

/* Whether one can attach now (MN_CONFLICT when paused or restarting), and to a terminal or to streams. Call
   it before the answer's head is written: clients start the container when they have seen that, and a start
   waits for attaches under way (not long), so that they miss none of its output. `*ret` goes to
   container_attach or container_attach_cancel. */
mn_status container_attach_begin(container_engine *e, const char *name, const char *detach_keys,
                                 struct container **ret, bool *ret_is_tty, mn_err *err) MN_MUST_USE;
void container_attach_cancel(struct container *c);

/* Hands the client's socket to the container's shim, which serves it from now on, with or without this
   daemon. A container that was not started yet gets it at its start; an ended one closes it at once. The
   descriptor is the callee's from here on, whatever is returned. */
mn_status container_attach(struct container *c, const container_attach_spec *spec, int client_fd,
                           mn_err *err) MN_MUST_USE;

typedef struct container_logs container_logs;

/* GET /containers/{id}/logs. A following reader ends with the container. `*ret_is_tty`: the text goes out
   raw, not in frames. */
mn_status container_logs_open(container_engine *e, const char *name, const logs_query *query,
                              container_logs **ret, bool *ret_is_tty, mn_err *err) MN_MUST_USE;
logs_reader *container_logs_reader(container_logs *l);
void container_logs_close(container_logs *l);

/* `ps_args`: NULL or "" is "-ef". Reads the host's /proc; never runs a program of the container. */
mn_status container_top(container_engine *e, const char *name, const char *ps_args, mn_arena *arena,
                        wire_container_top *ret, mn_err *err) MN_MUST_USE;

/* One sample. With `previous` (NULL: none) its cpu_stats become precpu_stats. A container that does not run
   has zeros. */
mn_status container_stats(container_engine *e, const char *name, const wire_stats *previous, mn_arena *arena,
                          wire_stats *ret, mn_err *err) MN_MUST_USE;

/* ---- exec ---- */

mn_status container_exec_create(container_engine *e, const char *name, const wire_exec_create *request,
                                char ret_id[MN_ID_SIZE], mn_err *err) MN_MUST_USE;

/* Whether the exec session can be started (MN_CONFLICT when it ran already or the container does not run),
   before the answer's head is written. `*ret_is_tty` decides the content type: raw or frames. */
mn_status container_exec_check(container_engine *e, const char *exec_id, const wire_exec_start *request,
                               bool *ret_is_tty, mn_err *err) MN_MUST_USE;

/* Starts it. `client_fd` is handed to the shim (-1: detached) and is the callee's whatever is returned. When
   the program could not be executed, an attached client reads why on its stream, as with Docker, and the exit
   code is 126 or 127; the result is MN_OK then. */
mn_status container_exec_start(container_engine *e, const char *exec_id, const wire_exec_start *request,
                               int client_fd, mn_err *err) MN_MUST_USE;
mn_status container_exec_resize(container_engine *e, const char *exec_id, int height, int width,
                                mn_err *err) MN_MUST_USE;
mn_status container_exec_inspect(container_engine *e, const char *exec_id, mn_arena *arena,
                                 wire_exec_inspect *ret, mn_err *err) MN_MUST_USE;

/* ---- files ---- */

/* GET /containers/{id}/changes. */
mn_status container_changes(container_engine *e, const char *name, mn_arena *arena, wire_change_list *ret,
                            mn_err *err) MN_MUST_USE;

/* GET /containers/{id}/export. */
mn_status container_export(container_engine *e, const char *name, image_write_fn write, void *arg,
                           mn_err *err) MN_MUST_USE;

/* HEAD /containers/{id}/archive. */
mn_status container_archive_stat(container_engine *e, const char *name, const char *path, mn_arena *arena,
                                 wire_path_stat *ret, mn_err *err) MN_MUST_USE;

/* GET /containers/{id}/archive. `begin` is called once with the stat before the first byte is written. */
typedef struct container_archive_out {
        int (*begin)(void *arg, const wire_path_stat *stat); /* 0 or -errno */
        image_write_fn write;
        void *arg;
} container_archive_out;
mn_status container_archive_get(container_engine *e, const char *name, const char *path,
                                const container_archive_out *out, mn_err *err) MN_MUST_USE;

/* PUT /containers/{id}/archive: a tar (plain or compressed) is unpacked into the directory `path`. */
typedef struct container_archive_in {
        image_read_fn read;
        void *arg;
        bool refuses_type_change; /* noOverwriteDirNonDir */
        bool keeps_owner;         /* copyUIDGID: owners become root's unless set */
} container_archive_in;
mn_status container_archive_put(container_engine *e, const char *name, const char *path,
                                const container_archive_in *in, mn_err *err) MN_MUST_USE;

/* POST /commit. `config` (NULL: none) overrides members of the container's. */
typedef struct container_commit_spec {
        const char *repository;
        const char *tag;
        const char *comment;
        const char *author;
        char *const *changes; /* Dockerfile instructions */
        const wire_container_config *config;
        bool is_not_paused; /* do not pause it meanwhile */
} container_commit_spec;
mn_status container_commit(container_engine *e, const char *name, const container_commit_spec *spec,
                           char ret_image_id[IMAGE_ID_SIZE], mn_err *err) MN_MUST_USE;
