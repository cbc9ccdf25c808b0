/* SPDX-License-Identifier: Apache-2.0 */
/* `system check`: the database against the disk, and the bytes on the disk against their digests. */

#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "image/store_private.h"

struct check {
        image_store *images;
        bool repairs;
        void (*found)(void *arg, const image_finding *finding);
        void *arg;
        char **orphans;
};

static void report(const struct check *c, const char *kind, const char *name, const char *problem,
                   bool is_repaired) {
        cleanup_free char *object = mn_asprintf("%s %s", kind, name);
        c->found(c->arg, &(image_finding){ object, problem, is_repaired });
}

/* Copies of the keys of a map, so that nothing is locked while the disk is read. */
static char **keys_of(image_store *images, const mn_map *map) {
        char **keys = NULL;
        const char *key;
        image_lock(images);
        for (size_t pos = 0; mn_map_next(map, &pos, &key, NULL);)
                mn_strv_add(&keys, key);
        image_unlock(images);
        return keys;
}

static void check_image(const struct check *c, const char *id) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        image_info info;
        if (image_get(c->images, id, arena, &info, &err)) {
                report(c, "image", id, mn_err_text(&err), false);
                return;
        }
        for (char **layer = info.layers; *layer; layer++)
                if (!layer_store_has(c->images->layers_on_disk, *layer, NULL)) {
                        cleanup_free char *problem = mn_asprintf("layer %s is missing", *layer);
                        report(c, "image", id, problem, false);
                }
}

/* Computes the digest of a layer; a wrong index is made anew, wrong data cannot be mended. */
static void check_layer(const struct check *c, const char *diff_id) {
        cleanup_err mn_err err = { 0 }, again = { 0 };
        if (!layer_store_has(c->images->layers_on_disk, diff_id, NULL) ||
            !layer_store_verify(c->images->layers_on_disk, diff_id, false, &err))
                return;
        bool is_repaired = c->repairs &&
                           !layer_store_verify(c->images->layers_on_disk, diff_id, true, &again);
        report(c, "layer", diff_id, mn_err_text(&err), is_repaired);
}

static void note_orphan(void *arg, const char *diff_id) {
        struct check *c = arg;
        image_lock(c->images);
        bool is_known = mn_map_has(c->images->layers, diff_id);
        image_unlock(c->images);
        if (!is_known)
                mn_strv_add(&c->orphans, diff_id);
}

static void check_orphans(struct check *c) {
        for (char **id = c->orphans; id && *id; id++) {
                bool is_repaired = c->repairs && !layer_store_remove(c->images->layers_on_disk, *id, NULL);
                report(c, "layer", *id, "on disk, but no image has it", is_repaired);
        }
}

mn_status image_check(image_store *images, bool reads_data, bool repairs,
                      void (*found)(void *arg, const image_finding *finding), void *arg, mn_err *err) {
        struct check c = { .images = images, .repairs = repairs, .found = found, .arg = arg };
        cleanup_strv char **ids = keys_of(images, images->images);
        for (char **id = ids; id && *id; id++)
                check_image(&c, *id);
        cleanup_strv char **layers = keys_of(images, images->layers);
        for (char **id = layers; reads_data && id && *id; id++)
                check_layer(&c, *id);
        mn_status st = layer_store_each(images->layers_on_disk, note_orphan, &c, err);
        if (!st)
                check_orphans(&c);
        mn_strv_free(c.orphans);
        return st;
}
