/* SPDX-License-Identifier: Apache-2.0 */
#include "image/transfer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/time.h"

enum { NOTES_MAX = 8, TELL_EVERY_MS = 100 };

struct note {
        const char *status;
        int64_t current, total;
};

struct transfer_slot {
        struct run *run;
        struct note notes[NOTES_MAX]; /* not told yet; progress of one status overwrites itself */
        size_t nnotes;
        char text[256]; /* of transfer_note_copy */
};

/* The group while it runs. */
struct run {
        const transfer_group *group;
        pthread_mutex_t lock; /* of all below */
        pthread_cond_t changed;
        transfer_slot *slots;
        size_t next; /* job nobody has taken yet */
        size_t nworkers_left;
        mn_status status; /* of the first failure */
        mn_err err;
        bool is_urgent; /* a status changed, not only figures */
};

void transfer_note(transfer_slot *slot, const char *status, int64_t current, int64_t total) {
        struct run *run = slot->run;
        pthread_mutex_lock(&run->lock);
        struct note *last = slot->nnotes ? &slot->notes[slot->nnotes - 1] : NULL;
        bool is_same = last && strcmp(last->status, status) == 0;
        if (!is_same && slot->nnotes < NOTES_MAX)
                last = &slot->notes[slot->nnotes++];
        *last = (struct note){ status, current, total };
        if (!is_same && !total) {
                run->is_urgent = true;
                pthread_cond_signal(&run->changed);
        }
        pthread_mutex_unlock(&run->lock);
}

void transfer_note_copy(transfer_slot *slot, const char *status) {
        snprintf(slot->text, sizeof(slot->text), "%s", status);
        transfer_note(slot, slot->text, 0, 0);
}

struct worker {
        struct run *run;
        size_t index;
        pthread_t thread;
};

/* Takes the next job; false when there is none left or the group is cancelled. */
static bool take_job(struct run *run, size_t *ret_i) {
        pthread_mutex_lock(&run->lock);
        bool has = run->next < run->group->njobs && !atomic_load(run->group->is_cancelled);
        if (has)
                *ret_i = run->next++;
        pthread_mutex_unlock(&run->lock);
        return has;
}

static void note_failure(struct run *run, mn_status status, mn_err *err) {
        pthread_mutex_lock(&run->lock);
        if (!run->status) {
                run->status = status;
                run->err = *err;
                *err = (mn_err){ 0 };
        }
        pthread_mutex_unlock(&run->lock);
        atomic_store(run->group->is_cancelled, true);
}

static void *work(void *arg) {
        struct worker *worker = arg;
        struct run *run = worker->run;
        for (size_t i; take_job(run, &i);) {
                cleanup_err mn_err err = { 0 };
                mn_status status = run->group->run(run->group->arg, worker->index, i, &run->slots[i], &err);
                if (status)
                        note_failure(run, status, &err);
        }
        pthread_mutex_lock(&run->lock);
        run->nworkers_left--;
        pthread_cond_signal(&run->changed);
        pthread_mutex_unlock(&run->lock);
        return NULL;
}

/* Passes on what one slot has noted; called and left with the lock held. False when nobody listens. */
static bool tell(struct run *run, size_t i) {
        transfer_slot *slot = &run->slots[i];
        struct note notes[NOTES_MAX];
        size_t n = slot->nnotes;
        memcpy(notes, slot->notes, n * sizeof(*notes));
        slot->nnotes = 0;
        if (!n)
                return true;
        pthread_mutex_unlock(&run->lock);
        bool is_heard = true;
        for (size_t k = 0; k < n && is_heard; k++) {
                image_progress message = { .id = run->group->ids[i],
                                           .status = notes[k].status,
                                           .current = notes[k].current,
                                           .total = notes[k].total };
                is_heard = run->group->report(run->group->report_arg, &message);
        }
        pthread_mutex_lock(&run->lock);
        return is_heard;
}

static void tell_all(struct run *run) {
        run->is_urgent = false;
        for (size_t i = 0; i < run->group->njobs; i++)
                if (!tell(run, i)) {
                        atomic_store(run->group->is_cancelled, true);
                        return;
                }
}

static void wait_for_news(struct run *run) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TELL_EVERY_MS * MN_NS_PER_MS;
        until.tv_sec += until.tv_nsec / MN_NS_PER_SEC;
        until.tv_nsec %= MN_NS_PER_SEC;
        while (run->nworkers_left && !run->is_urgent)
                if (pthread_cond_timedwait(&run->changed, &run->lock, &until) != 0)
                        return;
}

mn_status transfer_run(const transfer_group *group, mn_err *err) {
        struct worker workers[TRANSFER_PARALLEL_MAX];
        struct run run = { .group = group };
        pthread_mutex_init(&run.lock, NULL);
        pthread_cond_init(&run.changed, NULL);
        run.slots = mn_alloc_array(group->njobs + 1, sizeof(*run.slots));
        for (size_t i = 0; i < group->njobs; i++)
                run.slots[i].run = &run;
        size_t wanted = MN_MIN((size_t) group->max_parallel, (size_t) TRANSFER_PARALLEL_MAX), nworkers = 0;
        wanted = MN_MIN(wanted, group->njobs);
        pthread_mutex_lock(&run.lock);
        for (; nworkers < wanted; nworkers++) {
                workers[nworkers] = (struct worker){ .run = &run, .index = nworkers };
                if (pthread_create(&workers[nworkers].thread, NULL, work, &workers[nworkers]) != 0)
                        break;
                run.nworkers_left++;
        }
        while (run.nworkers_left) {
                wait_for_news(&run);
                if (!atomic_load(group->is_cancelled))
                        tell_all(&run);
                else if (run.nworkers_left)
                        pthread_cond_wait(&run.changed, &run.lock);
        }
        if (!atomic_load(group->is_cancelled))
                tell_all(&run);
        pthread_mutex_unlock(&run.lock);
        for (size_t k = 0; k < nworkers; k++)
                pthread_join(workers[k].thread, NULL);
        if (wanted && !nworkers)
                run.status = mn_fail(&run.err, MN_INTERNAL, "cannot start a thread");
        else if (!run.status && atomic_load(group->is_cancelled))
                run.status = mn_fail(&run.err, MN_INTERNAL, "context canceled");
        free(run.slots);
        pthread_cond_destroy(&run.changed);
        pthread_mutex_destroy(&run.lock);
        if (run.status && err) {
                mn_err_release(err);
                *err = run.err;
        } else {
                mn_err_release(&run.err);
        }
        return run.status;
}
