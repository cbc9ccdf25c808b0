/* SPDX-License-Identifier: Apache-2.0 */
/* The images of an OCI layout. An entry of its index.json is a manifest, or an index that is kept whole: all
   its platforms the archive has are loaded, or those asked for. */

#include <string.h>

#include "base/strv.h"
#include "codec/digest.h"
#include "image/index.h"
#include "image/load.h"
#include "image/platform.h"

/* An entry of index.json while it is read. */
struct top {
        struct load *l;
        const oci_descriptor *descriptor;
        struct image_document index; /* data NULL: the entry is a manifest */
        MN_VEC(struct image_document) attachments;
        load_found_list *found;
};

/* A blob's text, its digest and size checked against the descriptor. */
static mn_status blob_document(struct load *l, const oci_descriptor *d, const struct load_member **ret) {
        const struct load_member *member = load_find_blob(l, d->digest);
        if (!member || member->kind != LOAD_DOCUMENT)
                return load_missing(l, "blob", d->digest);
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
                return load_missing(l, "blob", d->digest);
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
        return load_references(l, tags, ret);
}

/* The manifest `d` makes an image. */
static mn_status add_manifest(struct top *top, const oci_descriptor *d, const struct load_member *text,
                              const oci_document *manifest) {
        struct load *l = top->l;
        const struct load_member *config;
        struct load_found image = { .add = { .index = top->index } };
        mn_status st = blob_document(l, manifest->config, &config);
        if (!st)
                st = load_check_layers(l, config, layout_layer, (void *) (uintptr_t) manifest);
        if (!st)
                st = layout_references(l, top->descriptor, &image.references);
        if (st)
                return st;
        image.add.config = config->text;
        image.add.config_len = config->len;
        image.add.manifest = (struct image_document){ manifest->media_type, d->digest, text->text,
                                                      text->len };
        mn_vec_push(top->found, image);
        return MN_OK;
}

static mn_status decode(struct load *l, const oci_descriptor *d, const struct load_member **ret_text,
                        oci_document *ret) {
        mn_status st = blob_document(l, d, ret_text);
        return st ? st
                  : oci_document_decode((*ret_text)->text, (*ret_text)->len, d->media_type, l->arena, ret,
                                        l->err);
}

/* ---- indexes ---- */

/* The best entry for the platform among those the archive has; NULL when there is none. */
static const oci_descriptor *choose(struct load *l, const oci_document *index, const image_platform *wanted) {
        const oci_descriptor *best = NULL;
        int best_fit = 0;
        for (size_t i = 0; i < index->manifests.len; i++) {
                const oci_descriptor *d = &index->manifests.items[i];
                const oci_platform *p = d->platform;
                if (image_index_kind(d) != INDEX_IMAGE || !load_find_blob(l, d->digest))
                        continue;              /* a layout need not hold every platform */
                image_platform have = *wanted; /* an entry that names none fits */
                if (p)
                        image_platform_set(p->os, p->architecture, p->variant, &have);
                int fit = image_platform_fit(wanted, &have);
                if (fit > best_fit) {
                        best_fit = fit;
                        best = d;
                }
        }
        return best;
}

static mn_status add_entry(struct top *top, const oci_descriptor *d) {
        const struct load_member *text;
        oci_document manifest;
        mn_status st = decode(top->l, d, &text, &manifest);
        if (!st && manifest.kind != OCI_MANIFEST)
                st = mn_fail(top->l->err, MN_INVALID, "invalid archive: an index within an index");
        return st ? st : add_manifest(top, d, text, &manifest);
}

static mn_status add_wanted(struct top *top, const oci_document *index) {
        struct load *l = top->l;
        mn_status st = MN_OK;
        for (char *const *text = l->spec->platforms; !st && text && *text; text++) {
                image_platform wanted;
                st = image_platform_parse(*text, &wanted, l->err);
                const oci_descriptor *d = st ? NULL : choose(l, index, &wanted);
                if (!st && !d)
                        st = mn_fail(l->err, MN_NOT_FOUND, "the archive has no image for the platform %s",
                                     *text);
                if (!st)
                        st = add_entry(top, d);
        }
        return st;
}

static mn_status add_all(struct top *top, const oci_document *index) {
        mn_status st = MN_OK;
        size_t before = top->found->len;
        for (size_t i = 0; !st && i < index->manifests.len; i++) {
                const oci_descriptor *d = &index->manifests.items[i];
                if (image_index_kind(d) == INDEX_IMAGE && load_find_blob(top->l, d->digest))
                        st = add_entry(top, d);
        }
        if (!st && top->found->len == before)
                st = mn_fail(top->l->err, MN_NOT_FOUND, "the archive has no image for the platform");
        return st;
}

/* Keeps a document and, when it is in the archive, says so. */
static mn_status attach(struct top *top, const oci_descriptor *d, const char *media_type,
                        bool *ret_is_there) {
        const struct load_member *member = load_find_blob(top->l, d->digest);
        *ret_is_there = member && member->kind == LOAD_DOCUMENT;
        if (!*ret_is_there)
                return MN_OK;
        mn_status st = blob_document(top->l, d, &member);
        if (!st)
                mn_vec_push(&top->attachments,
                            ((struct image_document){ media_type, d->digest, member->text, member->len }));
        return st;
}

/* All documents of an attestation; one that is not whole is left out. */
static mn_status attach_attestation(struct top *top, const oci_descriptor *d) {
        const struct load_member *text;
        oci_document manifest;
        bool is_there = load_find_blob(top->l, d->digest) != NULL;
        size_t before = top->attachments.len;
        if (!is_there)
                return MN_OK;
        mn_status st = decode(top->l, d, &text, &manifest);
        if (!st && manifest.kind != OCI_MANIFEST)
                return MN_OK;
        if (!st)
                st = attach(top, d, d->media_type, &is_there);
        if (!st && is_there)
                st = attach(top, manifest.config, manifest.config->media_type, &is_there);
        for (size_t i = 0; !st && is_there && i < manifest.layers.len; i++)
                st = attach(top, &manifest.layers.items[i], manifest.layers.items[i].media_type, &is_there);
        if (!is_there)
                top->attachments.len = before;
        return st;
}

/* The images share the documents and are told of once. */
static void finish_group(struct top *top, size_t first) {
        struct image_document *documents = mn_arena_array(top->l->arena, top->attachments.len + 1,
                                                          sizeof(*documents));
        for (size_t i = 0; i < top->attachments.len; i++)
                documents[i] = top->attachments.items[i];
        for (size_t i = first; i < top->found->len; i++) {
                struct load_found *f = &top->found->items[i];
                f->add.attachments = documents;
                f->add.nattachments = top->attachments.len;
                f->is_quiet = i + 1 < top->found->len;
        }
}

static mn_status add_index(struct top *top, const struct load_member *text, const oci_document *index) {
        size_t first = top->found->len;
        mn_status st = MN_OK;
        top->index = (struct image_document){ index->media_type, top->descriptor->digest, text->text,
                                              text->len };
        for (size_t i = 0; !st && i < index->manifests.len; i++)
                if (image_index_kind(&index->manifests.items[i]) == INDEX_ATTESTATION)
                        st = attach_attestation(top, &index->manifests.items[i]);
        if (!st)
                st = mn_strv_len(top->l->spec->platforms) ? add_wanted(top, index) : add_all(top, index);
        if (!st)
                finish_group(top, first);
        mn_vec_release(&top->attachments);
        return st;
}

/* ---- the layout ---- */

static mn_status add_descriptor(struct load *l, const oci_descriptor *d, load_found_list *found) {
        struct top top = { .l = l, .descriptor = d, .found = found };
        const struct load_member *text;
        oci_document document;
        mn_status st = decode(l, d, &text, &document);
        if (!st && document.kind == OCI_INDEX)
                return add_index(&top, text, &document);
        if (!st)
                st = add_manifest(&top, d, text, &document);
        return st ? st : load_check_platform(l, &found->items[found->len - 1].add);
}

mn_status load_find_in_layout(struct load *l, const struct load_member *index, load_found_list *found) {
        oci_document document;
        mn_status st = oci_document_decode(index->text, index->len, NULL, l->arena, &document, l->err);
        if (!st && document.kind != OCI_INDEX)
                st = mn_fail(l->err, MN_INVALID, "invalid archive: index.json is no index");
        for (size_t i = 0; !st && i < document.manifests.len; i++)
                st = add_descriptor(l, &document.manifests.items[i], found);
        return st;
}
