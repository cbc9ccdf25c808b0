/* SPDX-License-Identifier: Apache-2.0 */
/* `save`: which images an archive gets, under which names. */

#include "image/save.h"

#include <string.h>

#include "base/strv.h"
#include "image/platform.h"
#include "sys/fd.h"

/* ---- images ---- */

/* True when the store has the layer's blob of that digest. */
static bool has_blob(image_store *images, const char *diff_id, const oci_descriptor *blob) {
        int64_t size;
        if (!strcmp(blob->digest, diff_id))
                return true;
        cleanup_close int fd = mn_str_has_prefix(blob->digest, "sha256:")
                                       ? image_store_ingest_ops.open_blob(images, diff_id, blob->digest,
                                                                          &size)
                                       : -1;
        return fd >= 0 && size == blob->size;
}

/* The digests the layers have in the archive: those of the image's own manifest when it is all here, else of
   the uncompressed tars. */
static void choose_layers(struct save *s, struct save_part *part) {
        const image_export *image = &part->image;
        oci_document manifest;
        part->layers = image->diff_ids;
        if (!image->manifest.data ||
            oci_document_decode(image->manifest.data, image->manifest.len, NULL, s->arena, &manifest, NULL) ||
            manifest.kind != OCI_MANIFEST || manifest.layers.len != image->nlayers)
                return;
        const char **layers = mn_arena_array(s->arena, image->nlayers + 1, sizeof(*layers));
        for (size_t i = 0; i < image->nlayers; i++) {
                layers[i] = manifest.layers.items[i].digest;
                if (!has_blob(s->images, image->diff_ids[i], &manifest.layers.items[i]))
                        return;
        }
        part->layers = layers;
        part->is_original = true;
}

static mn_status add_part(struct save *s, struct save_unit *unit, const char *id,
                          const image_export_entry *entry, const mn_json *descriptor, mn_err *err) {
        struct save_part *part = &unit->parts[unit->nparts];
        *part = (struct save_part){ .descriptor = descriptor };
        mn_status status = image_store_ingest_ops.export(s->images, id, s->arena, &part->image, err);
        if (status)
                return status;
        if (entry)
                part->image.manifest = entry->documents[0];
        for (size_t i = 0; i < part->image.nlayers; i++)
                (void) image_store_ingest_ops.has_layer(s->images, s->session, part->image.diff_ids[i], NULL);
        choose_layers(s, part);
        unit->nparts++;
        return MN_OK;
}

/* How well the image serves one of the platforms asked for. */
static int fit(const image_export *image, const char *platform, mn_err *err) {
        image_platform wanted, have;
        image_platform_set(image->os, image->architecture, image->variant, &have);
        return image_platform_parse(platform, &wanted, err) ? -1 : image_platform_fit(&wanted, &have);
}

/* Leaves the best image for each platform asked for. */
static mn_status select_parts(struct save *s, struct save_unit *unit, const char *name, mn_err *err) {
        struct save_part *chosen = mn_arena_array(s->arena, unit->nparts + 1, sizeof(*chosen));
        bool *is_taken = mn_arena_array(s->arena, unit->nparts + 1, sizeof(*is_taken));
        size_t n = 0;
        for (char *const *platform = s->platforms; *platform; platform++) {
                int best = 0;
                size_t at = 0;
                for (size_t i = 0; i < unit->nparts; i++) {
                        int value = fit(&unit->parts[i].image, *platform, err);
                        if (value < 0)
                                return MN_INVALID;
                        if (value > best) {
                                best = value;
                                at = i;
                        }
                }
                if (!best)
                        return mn_fail(err, MN_NOT_FOUND,
                                       "image with reference %s was found but does not provide the specified "
                                       "platform (%s)",
                                       name, *platform);
                is_taken[at] = true;
        }
        for (size_t i = 0; i < unit->nparts; i++)
                if (is_taken[i])
                        chosen[n++] = unit->parts[i];
        unit->parts = chosen;
        unit->nparts = n;
        return MN_OK;
}

static mn_status add_index_parts(struct save *s, struct save_unit *unit, mn_err *err) {
        const image_export_index *index = &unit->index;
        const mn_json *root;
        mn_status status = mn_json_parse(s->arena, index->document.data, index->document.len, NULL, &root,
                                         err);
        const mn_json *descriptor = status ? NULL : mn_json_get(root, "manifests")->child;
        unit->parts = mn_arena_array(s->arena, index->nentries + 1, sizeof(*unit->parts));
        for (size_t i = 0; !status && i < index->nentries && descriptor; i++, descriptor = descriptor->next)
                if (index->entries[i].image_id)
                        status = add_part(s, unit, index->entries[i].image_id, &index->entries[i], descriptor,
                                          err);
        return status;
}

/* What a name stands for; `reference` is NULL for an id. */
static mn_status fill_unit(struct save *s, struct save_unit *unit, const char *id,
                           const mn_reference *reference, const char *name, mn_err *err) {
        mn_status status = MN_OK;
        if (reference)
                status = image_store_ingest_ops.export_index(s->images, reference, s->arena, &unit->index,
                                                             err);
        if (!status && unit->index.document.data)
                status = add_index_parts(s, unit, err);
        if (!status && !unit->nparts) {
                unit->parts = mn_arena_array(s->arena, 1, sizeof(*unit->parts));
                status = add_part(s, unit, id, NULL, NULL, err);
        }
        if (!status && s->platforms && *s->platforms)
                status = select_parts(s, unit, name, err);
        if (status)
                return status;
        unit->primary = &unit->parts[0];
        for (size_t i = 0; i < unit->nparts; i++)
                if (strcmp(unit->parts[i].image.id, id) == 0)
                        unit->primary = &unit->parts[i];
        return MN_OK;
}

static mn_status unit_of(struct save *s, const char *id, const mn_reference *reference, const char *name,
                         struct save_unit **ret, mn_err *err) {
        struct save_unit *unit = mn_arena_alloc(s->arena, sizeof(*unit));
        mn_status status = fill_unit(s, unit, id, reference, name, err);
        if (status)
                return status;
        const char *index = unit->index.document.digest;
        unit->key = mn_arena_printf(s->arena, "%s %s", id, index ? index : "");
        for (size_t i = 0; i < s->list.len; i++)
                if (strcmp(s->list.items[i]->key, unit->key) == 0) {
                        *ret = s->list.items[i];
                        return MN_OK;
                }
        mn_vec_push(&s->list, unit);
        *ret = unit;
        return MN_OK;
}

/* ---- names ---- */

static mn_status add_tag(struct save *s, const mn_reference *reference, mn_err *err) {
        char text[MN_REFERENCE_TEXT_SIZE];
        struct save_unit *unit = NULL;
        const char *id = image_store_ingest_ops.find(s->images, reference, NULL, s->arena);
        char *familiar = mn_arena_strdup(s->arena, mn_reference_familiar(reference, text));
        if (!*id)
                return mn_fail(err, MN_NOT_FOUND, "No such image: %s", familiar);
        mn_status status = unit_of(s, id, reference, familiar, &unit, err);
        if (status)
                return status;
        for (size_t i = 0; i < unit->tags.len; i++)
                if (strcmp(unit->tags.items[i], familiar) == 0)
                        return MN_OK;
        mn_vec_push(&unit->tags, familiar);
        mn_vec_push(&unit->full, mn_arena_strdup(s->arena, mn_reference_text(reference, text)));
        return MN_OK;
}

/* "app:1" is that tag, "app" all tags of the repository, an id or digest the image without a name. */
static mn_status add_name(struct save *s, const char *name, mn_err *err) {
        char id[IMAGE_ID_SIZE];
        mn_reference reference;
        struct save_unit *unit;
        mn_status status = MN_OK;
        bool is_reference = mn_reference_parse(name, &reference, NULL) == MN_OK;
        bool is_name = is_reference && !reference.digest[0];
        if (is_name && reference.tag[0] &&
            *image_store_ingest_ops.find(s->images, &reference, NULL, s->arena))
                return add_tag(s, &reference, err);
        char **tags = is_name && !reference.tag[0]
                              ? image_store_ingest_ops.list_tags(s->images, &reference, s->arena)
                              : NULL;
        for (char **tag = tags; tag && *tag && !status; tag++) {
                status = mn_reference_set_tag_or_digest(&reference, *tag, err);
                if (!status)
                        status = add_tag(s, &reference, err);
        }
        if (mn_strv_len(tags))
                return status;
        status = image_resolve(s->images, name, NULL, id, err);
        bool is_digest = is_reference && reference.digest[0];
        if (is_digest)
                reference.tag[0] = '\0';
        return status ? status : unit_of(s, id, is_digest ? &reference : NULL, name, &unit, err);
}

mn_status image_save(image_store *images, const image_save_spec *spec, image_write_fn write, void *arg,
                     mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        struct save s = { .images = images,
                          .arena = arena,
                          .platforms = spec->platforms,
                          .write = write,
                          .arg = arg,
                          .written = mn_map_new(NULL) };
        mn_status status = image_store_ingest_ops.begin(images, &s.session, err);
        bool has_begun = !status;
        for (char *const *name = spec->names; *name && !status; name++)
                status = add_name(&s, *name, err);
        if (!status)
                status = save_write_archive(&s, err);
        for (size_t i = 0; i < s.list.len; i++) {
                struct save_unit *unit = s.list.items[i];
                if (!status)
                        image_store_event(images, "save", unit->primary->image.id, unit->primary->image.id);
                mn_vec_release(&unit->tags);
                mn_vec_release(&unit->full);
        }
        if (has_begun)
                image_store_ingest_ops.end(images, s.session);
        mn_vec_release(&s.list);
        mn_map_free(s.written);
        return status;
}
