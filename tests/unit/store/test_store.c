/* SPDX-License-Identifier: Apache-2.0 */
/* The state database: round trips, atomic batches, several writers, refusal of foreign files, a crash at any
 * moment. */

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/num.h"
#include "store/store.h"
#include "sys/file.h"

struct thing {
        char *name;
        int64_t number;
};
static const mn_field thing_fields[] = {
        { "Name", &mn_type_str, offsetof(struct thing, name) },
        { "Number", &mn_type_i64, offsetof(struct thing, number) },
        { 0 },
};
static const mn_type thing_type = MN_STRUCT(struct thing, thing_fields);

static char directory[] = "/tmp/minato-store-XXXXXX";
static char path[64];

static int make_directory(void **state) {
        (void) state;
        strcpy(directory + strlen(directory) - 6, "XXXXXX");
        assert_non_null(mkdtemp(directory));
        snprintf(path, sizeof path, "%s/state.db", directory);
        return 0;
}

static int remove_directory(void **state) {
        (void) state;
        return mn_remove_tree(AT_FDCWD, directory);
}

static store *open_store(void) {
        store *s = NULL;
        cleanup_err mn_err err = { 0 };
        if (store_open(path, &s, &err))
                fail_msg("%s", mn_err_text(&err));
        return s;
}

static int64_t number_of(store *s, const char *id) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        struct thing t;
        return store_get(s, "thing", id, &thing_type, arena, &t, NULL) ? -1 : t.number;
}

static void documents_survive_reopening(void **state) {
        (void) state;
        store *s = open_store();
        struct thing t = { (char[]){ "a \"quoted\" näme" }, INT64_MAX };
        assert_int_equal(store_put(s, "thing", "1", &thing_type, &t, STORE_DURABLE, NULL), MN_OK);
        t.number = 7;
        assert_int_equal(store_put(s, "thing", "2", &thing_type, &t, STORE_RELAXED, NULL), MN_OK);
        assert_int_equal(store_put(s, "other", "1", &thing_type, &t, STORE_DURABLE, NULL), MN_OK);
        store_close(s);

        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);

        s = open_store();
        cleanup_arena mn_arena *arena = mn_arena_new();
        store_document_list list;
        assert_int_equal(store_list(s, "thing", arena, &list, NULL), MN_OK);
        assert_int_equal(list.len, 2);
        assert_string_equal(list.items[0].id, "1");
        assert_string_equal(list.items[0].text,
                            "{\"Name\":\"a \\\"quoted\\\" näme\",\"Number\":9223372036854775807}");
        assert_int_equal(number_of(s, "1"), INT64_MAX);
        assert_int_equal(number_of(s, "2"), 7);
        assert_int_equal(number_of(s, "3"), -1);
        assert_int_equal(store_delete(s, "thing", "1", STORE_DURABLE, NULL), MN_OK);
        assert_int_equal(store_delete(s, "thing", "none", STORE_DURABLE, NULL), MN_OK);
        assert_int_equal(number_of(s, "1"), -1);
        store_close(s);
}

static void a_batch_keeps_its_order(void **state) {
        (void) state;
        store *s = open_store();
        cleanup_store_batch store_batch *b = store_batch_new();
        struct thing t = { (char[]){ "x" }, 1 };
        store_batch_put(b, "thing", "1", &thing_type, &t);
        store_batch_delete(b, "thing", "1");
        t.number = 2;
        store_batch_put(b, "thing", "1", &thing_type, &t);
        store_batch_put(b, "thing", "2", &thing_type, &t);
        store_batch_delete(b, "thing", "2");
        assert_int_equal(store_commit(s, b, STORE_DURABLE, NULL), MN_OK);
        assert_int_equal(number_of(s, "1"), 2);
        assert_int_equal(number_of(s, "2"), -1);
        store_close(s);
}

struct writer {
        store *s;
        int index;
};

static void *write_many(void *arg) {
        const struct writer *w = arg;
        for (int i = 0; i < 50; i++) {
                char id[32];
                snprintf(id, sizeof id, "%d-%d", w->index, i);
                struct thing t = { id, i };
                if (store_put(w->s, "thing", id, &thing_type, &t, i % 2 ? STORE_DURABLE : STORE_RELAXED,
                              NULL))
                        return arg;
        }
        return NULL;
}

static void writers_share_commits(void **state) {
        (void) state;
        store *s = open_store();
        pthread_t threads[8];
        struct writer writers[8];
        for (int i = 0; i < 8; i++) {
                writers[i] = (struct writer){ s, i };
                assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
        }
        for (int i = 0; i < 8; i++) {
                void *result = NULL;
                pthread_join(threads[i], &result);
                assert_null(result);
        }
        cleanup_arena mn_arena *arena = mn_arena_new();
        store_document_list list;
        assert_int_equal(store_list(s, "thing", arena, &list, NULL), MN_OK);
        assert_int_equal(list.len, 400);
        store_close(s);
}

static void a_second_daemon_is_refused(void **state) {
        (void) state;
        store *s = open_store();
        store *second = NULL;
        cleanup_err mn_err err = { 0 };
        assert_int_equal(store_open(path, &second, &err), MN_CONFLICT);
        assert_non_null(strstr(err.message, "is in use by another daemon"));
        store_close(s);
}

static void change_with_sqlite(const char *sql) {
        sqlite3 *db = NULL;
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
}

static void an_unknown_schema_is_refused(void **state) {
        (void) state;
        store_close(open_store());
        change_with_sqlite("PRAGMA user_version=99");
        store *s = NULL;
        cleanup_err mn_err err = { 0 };
        assert_int_equal(store_open(path, &s, &err), MN_INTERNAL);
        assert_non_null(strstr(err.message, "schema version 99"));
}

static void a_foreign_database_is_refused(void **state) {
        (void) state;
        change_with_sqlite("CREATE TABLE cookies(a)");
        store *s = NULL;
        cleanup_err mn_err err = { 0 };
        assert_int_equal(store_open(path, &s, &err), MN_INTERNAL);
        assert_non_null(strstr(err.message, "was not made by minatod"));
}

static void a_damaged_file_is_refused(void **state) {
        (void) state;
        assert_int_equal(
                mn_file_create(AT_FDCWD, path, "this is not a database at all, and long enough", 46, 0600),
                0);
        store *s = NULL;
        assert_int_equal(store_open(path, &s, NULL), MN_INTERNAL);
}

/* Child: batches of two documents that always agree; the number is reported only after its commit. */
static void commit_until_killed(int report) {
        store *s = NULL;
        if (store_open(path, &s, NULL))
                _exit(1);
        for (int64_t n = 1;; n++) {
                struct thing t = { (char[]){ "pair" }, n };
                store_batch *b = store_batch_new();
                store_batch_put(b, "thing", "left", &thing_type, &t);
                store_batch_put(b, "thing", "right", &thing_type, &t);
                if (store_commit(s, b, n % 3 ? STORE_RELAXED : STORE_DURABLE, NULL) ||
                    write(report, &n, sizeof n) != sizeof n)
                        _exit(1);
                store_batch_free(b);
        }
}

static void a_killed_writer_loses_nothing(void **state) {
        (void) state;
        for (unsigned round = 0; round < 8; round++) {
                int pipe_fds[2];
                assert_int_equal(pipe(pipe_fds), 0);
                pid_t child = fork();
                if (!child) {
                        close(pipe_fds[0]);
                        commit_until_killed(pipe_fds[1]);
                }
                close(pipe_fds[1]);
                int64_t acknowledged = 0, n;
                for (unsigned i = 0; i < 5 + 7 * round && read(pipe_fds[0], &n, sizeof n) == sizeof n; i++)
                        acknowledged = n;
                kill(child, SIGKILL);
                waitpid(child, NULL, 0);
                while (read(pipe_fds[0], &n, sizeof n) == sizeof n)
                        acknowledged = n;
                close(pipe_fds[0]);
                store *s = open_store();
                assert_true(number_of(s, "left") >= acknowledged);
                assert_int_equal(number_of(s, "left"), number_of(s, "right"));
                store_close(s);
        }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(documents_survive_reopening),  TEST(a_batch_keeps_its_order),
                TEST(writers_share_commits),        TEST(a_second_daemon_is_refused),
                TEST(an_unknown_schema_is_refused), TEST(a_foreign_database_is_refused),
                TEST(a_damaged_file_is_refused),    TEST(a_killed_writer_loses_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
