/* SPDX-License-Identifier: Apache-2.0 */
/* From the members of an archive to images: a docker-archive's manifest.json. The OCI layout is in
   load_layout.c. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "codec/digest.h"
#include "image/load.h"
#include "image/platform.h"

mn_status load_check_layers(struct load *l, const struct load_member *config, load_layer_fn next, void *arg) {
        oci_image image;
        mn_status st = oci_image_decode(config->text, config->len, l->arena, &image, l->err);
        for (size_t i = 0; !st && image.rootfs.diff_ids && image.rootfs.diff_ids[i]; i++) {
                const struct load_member *layer = NULL;
                st = next(l, i, arg, &layer);
                if (!st && strcmp(layer->diff_id, image.rootfs.diff_ids[i]) != 0)
                        st = mn_fail(l->err, MN_INVALID,
                                     "invalid diffID for layer %zu: expected \"%s\", got \"%s\"", i,
                                     image.rootfs.diff_ids[i], layer->diff_id);
        }
        return st;
}

mn_status load_check_platform(struct load *l, const struct image_add_spec *add) {
        oci_image image;
        image_platform have, wanted;
        if (!mn_strv_len(l->spec->platforms))
                return MN_OK;
        mn_status st = oci_image_decode(add->config, add->config_len, l->arena, &image, l->err);
        if (st)
                return st;
        image_platform_set(image.os, image.architecture, image.variant, &have);
        for (char *const *text = l->spec->platforms; !st && *text; text++) {
                st = image_platform_parse(*text, &wanted, l->err);
                if (!st && image_platform_fit(&wanted, &have))
                        return MN_OK;
        }
        return st ? st
                  : mn_fail(l->err, MN_NOT_FOUND, "the archive has no image for the platform %s",
                            l->spec->platforms[0]);
}

mn_status load_missing(struct load *l, const char *what, const char *name) {
        return mn_fail(l->err, MN_INVALID, "invalid archive: %s \"%s\" is missing", what, name);
}

mn_status load_references(struct load *l, char *const *tags, char ***ret) {
        size_t n = mn_strv_len(tags);
        char **full = mn_arena_array(l->arena, n + 1, sizeof(*full));
        mn_status st = MN_OK;
        for (size_t i = 0; !st && i < n; i++) {
                char text[MN_REFERENCE_TEXT_SIZE];
                st = image_reference(tags[i], NULL, text, l->err);
                full[i] = mn_arena_strdup(l->arena, text);
        }
        *ret = full;
        return st ? mn_err_prefix(l->err, MN_INVALID, "invalid tag in the archive") : MN_OK;
}

/* ---- docker-archive ---- */

static mn_status archive_layer(struct load *l, size_t i, void *arg, const struct load_member **ret) {
        char *const *names = arg;
        if (i >= mn_strv_len(names))
                return mn_fail(l->err, MN_INVALID,
                               "invalid manifest, layers length mismatch: expected %zu, got more",
                               mn_strv_len(names));
        const struct load_member *member = load_find(l, names[i]);
        if (!member || member->kind != LOAD_LAYER)
                return load_missing(l, "layer", names[i]);
        *ret = member;
        return MN_OK;
}

/* The layout's image of that configuration, which gets the names, too. */
static bool add_names(struct load *l, const char *config, size_t len, char *const *references,
                      load_found_list *found) {
        char id[MN_DIGEST_SIZE], known[MN_DIGEST_SIZE];
        mn_digest_of(config, len, id);
        for (size_t i = 0; i < found->len; i++) {
                struct load_found *f = &found->items[i];
                size_t n = mn_strv_len(f->references), m = mn_strv_len(references);
                if (strcmp(mn_digest_of(f->add.config, f->add.config_len, known), id) != 0)
                        continue;
                char **all = mn_arena_array(l->arena, n + m + 1, sizeof(*all));
                memcpy(all, f->references, n * sizeof(*all));
                for (size_t k = 0; k < m; k++)
                        if (!mn_strv_has(all, references[k]))
                                all[n++] = references[k];
                f->references = all;
                return true;
        }
        return false;
}

static mn_status add_archive_image(struct load *l, const oci_archive_image *entry, load_found_list *found) {
        const struct load_member *config = load_find(l, entry->config);
        if (!config || config->kind != LOAD_DOCUMENT)
                return load_missing(l, "configuration", entry->config);
        struct load_found image = { .add = { .config = config->text, .config_len = config->len } };
        mn_status st = load_check_layers(l, config, archive_layer, entry->layers);
        if (!st)
                st = load_references(l, entry->repo_tags, &image.references);
        if (!st)
                st = load_check_platform(l, &image.add);
        if (!st && !add_names(l, config->text, config->len, image.references, found))
                mn_vec_push(found, image);
        return st;
}

static mn_status find_in_archive(struct load *l, const struct load_member *manifest, load_found_list *found) {
        oci_archive_list list;
        mn_status st = oci_archive_decode(manifest->text, manifest->len, l->arena, &list, l->err);
        for (size_t i = 0; !st && i < list.len; i++)
                st = add_archive_image(l, &list.items[i], found);
        return st;
}

/* ---- adding ---- */

static mn_status report_loaded(struct load *l, const struct load_found *image, const char *id) {
        mn_status st = MN_OK;
        char *const *full = image->references;
        if (!*full) {
                char *line = mn_arena_printf(l->arena, "Loaded image ID: %s\n", id);
                st = load_report(l, &(image_progress){ .stream = line });
        }
        for (; !st && *full; full++) {
                char *line = mn_arena_printf(l->arena, "Loaded image: %s\n", image_familiar(*full, l->arena));
                st = load_report(l, &(image_progress){ .stream = line });
        }
        return st;
}

/* All are there before the first is told of. */
static mn_status add_found(struct load *l, load_found_list *found) {
        const struct image_add_spec **specs = mn_arena_array(l->arena, found->len + 1, sizeof(*specs));
        char id[MN_DIGEST_SIZE];
        for (size_t i = 0; i < found->len; i++) {
                found->items[i].add.references = found->items[i].references;
                specs[i] = &found->items[i].add;
        }
        mn_status st = image_add_all(l->images, specs, found->len, l->err);
        for (size_t i = 0; !st && i < found->len; i++) {
                const struct load_found *f = &found->items[i];
                mn_digest_of(f->add.config, f->add.config_len, id);
                image_event(l->images, "load", id, id);
                st = f->is_quiet ? MN_OK : report_loaded(l, f, id);
        }
        return st;
}

/* The layout comes first, as it has the manifests; Docker's list may name more. */
mn_status load_images_of(struct load *l) {
        const struct load_member *list = load_find(l, "manifest.json"), *index = load_find(l, "index.json");
        bool has_list = list && list->kind == LOAD_DOCUMENT,
             has_index = index && index->kind == LOAD_DOCUMENT;
        load_found_list found = { 0 };
        mn_status st = MN_OK;
        if (has_index)
                st = load_find_in_layout(l, index, &found);
        if (!st && has_list && !(has_index && mn_strv_len(l->spec->platforms)))
                st = find_in_archive(l, list, &found);
        if (!has_list && !has_index)
                st = mn_fail(l->err, MN_INVALID, "invalid archive: does not contain a manifest.json");
        if (!st)
                st = add_found(l, &found);
        mn_vec_release(&found);
        return st;
}
