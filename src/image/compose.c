/* SPDX-License-Identifier: Apache-2.0 */
#include "image/compose.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strv.h"
#include "base/time.h"
#include "codec/digest.h"
#include "image/ingest.h"
#include "image/platform.h"

/* Digest of a tar without entries: two blocks of zeros. A layer that changes nothing is not kept. */
static const char EMPTY_TAR[] = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

int compose_sink_write(void *arg, const void *buf, size_t len) {
        compose_sink *sink = arg;
        sink->status = layer_writer_feed(sink->writer, buf, len, sink->err);
        return sink->status ? -EIO : 0;
}

mn_status compose_reference(const char *repository, const char *tag, mn_reference *ret, bool *ret_has,
                            mn_err *err) {
        *ret_has = !mn_str_is_empty(repository);
        if (!*ret_has)
                return mn_str_is_empty(tag) ? MN_OK : mn_fail(err, MN_INVALID, "invalid reference format");
        mn_status status = mn_reference_parse(repository, ret, err);
        if (!status && ret->digest[0])
                return mn_fail(err, MN_INVALID, "cannot import digest reference");
        if (!status && !mn_str_is_empty(tag)) {
                if (!mn_reference_is_tag(tag))
                        return mn_fail(err, MN_INVALID, "invalid tag format");
                status = mn_reference_set_tag_or_digest(ret, tag, err);
        }
        if (!status)
                mn_reference_add_default_tag(ret);
        return status;
}

static bool adds_layer(const compose_spec *spec) {
        return spec->layer && strcmp(layer_writer_diff_id(spec->layer), EMPTY_TAR) != 0;
}

static void set_platform(const compose_spec *spec, mn_arena *arena, oci_image *image) {
        image_platform platform;
        if (image_platform_parse(spec->platform, &platform, NULL))
                image_platform_host(&platform);
        image->os = mn_arena_strdup(arena, platform.os);
        image->architecture = mn_arena_strdup(arena, platform.architecture);
        image->variant = *platform.variant ? mn_arena_strdup(arena, platform.variant) : NULL;
}

static void add_history(const compose_spec *spec, mn_arena *arena, oci_image *image) {
        size_t n = image->history.len;
        oci_history *longer = mn_arena_array(arena, n + 1, sizeof(*longer));
        for (size_t i = 0; i < n; i++)
                longer[i] = image->history.items[i];
        longer[n] = (oci_history){ .created = image->created,
                                   .author = image->author,
                                   .created_by = mn_arena_strdup(arena, spec->created_by),
                                   .comment = mn_arena_strdup(arena, spec->comment),
                                   .is_empty_layer = !adds_layer(spec) };
        image->history.items = longer;
        image->history.len = n + 1;
}

/* What its instructions made is in one layer now. */
static void forget_layers(oci_image *image) {
        image->rootfs.diff_ids = NULL;
        for (size_t i = 0; i < image->history.len; i++)
                image->history.items[i].is_empty_layer = true;
}

/* The base's document with what is new. */
static mn_status make_document(image_store *images, const compose_spec *spec, mn_arena *arena, oci_image *ret,
                               mn_err *err) {
        image_info base = { 0 };
        const char *from = spec->base_id ? spec->base_id : spec->squashed_id;
        mn_status status = from ? image_get(images, from, arena, &base, err) : MN_OK;
        if (status)
                return status;
        if (spec->squashed_id)
                forget_layers(&base.spec);
        *ret = base.spec;
        if (!from)
                set_platform(spec, arena, ret);
        ret->config = *spec->config;
        ret->created = mn_now_ns();
        ret->author = mn_arena_strdup(arena, spec->author);
        ret->comment = mn_arena_strdup(arena, spec->comment);
        ret->rootfs.type = mn_arena_strdup(arena, "layers");
        size_t n = mn_strv_len(base.spec.rootfs.diff_ids);
        ret->rootfs.diff_ids = mn_arena_array(arena, n + 2, sizeof(char *));
        for (size_t i = 0; i < n; i++)
                ret->rootfs.diff_ids[i] = base.spec.rootfs.diff_ids[i];
        if (adds_layer(spec))
                ret->rootfs.diff_ids[n] = mn_arena_strdup(arena, layer_writer_diff_id(spec->layer));
        add_history(spec, arena, ret);
        return MN_OK;
}

static mn_status store_image(image_store *images, void *session, const compose_spec *spec,
                             const oci_image *document, char ret_id[IMAGE_ID_SIZE], mn_err *err) {
        const image_ingest_ops *ops = &image_store_ingest_ops;
        mn_status status = adds_layer(spec) ? layer_writer_commit(spec->layer, err) : MN_OK;
        if (status)
                return status;
        for (char **diff_id = document->rootfs.diff_ids; *diff_id; diff_id++)
                if (!ops->has_layer(images, session, *diff_id, NULL))
                        return mn_fail(err, MN_NOT_FOUND, "layer %s of the base image is gone", *diff_id);
        cleanup_str mn_str text = MN_STR_INIT(OCI_DOCUMENT_MAX);
        oci_image_encode(document, &text);
        if (mn_str_error(&text))
                return mn_fail(err, MN_INVALID, "the image's configuration is too large");
        char id[MN_DIGEST_SIZE];
        image_ingest_image image = { .config = { OCI_MEDIA_CONFIG,
                                                 mn_digest_of(mn_str_text(&text), text.len, id),
                                                 mn_str_text(&text), text.len },
                                     .reference = spec->reference,
                                     .parent = spec->base_id };
        bool is_new;
        status = ops->commit(images, session, &image, &is_new, err);
        if (!status)
                memcpy(ret_id, id, IMAGE_ID_SIZE); /* sha256: it fits */
        return status;
}

mn_status compose_image(image_store *images, const compose_spec *spec, char ret_id[IMAGE_ID_SIZE],
                        mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        oci_image document;
        void *session;
        mn_status status = make_document(images, spec, arena, &document, err);
        if (!status)
                status = image_store_ingest_ops.begin(images, &session, err);
        if (status)
                return status;
        status = store_image(images, session, spec, &document, ret_id, err);
        image_store_ingest_ops.end(images, session);
        char name[MN_REFERENCE_TEXT_SIZE];
        if (!status && spec->reference)
                image_store_event(images, "tag", ret_id, mn_reference_familiar(spec->reference, name));
        return status;
}
