/* SPDX-License-Identifier: Apache-2.0 */
/* `commit`: an image of a container's image and what the container has written. */

#include <errno.h>
#include <fcntl.h>

#include "image/compose.h"
#include "image/ingest.h"
#include "image/tar_tree.h"
#include "sys/fd.h"

static mn_status read_upper(int container_fd, layer_writer *writer, mn_err *err) {
        cleanup_close int upper = openat(container_fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (upper < 0)
                return mn_fail_errno(err, -errno, "cannot read the container's files");
        compose_sink sink = { .writer = writer, .err = err };
        cleanup_err mn_err reading = { 0 }; /* when the writer failed, what it said is in `err` */
        mn_status status = image_tar_layer(upper, compose_sink_write, &sink, &reading);
        if (sink.status)
                return sink.status;
        return status ? mn_fail(err, status, "%s", mn_err_text(&reading)) : layer_writer_finish(writer, err);
}

mn_status image_commit(image_store *images, const image_commit_spec *spec, char ret_id[IMAGE_ID_SIZE],
                       mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        mn_reference reference;
        bool has_reference;
        layer_writer *writer = NULL;
        oci_image_config config = *spec->config;
        mn_status status = compose_reference(spec->repository, spec->tag, &reference, &has_reference, err);
        if (!status)
                status = image_apply_changes(&config, spec->changes, arena, err);
        if (!status)
                status = layer_writer_new(image_store_layers(images), NULL, &writer, err);
        if (!status)
                status = read_upper(spec->container_fd, writer, err);
        if (!status) {
                compose_spec compose = { .base_id = spec->image_id,
                                         .layer = writer,
                                         .config = &config,
                                         .author = spec->author,
                                         .comment = spec->comment,
                                         .created_by = spec->created_by,
                                         .reference = has_reference ? &reference : NULL };
                status = compose_image(images, &compose, ret_id, err);
        }
        layer_writer_free(writer);
        return status;
}
