/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/volume.h"

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

/* One volume. `document` and the name never change; the rest is guarded by the store's lock. */
struct volume {
        mn_arena *arena;
        wire_volume document; /* as stored: without Mountpoint and UsageData */
        mn_map *refs;         /* container id -> nothing */
        mn_map *uses;         /* container id -> number of uses, as a pointer */
        bool is_being_removed;
};

struct volume_store {
        store *db;
        char *dir; /* <data root>/volumes */
        volume_notify_fn notify;
        void *notify_arg;
        pthread_mutex_t lock;       /* the map and what is in the volumes; held for memory work only */
        pthread_mutex_t mount_lock; /* serialises mounting and unmounting; taken before `lock` */
        mn_map *volumes;            /* name -> struct volume */
};

static const char kind[] = "volume";

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

static void notify(volume_store *vs, const char *action, const char *name, const char *container_id) {
        if (vs->notify)
                vs->notify(vs->notify_arg, action, name, container_id);
}

static bool has_mount(const struct volume *v) {
        return mn_str_map_get(&v->document.options, "device") != NULL;
}

static mn_status not_found(const char *name, mn_err *err) {
        return mn_fail(err, MN_NOT_FOUND, "get %s: no such volume", name);
}

/* With the lock held. */
static struct volume *find(volume_store *vs, const char *name) {
        struct volume *v = mn_map_get(vs->volumes, name);
        return v && !v->is_being_removed ? v : NULL;
}

/* ---- opening ---- */

static mn_status load_one(volume_store *vs, const store_document *document, mn_err *err) {
        struct volume *v = volume_new();
        mn_status st = mn_json_decode_text(&wire_volume_type, document->text, document->len, NULL, v->arena,
                                           MN_UNKNOWN_IGNORE, &v->document, err);
        if (st) {
                volume_free(v);
                return mn_err_prefix(err, st, "volume %s", document->id);
        }
        mn_map_set(vs->volumes, document->id, v);
        return MN_OK;
}

static mn_status load_all(volume_store *vs, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        store_document_list list;
        mn_status st = store_list(vs->db, kind, arena, &list, err);
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
        mn_status st = r < 0 ? mn_fail_errno(err, r, "cannot make %s", vs->dir) : load_all(vs, err);
        if (st) {
                volume_store_free(vs);
                return st;
        }
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
        struct volume *v = find(vs, name);
        if (v)
                describe(vs, v, arena, ret);
        pthread_mutex_unlock(&vs->lock);
        return v ? MN_OK : not_found(name, err);
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

static mn_status make_directory(volume_store *vs, const char *name, mn_err *err) {
        cleanup_free char *top = mn_asprintf("%s/%s", vs->dir, name), *data = mn_asprintf("%s/_data", top);
        if ((mkdir(top, 0701) < 0 && errno != EEXIST) || (mkdir(data, 0755) < 0 && errno != EEXIST))
                return mn_fail_errno(err, -errno, "create %s: cannot make the volume's directory", name);
        if (chmod(data, 0755) < 0)
                return mn_fail_errno(err, -errno, "create %s", name);
        int r = mn_sync_dir(AT_FDCWD, vs->dir);
        return r < 0 ? mn_fail_errno(err, r, "create %s", name) : MN_OK;
}

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
        return st ? st : volume_check_options(&request->driver_opts, err);
}

mn_status volume_create(volume_store *vs, const wire_volume_create *request, mn_arena *arena,
                        wire_volume *ret, mn_err *err) {
        mn_status st = check_request(request, err);
        if (st)
                return st;
        pthread_mutex_lock(&vs->mount_lock); /* creations and removals one at a time */
        pthread_mutex_lock(&vs->lock);
        struct volume *existing = mn_str_is_empty(request->name) ? NULL : find(vs, request->name);
        if (existing)
                describe(vs, existing, arena, ret);
        pthread_mutex_unlock(&vs->lock);
        if (existing) {
                pthread_mutex_unlock(&vs->mount_lock);
                return MN_OK;
        }
        struct volume *v = volume_from_request(request);
        st = make_directory(vs, v->document.name, err);
        if (!st)
                st = store_put(vs->db, kind, v->document.name, &wire_volume_type, &v->document, STORE_DURABLE,
                               err);
        if (st) {
                volume_free(v);
        } else {
                pthread_mutex_lock(&vs->lock);
                mn_map_set(vs->volumes, v->document.name, v);
                describe(vs, v, arena, ret);
                pthread_mutex_unlock(&vs->lock);
        }
        pthread_mutex_unlock(&vs->mount_lock);
        if (!st)
                notify(vs, "create", ret->name, NULL);
        return st;
}

/* ---- removing ---- */

/* Names of the containers that refer to it, joined. With the lock held. */
static char *referrers(const struct volume *v) {
        cleanup_str mn_str text = MN_STR_INIT(16384);
        size_t pos = 0;
        const char *id;
        while (mn_map_next(v->refs, &pos, &id, NULL))
                mn_str_printf(&text, "%s%s", text.len ? ", " : "", id);
        return mn_strdup(mn_str_text(&text));
}

/* Marks the volume so that nobody refers to it any more. */
static mn_status begin_removal(volume_store *vs, const char *name, mn_err *err) {
        pthread_mutex_lock(&vs->lock);
        struct volume *v = find(vs, name);
        mn_status st = MN_OK;
        if (!v) {
                st = not_found(name, err);
        } else if (mn_map_len(v->refs)) {
                cleanup_free char *ids = referrers(v);
                st = mn_fail(err, MN_CONFLICT, "remove %s: volume is in use - [%s]", name, ids);
        } else {
                v->is_being_removed = true;
        }
        pthread_mutex_unlock(&vs->lock);
        return st;
}

static void delete_directory(volume_store *vs, const char *name) {
        cleanup_free char *top = mn_asprintf("%s/%s", vs->dir, name);
        int r = mn_remove_tree(AT_FDCWD, top);
        if (r < 0)
                mn_warn("cannot remove a volume's directory", "path=%s error=\"%s\"", top, mn_strerror(r));
}

mn_status volume_remove(volume_store *vs, const char *name, bool is_forced, mn_err *err) {
        pthread_mutex_lock(&vs->mount_lock);
        mn_status st = begin_removal(vs, name, err);
        if (st) {
                pthread_mutex_unlock(&vs->mount_lock);
                return st == MN_NOT_FOUND && is_forced ? MN_OK : st;
        }
        st = store_delete(vs->db, kind, name, STORE_DURABLE, err);
        if (!st)
                delete_directory(vs, name);
        pthread_mutex_lock(&vs->lock);
        if (st)
                ((struct volume *) mn_map_get(vs->volumes, name))->is_being_removed = false;
        else
                mn_map_remove(vs->volumes, name);
        pthread_mutex_unlock(&vs->lock);
        pthread_mutex_unlock(&vs->mount_lock);
        if (!st)
                notify(vs, "destroy", name, NULL);
        return st;
}

mn_status volume_prune(volume_store *vs, const wire_filters *filters, mn_arena *arena,
                       wire_volume_prune_report *ret, mn_err *err) {
        bool is_all;
        mn_status st = wire_filters_bool(filters, "all", false, &is_all, err);
        if (st)
                return st;
        wire_volume_list list;
        wire_filters dangling = { 0 };
        wire_filters_add(&dangling, arena, "dangling", "true");
        st = volume_list(vs, &dangling, true, arena, &list, err);
        if (st)
                return st;
        *ret = (wire_volume_prune_report){ .volumes_deleted = mn_arena_array(arena, list.volumes.len + 1,
                                                                             sizeof(char *)) };
        size_t deleted = 0;
        for (size_t i = 0; i < list.volumes.len; i++) {
                const wire_volume *v = &list.volumes.items[i];
                bool is_anonymous = mn_str_map_get(&v->labels, "com.docker.volume.anonymous") != NULL;
                cleanup_err mn_err ignored = { 0 }; /* in use again by now: it stays */
                if ((!is_all && !is_anonymous) || !wire_filters_match_labels(filters, &v->labels) ||
                    volume_remove(vs, v->name, false, &ignored))
                        continue;
                ret->volumes_deleted[deleted++] = v->name;
                ret->space_reclaimed += v->usage->size > 0 ? (uint64_t) v->usage->size : 0;
        }
        return MN_OK;
}

/* ---- references and uses ---- */

mn_status volume_ref(volume_store *vs, const char *name, const char *container_id, mn_err *err) {
        pthread_mutex_lock(&vs->lock);
        struct volume *v = find(vs, name);
        if (v)
                mn_map_set(v->refs, container_id, NULL);
        pthread_mutex_unlock(&vs->lock);
        return v ? MN_OK : not_found(name, err);
}

void volume_unref(volume_store *vs, const char *name, const char *container_id) {
        pthread_mutex_lock(&vs->lock);
        struct volume *v = mn_map_get(vs->volumes, name);
        if (v)
                mn_map_remove(v->refs, container_id);
        pthread_mutex_unlock(&vs->lock);
}

/* Changes the count of uses of a container by `delta`; gives how many containers use the volume afterwards.
 */
static size_t count_use(volume_store *vs, struct volume *v, const char *container_id, int delta) {
        pthread_mutex_lock(&vs->lock);
        intptr_t count = (intptr_t) mn_map_get(v->uses, container_id) + delta;
        if (count > 0)
                mn_map_set(v->uses, container_id, (void *) count);
        else
                mn_map_remove(v->uses, container_id);
        size_t users = mn_map_len(v->uses);
        pthread_mutex_unlock(&vs->lock);
        return users;
}

mn_status volume_use(volume_store *vs, const char *name, const char *container_id, bool is_restored,
                     mn_arena *arena, char **ret_path, mn_err *err) {
        pthread_mutex_lock(&vs->mount_lock);
        pthread_mutex_lock(&vs->lock);
        struct volume *v = find(vs, name);
        size_t users = v ? mn_map_len(v->uses) : 0;
        pthread_mutex_unlock(&vs->lock);
        mn_status st = v ? MN_OK : not_found(name, err);
        char *path = mn_arena_printf(arena, "%s/%s/_data", vs->dir, name);
        if (!st && has_mount(v) && users == 0 && !is_restored)
                st = volume_mount(path, &v->document.options, err);
        if (!st)
                count_use(vs, v, container_id, 1);
        pthread_mutex_unlock(&vs->mount_lock);
        if (!st) {
                *ret_path = path;
                if (!is_restored)
                        notify(vs, "mount", name, container_id);
        }
        return st;
}

void volume_unuse(volume_store *vs, const char *name, const char *container_id) {
        pthread_mutex_lock(&vs->mount_lock);
        pthread_mutex_lock(&vs->lock);
        struct volume *v = mn_map_get(vs->volumes, name);
        pthread_mutex_unlock(&vs->lock);
        if (v && count_use(vs, v, container_id, -1) == 0 && has_mount(v)) {
                cleanup_free char *path = mn_asprintf("%s/%s/_data", vs->dir, name);
                if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL)
                        mn_warn("cannot unmount a volume", "name=%s error=\"%s\"", name, mn_strerror(-errno));
        }
        pthread_mutex_unlock(&vs->mount_lock);
        if (v)
                notify(vs, "unmount", name, container_id);
}

mn_status volume_copy_up(volume_store *vs, const char *name, int rootfs_fd, const char *path, mn_err *err) {
        cleanup_free char *data = mn_asprintf("%s/%s/_data", vs->dir, name);
        cleanup_close int to = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        int is_empty = to < 0 ? -errno : mn_dir_is_empty(to);
        if (is_empty < 0)
                return mn_fail_errno(err, is_empty, "volume %s", name);
        if (!is_empty)
                return MN_OK;
        cleanup_close int from = mn_open_in_root(rootfs_fd, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
        if (from == -ENOENT || from == -ENOTDIR)
                return MN_OK;
        int r = from < 0 ? from : mn_tree_copy(from, to);
        return r < 0 ? mn_fail_errno(err, r, "cannot copy %s of the image into volume %s", path, name)
                     : MN_OK;
}
