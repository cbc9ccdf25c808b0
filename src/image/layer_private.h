/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shared by the files that implement image/layer.h. */

#include <pthread.h>

#include "base/map.h"
#include "image/layer.h"
#include "image/mount_space.h"
#include "image/trash.h"
#include "worker/decompress.h"

enum {
        LAYER_CHUNK_SIZE = 256 << 10, /* bytes handed from thread to thread */
        LAYER_TMP_NAME_SIZE = 32,
};
#define LAYER_TMP_PREFIX "layer-"

struct layer_store {
        int fd;     /* layers/ */
        int tmp_fd; /* tmp/ */
        const layer_driver *driver;
        const layer_driver *erofs; /* the form of that driver that works here; NULL: none */
        mount_space *space;        /* NULL: overlays take detached mounts */
        bool wants_string;         /* overlays in the space take their layers in one string */
        image_trash *trash;
        char *unpack_path;
        decompress_pool *decompressors;
        pthread_mutex_t lock; /* of mounts */
        mn_map *mounts;       /* layer name to int *, a detached mount */
        pthread_mutex_t owed_lock, sync_lock;
        mn_map *owed; /* names of layers whose data may not be on the disk yet */
};

/* Chooses driver and place of mounts: by the options, else what works. */
mn_status layer_store_choose(layer_store *layers, const char *data_root, const layer_options *options,
                             mn_err *err);

/* Name of the layer's directory: the digest's hex digits. */
const char *layer_name(const char *diff_id);

/* A fresh name for tmp/. */
void layer_tmp_name(char name[LAYER_TMP_NAME_SIZE]);

/* Makes a directory in tmp/: its descriptor or -errno. */
int layer_make_tmp(layer_store *layers, char name[LAYER_TMP_NAME_SIZE]);

/* A writer that makes the layer as `driver` does. */
mn_status layer_writer_new_as(layer_store *layers, const layer_driver *driver, const char *expected,
                              layer_writer **ret, mn_err *err);

/* What a tree takes on the disk is not worth a walk at every question: both sizes are noted beside it. */
struct layer_sizes {
        int64_t tar;
        int64_t disk;
};
int layer_sizes_write(int dir_fd, const struct layer_sizes *sizes);
int layer_sizes_read(int dir_fd, struct layer_sizes *ret);

/* After finish: the directory the layer was made in; and making it permanent there. */
int layer_writer_dir(const layer_writer *w);
int layer_writer_sync(layer_writer *w);

/* After finish: puts the layer, synced, into the place of the one that is there, which is removed as
   layer_store_remove does. 0 or -errno. */
int layer_writer_replace(layer_writer *w);

/* The layer gets its name before it is synced: layer_store_sync does it. */
void layer_store_owe_sync(layer_store *layers, const char *diff_id);

/* Gives the layer's name to the directory `name` of tmp/ and removes what had it. 0 or -errno. */
int layer_store_exchange(layer_store *layers, const char *diff_id, const char *name);
