/* SPDX-License-Identifier: Apache-2.0 */
#include "image/push_index.h"

#include <string.h>

#include "base/alloc.h"
#include "image/push_layer.h"
#include "image/registry_manifest.h"

static const char INCOMPLETE[] =
        "You're trying to push a manifest list/index which references multiple platform specific manifests, "
        "but not all of them are available locally or available to the remote repository.\n\nMake sure you "
        "have all the referenced content and try again.\n\nYou can also push only a single platform specific "
        "manifest directly by specifying the platform you want to push with the --platform flag.";

struct index_push {
        push_context *p;
        const image_export_index *index;
        push_manifest *manifests; /* of the entries; digest "" where the original stays */
        mn_arena *arena;
};

/* ---- what there is ---- */

static bool is_here(const image_export_entry *e) {
        return e->image_id || e->ndocuments;
}

static mn_status count_missing(struct index_push *x, size_t *ret_missing, size_t *ret_images, mn_err *err) {
        size_t missing = 0, images = 0;
        for (size_t i = 0; i < x->index->nentries; i++) {
                const image_export_entry *e = &x->index->entries[i];
                bool is_there = true;
                mn_status status = is_here(e) ? MN_OK : push_has_manifest(x->p, e->digest, &is_there, err);
                if (status)
                        return status;
                missing += !is_there;
                images += e->image_id != NULL;
        }
        *ret_missing = missing;
        *ret_images = images;
        return MN_OK;
}

/* ---- manifests ---- */

static mn_status push_entry(struct index_push *x, const image_export_entry *e, push_manifest *ret,
                            mn_err *err) {
        push_context *p = x->p;
        image_export image;
        mn_status status = p->ops->export(p->store, e->image_id, x->arena, &image, err);
        if (status)
                return status;
        image.manifest = e->documents[0];
        return push_image(p, &image, NULL, ret, err);
}

static mn_status push_attestation(struct index_push *x, const image_export_entry *e, mn_err *err) {
        push_context *p = x->p;
        mn_status status = MN_OK;
        for (size_t i = 1; !status && i < e->ndocuments; i++) {
                const image_ingest_document *d = &e->documents[i];
                status = push_bytes(p->session, p->http, p->endpoint, d->digest, d->data, d->len, err);
        }
        return status ? status : push_put_manifest(p, &e->documents[0], NULL, err);
}

/* Pushes the images; `*ret_is_original` is false when one of them has another manifest now. */
static mn_status push_images(struct index_push *x, bool *ret_is_original, mn_err *err) {
        mn_status status = MN_OK;
        *ret_is_original = true;
        for (size_t i = 0; !status && i < x->index->nentries; i++) {
                if (!x->index->entries[i].image_id)
                        continue;
                status = push_entry(x, &x->index->entries[i], &x->manifests[i], err);
                *ret_is_original = *ret_is_original && x->manifests[i].is_original;
        }
        return status;
}

/* ---- the index ---- */

static mn_status push_original(struct index_push *x, push_manifest *ret, mn_err *err) {
        const image_ingest_document *d = &x->index->document;
        mn_status status = MN_OK;
        for (size_t i = 0; !status && i < x->index->nentries; i++)
                if (!x->index->entries[i].image_id && x->index->entries[i].ndocuments)
                        status = push_attestation(x, &x->index->entries[i], err);
        if (!status)
                status = push_put_manifest(x->p, d, x->p->reference.tag, err);
        if (status)
                return status;
        *ret = (push_manifest){ .media_type = d->media_type, .size_bytes = d->len, .is_original = true };
        mn_str_copy(ret->digest, sizeof(ret->digest), d->digest);
        return MN_OK;
}

/* The entry with the manifest that was pushed for it. */
static void add_entry(mn_str *out, const mn_json *descriptor, const push_manifest *m) {
        mn_str_add(out, "{\"mediaType\":");
        mn_json_add_str(out, m->media_type);
        mn_str_printf(out, ",\"digest\":\"%s\",\"size\":%zu", m->digest, m->size_bytes);
        for (const mn_json *member = descriptor->child; member; member = member->next) {
                if (strcmp(member->key, "platform") != 0 && strcmp(member->key, "annotations") != 0)
                        continue;
                mn_str_printf(out, ",\"%s\":", member->key);
                mn_json_write(member, out);
        }
        mn_str_add_char(out, '}');
}

static mn_status push_rewritten(struct index_push *x, push_manifest *ret, mn_err *err) {
        const image_ingest_document *old = &x->index->document;
        cleanup_str mn_str text = MN_STR_INIT(REGISTRY_DOCUMENT_MAX);
        const mn_json *root;
        mn_status status = mn_json_parse(x->arena, old->data, old->len, NULL, &root, err);
        if (status)
                return status;
        const mn_json *descriptor = mn_json_get(root, "manifests")->child;
        const char *separator = "";
        mn_str_printf(&text, "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[", OCI_MEDIA_INDEX);
        for (size_t i = 0; i < x->index->nentries && descriptor; i++, descriptor = descriptor->next) {
                if (!x->index->entries[i].image_id)
                        continue;
                mn_str_add(&text, separator);
                add_entry(&text, descriptor, &x->manifests[i]);
                separator = ",";
        }
        mn_str_add(&text, "]}");
        *ret = (push_manifest){ .media_type = OCI_MEDIA_INDEX, .size_bytes = text.len };
        registry_digest_of(mn_str_text(&text), text.len, NULL, ret->digest);
        image_ingest_document document = { OCI_MEDIA_INDEX, ret->digest, mn_str_text(&text), text.len };
        cleanup_free char *note = mn_asprintf("The index was written anew, as layers had to be compressed "
                                              "again: %s -> %s",
                                              old->digest, ret->digest);
        status = push_put_manifest(x->p, &document, x->p->reference.tag, err);
        return status ? status : push_tell(x->p, note, NULL, err);
}

mn_status push_index(push_context *p, const image_export_index *index, push_manifest *ret, bool *ret_is_done,
                     mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        struct index_push x = { .p = p, .index = index, .arena = arena };
        size_t missing = 0, images = 0;
        bool is_original = false;
        mn_status status = count_missing(&x, &missing, &images, err);
        if (!status && missing && images > 1)
                status = mn_fail(err, MN_NOT_FOUND, "%s", INCOMPLETE);
        *ret_is_done = false;
        if (status || missing)
                return status;
        x.manifests = mn_arena_array(arena, index->nentries + 1, sizeof(*x.manifests));
        status = push_images(&x, &is_original, err);
        if (status || (!is_original && images == 1))
                return status;
        *ret_is_done = true;
        return is_original ? push_original(&x, ret, err) : push_rewritten(&x, ret, err);
}

/* ---- what the client is told ---- */

static void add_descriptor(mn_str *out, const char *name, const char *type, const char *digest, size_t size) {
        mn_str_printf(out, ",\"%s\":{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}", name, type,
                      digest, size);
}

mn_status push_index_tell_replaced(push_context *p, const image_export_index *index,
                                   const push_manifest *pushed, mn_err *err) {
        cleanup_str mn_str aux = { 0 };
        const image_ingest_document *d = &index->document;
        mn_str_add(&aux, "{\"manifestPushedInsteadOfIndex\":true");
        add_descriptor(&aux, "originalIndex", d->media_type, d->digest, d->len);
        add_descriptor(&aux, "selectedManifest", pushed->media_type, pushed->digest, pushed->size_bytes);
        mn_str_add_char(&aux, '}');
        return push_tell(p, NULL, mn_str_text(&aux), err);
}
