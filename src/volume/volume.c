/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/id.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "base/strv.h"
#include "base/time.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/path.h"
#include "sys/tree.h"
#include "volume/options.h"

static void volume_free(void *p) {
        struct volume *v = p;
        mn_map_free(v->refs);
        mn_map_free(v->uses);
        mn_arena_free(v->arena);
        free(v);
}

static struct volume *volume_new(void) {
        struct volume *v = mn_alloc(sizeof(*v));
        v->arena = mn_arena_new();
        v->refs = mn_map_new(NULL);
        v->uses = mn_map_new(NULL);
        return v;
}

void volume_notify(volume_store *vs, const char *action, const char *name, const char *container_id) {
        if (vs->notify)
                vs->notify(vs->notify_arg, action, name, container_id);
}

bool volume_has_mount(const struct volume *v) {
        return mn_str_map_get(&v->document.options, "device") != NULL;
}

mn_status volume_not_found(const char *name, mn_err *err) {
        return mn_fail(err, MN_NOT_FOUND, "get %s: no such volume", name);
}

struct volume *volume_find(volume_store *vs, const char *name) {
        struct volume *v = mn_map_get(vs->volumes, name);
        return v && !v->is_being_removed ? v : NULL;
}

/* ---- opening ---- */

static mn_status make_directory(volume_store *vs, const char *name, mn_err *err) {
        cleanup_free char *top = mn_asprintf("%s/%s", vs->dir, name), *data = mn_asprintf("%s/_data", top);
        if (mkdir(top, 0701) < 0 && errno != EEXIST)
                return mn_fail_errno(err, -errno, "create %s: cannot make the volume's directory", name);
        if (mkdir(data, 0755) < 0)
                return errno == EEXIST ? MN_OK
                                       : mn_fail_errno(err, -errno,
                                                       "create %s: cannot make the volume's directory", name);
        return chmod(data, 0755) < 0 ? mn_fail_errno(err, -errno, "create %s", name) : MN_OK;
}

/* Takes the directory away unless there is anything in it. */
static bool remove_empty(volume_store *vs, const char *name) {
        cleanup_free char *top = mn_asprintf("%s/%s", vs->dir, name), *data = mn_asprintf("%s/_data", top);
        (void) rmdir(data);
        return rmdir(top) == 0;
}

/* Directories that were noted as removed when a daemon died. */
static mn_status finish_removals(volume_store *vs, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        store_document_list list;
        mn_status st = store_list(vs->db, VOLUME_REMOVAL_KIND, arena, &list, err);
        for (size_t i = 0; !st && i < list.len; i++)
                (void) volume_finish_removal(vs, list.items[i].id);
        return st;
}

static void report_unknown_directories(volume_store *vs) {
        DIR *dir = opendir(vs->dir);
        for (struct dirent *entry; dir && (entry = readdir(dir));)
                if (entry->d_name[0] != '.' && !mn_map_has(vs->volumes, entry->d_name) &&
                    !remove_empty(vs, entry->d_name)) /* made for a volume that was never committed */
                        mn_warn("a volume's directory without a volume is kept", " name=\"%s\"",
                                entry->d_name);
        if (dir)
                closedir(dir);
}

static mn_status load_one(volume_store *vs, const store_document *document, mn_err *err) {
        struct volume *v = volume_new();
        mn_status st = mn_json_decode_text(&wire_volume_type, document->text, document->len, NULL, v->arena,
                                           MN_UNKNOWN_IGNORE, &v->document, err);
        if (st) {
                volume_free(v);
                return mn_err_prefix(err, st, "volume %s", document->id);
        }
        mn_map_set(vs->volumes, document->id, v);
        return make_directory(vs, document->id, err);
}

static mn_status load_all(volume_store *vs, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        store_document_list list;
        mn_status st = store_list(vs->db, VOLUME_KIND, arena, &list, err);
        for (size_t i = 0; !st && i < list.len; i++)
                st = load_one(vs, &list.items[i], err);
        return st;
}

mn_status volume_store_open(store *db, const char *data_root, volume_notify_fn notify_fn, void *notify_arg,
                            volume_store **ret, mn_err *err) {
        volume_store *vs = mn_alloc(sizeof(*vs));
        vs->db = db;
        vs->dir = mn_asprintf("%s/volumes", data_root);
        vs->notify = notify_fn;
        vs->notify_arg = notify_arg;
        pthread_mutex_init(&vs->lock, NULL);
        pthread_mutex_init(&vs->mount_lock, NULL);
        vs->volumes = mn_map_new(volume_free);
        int r = mn_mkdir_p(vs->dir, 0701);
        mn_status st = r < 0 ? mn_fail_errno(err, r, "cannot make %s", vs->dir) : finish_removals(vs, err);
        if (!st)
                st = load_all(vs, err);
        if (st) {
                volume_store_free(vs);
                return st;
        }
        report_unknown_directories(vs);
        *ret = vs;
        return MN_OK;
}

void volume_store_free(volume_store *vs) {
        if (!vs)
                return;
        mn_map_free(vs->volumes);
        pthread_mutex_destroy(&vs->lock);
        pthread_mutex_destroy(&vs->mount_lock);
        free(vs->dir);
        free(vs);
}

/* ---- reading ---- */

/* With the lock held. */
static void describe(volume_store *vs, const struct volume *v, mn_arena *arena, wire_volume *ret) {
        mn_json_copy(&wire_volume_type, &v->document, arena, ret);
        ret->mountpoint = mn_arena_printf(arena, "%s/%s/_data", vs->dir, v->document.name);
}

mn_status volume_inspect(volume_store *vs, const char *name, mn_arena *arena, wire_volume *ret, mn_err *err) {
        pthread_mutex_lock(&vs->lock);
        struct volume *v = volume_find(vs, name);
        if (v)
                describe(vs, v, arena, ret);
        pthread_mutex_unlock(&vs->lock);
        return v ? MN_OK : volume_not_found(name, err);
}

static bool matches(const struct volume *v, const wire_filters *filters, bool wants_dangling,
                    bool is_dangling) {
        if (wire_filters_has(filters, "dangling") && wants_dangling != is_dangling)
                return false;
        return wire_filters_exact(filters, "driver", v->document.driver) &&
               wire_filters_regex(filters, "name", v->document.name) &&
               wire_filters_match_labels(filters, &v->document.labels);
}

static int compare_names(const void *a, const void *b) {
        return strcmp(((const wire_volume *) a)->name, ((const wire_volume *) b)->name);
}

static void add_usage(wire_volume *volume, mn_arena *arena, size_t ref_count) {
        uint64_t bytes;
        cleanup_close int fd = open(volume->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        volume->usage = mn_arena_alloc(arena, sizeof(*volume->usage));
        volume->usage->size = fd >= 0 && mn_tree_usage(fd, &bytes) == 0 ? (int64_t) bytes : -1;
        volume->usage->ref_count = (int64_t) ref_count;
}

mn_status volume_list(volume_store *vs, const wire_filters *filters, bool with_usage, mn_arena *arena,
                      wire_volume_list *ret, mn_err *err) {
        static const wire_filters no_filters;
        bool wants_dangling;
        if (!filters)
                filters = &no_filters;
        mn_status st = wire_filters_bool(filters, "dangling", false, &wants_dangling, err);
        if (st)
                return st;
        pthread_mutex_lock(&vs->lock);
        size_t count = mn_map_len(vs->volumes), len = 0, pos = 0;
        wire_volume *items = mn_arena_array(arena, count + 1, sizeof(*items));
        size_t *refs = mn_arena_array(arena, count + 1, sizeof(*refs));
        void *value;
        while (mn_map_next(vs->volumes, &pos, NULL, &value)) {
                struct volume *v = value;
                if (v->is_being_removed || !matches(v, filters, wants_dangling, mn_map_len(v->refs) == 0))
                        continue;
                describe(vs, v, arena, &items[len]);
                refs[len++] = mn_map_len(v->refs);
        }
        pthread_mutex_unlock(&vs->lock);
        for (size_t i = 0; with_usage && i < len; i++)
                add_usage(&items[i], arena, refs[i]);
        qsort(items, len, sizeof(*items), compare_names);
        *ret = (wire_volume_list){ .volumes = { items, len } };
        return MN_OK;
}

/* ---- creating ---- */

static struct volume *volume_from_request(const wire_volume_create *request) {
        struct volume *v = volume_new();
        wire_volume *d = &v->document;
        mn_json_copy(&mn_type_str_map, &request->driver_opts, v->arena, &d->options);
        mn_json_copy(&mn_type_str_map, &request->labels, v->arena, &d->labels);
        d->driver = mn_arena_strdup(v->arena, "local");
        d->scope = mn_arena_strdup(v->arena, "local");
        d->created_ns = mn_now_ns() / MN_NS_PER_SEC * MN_NS_PER_SEC;
        if (mn_str_is_empty(request->name)) {
                char id[MN_ID_SIZE];
                mn_id_generate(id);
                d->name = mn_arena_strdup(v->arena, id);
                mn_str_map_set(&d->labels, v->arena, "com.docker.volume.anonymous", "");
        } else {
                d->name = mn_arena_strdup(v->arena, request->name);
        }
        return v;
}

static mn_status check_request(const wire_volume_create *request, mn_err *err) {
        const char *driver = request->driver;
        if (!mn_str_is_empty(driver) && strcmp(driver, "local") != 0)
                return mn_fail(err, MN_NOT_FOUND,
                               "create %s: error looking up volume plugin %s: plugin \"%s\" not found",
                               request->name ? request->name : "", driver, driver);
        if (request->cluster_volume_spec)
                return mn_fail(err, MN_UNAVAILABLE,
                               "volume create with cluster volume options requires swarm");
        mn_status st = mn_str_is_empty(request->name) ? MN_OK : volume_check_name(request->name, err);
        if (!st && volume_check_options(&request->driver_opts, err))
                st = mn_err_prefix(err, MN_INVALID, "create %s", request->name ? request->name : "");
        return st;
}

/* Enters a new volume into `batch` and the table, where it already refers to `container_id` (NULL: to
 * nobody). */
static mn_status enter(volume_store *vs, const wire_volume_create *request, const char *container_id,
                       store_batch *batch, mn_arena *arena, wire_volume *ret, mn_err *err) {
        struct volume *v = volume_from_request(request);
        const char *name = v->document.name;
        pthread_mutex_lock(&vs->lock);
        bool is_taken = mn_map_has(vs->volumes, name);
        pthread_mutex_unlock(&vs->lock);
        mn_status st = is_taken ? mn_fail(err, MN_CONFLICT, "create %s: volume is being removed", name)
                                : make_directory(vs, name, err);
        if (st) {
                (void) (is_taken || remove_empty(vs, name));
                volume_free(v);
                return st;
        }
        pthread_mutex_lock(&vs->lock);
        if (container_id)
                mn_map_set(v->refs, container_id, NULL);
        mn_map_set(vs->volumes, name, v);
        describe(vs, v, arena, ret);
        pthread_mutex_unlock(&vs->lock);
        store_batch_put(batch, VOLUME_KIND, name, &wire_volume_type, &v->document);
        store_batch_delete(batch, VOLUME_REMOVAL_KIND,
                           name); /* of an earlier one whose directory did not go */
        return MN_OK;
}

void volume_create_undo(volume_store *vs, const char *name) {
        (void) remove_empty(vs, name);
        pthread_mutex_lock(&vs->lock);
        mn_map_remove(vs->volumes, name);
        pthread_mutex_unlock(&vs->lock);
}

void volume_create_finish(volume_store *vs, const char *name) {
        volume_notify(vs, "create", name, NULL);
}

mn_status volume_create_in(volume_store *vs, const wire_volume_create *request, const char *container_id,
                           store_batch *batch, mn_arena *arena, wire_volume *ret, mn_err *err) {
        mn_status st = check_request(request, err);
        return st ? st : enter(vs, request, container_id, batch, arena, ret, err);
}

static mn_status create(volume_store *vs, const wire_volume_create *request, mn_arena *arena,
                        wire_volume *ret, mn_err *err) {
        cleanup_store_batch store_batch *batch = store_batch_new();
        mn_status st = enter(vs, request, NULL, batch, arena, ret, err);
        if (st)
                return st;
        st = store_commit(vs->db, batch, STORE_DURABLE, err);
        if (st)
                volume_create_undo(vs, ret->name);
        else
                volume_create_finish(vs, ret->name);
        return st;
}

mn_status volume_create(volume_store *vs, const wire_volume_create *request, mn_arena *arena,
                        wire_volume *ret, mn_err *err) {
        mn_status st = check_request(request, err);
        if (st)
                return st;
        pthread_mutex_lock(&vs->mount_lock); /* creations and removals one at a time */
        pthread_mutex_lock(&vs->lock);
        struct volume *existing = mn_str_is_empty(request->name) ? NULL : volume_find(vs, request->name);
        if (existing)
                describe(vs, existing, arena, ret);
        pthread_mutex_unlock(&vs->lock);
        if (!existing)
                st = create(vs, request, arena, ret, err);
        pthread_mutex_unlock(&vs->mount_lock);
        return st;
}
