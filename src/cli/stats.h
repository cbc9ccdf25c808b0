/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Samples of GET /containers/{id}/stats as rows. */

#include <stdbool.h>

#include "cli/client.h"
#include "cli/format.h"

/* The latest sample of a container; zero-initialise. */
typedef struct stats_sample {
        bool is_set;
        char *id, *name;
        double cpu_percent, memory, memory_limit, received, sent, read, written;
        long long pids;
        mn_str pending; /* bytes of a document that is not complete yet */
} stats_sample;

/* Takes what has arrived; false at the end of the stream. Blocks when nothing has. */
bool stats_read(client_stream *stream, stats_sample *s);

/* Adds a row; a container without a sample shows "--". */
void stats_add_row(mn_arena *arena, format_list *list, const char *name, const stats_sample *s, bool is_full);

void stats_release(stats_sample *s);
