/* SPDX-License-Identifier: Apache-2.0 */
/* From what users write to an image. */

#include <string.h>

#include "base/strv.h"
#include "codec/reference.h"
#include "image/index.h"
#include "image/store_private.h"

static mn_status not_found(const char *name, mn_err *err) {
        mn_reference ref;
        char text[MN_REFERENCE_TEXT_SIZE];
        if (mn_reference_parse_any(name, &ref, NULL) || !*ref.domain)
                return mn_fail(err, MN_NOT_FOUND, "No such image: %s", name);
        mn_reference_add_default_tag(&ref);
        return mn_fail(err, MN_NOT_FOUND, "No such image: %s", mn_reference_familiar(&ref, text));
}

/* The image whose id begins so, when there is exactly one. */
static struct image_record *find_by_prefix(image_store *images, const char *prefix) {
        struct image_record *found = NULL, *record;
        if (!mn_id_is_prefix(prefix))
                return NULL;
        for (size_t pos = 0; mn_map_next(images->images, &pos, NULL, (void **) &record);) {
                if (!mn_str_has_prefix(strchr(record->id, ':') + 1, prefix))
                        continue;
                if (found)
                        return NULL;
                found = record;
        }
        return found;
}

static struct image_record *find_by_reference(image_store *images, mn_reference ref) {
        char text[MN_REFERENCE_TEXT_SIZE];
        if (*ref.digest)
                ref.tag[0] = '\0';
        else
                mn_reference_add_default_tag(&ref);
        struct image_record *record = mn_map_get(images->tags, mn_reference_text(&ref, text));
        if (record || !*ref.digest)
                return record;
        /* name@<image id>, as Docker takes it for images of that name */
        record = mn_map_get(images->images, ref.digest);
        for (size_t i = 0; record && i < record->names.len; i++) {
                mn_reference name;
                if (!mn_reference_parse(record->names.items[i], &name, NULL) &&
                    mn_reference_same_repository(&name, &ref))
                        return record;
        }
        return NULL;
}

mn_status image_find(image_store *images, const char *name, struct image_record **ret, mn_err *err) {
        mn_reference ref;
        struct image_record *record = NULL;
        bool is_id_prefix = mn_str_has_prefix(name, "sha256:") && mn_id_is_prefix(name + 7);
        mn_status st = is_id_prefix ? MN_OK : mn_reference_parse_any(name, &ref, err);
        if (st)
                return st;
        if (is_id_prefix)
                record = find_by_prefix(images, name + 7);
        else if (!*ref.domain)
                record = mn_map_get(images->images, ref.digest);
        else
                record = find_by_reference(images, ref);
        if (!record && !is_id_prefix)
                record = find_by_prefix(images, name);
        /* a hidden image is there for its containers, which name it by its whole id */
        if (!record || (record->is_hidden && !mn_str_equal(record->id, name)))
                return not_found(name, err);
        *ret = record;
        return MN_OK;
}

struct index_record *image_index_named(image_store *images, const char *name,
                                       const struct image_record *record) {
        mn_reference ref;
        char text[MN_REFERENCE_TEXT_SIZE];
        if (!mn_reference_parse(name, &ref, NULL)) {
                if (*ref.digest)
                        ref.tag[0] = '\0';
                else
                        mn_reference_add_default_tag(&ref);
                struct index_record *index = image_index_of(images, mn_reference_text(&ref, text));
                if (mn_map_get(images->tags, text) == record ||
                    (index && image_index_has(index, record, NULL)))
                        return index;
        }
        struct index_record *index = NULL;
        for (size_t i = 0; !index && i < record->names.len; i++)
                index = image_index_of(images, record->names.items[i]);
        return index;
}

/* The platform the image's configuration names. With `lock`. */
static mn_status platform_of(image_store *images, const struct image_record *record, image_platform *ret,
                             mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        oci_image image;
        const char *config;
        size_t len;
        mn_status st = image_blob_read(images, record->id, arena, &config, &len, err);
        if (!st)
                st = oci_image_decode(config, len, arena, &image, err);
        if (!st)
                image_platform_set(image.os, image.architecture, image.variant, ret);
        return st;
}

mn_status image_find_platform(image_store *images, const char *name, const char *platform,
                              struct image_record **ret, mn_err *err) {
        struct image_record *record;
        image_platform wanted, found;
        char wanted_text[IMAGE_PLATFORM_TEXT_SIZE], found_text[IMAGE_PLATFORM_TEXT_SIZE];
        mn_status st = image_find(images, name, &record, err);
        if (!st && mn_str_is_empty(platform)) {
                *ret = record;
                return MN_OK;
        }
        if (!st)
                st = image_platform_parse(platform, &wanted, err);
        if (st)
                return st;
        const struct index_record *index = image_index_named(images, name, record);
        struct image_record *chosen = index ? image_index_choose(images, index, &wanted, false) : NULL;
        if (!chosen)
                st = platform_of(images, record, &found, err);
        if (st)
                return st;
        if (!chosen && image_platform_fit(&wanted, &found))
                chosen = record;
        if (!chosen)
                return mn_fail(err, MN_NOT_FOUND,
                               "image with reference %s was found but its platform (%s) does not match the "
                               "specified platform (%s)",
                               name, image_platform_text(&found, found_text),
                               image_platform_text(&wanted, wanted_text));
        *ret = chosen;
        return MN_OK;
}

mn_status image_resolve(image_store *images, const char *name, const char *platform,
                        char ret_id[IMAGE_ID_SIZE], mn_err *err) {
        struct image_record *record;
        image_lock(images);
        mn_status st = image_find_platform(images, name, platform, &record, err);
        if (!st)
                memcpy(ret_id, record->id, IMAGE_ID_SIZE);
        image_unlock(images);
        return st;
}

mn_status image_pin(image_store *images, const char *name, const char *platform, char ret_id[IMAGE_ID_SIZE],
                    mn_err *err) {
        struct image_record *record;
        image_lock(images);
        mn_status st = image_find_platform(images, name, platform, &record, err);
        if (!st && record->is_leaving)
                st = not_found(name, err);
        if (!st) {
                record->npins++;
                memcpy(ret_id, record->id, IMAGE_ID_SIZE);
        }
        image_unlock(images);
        return st;
}

void image_unpin(image_store *images, const char *id) {
        image_lock(images);
        struct image_record *record = mn_map_get(images->images, id);
        if (record && record->npins)
                record->npins--;
        image_unlock(images);
}

/* ---- references ---- */

mn_status image_reference(const char *repository, const char *tag, char ret[MN_REFERENCE_TEXT_SIZE],
                          mn_err *err) {
        mn_reference ref;
        mn_status st = mn_reference_parse(repository, &ref, err);
        if (!st && *ref.digest)
                return mn_fail(err, MN_INVALID, "refusing to create a tag with a digest reference");
        if (!st && !mn_str_is_empty(tag))
                st = mn_reference_set_tag_or_digest(&ref, tag, err);
        if (st)
                return st;
        if (*ref.digest)
                return mn_fail(err, MN_INVALID, "refusing to create a tag with a digest reference");
        mn_reference_add_default_tag(&ref);
        mn_reference_text(&ref, ret);
        return MN_OK;
}

char *image_familiar(const char *full, mn_arena *arena) {
        mn_reference ref;
        char text[MN_REFERENCE_TEXT_SIZE];
        if (mn_reference_parse(full, &ref, NULL))
                return mn_arena_strdup(arena, full);
        return mn_arena_strdup(arena, mn_reference_familiar(&ref, text));
}

bool image_is_digest_reference(const char *full) {
        return strchr(full, '@') != NULL;
}

/* ---- image_get ---- */

static char **copy_strv(char *const *v, mn_arena *arena) {
        size_t n = mn_strv_len(v);
        char **copy = mn_arena_array(arena, n + 1, sizeof(*copy));
        for (size_t i = 0; i < n; i++)
                copy[i] = mn_arena_strdup(arena, v[i]);
        return copy;
}

/* What of a record `ret` shows. With `lock`. */
static void copy_record(const struct image_record *record, mn_arena *arena, image_info *ret) {
        size_t tags = 0, digests = 0;
        *ret = (image_info){
                .id = mn_arena_strdup(arena, record->id),
                .layers = copy_strv(record->layers, arena),
                .repo_tags = mn_arena_array(arena, record->names.len + 1, sizeof(char *)),
                .repo_digests = mn_arena_array(arena, record->names.len + 1, sizeof(char *)),
                .parent = mn_arena_strdup(arena, record->parent ? record->parent : ""),
                .size = record->size,
                .last_tagged = record->last_tagged,
                .last_used = record->last_used,
        };
        for (size_t i = 0; i < record->names.len; i++) {
                char *name = image_familiar(record->names.items[i], arena);
                if (image_is_digest_reference(record->names.items[i]))
                        ret->repo_digests[digests++] = name;
                else
                        ret->repo_tags[tags++] = name;
        }
}

mn_status image_get(image_store *images, const char *name, mn_arena *arena, image_info *ret, mn_err *err) {
        struct image_record *record;
        image_info info;
        image_lock(images);
        mn_status st = image_find(images, name, &record, err);
        if (!st)
                copy_record(record, arena, &info);
        image_unlock(images);
        const char *config;
        size_t len;
        if (!st)
                st = image_blob_read(images, info.id, arena, &config, &len, err);
        if (!st)
                st = oci_image_decode(config, len, arena, &info.spec, err);
        if (!st)
                *ret = info;
        return st;
}

char *image_platform_warning(const image_info *image, mn_arena *arena) {
        image_platform host, have;
        char host_text[IMAGE_PLATFORM_TEXT_SIZE], have_text[IMAGE_PLATFORM_TEXT_SIZE];
        image_platform_host(&host);
        image_platform_set(image->spec.os, image->spec.architecture, image->spec.variant, &have);
        if (!*have.architecture || image_platform_fit(&host, &have))
                return NULL;
        return mn_arena_printf(
                arena,
                "The requested image's platform (%s) does not match the detected host platform "
                "(%s) and no specific platform was requested",
                image_platform_text(&have, have_text), image_platform_text(&host, host_text));
}
