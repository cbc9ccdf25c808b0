/* SPDX-License-Identifier: Apache-2.0 */
/* One image in full, and its history. */

#include <string.h>

#include "base/strv.h"
#include "base/time.h"
#include "image/index.h"
#include "image/manifests.h"
#include "image/store_private.h"

/* ---- inspect ---- */

/* Through text: what is shown is exactly what the engine makes of the configuration. */
static mn_status config_as_json(const oci_image_config *config, mn_arena *arena, const mn_json **ret,
                                mn_err *err) {
        cleanup_str mn_str text = { 0 };
        mn_json_encode(&oci_image_config_type, config, 0, &text);
        return mn_json_parse(arena, mn_arena_strndup(arena, mn_str_text(&text), text.len), text.len, NULL,
                             ret, err);
}

/* The repositories the image was pulled from or pushed to: those it has a digest in. With `lock`. */
static void add_repositories(const struct image_record *record, mn_str *out) {
        char name[MN_REFERENCE_TEXT_SIZE];
        cleanup_map mn_map *seen = mn_map_new(NULL);
        for (size_t i = 0; i < record->names.len; i++) {
                mn_reference ref;
                if (!image_is_digest_reference(record->names.items[i]) ||
                    mn_reference_parse(record->names.items[i], &ref, NULL))
                        continue;
                mn_reference_name(&ref, name);
                if (mn_map_has(seen, name))
                        continue;
                mn_str_add(out, mn_map_len(seen) ? ",{\"Repository\":" : "\"Pull\":[{\"Repository\":");
                mn_json_add_str(out, name);
                mn_str_add_char(out, '}');
                mn_map_set(seen, name, seen);
        }
        if (mn_map_len(seen))
                mn_str_add_char(out, ']');
}

/* What is known of where the image is from: who signed it, as a pull verified, and its repositories. */
static mn_status identity_as_json(image_store *images, const char *id, mn_arena *arena, const mn_json **ret,
                                  mn_err *err) {
        cleanup_str mn_str text = { 0 };
        image_lock(images);
        const struct image_record *record = mn_map_get(images->images, id);
        mn_str_add_char(&text, '{');
        if (record && record->signers.len) {
                mn_str_add(&text, "\"Signature\":");
                mn_json_encode(&policy_signer_list_type, &record->signers, 0, &text);
        }
        cleanup_str mn_str pull = { 0 };
        if (record)
                add_repositories(record, &pull);
        mn_str_printf(&text, "%s%s}", text.len > 1 && pull.len ? "," : "", mn_str_text(&pull));
        image_unlock(images);
        if (text.len <= 2)
                return MN_OK;
        return mn_json_parse(arena, mn_arena_strndup(arena, mn_str_text(&text), text.len), text.len, NULL,
                             ret, err);
}

/* The image of the name for the platform, with the name's own references. */
static mn_status get_for_platform(image_store *images, const char *name, const char *platform,
                                  mn_arena *arena, image_info *ret, mn_err *err) {
        image_info named;
        char id[IMAGE_ID_SIZE];
        mn_status st = image_get(images, name, arena, &named, err);
        if (!st)
                st = image_resolve(images, name, platform, id, err);
        if (st)
                return st;
        if (strcmp(id, named.id) == 0) {
                *ret = named;
                return MN_OK;
        }
        st = image_get(images, id, arena, ret, err);
        if (!st) {
                ret->repo_tags = named.repo_tags;
                ret->repo_digests = named.repo_digests;
        }
        return st;
}

static void add_descriptor(image_store *images, const char *name, const char *id, bool has_platform,
                           mn_arena *arena, const mn_json **ret) {
        image_lock(images);
        struct image_record *record = mn_map_get(images->images, id);
        const struct index_record *index = record && !has_platform ? image_index_named(images, name, record)
                                                                   : NULL;
        *ret = record ? image_descriptor(images, record, index, arena) : NULL;
        image_unlock(images);
}

mn_status image_inspect(image_store *images, const image_inspect_spec *spec, mn_arena *arena,
                        wire_image_inspect *ret, mn_err *err) {
        image_info info;
        wire_image_inspect out = { 0 };
        bool has_platform = !mn_str_is_empty(spec->platform);
        mn_status st = get_for_platform(images, spec->name, spec->platform, arena, &info, err);
        if (!st && spec->has_manifests)
                st = image_manifests(images, spec->name, arena, &out.manifests, err);
        if (!st)
                st = config_as_json(&info.spec.config, arena, &out.config, err);
        if (!st)
                st = identity_as_json(images, info.id, arena, &out.identity, err);
        if (st)
                return st;
        out.id = info.id;
        out.repo_tags = info.repo_tags;
        out.repo_digests = info.repo_digests;
        out.parent = info.parent;
        out.comment = info.spec.comment;
        if (!out.comment && info.spec.history.len)
                out.comment = info.spec.history.items[info.spec.history.len - 1].comment;
        out.created = info.spec.created;
        out.docker_version = info.spec.docker_version;
        out.author = info.spec.author;
        out.architecture = info.spec.architecture;
        out.variant = info.spec.variant;
        out.os = info.spec.os;
        out.os_version = info.spec.os_version;
        out.size = out.virtual_size = info.size;
        out.graph_driver.name = mn_arena_strdup(arena, image_store_driver(images));
        out.rootfs.type = mn_arena_strdup(arena, "layers");
        out.rootfs.layers = info.layers;
        out.metadata.last_tag_time = info.last_tagged;
        out.metadata.last_used_time = info.last_used;
        add_descriptor(images, spec->name, info.id, has_platform, arena, &out.descriptor);
        *ret = out;
        return MN_OK;
}

/* ---- history ---- */

static int64_t layer_size(image_store *images, const char *diff_id) {
        int64_t size = 0;
        layer_store_has(images->layers_on_disk, diff_id, &size);
        return size;
}

/* The rows that images stand for: its own is the newest, the one before is its parent's, as long as they are
   here. */
static void add_parents(image_store *images, const image_info *image, mn_arena *arena,
                        wire_image_history_list *list) {
        image_info at = *image;
        for (size_t i = 0; i < list->len; i++) {
                list->items[i].id = at.id;
                list->items[i].tags = at.repo_tags;
                cleanup_err mn_err ignored = { 0 };
                char *parent = at.parent;
                if (mn_str_is_empty(parent) || image_get(images, parent, arena, &at, &ignored))
                        return;
        }
}

mn_status image_history(image_store *images, const char *name, const char *platform, mn_arena *arena,
                        wire_image_history_list *ret, mn_err *err) {
        image_info info;
        mn_status st = get_for_platform(images, name, platform, arena, &info, err);
        if (st)
                return st;
        size_t layers = mn_strv_len(info.layers), entries = info.spec.history.len, layer = 0;
        size_t n = MN_MAX(entries, layers);
        wire_image_history_list list = { mn_arena_array(arena, n + 1, sizeof(*list.items)), n };
        for (size_t i = 0; i < n; i++) { /* oldest first here, newest first in the answer */
                static const oci_history unknown = { 0 };
                const oci_history *h = i < entries ? &info.spec.history.items[i] : &unknown;
                wire_image_history *row = &list.items[n - 1 - i];
                row->id = mn_arena_strdup(arena, "<missing>");
                row->created = h->created / MN_NS_PER_SEC;
                row->created_by = h->created_by;
                row->comment = h->comment;
                if (!h->is_empty_layer && layer < layers)
                        row->size = layer_size(images, info.layers[layer++]);
        }
        add_parents(images, &info, arena, &list);
        *ret = list;
        return MN_OK;
}
