/* SPDX-License-Identifier: Apache-2.0 */
/* From the members of an archive to images: a docker-archive's manifest.json, or an OCI layout's index.json.
 */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/vec.h"
#include "image/load.h"
#include "image/platform.h"

/* One image found in the archive, complete. */
struct found {
        struct image_add_spec add;
        char **references; /* full texts; NULL-terminated */
};
typedef MN_VEC(struct found) found_list;

/* ---- checks ---- */

/* The layers the members give must be those the configuration lists. */
static mn_status check_layers(struct load *l, const struct load_member *config,
                              mn_status (*next)(struct load *l, size_t i, void *arg,
                                                const struct load_member **ret),
                              void *arg) {
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

static mn_status missing(struct load *l, const char *what, const char *name) {
        return mn_fail(l->err, MN_INVALID, "invalid archive: %s \"%s\" is missing", what, name);
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
                return missing(l, "layer", names[i]);
        *ret = member;
        return MN_OK;
}

/* Full texts of an archive's repository tags; invalid ones fail. */
static mn_status full_references(struct load *l, char *const *tags, char ***ret) {
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

static mn_status add_archive_image(struct load *l, const oci_archive_image *entry, found_list *found) {
        const struct load_member *config = load_find(l, entry->config);
        if (!config || config->kind != LOAD_DOCUMENT)
                return missing(l, "configuration", entry->config);
        struct found image = { .add = { .config = config->text, .config_len = config->len } };
        mn_status st = check_layers(l, config, archive_layer, entry->layers);
        if (!st)
                st = full_references(l, entry->repo_tags, &image.references);
        if (!st)
                mn_vec_push(found, image);
        return st;
}

static mn_status find_in_archive(struct load *l, const struct load_member *manifest, found_list *found) {
        oci_archive_list list;
        mn_status st = oci_archive_decode(manifest->text, manifest->len, l->arena, &list, l->err);
        for (size_t i = 0; !st && i < list.len; i++)
                st = add_archive_image(l, &list.items[i], found);
        return st;
}

/* ---- OCI layout ---- */

/* A blob's text, its digest and size checked against the descriptor. */
static mn_status blob_document(struct load *l, const oci_descriptor *d, const struct load_member **ret) {
        const struct load_member *member = load_find_blob(l, d->digest);
        if (!member || member->kind != LOAD_DOCUMENT)
                return missing(l, "blob", d->digest);
        char found[MN_DIGEST_SIZE];
        cleanup_digest mn_digest *digest = mn_digest_new(mn_digest_algorithm_of(d->digest));
        mn_digest_update(digest, member->text, member->len);
        mn_digest_finish(digest, found);
        if ((int64_t) member->len != d->size || strcmp(found, d->digest) != 0)
                return mn_fail(l->err, MN_INVALID, "invalid archive: blob %s is damaged", d->digest);
        *ret = member;
        return MN_OK;
}

static mn_status layout_layer(struct load *l, size_t i, void *arg, const struct load_member **ret) {
        const oci_document *manifest = arg;
        if (i >= manifest->layers.len)
                return mn_fail(l->err, MN_INVALID,
                               "invalid manifest: fewer layers than the configuration lists");
        const oci_descriptor *d = &manifest->layers.items[i];
        const struct load_member *member = load_find_blob(l, d->digest);
        if (!member || member->kind != LOAD_LAYER)
                return missing(l, "blob", d->digest);
        if (strcmp(member->digest, d->digest) != 0)
                return mn_fail(l->err, MN_INVALID, "invalid archive: blob %s is damaged", d->digest);
        *ret = member;
        return MN_OK;
}

/* Names of an image in an OCI layout: containerd's full name, else a reference name that is more than a tag.
 */
static mn_status layout_references(struct load *l, const oci_descriptor *d, char ***ret) {
        const char *name = mn_str_map_get(&d->annotations, "io.containerd.image.name");
        const char *ref = mn_str_map_get(&d->annotations, "org.opencontainers.image.ref.name");
        if (!name && ref && strpbrk(ref, ":/"))
                name = ref;
        char *tags[] = { (char *) (uintptr_t) name, NULL };
        return full_references(l, tags, ret);
}

static mn_status add_manifest(struct load *l, const oci_descriptor *top, const oci_descriptor *d,
                              const struct load_member *text, const oci_document *manifest,
                              found_list *found) {
        const struct load_member *config;
        mn_status st = blob_document(l, manifest->config, &config);
        if (!st)
                st = check_layers(l, config, layout_layer, (void *) (uintptr_t) manifest);
        struct found image = { 0 };
        if (!st)
                st = layout_references(l, top, &image.references);
        if (st)
                return st;
        image.add = (struct image_add_spec){
                .config = config->text,
                .config_len = config->len,
                .manifest = { manifest->media_type, d->digest, text->text, text->len },
        };
        mn_vec_push(found, image);
        return MN_OK;
}

/* The entry of an index for the wanted platform: its own, else the host's. */
static mn_status choose(struct load *l, const oci_document *index, const oci_descriptor **ret) {
        image_platform wanted;
        mn_status st = image_platform_parse(l->spec->platform, &wanted, l->err);
        const oci_descriptor *best = NULL;
        int best_fit = 0;
        for (size_t i = 0; !st && i < index->manifests.len; i++) {
                const oci_descriptor *d = &index->manifests.items[i];
                const oci_platform *p = d->platform;
                if (!load_find_blob(l, d->digest))
                        continue;             /* a layout need not hold every platform */
                image_platform have = wanted; /* an entry that names none fits */
                if (p)
                        image_platform_set(p->os, p->architecture, p->variant, &have);
                int fit = image_platform_fit(&wanted, &have);
                if (fit > best_fit) {
                        best_fit = fit;
                        best = d;
                }
        }
        if (!st && !best)
                st = mn_fail(l->err, MN_NOT_FOUND, "the archive has no image for the platform");
        *ret = best;
        return st;
}

static mn_status add_descriptor(struct load *l, const oci_descriptor *top, found_list *found) {
        const oci_descriptor *d = top;
        for (int depth = 0; depth < 3; depth++) {
                const struct load_member *text;
                oci_document document;
                mn_status st = blob_document(l, d, &text);
                if (!st)
                        st = oci_document_decode(text->text, text->len, d->media_type, l->arena, &document,
                                                 l->err);
                if (st)
                        return st;
                if (document.kind == OCI_MANIFEST)
                        return add_manifest(l, top, d, text, &document, found);
                st = choose(l, &document, &d);
                if (st)
                        return st;
        }
        return mn_fail(l->err, MN_INVALID, "invalid archive: indexes are nested too deeply");
}

static mn_status find_in_layout(struct load *l, const struct load_member *index, found_list *found) {
        oci_document document;
        mn_status st = oci_document_decode(index->text, index->len, NULL, l->arena, &document, l->err);
        if (!st && document.kind != OCI_INDEX)
                st = mn_fail(l->err, MN_INVALID, "invalid archive: index.json is no index");
        for (size_t i = 0; !st && i < document.manifests.len; i++)
                st = add_descriptor(l, &document.manifests.items[i], found);
        return st;
}

/* ---- adding ---- */

static mn_status report_loaded(struct load *l, const struct found *image, const char *id) {
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

mn_status load_images_of(struct load *l) {
        const struct load_member *manifest = load_find(l, "manifest.json"),
                                 *index = load_find(l, "index.json");
        found_list found = { 0 };
        mn_status st;
        if (manifest && manifest->kind == LOAD_DOCUMENT)
                st = find_in_archive(l, manifest, &found);
        else if (index && index->kind == LOAD_DOCUMENT)
                st = find_in_layout(l, index, &found);
        else
                st = mn_fail(l->err, MN_INVALID,
                             "invalid archive: it has neither manifest.json nor index.json");
        for (size_t i = 0; !st && i < found.len; i++) {
                char id[IMAGE_ID_SIZE];
                found.items[i].add.references = found.items[i].references;
                st = image_add(l->images, &found.items[i].add, id, NULL, l->err);
                if (!st)
                        image_event(l->images, "load", id, id);
                if (!st)
                        st = report_loaded(l, &found.items[i], id);
        }
        mn_vec_release(&found);
        return st;
}
