/* SPDX-License-Identifier: Apache-2.0 */
#include "image/pull_layer.h"

#include <errno.h>
#include <pthread.h>

#include "base/alloc.h"
#include "image/registry_blob.h"
#include "sys/fd.h"

/* A blob between the thread that downloads it and the one that stores it: the file grows, the reader follows.
 */
struct stream {
        const pull_layer_spec *spec;
        transfer_slot *slot;
        int fd; /* the reader's own */
        pthread_mutex_t lock;
        pthread_cond_t changed;
        int64_t have;       /* bytes of the file that may be read */
        bool is_verified;   /* all are there and right */
        bool is_broken;     /* no more will come */
        bool was_restarted; /* bytes the reader has had were wrong */
        mn_status status;   /* of the reader */
        mn_err err;
};

/* ---- the reader ---- */

/* Bytes ready behind `from`, 0 at the verified end, -EIO when there will be no such end. */
static int64_t wait_for_bytes(void *arg, int64_t from) {
        struct stream *s = arg;
        pthread_mutex_lock(&s->lock);
        while (s->have == from && !s->is_verified && !s->is_broken)
                pthread_cond_wait(&s->changed, &s->lock);
        if (s->have < from)
                s->was_restarted = true;
        int64_t ready = s->is_broken || s->was_restarted ? -EIO : s->have - from;
        pthread_mutex_unlock(&s->lock);
        return ready;
}

static void on_stored(void *arg, int64_t done) {
        struct stream *s = arg;
        pthread_mutex_lock(&s->lock);
        bool is_downloaded = s->is_verified;
        pthread_mutex_unlock(&s->lock);
        if (is_downloaded) /* before, the client sees the download */
                transfer_note(s->slot, "Extracting", done, s->spec->descriptor->size);
}

static mn_status add_layer(struct stream *s, mn_err *err) {
        const pull_layer_spec *spec = s->spec;
        image_ingest_layer layer = { .fd = s->fd,
                                     .wait = wait_for_bytes,
                                     .size_bytes = spec->descriptor->size,
                                     .digest = spec->descriptor->digest,
                                     .media_type = spec->descriptor->media_type,
                                     .diff_id = spec->diff_id,
                                     .report = on_stored,
                                     .arg = s };
        return spec->ops->add_layer(spec->store, spec->ingest, &layer, err);
}

static void *read_stream(void *arg) {
        struct stream *s = arg;
        s->status = add_layer(s, &s->err);
        return NULL;
}

/* ---- the download ---- */

static void on_blob(void *arg, registry_blob_event event, int64_t value) {
        struct stream *s = arg;
        switch (event) {
        case REGISTRY_BLOB_PROGRESS:
                pthread_mutex_lock(&s->lock);
                s->was_restarted = s->was_restarted || value < s->have;
                s->have = value;
                pthread_cond_signal(&s->changed);
                pthread_mutex_unlock(&s->lock);
                transfer_note(s->slot, "Downloading", value, s->spec->descriptor->size);
                break;
        case REGISTRY_BLOB_RETRYING:
                transfer_note(s->slot, value == 1 ? "Retrying in 1 second" : "Retrying soon", 0, 0);
                break;
        case REGISTRY_BLOB_VERIFYING:
                transfer_note(s->slot, "Verifying Checksum", 0, 0);
                break;
        }
}

static void end_download(struct stream *s, bool is_good) {
        pthread_mutex_lock(&s->lock);
        s->have = is_good ? s->spec->descriptor->size : s->have;
        s->is_verified = is_good;
        s->is_broken = !is_good;
        pthread_cond_signal(&s->changed);
        pthread_mutex_unlock(&s->lock);
}

static mn_status download(struct stream *s, registry_http *http, mn_err *err) {
        cleanup_close int fd = -1;
        registry_blob_spec blob = { .digest = s->spec->descriptor->digest,
                                    .size_bytes = s->spec->descriptor->size,
                                    .endpoint = s->spec->endpoint,
                                    .report = on_blob,
                                    .arg = s };
        mn_status status = registry_blob_fetch(s->spec->session, http, &blob, &fd, err);
        if (!status)
                transfer_note(s->slot, "Download complete", 0, 0);
        end_download(s, !status);
        return status;
}

/* ---- both ---- */

/* Reads the verified file once more, for a reader that was ahead on bytes that turned out wrong. */
static mn_status store_again(struct stream *s, mn_err *err) {
        mn_close(s->fd);
        s->fd = registry_blob_open(registry_session_registry(s->spec->session), s->spec->descriptor->digest);
        if (s->fd < 0)
                return mn_fail_errno(err, s->fd, "blob %s", s->spec->descriptor->digest);
        s->was_restarted = false;
        return add_layer(s, err);
}

static mn_status run_both(struct stream *s, registry_http *http, mn_err *err) {
        pthread_t reader;
        if (pthread_create(&reader, NULL, read_stream, s) != 0)
                return mn_fail(err, MN_INTERNAL, "cannot start a thread");
        mn_status status = download(s, http, err);
        pthread_join(reader, NULL);
        if (status)
                return status;
        if (s->status && s->was_restarted)
                return store_again(s, err);
        return s->status ? mn_fail(err, s->status, "%s", mn_err_text(&s->err)) : MN_OK;
}

static void note_source(const pull_layer_spec *spec) {
        const oci_descriptor *d = spec->descriptor;
        cleanup_free char *repository = mn_asprintf("%s/%s", spec->reference->domain, spec->reference->path);
        image_blob_source source = { repository, d->digest, d->media_type, d->size };
        spec->ops->note_source(spec->store, spec->diff_id, &source);
}

/* With the claim on the layer's digest. */
static mn_status fetch_and_store(const pull_layer_spec *spec, registry_http *http, transfer_slot *slot,
                                 mn_err *err) {
        image_registry *registry = registry_session_registry(spec->session);
        if (spec->ops->has_layer(spec->store, spec->ingest, spec->diff_id, spec->descriptor->digest)) {
                transfer_note(slot, "Already exists", 0, 0);
                return MN_OK;
        }
        struct stream s = { .spec = spec, .slot = slot };
        s.fd = registry_blob_open(registry, spec->descriptor->digest);
        if (s.fd < 0)
                return mn_fail_errno(err, s.fd, "blob %s", spec->descriptor->digest);
        pthread_mutex_init(&s.lock, NULL);
        pthread_cond_init(&s.changed, NULL);
        mn_status status = run_both(&s, http, err);
        if (s.is_verified) {
                /* right bytes the store cannot take will not be better next time */
                registry_blob_drop(registry, spec->descriptor->digest);
                if (status)
                        status = mn_err_prefix(err, status, "failed to register layer");
        }
        if (!status) {
                note_source(spec);
                transfer_note(slot, "Pull complete", 0, 0);
        }
        mn_close(s.fd);
        mn_err_release(&s.err);
        pthread_cond_destroy(&s.changed);
        pthread_mutex_destroy(&s.lock);
        return status;
}

mn_status pull_layer(const pull_layer_spec *spec, registry_http *http, transfer_slot *slot, mn_err *err) {
        image_registry *registry = registry_session_registry(spec->session);
        if (!registry_blob_claim(registry, spec->descriptor->digest, spec->is_cancelled))
                return mn_fail(err, MN_INTERNAL, "context canceled");
        mn_status status = fetch_and_store(spec, http, slot, err);
        registry_blob_unclaim(registry, spec->descriptor->digest);
        return status;
}
