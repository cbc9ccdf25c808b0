/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A terminal connected to a process in a container: attach, run, start -a, exec. One loop moves bytes between
 * the standard streams and the hijacked connection, passes signals and window sizes on, and watches for
 * detach keys.
 */

#include <stdbool.h>

#include "cli/cli.h"

typedef enum session_end {
        SESSION_ENDED,    /* the other side closed the stream */
        SESSION_DETACHED, /* the user typed the detach keys */
} session_end;

typedef struct session_spec {
        client_stream *stream;           /* hijacked, its head received */
        bool is_tty;                     /* the process has a terminal: raw bytes, else frames */
        bool has_stdin;                  /* pass standard input on */
        bool shows_stdout, shows_stderr; /* frames of the others are dropped; a terminal is all stdout */
        const char *detach_keys;         /* NULL: ctrl-p,ctrl-q */
        const char *signal_container;    /* signals we get are sent to it; NULL: they hit us */
        const char *resize_prefix; /* "/containers" or "/exec", whose `resize_id` gets our window's size */
        const char *resize_id;     /* NULL: no resizing */
} session_spec;

/* Blocks the signals that a session passes on, so that none is lost between the start of the container and
 * the session. Call before the container runs. */
void session_hold_signals(void);

/* Sends the terminal's size. */
void session_resize(cli *c, const char *prefix, const char *id);

/* Runs until the stream ends or the user detaches; the terminal is restored whatever happens. */
mn_status session_run(cli *c, const session_spec *spec, session_end *ret, mn_err *err) MN_MUST_USE;

/* Copies a stream of frames, or of bytes, to standard output and error until it ends (logs). */
mn_status session_copy(client_stream *stream, bool is_framed, mn_err *err) MN_MUST_USE;

/* MN_INVALID "invalid detach keys (x) provided" when they do not parse. */
mn_status session_check_keys(const char *keys, mn_err *err) MN_MUST_USE;

/* "the input device is not a TTY" when a terminal is asked for and standard input is none. */
mn_status session_check_tty(bool has_stdin, bool is_tty, mn_err *err) MN_MUST_USE;
