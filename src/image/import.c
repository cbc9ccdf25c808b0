/* SPDX-License-Identifier: Apache-2.0 */
/* `import`: an image of one layer from a tar of a root file system. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "image/compose.h"
#include "image/ingest.h"
#include "image/platform.h"

enum { CHUNK_SIZE = 256 << 10 };

static mn_status read_layer(const image_import_spec *spec, layer_writer *writer, mn_err *err) {
        cleanup_free char *buf = mn_alloc(CHUNK_SIZE);
        mn_status status = MN_OK;
        for (ssize_t n; !status && (n = spec->read(spec->read_arg, buf, CHUNK_SIZE)) != 0;) {
                if (n < 0)
                        return mn_fail_errno(err, (int) n, "cannot read the archive");
                status = layer_writer_feed(writer, buf, (size_t) n, err);
        }
        return status ? status : layer_writer_finish(writer, err);
}

static mn_status import_with(image_store *images, const image_import_spec *spec, layer_writer *writer,
                             mn_arena *arena, const mn_reference *reference, char ret_id[IMAGE_ID_SIZE],
                             mn_err *err) {
        oci_image_config config = { 0 };
        mn_status status = image_apply_changes(&config, spec->changes, arena, err);
        if (!status)
                status = read_layer(spec, writer, err);
        if (status)
                return status;
        const char *usual = mn_arena_printf(arena, "Imported from %s", spec->source ? spec->source : "-");
        compose_spec compose = { .layer = writer,
                                 .config = &config,
                                 .comment = mn_str_is_empty(spec->message) ? usual : spec->message,
                                 .platform = spec->platform,
                                 .reference = reference };
        return compose_image(images, &compose, ret_id, err);
}

mn_status image_import(image_store *images, const image_import_spec *spec, char ret_id[IMAGE_ID_SIZE],
                       mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        mn_reference reference;
        bool has_reference;
        layer_writer *writer = NULL;
        image_platform platform;
        mn_status status = compose_reference(spec->repository, spec->tag, &reference, &has_reference, err);
        if (!status)
                status = image_platform_parse(spec->platform, &platform, err);
        if (!status)
                status = layer_writer_new(image_store_layers(images), NULL, &writer, err);
        if (status)
                return status;
        status = import_with(images, spec, writer, arena, has_reference ? &reference : NULL, ret_id, err);
        layer_writer_free(writer);
        if (!status)
                image_store_event(images, "import", ret_id, ret_id);
        return status;
}
