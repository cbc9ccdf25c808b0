/* SPDX-License-Identifier: Apache-2.0 */
#include "image/store_export.h"

#include "base/strv.h"
#include "image/index.h"
#include "image/layer_blob.h"
#include "image/store_private.h"

/* The newest manifest the image came with; one that cannot be read is none. */
static void export_manifest(image_store *images, const char *id, mn_arena *arena,
                            image_ingest_document *ret) {
        image_lock(images);
        const struct image_record *record = mn_map_get(images->images, id);
        const struct image_manifest *m = record && record->manifests.len ? record->manifests.items : NULL;
        image_ingest_document d = { .media_type = m ? mn_arena_strdup(arena, m->media_type) : NULL,
                                    .digest = m ? mn_arena_strdup(arena, m->digest) : NULL };
        image_unlock(images);
        if (d.digest && !image_blob_read(images, d.digest, arena, &d.data, &d.len, NULL))
                *ret = d;
}

mn_status store_export_image(void *object, const char *id, mn_arena *arena, image_export *ret, mn_err *err) {
        image_store *images = object;
        image_info info;
        mn_status st = image_get(images, id, arena, &info, err);
        if (!st)
                st = image_blob_read(images, info.id, arena, &ret->config, &ret->config_len, err);
        if (st)
                return st;
        *ret = (image_export){ .id = info.id, .config = ret->config, .config_len = ret->config_len };
        ret->os = info.spec.os;
        ret->architecture = info.spec.architecture;
        ret->variant = info.spec.variant;
        ret->nlayers = mn_strv_len(info.layers);
        ret->diff_ids = (const char **) (void *) info.layers;
        export_manifest(images, info.id, arena, &ret->manifest);
        return MN_OK;
}

/* ---- an index with what is here of it ---- */

static mn_status add_document(image_store *images, const char *media_type, const char *digest,
                              mn_arena *arena, image_ingest_document *ret, mn_err *err) {
        *ret = (image_ingest_document){ .media_type = media_type, .digest = digest };
        return image_blob_read(images, digest, arena, &ret->data, &ret->len, err);
}

/* All documents of an attestation; none when one is missing. */
static void export_attestation(image_store *images, const oci_descriptor *d, mn_arena *arena,
                               image_export_entry *ret) {
        const char *text, **digests;
        size_t len, n;
        if (image_blob_size(images, d->digest) < 0 ||
            image_blob_read(images, d->digest, arena, &text, &len, NULL) ||
            image_attestation_blobs(d->digest, text, len, arena, &digests, &n, NULL))
                return;
        image_ingest_document *documents = mn_arena_array(arena, n + 1, sizeof(*documents));
        for (size_t i = 0; i < n; i++)
                if (add_document(images, i ? "" : d->media_type, digests[i], arena, &documents[i], NULL))
                        return;
        ret->documents = documents;
        ret->ndocuments = n;
}

static mn_status export_entry(image_store *images, const oci_descriptor *d, mn_arena *arena,
                              image_export_entry *ret, mn_err *err) {
        *ret = (image_export_entry){ .digest = d->digest };
        if (image_index_kind(d) == INDEX_ATTESTATION)
                export_attestation(images, d, arena, ret);
        image_lock(images);
        const struct image_record *record = mn_map_get(images->by_manifest, d->digest);
        if (record && !record->is_hidden)
                ret->image_id = mn_arena_strdup(arena, record->id);
        image_unlock(images);
        if (!ret->image_id)
                return MN_OK;
        image_ingest_document *manifest = mn_arena_alloc(arena, sizeof(*manifest));
        ret->documents = manifest;
        ret->ndocuments = 1;
        return add_document(images, d->media_type, d->digest, arena, manifest, err);
}

mn_status store_export_index(void *object, const mn_reference *reference, mn_arena *arena,
                             image_export_index *ret, mn_err *err) {
        image_store *images = object;
        char text[MN_REFERENCE_TEXT_SIZE];
        oci_document document;
        mn_reference_text(reference, text);
        *ret = (image_export_index){ 0 };
        image_lock(images);
        const struct index_record *index = image_index_of(images, text);
        const char *digest = index ? mn_arena_strdup(arena, index->digest) : NULL;
        const char *media_type = index ? mn_arena_strdup(arena, index->media_type) : NULL;
        image_unlock(images);
        if (!digest)
                return MN_OK;
        mn_status st = add_document(images, media_type, digest, arena, &ret->document, err);
        if (!st)
                st = oci_document_decode(ret->document.data, ret->document.len, NULL, arena, &document, err);
        if (st)
                return st;
        ret->nentries = document.manifests.len;
        ret->entries = mn_arena_array(arena, ret->nentries + 1, sizeof(*ret->entries));
        for (size_t i = 0; !st && i < ret->nentries; i++)
                st = export_entry(images, &document.manifests.items[i], arena, &ret->entries[i], err);
        return st;
}

mn_status store_export_open_layer(void *object, const char *diff_id, layer_reader **ret, int64_t *ret_size,
                                  mn_err *err) {
        image_store *images = object;
        int r = layer_store_open_tar(images->layers_on_disk, diff_id, ret, ret_size);
        return r < 0 ? mn_fail_errno(err, r, "opening layer %s", diff_id) : MN_OK;
}

int store_export_open_blob(void *object, const char *diff_id, const char *digest, int64_t *ret_size) {
        image_store *images = object;
        return layer_blob_open(images->layers_on_disk, diff_id, digest, ret_size);
}
