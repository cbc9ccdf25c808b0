/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Making an image here: of an image or of nothing, a new layer, a configuration. For import, commit and
 * builds. */

#include "image/image.h"
#include "image/layer.h"

typedef struct compose_spec {
        const char *base_id; /* image whose layers and history come first; NULL: none */
        const char
                *squashed_id; /* image `layer` has all of: its history and platform, not its layers; NULL */
        layer_writer *layer;  /* finished, not committed; NULL or an empty tar: no layer is added */
        const oci_image_config *config;
        const char *author;
        const char *comment;
        const char *created_by;        /* for the history */
        const char *platform;          /* of an image without a base; NULL: the host's */
        const mn_reference *reference; /* name to give it, or NULL */
} compose_spec;

/* Writes the configuration, commits the layer and the image. MN_NOT_FOUND when the base is gone. */
mn_status compose_image(image_store *images, const compose_spec *spec, char ret_id[IMAGE_ID_SIZE],
                        mn_err *err) MN_MUST_USE;

/* The name of repository and tag as import and commit take them; `*ret_has` is false for none. */
mn_status compose_reference(const char *repository, const char *tag, mn_reference *ret, bool *ret_has,
                            mn_err *err) MN_MUST_USE;

/* Feeds a layer_writer: an image_write_fn whose argument is a compose_sink. */
typedef struct compose_sink {
        layer_writer *writer;
        mn_err *err;
        mn_status status; /* of the writer, when it failed */
} compose_sink;

int compose_sink_write(void *sink, const void *buf, size_t len);
