/* SPDX-License-Identifier: Apache-2.0 */
/* Removing names and images by Docker's rules. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/strv.h"
#include "base/time.h"
#include "image/index.h"
#include "image/remove.h"

static void add_row(remove_rows *rows, mn_arena *arena, const char *untagged, const char *deleted) {
        mn_vec_push(rows, ((wire_image_delete){ .untagged = mn_arena_strdup(arena, untagged),
                                                .deleted = mn_arena_strdup(arena, deleted) }));
}

void remove_hand_over(remove_rows *rows, mn_arena *arena, wire_image_delete_list *ret) {
        ret->len = rows->len;
        ret->items = mn_arena_array(arena, rows->len + 1, sizeof(*ret->items));
        for (size_t i = 0; i < rows->len; i++)
                ret->items[i] = rows->items[i];
        mn_vec_release(rows);
}

/* ---- steps; all with `change` ---- */

mn_status image_untag(image_store *images, const char *full, mn_err *err) {
        mn_status st = store_delete(images->db, STORE_KIND_TAG, full, STORE_DURABLE, err);
        if (st)
                return st;
        image_lock(images);
        struct image_record *record = mn_map_get(images->tags, full);
        mn_map_remove(images->tags, full);
        image_index_attach(images, full, NULL);
        for (size_t i = 0; record && i < record->names.len; i++)
                if (!strcmp(record->names.items[i], full)) {
                        mn_vec_remove(&record->names, i);
                        break;
                }
        image_unlock(images);
        return MN_OK;
}

static mn_status untag_row(image_store *images, const struct image_record *record, const char *full,
                           mn_arena *arena, remove_rows *rows, mn_err *err) {
        char *familiar = image_familiar(full, arena);
        char *id = mn_arena_strdup(arena, record->id);
        mn_status st = image_untag(images, full, err);
        if (st)
                return st;
        add_row(rows, arena, familiar, NULL);
        image_event(images, "untag", id, familiar);
        return MN_OK;
}

/* Containers that use the image: how many, and one of them. */
size_t remove_count_users(image_store *images, const char *id, char container[MN_ID_SIZE],
                          bool *ret_is_running) {
        *ret_is_running = false;
        container[0] = '\0';
        return images->hooks.count_users
                       ? images->hooks.count_users(images->hooks.arg, id, container, ret_is_running)
                       : 0;
}

bool remove_has_children(image_store *images, const char *id) {
        struct image_record *other;
        bool found = false;
        image_lock(images);
        for (size_t pos = 0; !found && mn_map_next(images->images, &pos, NULL, (void **) &other);)
                found = mn_str_equal(other->parent, id);
        image_unlock(images);
        return found;
}

/* The image stays for its containers, out of everybody's sight. */
static mn_status hide(image_store *images, struct image_record *record, mn_err *err) {
        struct image_record hidden = *record;
        hidden.is_hidden = true;
        mn_status st = store_put(images->db, STORE_KIND_IMAGE, record->id, &image_record_type, &hidden,
                                 STORE_DURABLE, err);
        image_lock(images);
        record->is_hidden = st ? record->is_hidden : true;
        image_unlock(images);
        return st;
}

/* Deletes an image that has no names left, and its layers where no other image has them. */
static mn_status delete_record(image_store *images, struct image_record *record, mn_err *err) {
        image_lock(images);
        bool is_pinned = record->npins > 0;
        image_unlock(images);
        if (is_pinned)
                return mn_fail(err, MN_CONFLICT,
                               "conflict: unable to delete %.12s (cannot be forced) - image is in use",
                               strchr(record->id, ':') + 1);
        mn_status st = store_delete(images->db, STORE_KIND_IMAGE, record->id, STORE_DURABLE, err);
        if (st)
                return st;
        image_lock(images);
        for (char **id = record->layers; id && *id; id++) {
                struct layer_record *layer = mn_map_get(images->layers, *id);
                if (layer && layer->nrefs)
                        layer->nrefs--;
        }
        image_blob_remove(images, record->id);
        for (size_t i = 0; i < record->manifests.len; i++) {
                mn_map_remove(images->by_manifest, record->manifests.items[i].digest);
                image_blob_remove(images, record->manifests.items[i].digest);
        }
        cleanup_free char *id = mn_strdup(record->id);
        mn_map_remove(images->images, id);
        image_unlock(images);
        image_collect_layers(images);
        return MN_OK;
}

/* A child that is gone may leave its parent without name and use. */
static mn_status delete_with_parents(image_store *images, const char *first, bool keeps_parents,
                                     mn_arena *arena, remove_rows *rows, mn_err *err) {
        const char *id = first;
        mn_status st = MN_OK;
        while (!st && id && *id) {
                char container[MN_ID_SIZE];
                bool is_running;
                struct image_record *record = mn_map_get(images->images, id);
                bool is_first = id == first;
                if (!record || (!is_first && (record->names.len || remove_has_children(images, id) ||
                                              remove_count_users(images, id, container, &is_running))))
                        break;
                const char *parent = mn_arena_strdup(arena, record->parent);
                char *copy = mn_arena_strdup(arena, id);
                st = delete_record(images, record, err);
                if (!st) {
                        add_row(rows, arena, NULL, copy);
                        image_event(images, "delete", copy, copy);
                }
                id = keeps_parents ? NULL : parent;
        }
        return st;
}

/* ---- images that are there for an index ---- */

/* Images without a name that the index lists, as copies of their ids: they go with it. */
static void add_group(image_store *images, const struct index_record *index, mn_arena *arena,
                      remove_ids *ids) {
        for (size_t i = 0; index && i < index->nentries; i++) {
                const struct image_record *record = image_index_image(images, &index->entries[i]);
                bool is_known = false; /* several names of an image may have the index */
                for (size_t k = 0; record && k < ids->len; k++)
                        is_known = is_known || !strcmp(ids->items[k], record->id);
                if (record && !record->names.len && !is_known)
                        mn_vec_push(ids, mn_arena_strdup(arena, record->id));
        }
}

/* Those of the name `full`; NULL: of all the image's names. */
void remove_find_group(image_store *images, const struct image_record *record, const char *full,
                       mn_arena *arena, remove_ids *ids) {
        image_lock(images);
        for (size_t i = 0; i < record->names.len; i++)
                if (!full || !strcmp(record->names.items[i], full))
                        add_group(images, image_index_of(images, record->names.items[i]), arena, ids);
        image_unlock(images);
}

/* The first of them that a container uses, NULL when none is. */
const struct image_record *remove_used_of_group(image_store *images, const remove_ids *ids) {
        char container[MN_ID_SIZE];
        bool is_running;
        for (size_t i = 0; i < ids->len; i++)
                if (remove_count_users(images, ids->items[i], container, &is_running))
                        return mn_map_get(images->images, ids->items[i]);
        return NULL;
}

/* Deletes those no index lists any more. One that a container uses stays as an image without a name. */
static mn_status delete_group(image_store *images, const remove_ids *ids, mn_arena *arena, remove_rows *rows,
                              mn_err *err) {
        char container[MN_ID_SIZE];
        bool is_running;
        mn_status st = MN_OK;
        for (size_t i = 0; !st && i < ids->len; i++) {
                struct image_record *record = mn_map_get(images->images, ids->items[i]);
                image_lock(images);
                bool is_kept = !record || record->names.len || record->npins ||
                               image_index_lists(images, record);
                image_unlock(images);
                if (!is_kept && !remove_has_children(images, record->id) &&
                    !remove_count_users(images, record->id, container, &is_running))
                        st = delete_with_parents(images, ids->items[i], true, arena, rows, err);
        }
        return st;
}

/* ---- remove ---- */

/* Refusals of "docker rmi", in its words. */
static mn_status check_unused(image_store *images, const struct image_record *record, const char *name,
                              bool is_forced, mn_err *err) {
        char container[MN_ID_SIZE];
        bool is_running;
        const char *hex = strchr(record->id, ':') + 1;
        size_t users = remove_count_users(images, record->id, container, &is_running);
        if (users && is_running)
                return mn_fail(
                        err, MN_CONFLICT,
                        "conflict: unable to delete %s (cannot be forced) - image is being used by running "
                        "container %.12s",
                        name, container);
        if (users && !is_forced)
                return mn_fail(
                        err, MN_CONFLICT,
                        "conflict: unable to delete %s (must be forced) - image is being used by stopped "
                        "container %.12s",
                        name, container);
        if (remove_has_children(images, record->id))
                return mn_fail(err, MN_CONFLICT,
                               "conflict: unable to delete %.12s (cannot be forced) - image has dependent "
                               "child images",
                               hex);
        return MN_OK;
}

/* A name was given and it is the last one: Docker names the reference in its refusal. */
static mn_status check_last_name(image_store *images, const struct image_record *record, const char *name,
                                 bool is_forced, mn_err *err) {
        char container[MN_ID_SIZE];
        bool is_running;
        if (!remove_count_users(images, record->id, container, &is_running) || is_forced)
                return MN_OK;
        return mn_fail(err, MN_CONFLICT,
                       "conflict: unable to remove repository reference \"%s\" (must force) - container "
                       "%.12s is using "
                       "its referenced image %.12s",
                       name, container, strchr(record->id, ':') + 1);
}

/* Names of one repository make one image name for Docker: an id with names in several ones needs force. */
static bool is_in_one_repository(const struct image_record *record) {
        mn_reference first, other;
        for (size_t i = 0; i < record->names.len; i++) {
                mn_reference *ref = i ? &other : &first;
                if (mn_reference_parse(record->names.items[i], ref, NULL))
                        return false;
                if (i && !mn_reference_same_repository(&first, &other))
                        return false;
        }
        return true;
}

size_t remove_count_tags(const struct image_record *record) {
        size_t n = 0;
        for (size_t i = 0; i < record->names.len; i++)
                n += !image_is_digest_reference(record->names.items[i]);
        return n;
}

/* The stored name that the user's name is, or NULL when it is an id. */
static const char *named(image_store *images, const struct image_record *record, const char *name,
                         mn_arena *arena) {
        mn_reference ref;
        char text[MN_REFERENCE_TEXT_SIZE];
        if (mn_reference_parse_any(name, &ref, NULL) || !*ref.domain)
                return NULL;
        if (*ref.digest)
                ref.tag[0] = '\0';
        else
                mn_reference_add_default_tag(&ref);
        mn_reference_text(&ref, text);
        return mn_map_get(images->tags, text) == record ? mn_arena_strdup(arena, text) : NULL;
}

static mn_status untag_all(image_store *images, struct image_record *record, mn_arena *arena,
                           remove_rows *rows, mn_err *err) {
        mn_status st = MN_OK;
        while (!st && record->names.len) {
                char *full = mn_arena_strdup(arena, record->names.items[0]);
                st = untag_row(images, record, full, arena, rows, err);
        }
        return st;
}

/* After all names went: deletes, or hides when stopped containers use it. */
static mn_status finish_remove(image_store *images, struct image_record *record,
                               const image_remove_spec *spec, mn_arena *arena, remove_rows *rows,
                               mn_err *err) {
        char container[MN_ID_SIZE];
        bool is_running;
        char *id = mn_arena_strdup(arena, record->id);
        if (!remove_count_users(images, id, container, &is_running))
                return delete_with_parents(images, id, spec->keeps_parents, arena, rows, err);
        mn_status st = hide(images, record, err);
        if (!st) {
                add_row(rows, arena, NULL, id);
                image_event(images, "delete", id, id);
        }
        return st;
}

/* Any other name of the same repository: one with a tag, or one with a digest. NULL when there is none. */
static const char *find_in_repository(const struct image_record *record, const char *full, bool is_digest) {
        mn_reference wanted, other;
        if (mn_reference_parse(full, &wanted, NULL))
                return NULL;
        for (size_t i = 0; i < record->names.len; i++) {
                const char *name = record->names.items[i];
                if (image_is_digest_reference(name) == is_digest && !mn_reference_parse(name, &other, NULL) &&
                    mn_reference_same_repository(&wanted, &other))
                        return name;
        }
        return NULL;
}

/* The last tag of a repository takes the digests of its pulls and pushes along. */
static mn_status untag_digests(image_store *images, struct image_record *record, const char *full,
                               mn_arena *arena, remove_rows *rows, mn_err *err) {
        const char *digest;
        mn_status st = MN_OK;
        if (image_is_digest_reference(full) || find_in_repository(record, full, false))
                return MN_OK;
        while (!st && (digest = find_in_repository(record, full, true)))
                st = untag_row(images, record, mn_arena_strdup(arena, digest), arena, rows, err);
        return st;
}

static mn_status remove_by_name(image_store *images, struct image_record *record, const char *full,
                                const char *name, const image_remove_spec *spec, const remove_ids *group,
                                mn_arena *arena, remove_rows *rows, mn_err *err) {
        bool is_last = remove_count_tags(record) <= 1 && !image_is_digest_reference(full);
        mn_status st = MN_OK;
        if (is_last || record->names.len == 1) {
                const struct image_record *used = remove_used_of_group(images, group);
                st = check_last_name(images, record, name, spec->is_forced, err);
                if (!st && used)
                        st = check_last_name(images, used, name, spec->is_forced, err);
        }
        if (!st)
                st = untag_row(images, record, full, arena, rows, err);
        if (!st)
                st = untag_digests(images, record, full, arena, rows, err);
        if (st || !(is_last || !record->names.len))
                return st;
        st = untag_all(images, record, arena, rows, err);
        if (st || remove_has_children(images, record->id))
                return st;
        if (check_unused(images, record, name, spec->is_forced, NULL))
                return MN_OK; /* untagged only: a running container keeps the rest */
        return finish_remove(images, record, spec, arena, rows, err);
}

static mn_status remove_by_id(image_store *images, struct image_record *record, const char *name,
                              const image_remove_spec *spec, mn_arena *arena, remove_rows *rows,
                              mn_err *err) {
        mn_status st = check_unused(images, record, name, spec->is_forced, err);
        if (st)
                return st;
        if (!spec->is_forced && remove_count_tags(record) > 1 && !is_in_one_repository(record))
                return mn_fail(
                        err, MN_CONFLICT,
                        "conflict: unable to delete %.12s (must be forced) - image is referenced in multiple "
                        "repositories",
                        strchr(record->id, ':') + 1);
        st = untag_all(images, record, arena, rows, err);
        return st ? st : finish_remove(images, record, spec, arena, rows, err);
}

/* Whole names and images. */
static mn_status remove_all(image_store *images, struct image_record *record, const char *full,
                            const char *name, const image_remove_spec *spec, mn_arena *arena,
                            remove_rows *rows, mn_err *err) {
        remove_ids group = { 0 };
        bool is_last = !full || (remove_count_tags(record) <= 1 && !image_is_digest_reference(full));
        remove_find_group(images, record, is_last ? NULL : full, arena, &group);
        mn_status st = full ? remove_by_name(images, record, full, name, spec, &group, arena, rows, err)
                            : remove_by_id(images, record, name, spec, arena, rows, err);
        if (!st)
                st = delete_group(images, &group, arena, rows, err);
        mn_vec_release(&group);
        return st;
}

/* Makes the record's names those of another image of their index. */
static mn_status hand_names_on(image_store *images, struct image_record *record, mn_err *err) {
        image_platform host;
        mn_status st = MN_OK;
        image_platform_host(&host);
        while (!st && record->names.len) {
                const char *full = record->names.items[0];
                const struct index_record *index = image_index_of(images, full);
                record->is_hidden = true; /* not a choice */
                struct image_record *next = index ? image_index_choose(images, index, &host, true) : NULL;
                record->is_hidden = false;
                st = next ? image_repoint(images, full, next, err) : image_untag(images, full, err);
        }
        return st;
}

/* Removes what the name has for one platform; the last platform takes the name along. */
static mn_status remove_platform(image_store *images, const char *name, const char *platform,
                                 const image_remove_spec *spec, mn_arena *arena, remove_rows *rows,
                                 mn_err *err) {
        struct image_record *record, *primary;
        char container[MN_ID_SIZE];
        bool is_running;
        image_lock(images);
        mn_status st = image_find_platform(images, name, platform, &record, err);
        if (!st)
                st = image_find(images, name, &primary, err);
        const char *full = st ? NULL : named(images, primary, name, arena);
        size_t others = 0;
        const struct index_record *index = st ? NULL : image_index_named(images, name, primary);
        for (size_t i = 0; index && i < index->nentries; i++) {
                const struct image_record *other = image_index_image(images, &index->entries[i]);
                others += other && other != record;
        }
        image_unlock(images);
        if (st)
                return st;
        if (!others)
                return remove_all(images, record, full, name, spec, arena, rows, err);
        size_t users = remove_count_users(images, record->id, container, &is_running);
        if (users && (is_running || !spec->is_forced))
                return check_unused(images, record, name, spec->is_forced, err);
        st = hand_names_on(images, record, err);
        return st ? st : finish_remove(images, record, spec, arena, rows, err);
}

mn_status image_remove(image_store *images, const char *name, const image_remove_spec *spec, mn_arena *arena,
                       wire_image_delete_list *ret, mn_err *err) {
        struct image_record *record;
        remove_rows rows = { 0 };
        image_change_begin(images);
        image_lock(images);
        mn_status st = image_find(images, name, &record, err);
        const char *full = st ? NULL : named(images, record, name, arena);
        image_unlock(images);
        char *const *platform = spec->platforms;
        bool has_platforms = platform && *platform;
        for (; !st && platform && *platform; platform++)
                st = remove_platform(images, name, *platform, spec, arena, &rows, err);
        if (!st && !has_platforms)
                st = remove_all(images, record, full, name, spec, arena, &rows, err);
        image_change_end(images);
        remove_hand_over(&rows, arena, ret);
        return st;
}

/* With `change`. */
static void collect_hidden(image_store *images, const char *id) {
        char container[MN_ID_SIZE];
        bool is_running;
        struct image_record *record = mn_map_get(images->images, id);
        if (record && record->is_hidden && !remove_count_users(images, id, container, &is_running)) {
                cleanup_err mn_err err = { 0 };
                mn_status st = delete_record(images, record, &err);
                (void) st; /* pinned again: the next container that goes tries anew */
        }
}

void image_collect(image_store *images, const char *id) {
        image_note_use(images, id);
        image_change_begin(images);
        collect_hidden(images, id);
        image_change_end(images);
}

/* Hidden images whose last container went while the daemon was dying. With `change`. */
void remove_collect_hidden(image_store *images, mn_arena *arena) {
        struct image_record *record;
        for (size_t pos = 0; mn_map_next(images->images, &pos, NULL, (void **) &record);)
                if (record->is_hidden)
                        collect_hidden(images,
                                       mn_arena_strdup(arena, record->id)); /* may remove the current key */
}

mn_status remove_with_group(image_store *images, struct image_record *record, const remove_ids *group,
                            mn_arena *arena, remove_rows *rows, mn_err *err) {
        const image_remove_spec spec = { .is_forced = true };
        mn_status st = untag_all(images, record, arena, rows, err);
        if (!st)
                st = finish_remove(images, record, &spec, arena, rows, err);
        return st ? st : delete_group(images, group, arena, rows, err);
}
