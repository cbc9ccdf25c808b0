/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An archive of images while it is written (save.c finds what to write, save_archive.c writes it). */

#include "base/map.h"
#include "base/vec.h"
#include "codec/digest.h"
#include "image/image.h"
#include "image/ingest.h"

/* One image of a platform. */
struct save_part {
        image_export image;
        const char **layers;       /* digests of the layers in the archive */
        int64_t *sizes;            /* and their sizes there */
        const mn_json *descriptor; /* its entry in the index; NULL: there is none */
        bool is_original;          /* its own manifest names the very layers the archive has */
        char digest[MN_DIGEST_SIZE];
        const char *media_type;
        size_t len; /* of the manifest */
};

/* What one or more names stand for: an image, or those of an index. */
struct save_unit {
        const char *key;          /* "<image id> <index digest>" */
        image_export_index index; /* document.data NULL: none */
        struct save_part *parts;
        size_t nparts;
        const struct save_part *primary; /* the one the names point to */
        MN_VEC(char *) tags;             /* "localhost:5000/app:1", familiar */
        MN_VEC(char *) full;             /* "docker.io/library/app:1" */
        char digest[MN_DIGEST_SIZE];     /* of what index.json names */
        const char *media_type;
        size_t len;
};

struct save {
        image_store *images;
        void *session; /* keeps what is saved from being pruned meanwhile */
        mn_arena *arena;
        char *const *platforms; /* asked for; NULL or empty: all there are */
        image_write_fn write;
        void *arg;
        MN_VEC(struct save_unit *) list; /* in the order they were named first */
        mn_map *written;                 /* digests of blobs in the archive */
};

/* Writes the archive. */
mn_status save_write_archive(struct save *s, mn_err *err) MN_MUST_USE;
