/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * minato-shim: the parent of one container. It holds the container's ends of stdin, stdout and stderr (or its
 * terminal), writes the log, serves attached clients, runs exec sessions, and reports the end. One thread,
 * one loop, nothing kept that is not in use: there is one of these per running container.
 *
 *   main.c      what the process is; from birth to its end
 *   peer.c      control connections: requests in, replies and events out
 *   start.c     the start of the container, through the runtime
 *   finish.c    its end: exit file, event, clean-up
 *   exec.c      further processes in the container
 *   job.c       runs the OCI runtime and reaps children
 *   session.c   stdio of one process: pipes or terminal, log, clients
 *   client.c    one attached client
 *   console.c   receives terminals from the runtime
 *   oom.c       whether the container's cgroup ran out of memory
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/keys.h"
#include "logs/logs.h"
#include "loop/loop.h"
#include "sys/spawn.h"
#include "wire/shim.h"

enum {
        SHIM_BUFFER_SIZE = 64 * 1024,     /* one read of output or input */
        SHIM_QUEUE_MAX = 1024 * 1024,     /* output a client may have waiting at the very end */
        SHIM_CLIENT_STALL_MS = 60 * 1000, /* a client that takes nothing for so long is let go */
        SHIM_DRAIN_MS = 500, /* wait for output of processes that outlive the container's first */
        SHIM_MAX_PEERS = 16,
        SHIM_MAX_EXECS = 256,
        SHIM_MAX_CLIENTS = 256,
        SHIM_FINISHED_EXECS = 32, /* exit codes kept for a daemon that was away */
};

struct shim;
struct shim_client;
struct shim_exec;
struct shim_job;
struct shim_peer;

/* ---- session.c: the stdio of one process ---- */

struct shim_session {
        struct shim *shim;
        const char *exec_id; /* "" for the container itself; borrowed */
        bool is_tty;
        bool has_stdin;     /* a pipe (or terminal) to write to */
        bool closes_stdin;  /* a client's end of input closes the process's input (StdinOnce, exec) */
        bool is_open;       /* the process runs: input may be read from clients */
        bool is_closing_in; /* close the input once what is held was written */
        bool is_ended;      /* the process is gone: take what is left, whoever is slow */
        int in_fd;          /* our end of stdin, or a copy of the terminal */
        int out_fd[2];      /* our ends of stdout and stderr; a terminal is the first */
        int child_fd[3];    /* the process's ends, until it has them */
        loop_io *in_io;
        loop_io *out_io[2];
        logs_writer *log; /* NULL for an exec session */
        struct shim_client *clients;
        size_t num_clients;
        char *held; /* input the process has not taken yet */
        size_t held_len;
        loop_timer *drain_timer;
        void (*on_drained)(struct shim_session *s); /* after shim_session_finish: all output is through */
};

void shim_session_init(struct shim_session *s, struct shim *shim, const char *exec_id);

/* Makes the pipes (a terminal comes later). 0 or -errno. */
int shim_session_make_pipes(struct shim_session *s);

/* Takes the master side of the process's terminal. */
void shim_session_set_terminal(struct shim_session *s, int master);

/* The runtime has started the process: its ends are closed here, streams flow from now on. */
void shim_session_begin(struct shim_session *s);

/* Passes on input from a client; what the process does not take at once is held and clients are not read
 * meanwhile. */
void shim_session_input(struct shim_session *s, const char *bytes, size_t len);

/* A client will send no more. */
void shim_session_close_input(struct shim_session *s);

/* Reads output again, if no client is behind. */
void shim_session_update(struct shim_session *s);

/* -errno when there is no terminal. */
int shim_session_resize(struct shim_session *s, int height, int width);

/* The process has ended: reads what is left, at most SHIM_DRAIN_MS, then calls on_drained. */
void shim_session_finish(struct shim_session *s);

/* Closes everything; clients get what is queued for them first, on their own time. */
void shim_session_release(struct shim_session *s);

/* ---- client.c ---- */

/* Serves the connected socket `fd` (taken) as a client of the session; -EMFILE, -EINVAL (detach keys). */
int shim_client_add(struct shim_session *s, int fd, const wire_shim_streams *streams);

/* Gives output to all clients that want the stream. */
void shim_clients_send(struct shim_session *s, logs_stream stream, const char *bytes, size_t len);

/* True when one of them has not taken what it was given. */
bool shim_clients_are_behind(const struct shim_session *s);

/* Looks for input again where the session can take it. */
void shim_clients_update(struct shim_session *s);

/* Ends them all: each is closed when its queue is empty. The session forgets them. */
void shim_clients_finish(struct shim_session *s);

/* ---- console.c ---- */

/* Listens for a terminal; `path` is what the runtime gets as --console-socket. */
struct shim_console {
        int fd;
        char name[40]; /* in the bundle */
        char *path;
};

int shim_console_listen(struct shim *shim, const char *name, struct shim_console *ret);

/* The terminal the runtime, which has ended, sent: descriptor or -errno. */
int shim_console_receive(struct shim_console *c);
void shim_console_release(struct shim *shim, struct shim_console *c);

/* ---- job.c ---- */

/* Called when the runtime has ended; `wait_status` as waitpid(), `error` what it said (may be ""). */
typedef void (*shim_job_fn)(void *arg, int wait_status, const char *error);

/* Runs the runtime with `args` (a NULL-terminated list after its global options). 0 or -errno. */
int shim_job_start(struct shim *shim, char *const *args, const mn_spawn_fd *fds, size_t nfds, shim_job_fn fn,
                   void *arg);

/* Watches SIGCHLD. */
int shim_reaper_init(struct shim *shim);

/* Reads a pid file in the bundle. pid or -errno. */
pid_t shim_read_pid_file(const struct shim *shim, const char *name);

/* Docker's reading of why a process could not be started: 127 not found, 126 cannot be executed, else
 * `other`. */
int shim_error_code(const char *error, int other);

/* ---- peer.c ---- */

/* Who waits for a reply; the peer may be gone by then. */
struct shim_asker {
        unsigned peer; /* number of the connection */
        uint64_t id;
};

int shim_peer_add(struct shim *shim, int fd, bool is_control);
int shim_peers_listen(struct shim *shim);
void shim_peers_close(struct shim *shim);

/* Sends the reply; `fd` (-1: none) is lent. `message->id` is set here. */
void shim_reply(struct shim *shim, struct shim_asker asker, wire_shim_message *message, int fd);

/* Sends an event to all peers but `except` (0: none). */
void shim_broadcast(struct shim *shim, const wire_shim_message *message, int fd, unsigned except);

/* ---- start.c, finish.c, exec.c, oom.c ---- */

/* Takes `prepare`: all of a start that needs no descriptor. What goes wrong is kept for shim_run to tell.
   MN_CONFLICT when there is a start already. */
mn_status shim_prepare(struct shim *shim, const wire_shim_request *request, const int *fds, mn_err *err);

/* Takes `run`, and `start`, which is both. The answer comes later; on an error at once (MN_*), nothing has
 * happened. */
mn_status shim_run(struct shim *shim, struct shim_asker asker, const wire_shim_request *request,
                   const int *fds, mn_err *err);
mn_status shim_start(struct shim *shim, struct shim_asker asker, const wire_shim_request *request,
                     const int *fds, mn_err *err);

/* The start has failed: cleans up, tells, ends. */
void shim_start_failed(struct shim *shim, const char *error, int code);

/* The container's first process has ended. */
void shim_container_ended(struct shim *shim, int wait_status);

/* All its output is through: reports the end. */
void shim_container_drained(struct shim_session *s);

/* Ends the loop when nothing is left to do. */
void shim_leave_when_done(struct shim *shim);

mn_status shim_exec_start(struct shim *shim, struct shim_asker asker, const wire_shim_exec *request,
                          int client_fd, mn_err *err);

/* Reaps one exec session's process that has ended; false when none has. */
bool shim_exec_reap(struct shim *shim);

/* True when it is a running session's process. */
bool shim_exec_has_pid(const struct shim *shim, pid_t pid);
struct shim_session *shim_exec_session(struct shim *shim, const char *exec_id);
bool shim_execs_are_running(const struct shim *shim);

/* Fills `message->execs`; the list lives in the arena. */
void shim_execs_list(const struct shim *shim, mn_arena *arena, wire_shim_message *message);

/* Notes the memory cgroup of the container, to be watched a little later. */
void shim_oom_watch(struct shim *shim);
bool shim_oom_happened(struct shim *shim);
void shim_oom_release(struct shim *shim);

/* ---- the shim ---- */

enum shim_state {
        SHIM_CREATED,  /* waits for `start` or `prepare` */
        SHIM_PREPARED, /* waits for `run` */
        SHIM_STARTING, /* the runtime is at work */
        SHIM_RUNNING,
        SHIM_ENDED,  /* the first process is gone, output is being drained */
        SHIM_EXITED, /* reported; the runtime's state is being deleted */
};

/* A finished exec session. */
struct shim_finished {
        char *exec_id;
        int pid;
        int code;
};

struct shim {
        loop *loop;
        enum shim_state state;
        mn_arena *arena; /* of the start request */
        wire_shim_start config;
        struct shim_asker starter;
        int bundle_fd;
        int hold_fd;  /* the bundle with the daemon's lock on it; -1: a caller without such */
        char *buffer; /* SHIM_BUFFER_SIZE, shared by all reads */
        loop_timer *trim_timer;
        bool is_busy; /* something was read since the timer was set */
        struct shim_session session;
        struct shim_console console;
        pid_t pid;
        int pidfd;
        int mnt_ns_fd; /* keeps the overlay from being synced while somebody waits */
        int rootfs_fd; /* until the runtime has it */
        int netns_fd;
        bool has_ended; /* the first process is gone, with */
        int wait_status;
        int code;
        char *setup_failure; /* what went wrong in our own part of the start; the runtime may be at work yet
                              */
        char *failure;       /* why the start failed */
        int64_t started_at, exited_at;
        bool is_oom_killed;
        bool is_deleted;        /* `runtime delete` is through */
        char *memory_path;      /* the container's memory cgroup in its hierarchy; NULL: unknown */
        int memory_fd;          /* its directory, once it is watched */
        int events_fd;          /* memory.events, open from the start; -1: version 1, or mounted elsewhere */
        int slice_fd;           /* the same of the slice a scope is in; -1: none */
        uint64_t slice_kills;   /* what it counted at last */
        bool has_reached_limit; /* the container's cgroup ever did */
        loop_timer *oom_timer;
        bool is_memory_v2;
        uint64_t oom_kills; /* told so far */
        int oom_fd;         /* eventfd (v1) or inotify (v2) */
        loop_io *oom_io;
        struct shim_job *jobs;
        unsigned last_job;
        struct shim_peer *peers;
        size_t num_peers;
        unsigned last_peer;
        int listen_fd;
        loop_io *listen_io;
        struct shim_exec *execs;
        size_t num_execs;
        struct shim_finished finished[SHIM_FINISHED_EXECS];
        unsigned num_finished;
        bool is_only_serving;   /* we are the child that serves them to the end */
        size_t leaving_clients; /* closed sessions' clients that still take their output */
};

/* Something was read: memory that is idle for a while will be given back. */
void shim_note_activity(struct shim *shim);
