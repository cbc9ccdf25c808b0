/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Brings a file to the disk a little later, in a thread of its own: the bound on what a relaxed commit may
 * lose. */

typedef struct store_syncer store_syncer;

/* `path` is opened anew for each sync. The thread is started when there is something to do first. */
store_syncer *store_syncer_new(const char *path) __attribute__((returns_nonnull));

/* The file has changed: it is synced within half a second. From any thread; never blocks for the disk. */
void store_syncer_touch(store_syncer *s);

/* Somebody else has synced it. */
void store_syncer_clear(store_syncer *s);

/* Ends the thread, without a last sync. NULL is accepted. */
void store_syncer_free(store_syncer *s);
