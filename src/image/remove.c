/* SPDX-License-Identifier: Apache-2.0 */
/* Removing names and images by Docker's rules. */

#include "image/remove.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "image/index.h"

/* What was asked for. */
struct request {
        removal *removal;
        const char *name; /* as the user wrote it */
        const image_remove_spec *spec;
};

/* ---- images that are there for an index ---- */

/* Images without a name that the index lists: they go with it. */
static void add_group(const removal *r, const struct index_record *index, remove_group *group) {
        for (size_t i = 0; index && i < index->nentries; i++) {
                struct image_record *record = image_index_image(r->images, &index->entries[i]);
                bool is_known = false; /* several names of an image may have the index */
                for (size_t k = 0; record && k < group->len; k++)
                        is_known = is_known || group->items[k] == record;
                if (record && !record->names.len && !is_known)
                        mn_vec_push(group, record);
        }
}

void remove_find_group(const removal *r, const struct image_record *record, const char *full,
                       remove_group *ret) {
        image_lock(r->images);
        for (size_t i = 0; i < record->names.len; i++)
                if (!full || !strcmp(record->names.items[i], full))
                        add_group(r, image_index_of(r->images, record->names.items[i]), ret);
        image_unlock(r->images);
}

const struct image_record *remove_used_of_group(const removal *r, const remove_group *group) {
        for (size_t i = 0; i < group->len; i++)
                if (removal_is_used(r, group->items[i]->id))
                        return group->items[i];
        return NULL;
}

/* Deletes those no index lists any more. One that a container uses stays as an image without a name. */
static mn_status delete_group(removal *r, const remove_group *group, mn_err *err) {
        mn_status st = MN_OK;
        for (size_t i = 0; !st && i < group->len; i++) {
                struct image_record *record = group->items[i];
                if (!removal_is_gone(r, record->id) && !removal_is_listed(r, record) &&
                    !removal_has_children(r, record->id) && removal_claim(r, record))
                        st = removal_delete(r, record, err);
        }
        return st;
}

/* ---- refusals ---- */

/* Those of "docker rmi", in its words. */
static mn_status check_unused(const struct request *q, const struct image_record *record, mn_err *err) {
        char container[MN_ID_SIZE];
        bool is_running;
        size_t users = removal_count_users(q->removal, record->id, container, &is_running);
        if (users && is_running)
                return mn_fail(
                        err, MN_CONFLICT,
                        "conflict: unable to delete %s (cannot be forced) - image is being used by running "
                        "container %.12s",
                        q->name, container);
        if (users && !q->spec->is_forced)
                return mn_fail(
                        err, MN_CONFLICT,
                        "conflict: unable to delete %s (must be forced) - image is being used by stopped "
                        "container %.12s",
                        q->name, container);
        if (removal_has_children(q->removal, record->id))
                return mn_fail(err, MN_CONFLICT,
                               "conflict: unable to delete %.12s (cannot be forced) - image has dependent "
                               "child images",
                               strchr(record->id, ':') + 1);
        return MN_OK;
}

/* A name was given and it is the last one: Docker names the reference in its refusal. */
static mn_status check_last_name(const struct request *q, const struct image_record *record, mn_err *err) {
        char container[MN_ID_SIZE];
        bool is_running;
        if (!removal_count_users(q->removal, record->id, container, &is_running) || q->spec->is_forced)
                return MN_OK;
        return mn_fail(err, MN_CONFLICT,
                       "conflict: unable to remove repository reference \"%s\" (must force) - container "
                       "%.12s is using "
                       "its referenced image %.12s",
                       q->name, container, strchr(record->id, ':') + 1);
}

/* ---- names ---- */

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

/* The stored name that the user's name is, or NULL when it is an id. */
static const char *named(const removal *r, const struct image_record *record, const char *name) {
        mn_reference ref;
        char text[MN_REFERENCE_TEXT_SIZE];
        if (mn_reference_parse_any(name, &ref, NULL) || !*ref.domain)
                return NULL;
        if (*ref.digest)
                ref.tag[0] = '\0';
        else
                mn_reference_add_default_tag(&ref);
        mn_reference_text(&ref, text);
        return mn_map_get(r->images->tags, text) == record ? mn_arena_strdup(r->arena, text) : NULL;
}

/* True when the image keeps a name of the repository of `full`. */
static bool keeps_tag_of(const removal *r, const struct image_record *record, const mn_reference *wanted) {
        mn_reference other;
        for (size_t i = 0; i < record->names.len; i++) {
                const char *name = record->names.items[i];
                if (!image_is_digest_reference(name) && !removal_has_name(r, name) &&
                    !mn_reference_parse(name, &other, NULL) && mn_reference_same_repository(wanted, &other))
                        return true;
        }
        return false;
}

/* The last tag of a repository takes the digests of its pulls and pushes along. */
static void untag_digests(removal *r, const struct image_record *record, const char *full) {
        mn_reference wanted, other;
        if (image_is_digest_reference(full) || mn_reference_parse(full, &wanted, NULL) ||
            keeps_tag_of(r, record, &wanted))
                return;
        for (size_t i = 0; i < record->names.len; i++) {
                const char *name = record->names.items[i];
                if (image_is_digest_reference(name) && !mn_reference_parse(name, &other, NULL) &&
                    mn_reference_same_repository(&wanted, &other))
                        removal_untag(r, record, name);
        }
}

/* ---- deleting ---- */

/* A child that is gone may leave its parent without name and use. */
static mn_status delete_with_parents(removal *r, struct image_record *record, bool keeps_parents,
                                     mn_err *err) {
        mn_status st = removal_delete(r, record, err);
        while (!st && !keeps_parents) {
                record = mn_str_is_empty(record->parent) ? NULL
                                                         : mn_map_get(r->images->images, record->parent);
                if (!record || removal_is_gone(r, record->id) || removal_count_names(r, record) ||
                    removal_has_children(r, record->id) || !removal_claim(r, record))
                        break;
                st = removal_delete(r, record, err);
        }
        return st;
}

/* After all names went: deletes, or hides when stopped containers use it. */
static mn_status finish_remove(removal *r, struct image_record *record, bool keeps_parents, mn_err *err) {
        if (!removal_is_used(r, record->id))
                return delete_with_parents(r, record, keeps_parents, err);
        removal_hide(r, record);
        return MN_OK;
}

mn_status remove_with_group(removal *r, struct image_record *record, const remove_group *group, mn_err *err) {
        removal_untag_all(r, record);
        mn_status st = finish_remove(r, record, false, err);
        return st ? st : delete_group(r, group, err);
}

/* ---- remove ---- */

static mn_status remove_by_name(const struct request *q, struct image_record *record, const char *full,
                                const remove_group *group, mn_err *err) {
        removal *r = q->removal;
        bool is_last = removal_count_tags(r, record) <= 1 && !image_is_digest_reference(full);
        mn_status st = MN_OK;
        if (is_last || record->names.len == 1) {
                const struct image_record *used = remove_used_of_group(r, group);
                st = check_last_name(q, record, err);
                if (!st && used)
                        st = check_last_name(q, used, err);
        }
        if (st)
                return st;
        removal_untag(r, record, full);
        untag_digests(r, record, full);
        if (!is_last && removal_count_names(r, record))
                return MN_OK;
        removal_untag_all(r, record);
        if (removal_has_children(r, record->id) || check_unused(q, record, NULL))
                return MN_OK; /* untagged only: a running container keeps the rest */
        return finish_remove(r, record, q->spec->keeps_parents, err);
}

static mn_status remove_by_id(const struct request *q, struct image_record *record, mn_err *err) {
        mn_status st = check_unused(q, record, err);
        if (st)
                return st;
        if (!q->spec->is_forced && removal_count_tags(q->removal, record) > 1 &&
            !is_in_one_repository(record))
                return mn_fail(
                        err, MN_CONFLICT,
                        "conflict: unable to delete %.12s (must be forced) - image is referenced in multiple "
                        "repositories",
                        strchr(record->id, ':') + 1);
        removal_untag_all(q->removal, record);
        return finish_remove(q->removal, record, q->spec->keeps_parents, err);
}

/* Whole names and images. */
static mn_status remove_all(const struct request *q, struct image_record *record, const char *full,
                            mn_err *err) {
        remove_group group = { 0 };
        bool is_last = !full ||
                       (removal_count_tags(q->removal, record) <= 1 && !image_is_digest_reference(full));
        remove_find_group(q->removal, record, is_last ? NULL : full, &group);
        mn_status st = full ? remove_by_name(q, record, full, &group, err) : remove_by_id(q, record, err);
        if (!st)
                st = delete_group(q->removal, &group, err);
        mn_vec_release(&group);
        return st;
}

/* Makes the record's names those of another image of their index. */
static void hand_names_on(removal *r, struct image_record *record) {
        image_platform host;
        image_platform_host(&host);
        image_lock(r->images);
        record->is_hidden = true; /* not a choice */
        for (size_t i = 0; i < record->names.len; i++) {
                const char *full = record->names.items[i];
                const struct index_record *index = image_index_of(r->images, full);
                struct image_record *next = index ? image_index_choose(r->images, index, &host, true) : NULL;
                if (next)
                        removal_repoint(r, full, next);
                else
                        removal_untag(r, record, full);
        }
        record->is_hidden = false;
        image_unlock(r->images);
}

/* Removes what the name has for one platform; the last platform takes the name along. */
static mn_status remove_platform(const struct request *q, const char *platform, mn_err *err) {
        removal *r = q->removal;
        struct image_record *record, *primary;
        char container[MN_ID_SIZE];
        bool is_running;
        image_lock(r->images);
        mn_status st = image_find_platform(r->images, q->name, platform, &record, err);
        if (!st)
                st = image_find(r->images, q->name, &primary, err);
        const char *full = st ? NULL : named(r, primary, q->name);
        size_t others = 0;
        const struct index_record *index = st ? NULL : image_index_named(r->images, q->name, primary);
        for (size_t i = 0; index && i < index->nentries; i++) {
                const struct image_record *other = image_index_image(r->images, &index->entries[i]);
                others += other && other != record;
        }
        image_unlock(r->images);
        if (st)
                return st;
        if (!others)
                return remove_all(q, record, full, err);
        size_t users = removal_count_users(r, record->id, container, &is_running);
        if (users && (is_running || !q->spec->is_forced))
                return check_unused(q, record, err);
        hand_names_on(r, record);
        return finish_remove(r, record, q->spec->keeps_parents, err);
}

static mn_status remove_named(const struct request *q, mn_err *err) {
        removal *r = q->removal;
        struct image_record *record;
        image_lock(r->images);
        mn_status st = image_find(r->images, q->name, &record, err);
        const char *full = st ? NULL : named(r, record, q->name);
        image_unlock(r->images);
        return st ? st : remove_all(q, record, full, err);
}

/* One removal: of all (`platform` NULL), or of a platform. Adds its rows to those before. */
static mn_status remove_one(image_store *images, const char *name, const char *platform,
                            const image_remove_spec *spec, mn_arena *arena, wire_image_delete_list *ret,
                            mn_err *err) {
        removal r;
        removal_begin(&r, images, arena);
        const struct request q = { &r, name, spec };
        mn_status st = platform ? remove_platform(&q, platform, err) : remove_named(&q, err);
        if (!st)
                st = removal_commit(&r, err);
        if (!st)
                removal_answer(&r, ret);
        removal_end(&r);
        return st;
}

mn_status image_remove(image_store *images, const char *name, const image_remove_spec *spec, mn_arena *arena,
                       wire_image_delete_list *ret, mn_err *err) {
        mn_status st = MN_OK;
        *ret = (wire_image_delete_list){ 0 };
        image_change_begin(images);
        if (!spec->platforms || !*spec->platforms)
                st = remove_one(images, name, NULL, spec, arena, ret, err);
        for (char *const *platform = spec->platforms; !st && platform && *platform; platform++)
                st = remove_one(images, name, *platform, spec, arena, ret, err);
        image_change_end(images);
        return st;
}

/* ---- hidden images ---- */

void remove_plan_hidden(removal *r) {
        struct image_record *record;
        for (size_t pos = 0; mn_map_next(r->images->images, &pos, NULL, (void **) &record);)
                if (record->is_hidden && removal_claim(r, record))
                        (void) !removal_delete(r, record, NULL);
}

void image_collect(image_store *images, const char *id) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        removal r;
        image_note_use(images, id);
        image_change_begin(images);
        struct image_record *record = mn_map_get(images->images, id);
        if (record && record->is_hidden) { /* a pinned one waits for the next container that goes */
                removal_begin(&r, images, arena);
                if (removal_claim(&r, record) &&
                    (removal_delete(&r, record, &err) || removal_commit(&r, &err)))
                        mn_warn("removing an image failed", " image=%s error=\"%s\"", id, mn_err_text(&err));
                removal_end(&r);
        }
        image_change_end(images);
}
