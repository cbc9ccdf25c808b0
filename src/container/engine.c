/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing of the container engine. */

#include "container/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "container/apparmor.h"
#include "container/create.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { WORKERS_MAX = 256, JOBS_MAX = 65536 };

const container_runtime *container_runtime_of(container_engine *e, const char *name) {
        const container_engine_options *o = &e->options;
        if (mn_str_is_empty(name))
                name = o->default_runtime;
        for (size_t i = 0; i < o->nruntimes; i++)
                if (mn_str_is_empty(name) || strcmp(o->runtimes[i].name, name) == 0)
                        return &o->runtimes[i];
        return NULL;
}

static mn_status open_directory(const char *root, const char *name, mode_t mode, int *ret, mn_err *err) {
        cleanup_free char *path = mn_asprintf("%s/%s", root, name);
        if (mkdir(path, mode) < 0 && errno != EEXIST)
                return mn_fail_errno(err, -errno, "cannot make \"%s\"", path);
        *ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *ret < 0 ? mn_fail_errno(err, -errno, "cannot open \"%s\"", path) : MN_OK;
}

/* ---- reading the store ---- */

static mn_status load_state(container *c, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        container_state state;
        mn_status status = store_get(c->engine->options.store, CONTAINER_STATE_KIND, c->id,
                                     &container_state_type, arena, &state, err);
        if (status == MN_NOT_FOUND)
                return MN_OK;
        if (status)
                return status;
        c->state = state;
        if (state.status == CONTAINER_REMOVING) /* decided by the rename to the trash only, see restore.c */
                c->state.status = CONTAINER_EXITED;
        c->state.error = mn_strdup(state.error);
        c->state.health = NULL; /* probed anew */
        return MN_OK;
}

static mn_status load_one(container_engine *e, const store_document *d, mn_err *err) {
        mn_arena *arena = mn_arena_new();
        container_record *record = mn_arena_alloc(arena, sizeof *record);
        mn_status status = mn_json_decode_text(&container_record_type, d->text, d->len, NULL, arena,
                                               MN_UNKNOWN_IGNORE, record, err);
        if (!status && !mn_str_equal(record->id, d->id))
                status = mn_fail(err, MN_INTERNAL, "it has the id of another");
        if (status) {
                mn_arena_free(arena);
                return mn_err_prefix(err, status, "container %s in the state database", d->id);
        }
        container *c = container_new(e, arena, record);
        status = load_state(c, err);
        if (status) {
                container_unref(c);
                return status;
        }
        for (size_t i = 0; i < record->mounts.len; i++)
                if (strcmp(record->mounts.items[i].type, "volume") == 0 &&
                    volume_ref(e->options.volumes, record->mounts.items[i].name, c->id, NULL))
                        mn_log(MN_LOG_WARN, "a container's volume is missing", " container=%s volume=%s",
                               c->id, record->mounts.items[i].name);
        mn_map_set(e->by_id, c->id, c);
        mn_map_set(e->by_name, record->name, c);
        return MN_OK;
}

/* A document that cannot be read stays where it is, and is reported. */
static mn_status load_all(container_engine *e, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        store_document_list list;
        mn_status status = store_list(e->options.store, CONTAINER_KIND, arena, &list, err);
        for (size_t i = 0; !status && i < list.len; i++) {
                cleanup_err mn_err one = { 0 };
                if (load_one(e, &list.items[i], &one))
                        mn_log(MN_LOG_ERROR, "a container cannot be read", " error=\"%s\"",
                               mn_err_text(&one));
        }
        return status;
}

mn_status container_engine_open(const container_engine_options *options, container_engine **ret,
                                mn_err *err) {
        container_engine *e = mn_alloc(sizeof *e);
        e->options = *options;
        e->has_apparmor = container_has_apparmor();
        e->containers_fd = e->trash_fd = e->bundles_fd = -1;
        pthread_mutex_init(&e->lock, NULL);
        e->by_id = mn_map_new(NULL);
        e->by_name = mn_map_new(NULL);
        e->execs = mn_map_new(NULL);
        e->workers = loop_workers_new(WORKERS_MAX, JOBS_MAX);
        mn_status status = open_directory(options->data_root, "containers", 0710, &e->containers_fd, err);
        if (!status)
                status = open_directory(options->data_root, "trash", 0700, &e->trash_fd, err);
        if (!status)
                status = open_directory(options->exec_root, "containers", 0700, &e->bundles_fd, err);
        if (!status)
                status = load_all(e, err);
        if (status)
                container_engine_free(e);
        else
                *ret = e;
        return status;
}

/* ---- closing ---- */

static void stop_job(container *c) {
        pthread_mutex_lock(&c->op);
        const container_stop_spec spec = { 0 };
        cleanup_err mn_err err = { 0 };
        if (container_check_running(c, NULL) == MN_OK && container_stop_locked(c, &spec, &err))
                mn_log(MN_LOG_WARN, "cannot stop a container", " container=%s error=\"%s\"", c->id,
                       mn_err_text(&err));
        pthread_mutex_unlock(&c->op);
}

void container_engine_shut_down(container_engine *e, bool stops_containers) {
        MN_VEC(container *) running = { 0 };
        engine_lock(e);
        e->is_shutting_down = true;
        size_t pos = 0;
        void *value;
        while (stops_containers && mn_map_next(e->by_id, &pos, NULL, &value))
                if (container_is_running(value))
                        mn_vec_push(&running, container_ref(value));
        engine_unlock(e);
        for (size_t i = 0; i < running.len; i++) {
                container_run_job(running.items[i], stop_job);
                container_unref(running.items[i]);
        }
        mn_vec_release(&running);
        if (stops_containers)
                while (loop_workers_busy(e->workers))
                        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

void container_engine_free(container_engine *e) {
        if (!e)
                return;
        loop_workers_free(e->workers);
        container_drop_spare_shim(e);
        if (e->spare_timer)
                loop_timer_remove(e->spare_timer);
        size_t pos = 0;
        void *value;
        while (mn_map_next(e->by_id, &pos, NULL, &value)) {
                engine_lock(e);
                container_execs_free(value);
                engine_unlock(e);
                container_unref(value);
        }
        mn_map_free(e->by_id);
        mn_map_free(e->by_name);
        mn_map_free(e->execs);
        mn_close(e->containers_fd);
        mn_close(e->trash_fd);
        mn_close(e->bundles_fd);
        pthread_mutex_destroy(&e->lock);
        mn_freep(&e);
}
