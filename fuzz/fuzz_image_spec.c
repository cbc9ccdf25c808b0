/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of an image from outside: manifest or index, configuration, manifest.json of a docker-archive. */

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "oci/image_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        mn_arena *arena = mn_arena_new();
        const char *text = (const char *) data;
        oci_document document;
        oci_image image;
        oci_archive_list list;
        mn_str out = { 0 };
        if (!oci_document_decode(text, size, NULL, arena, &document, NULL))
                oci_document_encode(&document, &out);
        if (!oci_image_decode(text, size, arena, &image, NULL))
                oci_image_encode(&image, &out);
        if (!oci_archive_decode(text, size, arena, &list, NULL))
                oci_archive_encode(&list, &out);
        mn_str_release(&out);
        mn_arena_free(arena);
        return 0;
}
