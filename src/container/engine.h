/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The inside of the container engine: its objects, its locks, and what its files offer each other.
 *
 * Locks, in the order they are taken:
 *   1. container.op: held for a whole operation (start, stop, remove, update ...). May be held while
 * blocking.
 *   2. container_engine.lock: the state lock. Guards the tables and every field marked so; held for short
 * in-memory sections only. The record of a container is replaced as a whole under both locks, so a holder of
 * either may read it. The loop's thread never takes an operation lock: it notes what a shim says and leaves
 * the rest to a worker.
 */

#include <pthread.h>

#include "base/map.h"
#include "base/vec.h"
#include "container/container.h"
#include "container/record.h"
#include "container/shim_link.h"

typedef struct container container;
typedef struct exec_session exec_session;

enum {
        CONTAINER_MAX_PENDING_ATTACH = 64,
        CONTAINER_MAX_EXECS = 512,
        CONTAINER_START_TIMEOUT_MS = 120 * 1000, /* a runtime that needs longer is given up */
        CONTAINER_SHIM_GONE_MS = 10 * 1000,      /* from the container's end to its shim's */
};

/* A client that attached before the start. */
typedef struct pending_attach {
        int fd;
        container_attach_spec spec;
        char *detach_keys; /* what spec.detach_keys points to */
} pending_attach;

struct container {
        container_engine *engine;
        char id[MN_ID_SIZE];
        pthread_mutex_t op;

        /* Operation lock: what one run holds beside its processes. */
        bool has_bundle;      /* <exec root>/containers/<id>, with the shim's remains */
        bool has_sandbox;     /* of its own, in the network module */
        size_t nvolumes_used; /* volume_use was called for the first so many mounts */

        /* State lock. */
        unsigned refs;
        bool is_removed; /* no longer in the tables */
        mn_arena *arena; /* holds the record */
        container_record *record;
        container_state state; /* error is on the heap, health in health_arena */
        mn_arena *health_arena;
        pthread_cond_t changed;     /* the state changed; monotonic clock */
        shim_link *shim;            /* NULL while nothing runs */
        int pidfd;                  /* of the first process; -1 */
        unsigned run;               /* number of the current or last start */
        unsigned oom_run;           /* the one whose lack of memory was told */
        bool is_shim_silent;        /* its link is not watched: take_over.c waits for its answer */
        bool is_paused_for_a_while; /* by a commit: nothing the next daemon should keep */
        bool is_stop_wanted;        /* the user stops or kills it: no restart after this end */
        int64_t restart_delay_ms;
        loop_timer *restart_timer; /* loop thread */
        loop_timer *health_timer;  /* loop thread */
        struct container_wait *waits;
        struct container_logs *readers;
        MN_VEC(pending_attach) pending;
        size_t nattaching; /* clients that are told so just now */
        MN_VEC(exec_session *) execs;
};

struct container_engine {
        bool has_apparmor; /* see apparmor.h; does not change while the machine runs */
        container_engine_options options;
        loop_workers *workers;
        int containers_fd; /* <data root>/containers */
        int trash_fd;      /* <data root>/trash */
        int bundles_fd;    /* <exec root>/containers */

        pthread_mutex_t lock; /* the state lock; everything below */
        mn_map *by_id;        /* id to container, in the order of creation */
        mn_map *by_name;      /* name to container; NULL while a create or rename reserves it */
        mn_map *execs;        /* exec id to exec_session */
        bool is_shutting_down;
        shim_link *spare_shim;      /* the next container's, started ahead; NULL: none */
        loop_timer *spare_timer;    /* loop thread */
        struct silent_shim *silent; /* shims whose answer is still awaited (take_over.c) */
        bool is_watching_silent;    /* a worker does */
        bool is_purging;            /* a worker empties the trash */
        bool wants_purge;           /* once more afterwards */
        unsigned n_removals;        /* since notes of them were settled (removed.c) */
};

/* ---- tables and locks (table.c) ---- */

void engine_lock(container_engine *e);
void engine_unlock(container_engine *e);
void engine_unlockp(container_engine **e);
/* Holds the state lock to the end of the scope. */
#define ENGINE_LOCKED(e)                                                                                     \
        container_engine *locked_engine MN_CLEANUP(engine_unlockp) = (e);                                    \
        engine_lock(locked_engine)

container *container_new(container_engine *e, mn_arena *arena, container_record *record)
        __attribute__((returns_nonnull));
container *container_ref(container *c); /* state lock held */
void container_unref(container *c);     /* state lock not held */
void container_unrefp(container **c);
#define cleanup_container MN_CLEANUP(container_unrefp)

/* A reference to the named container. MN_NOT_FOUND "No such container: NAME", MN_INVALID for a prefix of
 * several. */
mn_status container_find(container_engine *e, const char *name, container **ret, mn_err *err) MN_MUST_USE;
/* The same with the state lock held, borrowed. */
mn_status container_find_locked(container_engine *e, const char *name, container **ret,
                                mn_err *err) MN_MUST_USE;

/* A container with its operation lock held; released at the end of the scope. */
typedef struct container_operation {
        container *c;
} container_operation;
void container_operation_end(container_operation *op);
#define cleanup_operation MN_CLEANUP(container_operation_end)

/* Finds it and waits for its operation lock. MN_NOT_FOUND when it was removed meanwhile, MN_UNAVAILABLE while
   the daemon goes down. */
mn_status container_operate(container_engine *e, const char *name, container_operation *ret,
                            mn_err *err) MN_MUST_USE;
/* The same for a container that is known; takes a reference of its own. */
mn_status container_operate_on(container *c, container_operation *ret, mn_err *err) MN_MUST_USE;

/* Replaces the record by `record` in `arena` (taken). Operation lock held, state lock not. */
void container_set_record(container *c, mn_arena *arena, container_record *record);

/* Runs `fn` for the container in a worker, with a reference of its own. */
void container_run_job(container *c, void (*fn)(container *c));

/* ---- a shim made ahead (spare.c) ---- */

/* A shim that waits for its container: the one made ahead, or a new one. */
mn_status container_take_shim(container_engine *e, shim_link **ret, mn_err *err) MN_MUST_USE;
/* Makes the next one ahead, when the start that took the last is over. From any thread. */
void container_want_spare_shim(container_engine *e);
/* Ends it. */
void container_drop_spare_shim(container_engine *e);

/* ---- state (state.c) ---- */

/* Writes the state to the store, without waiting for the disk. Not under the state lock. */
void container_save_state(container *c);
mn_status container_save_record(container *c, store_durability durability, mn_err *err) MN_MUST_USE;

/* State lock held for these. */
bool container_is_running(const container *c); /* running, paused */
void container_set_error(container *c, const char *text);
/* A reference to the link to its shim. MN_CONFLICT "container ID is not running" without one, MN_UNAVAILABLE
   while the shim does not answer. */
mn_status container_shim(container *c, shim_link **ret, mn_err *err) MN_MUST_USE;
void container_notify(container *c); /* wakes who waits for a change of state */

/* Waits for the end of run number `run`; false after `timeout_ms` (negative: none). Not under the state lock.
 */
bool container_wait_end(container *c, unsigned run, int64_t timeout_ms);

/* Attributes of an event: pairs of strings, NULL at the end. */
void container_event(container *c, const char *action, ...) __attribute__((sentinel));

/* "is not running", "is paused" ...: MN_CONFLICT "container ID is not running" unless it runs (or is paused).
 */
mn_status container_check_running(container *c, mn_err *err) MN_MUST_USE;

/* ---- waiting and reading (wait.c, logs.c) ---- */

/* Tells waiting clients: it ended / it was removed. State lock held. */
void container_waits_exited(container *c);
void container_waits_removed(container *c);
/* Ends the readers that follow its log. State lock held. */
void container_readers_stop(container *c);

/* ---- mounts of a new container (create_mounts.c) ---- */

/* Looks at the sources of binds, makes the volumes and pins the images, counting in `*done`. What only this
   container knows goes into `batch`: after its commit the mounts are finished, without it they are undone.
   Either way the images are unpinned at the end, when the container is in the tables or will not be. */
mn_status container_make_mounts(container_engine *e, container_record *r, store_batch *batch, mn_arena *arena,
                                size_t *done, mn_err *err) MN_MUST_USE;
void container_finish_mounts(container_engine *e, const container_record *r);
void container_undo_mounts(container_engine *e, const container_record *r, size_t done);
void container_unpin_images(container_engine *e, const container_record *r, size_t done);

/* ---- mounted images (image_mounts.c) ---- */

/* The read-only view of a mounted image, or what it shows of it: a descriptor (O_PATH) that keeps it.
   MN_INVALID when there is nothing at the subpath or it leads out of the image. */
mn_status container_image_mount_open(container_engine *e, const container_mount *m, int *ret_fd,
                                     mn_err *err) MN_MUST_USE;
/* Takes away what a start mounted in the bundle. Idempotent. */
void container_image_mounts_detach(const container *c);
/* As above, for the /dev/shm that others may join (ipc.c). */
void container_shared_memory_detach(const container *c);

/* ---- attach (streams.c) ---- */

/* Waits until every client that was told so is attached; a second at most, for clients may be slow. */
void container_wait_attached(container *c);

/* ---- one run (start.c, exit.c) ---- */

/* Starts it. Operation lock held; it does not run. */
mn_status container_launch(container *c, mn_err *err) MN_MUST_USE;

/* Undoes what a run holds: waits for the shim's end (or enforces it), frees network and volumes, removes the
   bundle. Idempotent; the same code after a normal end and after a crash. Operation lock held. */
void container_tear_down(container *c);
/* The part of it that others wait for: ports, addresses, volumes. */
void container_release_run(container *c);

/* The shim said that the first process ended. Loop thread or operation lock. */
void container_note_exit(container *c, unsigned run, int32_t code, int64_t exited_at, bool is_oom_killed);

/* Called for every message of the container's shim, in the loop's thread. */
void container_shim_event(void *arg, const wire_shim_message *message, int fd);

/* What container_shim_event gets: a container and the run its link belongs to. */
struct container_link_arg {
        container *c; /* a reference */
        unsigned run;
};

/* Gives a fresh link to the loop. */
void container_watch_shim(container *c, shim_link *link);

/* Sends a signal to the first process, or through the runtime for a foreign one. Operation lock not needed.
 */
mn_status container_signal(container *c, int signal, mn_err *err) MN_MUST_USE;
/* Number of "KILL", "SIGKILL" or "9". MN_INVALID "invalid signal: X". */
mn_status container_signal_parse(const char *text, int *ret, mn_err *err) MN_MUST_USE;
/* Stops it and waits. Operation lock held. */
mn_status container_stop_locked(container *c, const container_stop_spec *spec, mn_err *err) MN_MUST_USE;
/* Kills it and waits. Operation lock held. */
mn_status container_kill_locked(container *c, mn_err *err) MN_MUST_USE;
/* Until container_unpause; should the daemon die before that, the next one resumes it. */
mn_status container_pause_for_a_while(container_engine *e, const char *name, mn_err *err) MN_MUST_USE;
mn_status container_resume_locked(container *c, mn_err *err) MN_MUST_USE;

/* Runs `<runtime> <args...> <id>` and waits. `input` (NULL: none) is its standard input. The caller ends the
   command (container_bundle_end_command) once what it changed is saved. */
mn_status container_runtime_command(container *c, char *const *args, const mn_str *input,
                                    mn_err *err) MN_MUST_USE;
/* Gives a running container the limits; its device rules are left alone. Operation lock held. */
mn_status container_apply_resources(container *c, const wire_resources *r, mn_err *err) MN_MUST_USE;
/* The runtime the container asked for. */
const container_runtime *container_runtime_of(container_engine *e, const char *name);

/* ---- removal (remove.c) ---- */

/* Removes it from the tables and the store, and its files. Operation lock held; it does not run. */
mn_status container_remove_locked(container *c, bool removes_volumes, mn_err *err) MN_MUST_USE;
/* Empties <data root>/trash in the background. */
void container_purge_trash(container_engine *e);

/* ---- removals and power cuts (removed.c) ---- */

/* The sticky bit marks the directory of a container that is removed when it ends: neither its record nor its
   end is waited for. */
#define CONTAINER_SHORT_LIVED S_ISVTX

/* Notes, with the end of its record, that the container's directory went to the trash. */
void container_removal_note(store_batch *b, const char *id);

/* Makes all noted removals last: moves directories that are back to the trash, waits for the disk. */
mn_status container_removals_settle(container_engine *e, mn_err *err) MN_MUST_USE;

/* Takes a legacy link, "CONTAINER/ALIAS", out of the container's record (update.c): its next start is without
   it. */
mn_status container_unlink(container_engine *e, const char *name, mn_err *err) MN_MUST_USE;

/* ---- files (paths.c) ---- */

/* The container's directory in the data root, made when it is missing; O_PATH. -errno. */
int container_open_directory(container *c);

/* As above for those who only look, without the operation lock: makes nothing (the container may be removed
 * meanwhile, and its directory would come back). Without a directory, one in which none of its files are. */
int container_look_directory(container *c);
/* Absolute paths, in `arena`. */
char *container_path(const container *c, mn_arena *arena, const char *file);
char *container_bundle_path(const container *c, mn_arena *arena, const char *file);

/* ---- networks (network_connect.c) ---- */

/* Ends what a daemon that died left of a connect or disconnect: the record's wishes hold. */
void container_settle_networks(container *c);

/* ---- who works in the bundle (bundle.c) ---- */

/* Makes the bundle and holds it: the descriptor, which the shim gets. Operation lock held. -errno. */
int container_bundle_make(container *c);
int container_bundle_open(container_engine *e, const char *id);
/* True when nobody works in it: no shim, no runtime. */
bool container_bundle_is_free(int bundle_fd);
/* Waits for that; false after the time (logged). True when there is none. */
bool container_bundle_wait_free(container_engine *e, const char *id, int timeout_ms);

/* Notes that a command is given to the runtime; the descriptor is for it to inherit. Then, when what it did
   is saved: it is over. -errno. */
int container_bundle_begin_command(container *c);
void container_bundle_end_command(container *c);
/* True when a daemon died between the two: waits for the end of the command. */
bool container_bundle_had_command(int bundle_fd);

/* ---- exec and health (exec.c, health.c) ---- */

/* An exec session ended; loop thread. */
void container_exec_exited(container *c, const char *exec_id, int32_t code);
/* All of its sessions ended with it. State lock held. */
void container_execs_end(container *c);
/* The container is gone. State lock held. */
void container_execs_free(container *c);

/* Begins, ends the probes of a run. State lock held. */
void container_health_begin(container *c);
void container_health_end(container *c);
