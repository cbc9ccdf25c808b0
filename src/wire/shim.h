/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The shim protocol: what the daemon and a container's minato-shim say to each other.
 *
 * Transport: SOCK_SEQPACKET. One JSON object per packet (at most WIRE_SHIM_MAX_MESSAGE bytes), with
 * descriptors beside it (SCM_RIGHTS, at most WIRE_SHIM_MAX_FDS). The first connection is the socketpair end
 * the shim is born with (descriptor WIRE_SHIM_CONTROL_FD); later ones come through <bundle>/shim.sock. All
 * are equal.
 *
 * A peer sends requests; every request gets exactly one reply with the same id, in any order. Beside them
 * events (id 0) go to every connected peer. Life of a shim:
 *
 *   created --start--> starting --runtime done--> running --init died--> exited --(runtime delete)--> gone
 *
 * - `start` may come in two parts: `prepare` with all it says, at once, and `run` with the descriptors, when
 * the root is mounted and the network is there. A preparation that fails is told in the answer to `run`.
 * - "bundle" is the bundle's directory with a shared flock on it: shim and runtimes keep it, so that a daemon
 * that comes back sees them before they listen, and after the shim was killed.
 * - Until `start` or `run` was accepted the shim ends as soon as its control connection closes.
 * - The reply to `start` comes when the container runs (pid, and a pidfd beside the packet) or has failed
 * (error, code); after a failure everything the runtime made is removed and the shim ends. Other peers get
 * the same news as the event `started` or `failed`.
 * - `attach` before `start` is remembered: the client misses no byte. Its reply comes at once.
 * - When the container ended: pipes drained, log closed, <bundle>/exit written (wire_shim_exit), then
 * `exited` is sent, attached clients are closed, the runtime's state is deleted, and the socket disappears.
 * Whoever finds no socket reads the exit file; when there is none either, the shim died before the container
 * (or the host went down).
 *
 *     > {"op":"start","id":1,"fds":["rootfs","netns"],"start":{"containerId":"...","bundle":"/run/...",...}}
 *     < {"id":1,"pid":4711}                                                               + pidfd
 *     < {"event":"exited","code":137,"exitedAt":"2026-11-24T00:00:00.5Z","oomKilled":true}
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/json.h"

enum {
        WIRE_SHIM_MAX_MESSAGE = 64 * 1024,
        WIRE_SHIM_MAX_FDS = 4,
        WIRE_SHIM_CONTROL_FD = 3,
        WIRE_SHIM_ROOTFS_FD = 10, /* where the runtime finds the detached root mount */
        WIRE_SHIM_NETNS_FD = 11,  /* ... and the network namespace */
        WIRE_SHIM_BUNDLE_FD = 12, /* held by our own runtime, see "bundle" */
};

#define WIRE_SHIM_SOCKET "shim.sock" /* in the bundle */
#define WIRE_SHIM_EXIT_FILE "exit"
#define WIRE_SHIM_PID_FILE "pid"

/* Values of wire_shim_request.op. */
#define WIRE_SHIM_START "start"     /* + start; fds: "rootfs", "netns", "bundle" (each optional) */
#define WIRE_SHIM_PREPARE "prepare" /* + start; fds: "bundle" */
#define WIRE_SHIM_RUN "run"         /* after prepare; fds and reply as those of start */
#define WIRE_SHIM_ATTACH "attach"   /* + attach; fds: "client" */
#define WIRE_SHIM_EXEC "exec"       /* + exec; fds: "client" (absent when detached) */
#define WIRE_SHIM_RESIZE "resize"   /* + resize */
#define WIRE_SHIM_LOG_REOPEN                                                                                 \
        "log-reopen" /* opens the log file anew (after it was moved or truncated away)                       \
                      */
#define WIRE_SHIM_STATUS "status"

/* Values of wire_shim_message.event. */
#define WIRE_SHIM_STARTED "started"         /* pid; a pidfd beside it */
#define WIRE_SHIM_FAILED "failed"           /* error, code */
#define WIRE_SHIM_EXITED "exited"           /* code, exitedAt, oomKilled */
#define WIRE_SHIM_EXEC_EXITED "exec-exited" /* exec, code */
#define WIRE_SHIM_DETACHED "detached" /* a client pressed its detach keys; exec is "" for the container */
#define WIRE_SHIM_OOM "oom"           /* the container's cgroup ran out of memory; it may live on */

/* Values of wire_shim_message.state. */
#define WIRE_SHIM_STATE_CREATED "created"
#define WIRE_SHIM_STATE_STARTING "starting"
#define WIRE_SHIM_STATE_RUNNING "running"
#define WIRE_SHIM_STATE_EXITED "exited"

/* Where the container's output is kept. */
typedef struct wire_shim_log {
        char *driver;           /* "json-file", "local" or "none"; "" is "json-file" */
        char *path;             /* absolute; unused for "none" */
        int64_t max_size_bytes; /* of one file; 0: the driver's default; -1: no limit */
        int32_t max_file;       /* files kept, the current one included; 0: the driver's default */
        mn_str_map attrs; /* stored with every line, what `logs --details` shows (labels, env, tag options) */
} wire_shim_log;

/* Bundle, runtime and streams of the container. The OCI documents say the rest. */
typedef struct wire_shim_start {
        char *container_id;
        char *bundle;        /* absolute path of the bundle directory */
        char *runtime;       /* absolute path of the OCI runtime program */
        char *runtime_root;  /* its --root */
        char **runtime_args; /* put before the command, e.g. "--systemd-cgroup" */
        bool is_foreign;     /* not minato-runtime: create and start instead of run --detach */
        bool is_tty;
        bool has_stdin;     /* Docker's OpenStdin */
        bool is_stdin_once; /* Docker's StdinOnce: the first client's end of input closes the container's */
        int32_t console_height; /* rows and columns at the start; 0: unset */
        int32_t console_width;
        wire_shim_log log;
} wire_shim_start;

/* Which streams a client gets and sends. The HTTP head (101 or 200) was written already. */
typedef struct wire_shim_streams {
        bool has_stdin;
        bool has_stdout;
        bool has_stderr;
        bool is_framed;    /* 8-byte stdio headers; never set for a terminal */
        char *detach_keys; /* "" is "ctrl-p,ctrl-q"; only heard on terminals */
} wire_shim_streams;

/* Another process in the container. Reply: pid, or error with code 126 (not executable), 127 (not found), 1.
 */
typedef struct wire_shim_exec {
        char *exec_id;
        char *process; /* file name in the bundle: the OCI process document; removed by the shim once used */
        bool is_tty;
        bool has_stdin; /* keep a pipe to it; without, its input is /dev/null */
        wire_shim_streams streams;
        int32_t console_height;
        int32_t console_width;
} wire_shim_exec;

typedef struct wire_shim_resize {
        char *exec_id; /* "" is the container itself */
        int32_t height;
        int32_t width;
} wire_shim_resize;

/* Daemon to shim. The member named like the op is set, the others are NULL. */
typedef struct wire_shim_request {
        char *op;
        uint64_t id; /* not 0; chosen by the peer */
        char **fds;  /* names of the descriptors beside the packet, in their order */
        wire_shim_start *start;
        wire_shim_streams *attach;
        wire_shim_exec *exec;
        wire_shim_resize *resize;
} wire_shim_request;

/* One exec session as `status` lists it. */
typedef struct wire_shim_exec_state {
        char *exec_id;
        int32_t pid;
        bool is_running;
        int32_t code; /* when it is not running */
} wire_shim_exec_state;

/* Shim to daemon: a reply (id) or an event (event). */
typedef struct wire_shim_message {
        uint64_t id;
        char *event;
        char *error; /* "" for success; the text is for the user, the runtime's own where it gave one */
        int32_t code;
        int32_t pid;
        char *exec_id;
        char *state;
        int64_t started_at; /* nanoseconds since the epoch; 0: not yet */
        int64_t exited_at;
        bool is_oom_killed;
        MN_LIST(wire_shim_exec_state) execs;
} wire_shim_message;

/* <bundle>/exit, written before anybody is told. Docker's names as in State. */
typedef struct wire_shim_exit {
        int32_t exit_code;
        int64_t exited_at;
        bool is_oom_killed;
        char *error; /* why the start failed; usually absent */
} wire_shim_exit;

extern const mn_type wire_shim_request_type, wire_shim_start_type, wire_shim_message_type,
        wire_shim_exit_type;

/* Appends the packet's JSON to `out`. */
void wire_shim_request_encode(const wire_shim_request *request, mn_str *out);
void wire_shim_message_encode(const wire_shim_message *message, mn_str *out);

/* Reads a packet; strings go to `arena`. MN_INVALID names what is wrong: an unknown op, a missing part, fewer
   or more descriptor names than `nfds`. */
mn_status wire_shim_request_decode(const char *text, size_t len, size_t nfds, mn_arena *arena,
                                   wire_shim_request *ret, mn_err *err) MN_MUST_USE;
mn_status wire_shim_message_decode(const char *text, size_t len, mn_arena *arena, wire_shim_message *ret,
                                   mn_err *err) MN_MUST_USE;

/* Index in the packet's descriptors of the one called `name`, or -1. */
int wire_shim_fd_index(const wire_shim_request *request, const char *name);
