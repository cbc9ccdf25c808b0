/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Layers on disk: <data root>/layers/<hex of the diff id>/ holds the uncompressed archive in the form the
 * driver keeps it in. A layer is written under tmp/, synced, then renamed: it is there as a whole or not at
 * all.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "image/layer_reader.h"

typedef struct layer_store layer_store;

/* What a driver makes of a layer while it is written: in the layer's directory, from the bytes of its tar.
   The functions return 0 or -errno and may block for long. */
typedef struct layer_driver {
        const char *name;
        const char *backing; /* what its mounts read from: "files", "loop devices", "directories" */

        /* Begins a layer in an empty directory; `*ret` is given to the others. */
        int (*begin)(const struct layer_store *layers, int dir_fd, void **ret);

        /* Both get every piece of the tar, in order, each on a thread of its own. `parse` may be NULL. */
        int (*parse)(void *making, const void *data, size_t len);
        int (*write)(void *making, const void *data, size_t len);

        /* The tar has ended; it hashes to `diff_id` and has `tar_size` bytes. */
        int (*finish)(void *making, const char *diff_id, int64_t tar_size);

        /* Makes what is in the directory permanent. */
        int (*sync)(void *making);

        /* After a failure with `*error`: what is wrong with the layer, or "". May put a better error in its
         * place. */
        const char *(*problem)(void *making, int *error);
        void (*free)(void *making);

        /* The layer in a directory as a detached read-only mount: a descriptor or -errno. */
        int (*mount)(int dir_fd);
} layer_driver;

extern const layer_driver layer_driver_erofs, layer_driver_erofs_loop, layer_driver_unpack;

typedef struct layer_options {
        const char *driver; /* "erofs", "unpack"; NULL or "": erofs when a test mount succeeds, else unpack */
        char *const *options; /* "erofs.backing=file|loop", "overlay.layers=detached|attached|string"; NULL:
                                 what a test mount of each shows to work */
        const char *unpack_path;     /* the program minato-unpack, for the driver unpack */
        const char *decompress_path; /* the program minato-decompress; NULL: this process does it */
} layer_options;

/* Opens the folder of layers below `data_root` and begins to remove unfinished ones. MN_INVALID for an option
   nobody knows, or a driver that does not work here. */
mn_status layer_store_open(const char *data_root, const layer_options *options, layer_store **ret,
                           mn_err *err) MN_MUST_USE;
void layer_store_close(layer_store *layers);
const char *layer_store_driver(const layer_store *layers);

/* What the mounts of layers read from, and where they are: "detached" or "in a mount namespace of the
 * daemon". */
const char *layer_store_backing(const layer_store *layers);
const char *layer_store_place(const layer_store *layers);

/* Who decompresses (worker/decompress.h); an operation that reads several layers enters it. */
struct decompress_pool *layer_store_decompressors(const layer_store *layers);

/* True when the layer is on disk; its tar's size. */
bool layer_store_has(layer_store *layers, const char *diff_id, int64_t *ret_size);

/* True when the layer is kept as a directory of its files. */
bool layer_store_is_tree(layer_store *layers, const char *diff_id);

/* Opens the uncompressed tar: 0 or -errno. One that has to be put together is verified while it is read. */
int layer_store_open_tar(layer_store *layers, const char *diff_id, layer_reader **ret, int64_t *ret_size);

/* Bytes a layer takes on disk, with its compressed copies. */
int64_t layer_store_disk_size(layer_store *layers, const char *diff_id);

/* The layer's root, mounted once and kept: a duplicate descriptor or -errno. The mount is detached, or
   attached in the store's mount namespace (layer_store_space). */
int layer_store_mount(layer_store *layers, const char *diff_id);

/* The namespace in which overlays of layers must be made; NULL: anywhere. */
struct mount_space *layer_store_space(const layer_store *layers);

/* Overlays take their layers in one string (image/overlay.h). */
bool layer_store_wants_string(const layer_store *layers);

/* Removes the layer; a container that still has it mounted keeps it until the end. */
mn_status layer_store_remove(layer_store *layers, const char *diff_id, mn_err *err) MN_MUST_USE;

/* Makes all layers permanent, and their names: before the database names them. 0 or -errno. */
int layer_store_sync(layer_store *layers);

/* Calls `each` with the diff id of every layer on disk. */
mn_status layer_store_each(layer_store *layers, void (*each)(void *arg, const char *diff_id), void *arg,
                           mn_err *err) MN_MUST_USE;

/* Reads the tar and compares its digest, and the index or the tree's metadata; makes these anew when
   `repairs`. MN_INTERNAL when the bytes on disk are not the layer's. */
mn_status layer_store_verify(layer_store *layers, const char *diff_id, bool repairs, mn_err *err) MN_MUST_USE;

/* ---- writing ---- */

typedef struct layer_writer layer_writer;

/* A new layer. `expected` is the diff id it must have, or NULL. */
mn_status layer_writer_new(layer_store *layers, const char *expected, layer_writer **ret,
                           mn_err *err) MN_MUST_USE;

/* Drops the layer unless it was committed. NULL is accepted. */
void layer_writer_free(layer_writer *w);

/* The layer is made anew at every start of the daemon: commit does not sync it. */
void layer_writer_set_scratch(layer_writer *w);

/* Commit leaves syncing to layer_store_sync: for a layer that no image lists, which therefore is not looked
   at before, also not after a crash. */
void layer_writer_defer_sync(layer_writer *w);

/* Takes the next bytes, plain or compressed (told by the first ones): decompresses here, hashes and parses on
   one thread, writes on another. MN_INVALID for what is no layer. */
mn_status layer_writer_feed(layer_writer *w, const void *data, size_t len, mn_err *err) MN_MUST_USE;

/* The input has ended. MN_INVALID when it was cut short or its digest is not the expected one. */
mn_status layer_writer_finish(layer_writer *w, mn_err *err) MN_MUST_USE;

/* After finish: the layer's diff id and the bytes of its tar. */
const char *layer_writer_diff_id(const layer_writer *w);
int64_t layer_writer_size(const layer_writer *w);

/* Syncs the layer and gives it its name; one that is there already is kept and this one dropped. The name is
   permanent after layer_store_sync. */
mn_status layer_writer_commit(layer_writer *w, mn_err *err) MN_MUST_USE;
