/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The state database: documents by (kind, id) in one SQLite file under the data root.
 *
 * Modules keep their objects in memory, read them once at start and write every change through. Changes that
 * belong together go into one batch; a batch is there after a crash as a whole or not at all. Commits of
 * several threads that come at the same time share one write to the disk. Every function may be called from
 * any thread and blocks for the disk.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"

typedef struct store store;

/* Schema of the file; a file with another one is refused, never changed. */
#define STORE_SCHEMA_VERSION 1

/* When a commit returns. */
typedef enum store_durability {
        STORE_DURABLE, /* the change survives a power cut: what a 2xx answer to create, tag, rename ...
                          promises */
        STORE_RELAXED, /* it survives the death of the daemon, and after half a second a power cut, too: for
                          what dies with the machine anyhow (the state of running containers, and containers
                          that are removed when they end) */
} store_durability;

/* Opens the database, creating it when it is not there. MN_CONFLICT "state database \"PATH\" is in use by
   another daemon"; MN_INTERNAL for an unknown schema version, a foreign or a damaged file. */
mn_status store_open(const char *path, store **ret, mn_err *err) MN_MUST_USE;

/* Writes everything back into the main file and closes. NULL is accepted. */
void store_close(store *s);

/* ---- changes ---- */

/* Changes in the order they are added. For one thread at a time. */
typedef struct store_batch store_batch;

store_batch *store_batch_new(void) __attribute__((returns_nonnull));
void store_batch_free(store_batch *b);
void store_batch_freep(store_batch **b);
#define cleanup_store_batch MN_CLEANUP(store_batch_freep)

/* Sets the document (encoded at once, all fields), replacing an older one. */
void store_batch_put(store_batch *b, const char *kind, const char *id, const mn_type *type,
                     const void *object);

/* The same with ready text (JSON). */
void store_batch_put_text(store_batch *b, const char *kind, const char *id, const char *text, size_t len);

/* Removes the document; nothing happens when there is none. */
void store_batch_delete(store_batch *b, const char *kind, const char *id);

/* Writes the batch, which is the caller's still and must not be used for a second commit. After an error
   nothing of it is in the database. */
mn_status store_commit(store *s, store_batch *b, store_durability durability, mn_err *err) MN_MUST_USE;

/* A batch of one change. */
mn_status store_put(store *s, const char *kind, const char *id, const mn_type *type, const void *object,
                    store_durability durability, mn_err *err) MN_MUST_USE;
mn_status store_delete(store *s, const char *kind, const char *id, store_durability durability,
                       mn_err *err) MN_MUST_USE;

/* ---- reading ---- */

/* Decodes a document into `object`; strings go to `arena`. MN_NOT_FOUND without one; MN_INTERNAL when it does
   not fit the type. */
mn_status store_get(store *s, const char *kind, const char *id, const mn_type *type, mn_arena *arena,
                    void *object, mn_err *err) MN_MUST_USE;

/* One document of a kind. */
typedef struct store_document {
        char *id;
        char *text; /* JSON */
        size_t len;
} store_document;
typedef MN_LIST(store_document) store_document_list;

/* All documents of a kind, ordered by id, in `arena`. */
mn_status store_list(store *s, const char *kind, mn_arena *arena, store_document_list *ret,
                     mn_err *err) MN_MUST_USE;
