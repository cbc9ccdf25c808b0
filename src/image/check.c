/* SPDX-License-Identifier: Apache-2.0 */
/* `system check`: the database against the disk, and the bytes on the disk against their digests. */

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "image/layer_blob.h"
#include "image/store_private.h"

/* What has the wrong bytes is taken away: then the next pull or load of the image brings it again. */
static const char dropped[] = "removed; pull or load the image again";

struct check {
        image_store *images;
        const image_check_spec *spec;
};

static void report(const struct check *c, const char *kind, const char *name, const char *problem,
                   const char *action) {
        cleanup_free char *object = mn_asprintf("%s %s", kind, name);
        c->spec->found(c->spec->arg, &(image_finding){ object, problem, action });
}

/* Copies of the keys of a map. */
static char **keys_of(const mn_map *map) {
        char **keys = NULL;
        const char *key;
        for (size_t pos = 0; mn_map_next(map, &pos, &key, NULL);)
                mn_strv_add(&keys, key);
        return keys;
}

/* ---- images ---- */

static void check_image(const struct check *c, struct image_record *record, char **layers) {
        for (char **layer = layers; layer && *layer; layer++)
                if (!layer_store_has(c->images->layers_on_disk, *layer, NULL)) {
                        cleanup_free char *problem = mn_asprintf("layer %s is missing", *layer);
                        report(c, "image", record->id, problem, NULL);
                }
}

/* Nothing is locked while the disk is looked at; with `change` images do not go meanwhile. */
static void check_images(const struct check *c) {
        image_change_begin(c->images);
        struct image_record *record;
        for (size_t pos = 0; mn_map_next(c->images->images, &pos, NULL, (void **) &record);)
                check_image(c, record, record->layers);
        image_change_end(c->images);
}

/* ---- documents ---- */

static void check_document(const struct check *c, const char *digest) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        const char *text;
        size_t len;
        bool is_there = image_blob_size(c->images, digest) >= 0;
        if (!is_there) {
                report(c, "document", digest, "missing", NULL);
        } else if (c->spec->reads_data && image_blob_read(c->images, digest, arena, &text, &len, &err)) {
                if (c->spec->repairs)
                        image_blob_remove(c->images, digest);
                report(c, "document", digest, mn_err_text(&err), c->spec->repairs ? dropped : NULL);
        }
}

static void note_orphan_document(void *arg, const char *digest) {
        const struct check *c = arg;
        if (c->spec->repairs)
                image_blob_remove(c->images, digest);
        report(c, "document", digest, "on disk, but no image has it", c->spec->repairs ? "removed" : NULL);
}

/* With `change`: documents of an image are written before it is there. */
static void check_documents(const struct check *c) {
        image_change_begin(c->images);
        image_lock(c->images);
        cleanup_map mn_map *known = image_known_blobs(c->images);
        image_unlock(c->images);
        cleanup_strv char **digests = keys_of(known);
        for (char **digest = digests; digest && *digest; digest++)
                check_document(c, *digest);
        image_each_orphan_blob(c->images, note_orphan_document, (void *) c);
        image_change_end(c->images);
}

/* ---- layers ---- */

/* Ids of the images that list the layer; how many hold it beside this check. */
static char **images_of(image_store *images, const char *diff_id, size_t *ret_nholds) {
        char **ids = NULL;
        const struct image_record *record;
        image_lock(images);
        for (size_t pos = 0; mn_map_next(images->images, &pos, NULL, (void **) &record);)
                if (mn_strv_has(record->layers, diff_id))
                        mn_strv_add(&ids, record->id);
        const struct layer_record *layer = mn_map_get(images->layers, diff_id);
        *ret_nholds = layer && layer->nholds ? layer->nholds - 1 : 0;
        image_unlock(images);
        return ids;
}

/* A running container reads the files of a tree by their names: it must not lose them. */
static bool is_in_use(const struct check *c, const char *diff_id) {
        const image_hooks *hooks = &c->images->hooks;
        char container[MN_ID_SIZE];
        bool is_running = false;
        size_t nholds;
        if (!layer_store_is_tree(c->images->layers_on_disk, diff_id))
                return false;
        cleanup_strv char **ids = images_of(c->images, diff_id, &nholds);
        for (char **id = ids; !is_running && hooks->count_users && id && *id; id++)
                (void) hooks->count_users(hooks->arg, *id, container, &is_running);
        return is_running || nholds;
}

/* Computes the digest of a layer; a wrong index or tree is made anew, wrong contents cannot be mended. */
static void check_layer(const struct check *c, const char *diff_id) {
        layer_store *layers = c->images->layers_on_disk;
        cleanup_err mn_err err = { 0 }, again = { 0 };
        if (!layer_store_has(layers, diff_id, NULL) || !layer_store_verify(layers, diff_id, false, &err))
                return;
        const char *action = NULL;
        bool is_tree = layer_store_is_tree(layers, diff_id);
        bool repairs = c->spec->repairs;
        if (repairs && is_in_use(c, diff_id))
                (void) mn_err_prefix(&err, MN_INTERNAL, "in use by a running container and left as it is");
        else if (repairs && !layer_store_verify(layers, diff_id, true, &again))
                action = is_tree ? "its tree was made anew" : "its index was made anew";
        else if (repairs && !layer_store_remove(layers, diff_id, &again))
                action = dropped;
        report(c, "layer", diff_id, mn_err_text(&err), action);
}

/* Copies of a layer that are looked at. */
struct copies {
        const struct check *check;
        const char *diff_id;
};

/* A wrong copy is taken away: a push compresses anew then. */
static void check_copy(void *arg, const char *digest) {
        const struct copies *copies = arg;
        const struct check *c = copies->check;
        layer_store *layers = c->images->layers_on_disk;
        cleanup_err mn_err err = { 0 };
        if (!layer_blob_verify(layers, copies->diff_id, digest, &err))
                return;
        bool is_gone = c->spec->repairs && layer_blob_remove(layers, copies->diff_id, digest) == 0;
        report(c, "layer", copies->diff_id, mn_err_text(&err), is_gone ? "the copy was removed" : NULL);
}

static void check_layers(const struct check *c) {
        image_lock(c->images);
        cleanup_strv char **layers = keys_of(c->images->layers);
        image_unlock(c->images);
        for (char **id = layers; c->spec->reads_data && id && *id; id++) {
                image_hold_layer(c->images, *id, 0); /* stays while it is read, and is known */
                check_layer(c, *id);
                layer_blob_each(c->images->layers_on_disk, *id, check_copy, &(struct copies){ c, *id });
                image_release_layer(c->images, *id);
        }
}

struct orphans {
        const struct check *check;
        char **list;
};

static void note_orphan_layer(void *arg, const char *diff_id) {
        struct orphans *o = arg;
        image_lock(o->check->images);
        bool is_known = mn_map_has(o->check->images->layers, diff_id);
        image_unlock(o->check->images);
        if (!is_known)
                mn_strv_add(&o->list, diff_id);
}

static mn_status check_orphans(const struct check *c, mn_err *err) {
        struct orphans o = { .check = c };
        image_change_begin(c->images);
        mn_status st = layer_store_each(c->images->layers_on_disk, note_orphan_layer, &o, err);
        for (char **id = o.list; !st && id && *id; id++) {
                bool is_gone = c->spec->repairs && !layer_store_remove(c->images->layers_on_disk, *id, NULL);
                report(c, "layer", *id, "on disk, but no image has it", is_gone ? "removed" : NULL);
        }
        image_change_end(c->images);
        mn_strv_free(o.list);
        return st;
}

mn_status image_check(image_store *images, const image_check_spec *spec, mn_err *err) {
        const struct check c = { images, spec };
        check_images(&c);
        check_documents(&c);
        check_layers(&c);
        mn_status st = check_orphans(&c, err);
        image_change_begin(images);
        image_collect_layers(images); /* layers whose last image went while they were read */
        image_change_end(images);
        return st;
}
