/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A group of jobs (the layers of an image), some at a time, and what the client is told of them. Jobs run in
 * threads of their own and note their state; the calling thread passes it on. So a client that reads slowly
 * holds up nobody, and what is kept for it does not grow.
 */

#include <stdatomic.h>
#include <stddef.h>

#include "image/registry.h"

enum { TRANSFER_PARALLEL_MAX = 16 };

/* One job's line. */
typedef struct transfer_slot transfer_slot;

/* Notes what the job is doing. `status` is a literal or lives as long as the group. total 0: no figures. */
void transfer_note(transfer_slot *slot, const char *status, int64_t current, int64_t total);

/* As transfer_note for a text without figures that need not live on (at most 255 bytes are kept); once per
 * job. */
void transfer_note_copy(transfer_slot *slot, const char *status);

typedef struct transfer_group {
        size_t njobs;
        const char *const *ids; /* of each job's line */
        int max_parallel;       /* 1 to TRANSFER_PARALLEL_MAX */
        /* Does job `i` on thread `worker` (0 to max_parallel - 1). */
        mn_status (*run)(void *arg, size_t worker, size_t i, transfer_slot *slot, mn_err *err);
        void *arg;
        image_progress_fn report; /* called on the thread of transfer_run only */
        void *report_arg;
        atomic_bool *is_cancelled; /* set when nobody listens or a job failed; jobs look at it */
} transfer_group;

/* Runs all jobs and returns when no thread is left. The first failure cancels the others and is returned. */
mn_status transfer_run(const transfer_group *group, mn_err *err) MN_MUST_USE;
