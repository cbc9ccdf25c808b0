/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Exec sessions: further processes in a running container, for users and for health checks. */

#include "container/engine.h"

typedef enum exec_state {
        EXEC_CREATED, /* waits for its start */
        EXEC_RUNNING, /* the shim was asked, or runs it */
        EXEC_ENDED,
} exec_state;

enum {
        EXEC_START_TIMEOUT_MS = 60 * 1000,
        EXEC_CODE_MS = 2000,       /* how long an inspect waits for the code of a process that is gone */
        EXEC_READY_MS = 10 * 1000, /* how long a resize waits for the start, as Docker does */
        EXEC_KEPT = 128,           /* ended sessions of a container one can still inspect */
};

/* Sessions live in the tables; who works on one without the state lock holds a reference. */
struct exec_session {
        char id[MN_ID_SIZE];
        container *c; /* a reference */
        mn_arena *arena;
        wire_exec_create request;
        bool is_kept; /* for the next daemon, see exec_keep.c */

        /* State lock. */
        unsigned refs;
        exec_state state;
        int32_t pid;
        int32_t exit_code; /* when it has ended */
};

/* Makes a session and enters it into the tables; the caller gets a reference. MN_CONFLICT when the container
   does not run, is paused, or has too many. */
mn_status exec_session_new(container *c, const wire_exec_create *request, exec_session **ret,
                           mn_err *err) MN_MUST_USE;
/* Whether the container can have one more (state lock held); the same errors. */
mn_status exec_check_container(const container *c, mn_err *err) MN_MUST_USE;
/* A reference to the session of that id. MN_NOT_FOUND. */
mn_status exec_find(container_engine *e, const char *exec_id, exec_session **ret, mn_err *err) MN_MUST_USE;
void exec_session_unref(exec_session *s); /* state lock not held */
void exec_session_unrefp(exec_session **s);
#define cleanup_exec MN_CLEANUP(exec_session_unrefp)

/* The parts of it: a session with an id and no request yet, which is entered into the tables or discarded.
   The tables get the only reference. */
exec_session *exec_session_alloc(container *c, const char *id) __attribute__((returns_nonnull));
void exec_session_enter(exec_session *s);
void exec_session_discard(exec_session *s);

/* Writes its request down, its state (it was in `before`), deletes both (exec_keep.c). */
mn_status exec_keep(exec_session *s, mn_err *err) MN_MUST_USE;
void exec_keep_state(exec_session *s, exec_state before);
void exec_keep_forget(exec_session *s);
/* Enters the sessions an earlier daemon knew; `status` is what the shim says. State lock not held. */
void exec_restore(container *c, const wire_shim_message *status);

/* Starts it: the shim gets `client_fd` (lent; -1: none) with these streams. On failure the session has ended
   with exit code 126 or 127; MN_INVALID then, or MN_INTERNAL. MN_CONFLICT when it was started already. */
mn_status exec_session_run(exec_session *s, const wire_shim_streams *streams, int client_fd, int height,
                           int width, mn_err *err) MN_MUST_USE;

/* Writes the OCI process document into the bundle; its file name goes to `arena`. (exec_process.c) */
mn_status exec_write_process(exec_session *s, int height, int width, mn_arena *arena, char **ret_name,
                             mn_err *err) MN_MUST_USE;

/* Takes the session out of the tables. */
void exec_session_forget(exec_session *s);

/* Ids of the sessions that have not ended, NULL-terminated, NULL when there is none. State lock held. */
char **container_exec_ids(const container *c, mn_arena *arena);
