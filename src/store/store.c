/* SPDX-License-Identifier: Apache-2.0 */
/* Documents in SQLite: opening and checking the file, reading, and commits that share one fsync. */

#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/vec.h"
#include "store/syncer.h"
#include "sys/fd.h"
#include "sys/file.h"

/* "MNTO" as SQLite's application_id: tells our file from any other database. */
#define APPLICATION_ID 0x4d4e544f

struct change {
        char *kind;
        char *id;
        char *text; /* NULL: delete */
        size_t len;
};

struct store_batch {
        MN_VEC(struct change) changes;
        store_durability durability;

        /* Set by the thread that commits it, under the store's queue lock. */
        struct store_batch *next;
        bool is_done;
        mn_status status;
        mn_err err;
};

struct store {
        sqlite3 *db;
        char *path;
        store_syncer *syncer;

        pthread_mutex_t db_lock; /* the connection and its statements */
        sqlite3_stmt *put, *delete, *get, *list;
        bool is_relaxed; /* what "PRAGMA synchronous" was last set to */

        pthread_mutex_t queue_lock; /* batches that wait for a writer */
        pthread_cond_t committed;
        store_batch *first, *last;
        bool has_writer;
};

static mn_status fail_sqlite(store *s, mn_err *err, const char *what) {
        return mn_fail(err, MN_INTERNAL, "state database \"%s\": %s: %s", s->path, what,
                       sqlite3_errmsg(s->db));
}

static mn_status run(store *s, const char *sql, mn_err *err) {
        return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? MN_OK : fail_sqlite(s, err, sql);
}

/* ---- batches ---- */

store_batch *store_batch_new(void) {
        return mn_alloc(sizeof(store_batch));
}

void store_batch_free(store_batch *b) {
        if (!b)
                return;
        for (size_t i = 0; i < b->changes.len; i++) {
                mn_freep(&b->changes.items[i].kind);
                mn_freep(&b->changes.items[i].id);
                mn_freep(&b->changes.items[i].text);
        }
        mn_vec_release(&b->changes);
        mn_err_release(&b->err);
        mn_freep(&b);
}

void store_batch_freep(store_batch **b) {
        store_batch_free(*b);
}

static void add_change(store_batch *b, const char *kind, const char *id, char *text, size_t len) {
        struct change c = { .kind = mn_strdup(kind), .id = mn_strdup(id), .text = text, .len = len };
        mn_vec_push(&b->changes, c);
}

void store_batch_put_text(store_batch *b, const char *kind, const char *id, const char *text, size_t len) {
        add_change(b, kind, id, mn_strndup(text, len), len);
}

void store_batch_put(store_batch *b, const char *kind, const char *id, const mn_type *type,
                     const void *object) {
        cleanup_str mn_str text = { 0 };
        mn_json_encode(type, object, 0, &text);
        size_t len = text.len;
        char *body = mn_str_take(&text);
        add_change(b, kind, id, body, body ? len : 0);
        if (!body) /* larger than any document may be: the commit says so */
                b->status = MN_TOO_LARGE;
}

void store_batch_delete(store_batch *b, const char *kind, const char *id) {
        add_change(b, kind, id, NULL, 0);
}

/* ---- commits ---- */

static mn_status apply_change(store *s, const struct change *c, mn_err *err) {
        sqlite3_stmt *st = c->text ? s->put : s->delete;
        sqlite3_bind_text(st, 1, c->kind, -1, SQLITE_STATIC);
        sqlite3_bind_text(st, 2, c->id, -1, SQLITE_STATIC);
        if (c->text)
                sqlite3_bind_text64(st, 3, c->text, c->len, SQLITE_STATIC, SQLITE_UTF8);
        int r = sqlite3_step(st);
        mn_status status = r == SQLITE_DONE ? MN_OK : fail_sqlite(s, err, c->text ? "put" : "delete");
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
        return status;
}

static mn_status set_durability(store *s, bool is_relaxed, mn_err *err) {
        if (is_relaxed == s->is_relaxed)
                return MN_OK;
        mn_status status = run(s, is_relaxed ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL", err);
        if (!status)
                s->is_relaxed = is_relaxed;
        return status;
}

/* Writes the batches from `first` to `end` (exclusive) in one transaction. */
static mn_status write_batches(store *s, store_batch *first, store_batch *end, bool is_relaxed, mn_err *err) {
        mn_status status = set_durability(s, is_relaxed, err);
        if (!status)
                status = run(s, "BEGIN IMMEDIATE", err);
        if (status)
                return status;
        for (store_batch *b = first; b != end && !status; b = b->next)
                for (size_t i = 0; i < b->changes.len && !status; i++)
                        status = apply_change(s, &b->changes.items[i], err);
        if (!status)
                status = run(s, "COMMIT", err);
        if (status)
                sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
        else if (is_relaxed)
                store_syncer_touch(s->syncer);
        else
                store_syncer_clear(s->syncer); /* its fsync covered all that stood before it in the log */
        return status;
}

/* One transaction for all of the chain; when that fails, each batch gets one of its own, so that nobody fails
   because of a neighbour. */
static void write_chain(store *s, store_batch *chain) {
        bool is_relaxed = true;
        for (store_batch *b = chain; b; b = b->next)
                is_relaxed = is_relaxed && b->durability == STORE_RELAXED;
        pthread_mutex_lock(&s->db_lock);
        cleanup_err mn_err err = { 0 };
        if (write_batches(s, chain, NULL, is_relaxed, &err))
                for (store_batch *b = chain; b; b = b->next)
                        b->status = write_batches(s, b, b->next, b->durability == STORE_RELAXED, &b->err);
        pthread_mutex_unlock(&s->db_lock);
}

/* Commits what waits, this thread's batch included. Called and returns with the queue locked. */
static void be_writer(store *s) {
        s->has_writer = true;
        store_batch *chain = s->first;
        s->first = s->last = NULL;
        pthread_mutex_unlock(&s->queue_lock);
        write_chain(s, chain);
        pthread_mutex_lock(&s->queue_lock);
        for (store_batch *b = chain; b; b = b->next)
                b->is_done = true;
        s->has_writer = false;
        pthread_cond_broadcast(&s->committed);
}

mn_status store_commit(store *s, store_batch *b, store_durability durability, mn_err *err) {
        if (b->status)
                return mn_fail(err, b->status, "state database \"%s\": document is too large", s->path);
        b->durability = durability;
        pthread_mutex_lock(&s->queue_lock);
        if (s->last)
                s->last->next = b;
        else
                s->first = b;
        s->last = b;
        while (!b->is_done)
                if (s->has_writer)
                        pthread_cond_wait(&s->committed, &s->queue_lock);
                else
                        be_writer(s);
        pthread_mutex_unlock(&s->queue_lock);
        return b->status ? mn_fail(err, b->status, "%s", mn_err_text(&b->err)) : MN_OK;
}

mn_status store_put(store *s, const char *kind, const char *id, const mn_type *type, const void *object,
                    store_durability durability, mn_err *err) {
        cleanup_store_batch store_batch *b = store_batch_new();
        store_batch_put(b, kind, id, type, object);
        return store_commit(s, b, durability, err);
}

mn_status store_delete(store *s, const char *kind, const char *id, store_durability durability, mn_err *err) {
        cleanup_store_batch store_batch *b = store_batch_new();
        store_batch_delete(b, kind, id);
        return store_commit(s, b, durability, err);
}

/* ---- reading ---- */

mn_status store_get(store *s, const char *kind, const char *id, const mn_type *type, mn_arena *arena,
                    void *object, mn_err *err) {
        pthread_mutex_lock(&s->db_lock);
        sqlite3_bind_text(s->get, 1, kind, -1, SQLITE_STATIC);
        sqlite3_bind_text(s->get, 2, id, -1, SQLITE_STATIC);
        int r = sqlite3_step(s->get);
        char *text = NULL;
        size_t len = 0;
        if (r == SQLITE_ROW) {
                len = (size_t) sqlite3_column_bytes(s->get, 0);
                text = mn_arena_strndup(arena, (const char *) sqlite3_column_text(s->get, 0), len);
        }
        mn_status status = r == SQLITE_ROW || r == SQLITE_DONE ? MN_OK : fail_sqlite(s, err, "get");
        sqlite3_reset(s->get);
        pthread_mutex_unlock(&s->db_lock);
        if (status)
                return status;
        if (!text)
                return mn_fail(err, MN_NOT_FOUND, "no %s \"%s\" in the state database", kind, id);
        status = mn_json_decode_text(type, text, len, NULL, arena, MN_UNKNOWN_IGNORE, object, err);
        return status ? mn_err_prefix(err, MN_INTERNAL, "%s \"%s\" in the state database", kind, id) : MN_OK;
}

mn_status store_list(store *s, const char *kind, mn_arena *arena, store_document_list *ret, mn_err *err) {
        MN_VEC(store_document) found = { 0 };
        pthread_mutex_lock(&s->db_lock);
        sqlite3_bind_text(s->list, 1, kind, -1, SQLITE_STATIC);
        int r;
        while ((r = sqlite3_step(s->list)) == SQLITE_ROW) {
                size_t len = (size_t) sqlite3_column_bytes(s->list, 1);
                store_document d = {
                        .id = mn_arena_strdup(arena, (const char *) sqlite3_column_text(s->list, 0)),
                        .text = mn_arena_strndup(arena, (const char *) sqlite3_column_text(s->list, 1), len),
                        .len = len,
                };
                mn_vec_push(&found, d);
        }
        mn_status status = r == SQLITE_DONE ? MN_OK : fail_sqlite(s, err, "list");
        sqlite3_reset(s->list);
        pthread_mutex_unlock(&s->db_lock);
        if (!status) {
                ret->items = mn_arena_array(arena, found.len + 1, sizeof(store_document));
                if (found.len)
                        memcpy(ret->items, found.items, found.len * sizeof(store_document));
                ret->len = found.len;
        }
        mn_vec_release(&found);
        return status;
}

/* ---- opening ---- */

static mn_status pragma_number(store *s, const char *sql, int64_t *ret, mn_err *err) {
        sqlite3_stmt *st = NULL;
        if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW) {
                mn_status status = fail_sqlite(s, err, sql);
                sqlite3_finalize(st);
                return status;
        }
        *ret = sqlite3_column_int64(st, 0);
        sqlite3_finalize(st);
        return MN_OK;
}

static mn_status create_schema(store *s, mn_err *err) {
        cleanup_free char *sql = mn_asprintf(
                "BEGIN IMMEDIATE;"
                "CREATE TABLE document(kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,"
                " PRIMARY KEY(kind, id)) WITHOUT ROWID;"
                "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
                APPLICATION_ID, STORE_SCHEMA_VERSION);
        return run(s, sql, err);
}

/* An empty file gets the schema; any other must have exactly ours. */
static mn_status check_schema(store *s, mn_err *err) {
        int64_t application = 0, version = 0, tables = 0;
        mn_status status = pragma_number(s, "PRAGMA application_id", &application, err);
        if (!status)
                status = pragma_number(s, "PRAGMA user_version", &version, err);
        if (!status)
                status = pragma_number(s, "SELECT count(*) FROM sqlite_master", &tables, err);
        if (status)
                return status;
        if (!application && !version && !tables)
                return create_schema(s, err);
        if (application != APPLICATION_ID)
                return mn_fail(err, MN_INTERNAL, "state database \"%s\" was not made by minatod", s->path);
        if (version != STORE_SCHEMA_VERSION)
                return mn_fail(
                        err, MN_INTERNAL,
                        "state database \"%s\" has schema version %lld, this minatod knows version %d only",
                        s->path, (long long) version, STORE_SCHEMA_VERSION);
        return MN_OK;
}

static mn_status prepare(store *s, const char *sql, sqlite3_stmt **ret, mn_err *err) {
        int r = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
        return r == SQLITE_OK ? MN_OK : fail_sqlite(s, err, sql);
}

static mn_status prepare_all(store *s, mn_err *err) {
        mn_status status = prepare(s, "INSERT OR REPLACE INTO document VALUES(?,?,?)", &s->put, err);
        if (!status)
                status = prepare(s, "DELETE FROM document WHERE kind=? AND id=?", &s->delete, err);
        if (!status)
                status = prepare(s, "SELECT body FROM document WHERE kind=? AND id=?", &s->get, err);
        if (!status)
                status = prepare(s, "SELECT id, body FROM document WHERE kind=? ORDER BY id", &s->list, err);
        return status;
}

/* One process owns the file (locking_mode EXCLUSIVE: no shared memory, no lock calls per transaction). */
static mn_status set_up(store *s, mn_err *err) {
        int r = sqlite3_exec(s->db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;", NULL, NULL,
                             NULL);
        if (r == SQLITE_BUSY)
                return mn_fail(err, MN_CONFLICT, "state database \"%s\" is in use by another daemon",
                               s->path);
        if (r != SQLITE_OK)
                return fail_sqlite(s, err, "open");
        mn_status status = run(s, "PRAGMA synchronous=FULL; PRAGMA cache_size=-512; PRAGMA temp_store=MEMORY",
                               err);
        if (!status)
                status = check_schema(s, err);
        return status ? status : prepare_all(s, err);
}

/* The file is made with its mode before SQLite sees it; the WAL file inherits the mode. */
static mn_status create_file(const char *path, mn_err *err) {
        cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        return fd < 0 ? mn_fail_errno(err, -errno, "state database \"%s\"", path) : MN_OK;
}

mn_status store_open(const char *path, store **ret, mn_err *err) {
        mn_status status = create_file(path, err);
        if (status)
                return status;
        store *s = mn_alloc(sizeof *s);
        s->path = mn_strdup(path);
        cleanup_free char *log = mn_asprintf("%s-wal", path);
        s->syncer = store_syncer_new(log);
        pthread_mutex_init(&s->db_lock, NULL);
        pthread_mutex_init(&s->queue_lock, NULL);
        pthread_cond_init(&s->committed, NULL);
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
        status = sqlite3_open_v2(path, &s->db, flags, NULL) == SQLITE_OK ? set_up(s, err)
                                                                         : fail_sqlite(s, err, "open");
        if (!status) {
                const char *slash = strrchr(path, '/');
                cleanup_free char *dir = slash ? mn_strndup(path, (size_t) (slash - path) + 1)
                                               : mn_strdup(".");
                int r = mn_sync_dir(AT_FDCWD, dir);
                if (r < 0)
                        status = mn_fail_errno(err, r, "state database \"%s\"", path);
        }
        if (status)
                store_close(s);
        else
                *ret = s;
        return status;
}

void store_close(store *s) {
        if (!s)
                return;
        store_syncer_free(s->syncer);
        sqlite3_finalize(s->put);
        sqlite3_finalize(s->delete);
        sqlite3_finalize(s->get);
        sqlite3_finalize(s->list);
        sqlite3_close(s->db);
        pthread_mutex_destroy(&s->db_lock);
        pthread_mutex_destroy(&s->queue_lock);
        pthread_cond_destroy(&s->committed);
        mn_freep(&s->path);
        mn_freep(&s);
}
