/* SPDX-License-Identifier: Apache-2.0 */
#include "image/load_layer.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"

/* Layers of so many bytes are synced with the others of their archive: waiting for the disk takes longer than
   writing them. */
enum { SMALL = 1 << 20 };

struct layer_ending {
        layer_ending_spec spec;
        pthread_t thread;
        bool has_thread;
        mn_status status;
        mn_err err;
};

static bool is_unlisted(image_store *images, const char *diff_id) {
        image_lock(images);
        const struct layer_record *record = mn_map_get(images->layers, diff_id);
        bool is_listed = record && record->nrefs;
        image_unlock(images);
        return !is_listed;
}

static mn_status finish(layer_ending_spec *s, mn_err *err) {
        mn_status st = layer_writer_finish(s->writer, err);
        if (st)
                return st;
        struct load_member *m = s->member;
        memcpy(m->diff_id, layer_writer_diff_id(s->writer), MN_DIGEST_SIZE);
        memcpy(m->digest, m->diff_id, MN_DIGEST_SIZE);
        if (s->digest)
                mn_digest_finish(s->digest, m->digest);
        image_hold_layer(s->images, m->diff_id, layer_writer_size(s->writer));
        if (layer_writer_size(s->writer) <= SMALL && is_unlisted(s->images, m->diff_id))
                layer_writer_defer_sync(s->writer);
        st = layer_writer_commit(s->writer, err);
        if (!st && s->copy)
                st = layer_copy_keep(s->copy, s->images->layers_on_disk, m->diff_id, m->digest, err);
        if (st)
                image_release_layer(s->images, m->diff_id);
        return st;
}

static void *end(void *arg) {
        layer_ending *e = arg;
        e->status = finish(&e->spec, &e->err);
        if (e->status)
                e->spec.member->kind = LOAD_OTHER;
        layer_writer_free(MN_TAKE(e->spec.writer));
        mn_digest_free(MN_TAKE(e->spec.digest));
        layer_copy_free(MN_TAKE(e->spec.copy));
        return NULL;
}

layer_ending *layer_ending_begin(const layer_ending_spec *spec) {
        layer_ending *e = mn_alloc(sizeof(*e));
        e->spec = *spec;
        e->has_thread = pthread_create(&e->thread, NULL, end, e) == 0;
        if (!e->has_thread)
                end(e);
        return e;
}

mn_status layer_ending_wait(layer_ending *e, mn_err *err) {
        if (!e)
                return MN_OK;
        if (e->has_thread)
                pthread_join(e->thread, NULL);
        mn_status st = e->status;
        if (st)
                mn_fail(err, st, "\"%s\": %s", e->spec.name, mn_err_text(&e->err));
        mn_err_release(&e->err);
        mn_freep(&e);
        return st;
}
