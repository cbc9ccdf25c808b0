/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The processes behind decompress_worker, each of which serves one stream at a time. */

#include "worker/decompress.h"

struct decompress_process {
        struct decompress_process *next; /* in the pool */
        int in, out;                     /* sockets */
        int pidfd;
        char *memory;      /* DECOMPRESS_MEMORY_SIZE bytes */
        unsigned in_slot;  /* being filled */
        unsigned nfree;    /* input slots that are empty, that one included */
        unsigned out_slot; /* the next one it fills */
};

/* A process that waits for a stream, a new one when there is none; NULL when this process is to do it. 0 or
 * -errno. */
int decompress_pool_take(decompress_pool *pool, struct decompress_process **ret);

/* Takes it back: `is_clean` when it waits for another stream, otherwise it is ended. */
void decompress_pool_give(decompress_pool *pool, struct decompress_process *process, bool is_clean);
