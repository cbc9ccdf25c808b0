/* SPDX-License-Identifier: Apache-2.0 */
/* `squash`: an image of one layer that has all of another image. */

#include "image/compose.h"
#include "image/ingest.h"
#include "sys/fd.h"

/* The image's tree, as a container would see it, as one layer. */
static mn_status read_tree(image_store *images, const char *id, layer_writer *writer, mn_err *err) {
        cleanup_close int root = -1;
        const image_rootfs_spec rootfs = {
                .image_id = id, .container_fd = -1, .is_readonly = true, .userns_fd = -1
        };
        compose_sink sink = { .writer = writer, .err = err };
        mn_status status = image_rootfs_mount(images, &rootfs, &root, err);
        if (!status)
                status = image_export_tree(root, compose_sink_write, &sink, err);
        if (sink.status)
                return sink.status;
        return status ? status : layer_writer_finish(writer, err);
}

static mn_status squash(image_store *images, const image_squash_spec *spec, const char *id,
                        const mn_reference *reference, char ret_id[IMAGE_ID_SIZE], mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        image_info info;
        layer_writer *writer = NULL;
        mn_status status = image_get(images, id, arena, &info, err);
        if (!status)
                status = layer_writer_new(image_store_layers(images), NULL, &writer, err);
        if (!status)
                status = read_tree(images, id, writer, err);
        if (!status) {
                const char *usual = mn_arena_printf(arena, "squashed from %s", id);
                compose_spec compose = { .squashed_id = id,
                                         .layer = writer,
                                         .config = &info.spec.config,
                                         .author = info.spec.author,
                                         .comment = mn_str_is_empty(spec->message) ? usual : spec->message,
                                         .reference = reference };
                status = compose_image(images, &compose, ret_id, err);
        }
        layer_writer_free(writer);
        return status;
}

mn_status image_squash(image_store *images, const image_squash_spec *spec, char ret_id[IMAGE_ID_SIZE],
                       mn_err *err) {
        mn_reference reference;
        bool has_reference;
        char id[IMAGE_ID_SIZE];
        mn_status status = compose_reference(spec->repository, spec->tag, &reference, &has_reference, err);
        if (!status)
                status = image_pin(images, spec->name, spec->platform, id, err);
        if (status)
                return status;
        status = squash(images, spec, id, has_reference ? &reference : NULL, ret_id, err);
        image_unpin(images, id);
        return status;
}
