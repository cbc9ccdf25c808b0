/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The JSON messages of pull, push, load, import and build: bars on a terminal, lines elsewhere. */

#include "cli/cli.h"

/* Shows the messages of `stream` on `fd` until it ends. The failure's message is the stream's own error.
 * Lines of more than 1 MiB end it; at most 1000 bars are kept. `aux` gets the last auxiliary document (in the
 * arena), and may be NULL; a negative fd shows nothing. */
mn_status progress_show(cli *c, client_stream *stream, int fd, const mn_json **aux, mn_err *err) MN_MUST_USE;

/* Calls `take` with every document of a stream of JSON lines; it returns false to stop. */
mn_status progress_each(client_stream *stream,
                        bool (*take)(void *userdata, const mn_json *document, mn_arena *arena),
                        void *userdata, mn_err *err) MN_MUST_USE;
