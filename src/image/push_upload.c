/* SPDX-License-Identifier: Apache-2.0 */
#include "image/push_upload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "codec/digest.h"
#include "codec/gzip.h"
#include "image/registry_manifest.h"
#include "image/registry_retry.h"
#include "image/registry_url.h"

enum { INPUT_SIZE = 256 << 10, PROGRESS_BYTES = 64 << 10 };

static mn_status fail_answer(const registry_response *response, mn_err *err) {
        registry_error error;
        registry_error_read(response, &error);
        mn_status status = registry_status_of_http(response->status);
        return mn_fail(err, status == MN_NOT_FOUND ? MN_INTERNAL : status, "%s", error.text);
}

/* True when the registry has the blob, with this size unless that is not known (-1). */
mn_status push_has_blob(registry_session *session, registry_http *http, size_t endpoint, const char *digest,
                        int64_t size, bool *ret, mn_err *err) {
        cleanup_free char *target = mn_asprintf("blobs/%s", digest);
        cleanup_registry_response registry_response response = { 0 };
        registry_request request = { .method = "HEAD" };
        mn_status status = registry_session_fetch(session, http, &endpoint, target, &request, &response, err);
        if (status)
                return status;
        bool is_other_size = size >= 0 && response.content_length >= 0 && response.content_length != size;
        *ret = response.status == 200 && !is_other_size;
        return MN_OK;
}

/* ---- beginning ---- */

/* The URL of an upload as the registry gave it, absolute. NULL when the answer has none that is usable. */
char *push_upload_url(const push_layer_spec *spec, const registry_response *response) {
        const char *location = registry_response_header(response, "location");
        cleanup_registry_url registry_url parsed = { 0 };
        char *url = NULL;
        const registry_endpoint *endpoint = registry_session_endpoint(spec->session, spec->endpoint);
        if (!location || registry_url_parse(endpoint->base, location, &parsed, &url) < 0)
                return NULL;
        return url;
}

mn_status push_upload_post(const push_layer_spec *spec, registry_http *http, const char *query,
                           registry_response *response, mn_err *err) {
        size_t endpoint = spec->endpoint;
        cleanup_free char *target = mn_asprintf("blobs/uploads/%s", query);
        registry_request request = { .method = "POST" };
        return registry_session_fetch(spec->session, http, &endpoint, target, &request, response, err);
}

/* ---- layers ---- */

/* An upload the registry has begun. */
struct resume {
        int copy_fd;        /* what is sent; -1: the layer, compressed */
        char *url;          /* heap; NULL: none yet */
        int64_t have_bytes; /* the registry has them */
};

/* A layer while it is compressed and sent, or a copy of it. */
struct upload {
        int copy_fd; /* -1: it is compressed */
        layer_reader *reader;
        int64_t read_bytes, total_bytes;
        int64_t sent_bytes; /* of the compressed stream, with those skipped */
        int64_t skip_bytes; /* the registry has them from a former attempt */
        bool is_at_end;
        mn_gzip *gzip;
        mn_digest *hash;
        char *input;
        transfer_slot *slot;
        mn_err *err;
};

static int refill(struct upload *u) {
        ssize_t n = layer_reader_read(u->reader, u->input, INPUT_SIZE);
        if (n < 0)
                return (int) n;
        u->read_bytes += n;
        u->is_at_end = n < INPUT_SIZE;
        mn_gzip_put(u->gzip, u->input, (size_t) n, u->is_at_end);
        transfer_note(u->slot, "Pushing", u->read_bytes, u->total_bytes);
        return 0;
}

static ssize_t compress(struct upload *u, char *buf, size_t size) {
        int r = mn_gzip_wants_input(u->gzip) && !u->is_at_end ? refill(u) : 0;
        return r < 0 ? r : mn_gzip_take(u->gzip, buf, size);
}

static ssize_t copy(struct upload *u, char *buf, size_t size) {
        ssize_t n = pread(u->copy_fd, buf, size, u->read_bytes);
        if (n < 0)
                return -errno;
        u->read_bytes += n;
        u->is_at_end = n == 0;
        transfer_note(u->slot, "Pushing", u->read_bytes, u->total_bytes);
        return n;
}

/* Source of the request body: compressed bytes, hashed as they go. */
static ssize_t next_bytes(void *arg, char *buf, size_t size) {
        struct upload *u = arg;
        for (;;) {
                ssize_t n = u->copy_fd >= 0 ? copy(u, buf, size) : compress(u, buf, size);
                if (n < 0) {
                        (void) !mn_fail_errno(u->err, (int) n, "cannot read the layer");
                        return -1;
                }
                if (n > 0 || u->is_at_end) {
                        mn_digest_update(u->hash, buf, (size_t) n);
                        int64_t ahead = MN_MAX(u->skip_bytes - u->sent_bytes, (int64_t) 0);
                        int64_t skipped = MN_MIN(ahead, (int64_t) n);
                        u->sent_bytes += n;
                        if (skipped == n && n > 0)
                                continue;
                        memmove(buf, buf + skipped, (size_t) (n - skipped));
                        return n - skipped;
                }
        }
}

/* PATCH the stream, then PUT with its digest. */
static mn_status send_stream(const push_layer_spec *spec, registry_http *http, const char *url,
                             struct upload *u, push_blob *ret, registry_response *response, mn_err *err) {
        static const char *const headers[] = { "Content-Type: application/octet-stream", NULL };
        registry_request patch = { .method = "PATCH",
                                   .headers = headers,
                                   .is_transfer = true,
                                   .source = next_bytes,
                                   .source_len = -1,
                                   .arg = u };
        mn_status status = registry_session_call(spec->session, http, spec->endpoint, url, &patch, response,
                                                 err);
        if (status)
                return status;
        if (response->status != 202)
                return fail_answer(response, err);
        cleanup_free char *next = push_upload_url(spec, response);
        if (!next)
                return mn_fail(err, MN_INTERNAL, "the registry names no place to finish the upload");
        mn_digest_finish(u->hash, ret->digest);
        snprintf(ret->media_type, sizeof(ret->media_type), "%s",
                 u->copy_fd >= 0 ? spec->wanted->media_type : DOCKER_MEDIA_LAYER_GZIP);
        if (u->copy_fd >= 0 && strcmp(ret->digest, spec->wanted->digest) != 0)
                return mn_fail(err, MN_INTERNAL, "the compressed copy %s of layer %s is damaged",
                               spec->wanted->digest, spec->diff_id);
        ret->size_bytes = u->sent_bytes;
        cleanup_free char *put_url = mn_asprintf("%s%cdigest=%s", next, strchr(next, '?') ? '&' : '?',
                                                 ret->digest);
        registry_request put = {
                .method = "PUT", .headers = headers, .body = "", .body_len = 0, .is_transfer = true
        };
        registry_response_release(response);
        status = registry_session_call(spec->session, http, spec->endpoint, put_url, &put, response, err);
        if (status)
                return status;
        if (response->status != 201)
                return fail_answer(response, err);
        const char *stored = registry_response_header(response, "docker-content-digest");
        if (stored && strcmp(stored, ret->digest) != 0)
                return mn_fail(err, MN_INTERNAL, "the registry stored other bytes than were sent");
        return MN_OK;
}

static mn_status begin_upload(const push_layer_spec *spec, registry_http *http, char **ret_url,
                              registry_response *response, mn_err *err) {
        mn_status status = push_upload_post(spec, http, "", response, err);
        if (status)
                return status;
        if (response->status != 202)
                return fail_answer(response, err);
        *ret_url = push_upload_url(spec, response);
        registry_response_release(response);
        return *ret_url ? MN_OK : mn_fail(err, MN_INTERNAL, "the registry names no place to upload to");
}

static mn_status upload_once(const push_layer_spec *spec, registry_http *http, const struct resume *from,
                             transfer_slot *slot, push_blob *ret, registry_response *response, mn_err *err) {
        struct upload u = {
                .copy_fd = from->copy_fd, .slot = slot, .err = err, .skip_bytes = from->have_bytes
        };
        cleanup_layer_reader layer_reader *reader = NULL;
        mn_status status = MN_OK;
        if (u.copy_fd >= 0)
                u.total_bytes = spec->wanted->size;
        else
                status = spec->ops->open_layer(spec->store, spec->diff_id, &reader, &u.total_bytes, err);
        if (status)
                return status;
        cleanup_gzip mn_gzip *gzip = mn_gzip_new();
        cleanup_digest mn_digest *hash = mn_digest_new(
                u.copy_fd >= 0 ? mn_digest_algorithm_of(spec->wanted->digest) : MN_DIGEST_SHA256);
        cleanup_free char *input = mn_alloc(INPUT_SIZE);
        u.reader = reader;
        u.gzip = gzip;
        u.hash = hash;
        u.input = input;
        return send_stream(spec, http, from->url, &u, ret, response, err);
}

/* How much of a broken upload the registry has, and where to go on: `Range: 0-<last byte>` of its status. One
   it does not know any more begins anew. */
static void ask_how_far(const push_layer_spec *spec, registry_http *http, struct resume *r) {
        static const char prefix[] = "0-";
        cleanup_registry_response registry_response response = { 0 };
        const registry_request request = { .method = "GET" };
        int64_t last = 0;
        if (!r->url)
                return;
        mn_status status = registry_session_call(spec->session, http, spec->endpoint, r->url, &request,
                                                 &response, NULL);
        const char *range = registry_response_header(&response, "range");
        if (range && mn_str_has_prefix(range, "bytes="))
                range += strlen("bytes=");
        bool is_known = !status && response.status == 204 && range && mn_str_has_prefix(range, prefix) &&
                        mn_parse_i64(range + strlen(prefix), 0, INT64_MAX - 1, &last) == 0;
        char *next = is_known ? push_upload_url(spec, &response) : NULL;
        if (is_known && !next)
                next = mn_strdup(r->url);
        mn_freep(&r->url);
        r->url = next;
        r->have_bytes = next && last > 0 ? last + 1 : 0;
}

/* One attempt, from where the last one broke off. */
static mn_status try_upload(const push_layer_spec *spec, registry_http *http, struct resume *r,
                            transfer_slot *slot, push_blob *ret, registry_response *response, mn_err *err) {
        mn_status status = r->url ? MN_OK : begin_upload(spec, http, &r->url, response, err);
        if (!status)
                status = upload_once(spec, http, r, slot, ret, response, err);
        if (status && response->status && !registry_is_transient(response)) { /* what it has is of no use */
                mn_freep(&r->url);
                r->url = NULL;
                r->have_bytes = 0;
        }
        return status;
}

/* `*url`, an upload the registry has begun or NULL, is taken over. */
mn_status push_upload_layer(const push_layer_spec *spec, registry_http *http, int copy_fd, char **url,
                            transfer_slot *slot, push_blob *ret, mn_err *err) {
        image_registry *registry = registry_session_registry(spec->session);
        struct resume r = { .copy_fd = copy_fd, .url = *url };
        mn_status status;
        bool has_restarted = false;
        *url = NULL;
        for (int attempt = 1;; attempt++) {
                cleanup_registry_response registry_response response = { 0 };
                bool was_resumed = r.have_bytes > 0;
                status = try_upload(spec, http, &r, slot, ret, &response, err);
                bool is_worth_it = status && registry_is_transient(&response);
                if (status && was_resumed && !is_worth_it && !has_restarted)
                        has_restarted = is_worth_it = true; /* the pieces did not fit: once more, whole */
                if (!is_worth_it || attempt >= registry_settings(registry)->max_attempts)
                        break;
                transfer_note(slot, "Retrying", 0, 0);
                if (!registry_session_sleep(spec->session,
                                            registry_retry_delay_ms(registry, attempt, &response))) {
                        status = mn_fail(err, MN_INTERNAL, "context canceled");
                        break;
                }
                int64_t had = r.have_bytes;
                ask_how_far(spec, http, &r);
                if (r.have_bytes - had >= PROGRESS_BYTES)
                        attempt = 0;
        }
        mn_freep(&r.url);
        return status;
}

/* ---- small blobs ---- */

static mn_status put_bytes(const push_layer_spec *spec, registry_http *http, const char *digest,
                           const void *data, size_t len, registry_response *response, mn_err *err) {
        static const char *const headers[] = { "Content-Type: application/octet-stream", NULL };
        cleanup_registry_response registry_response start = { 0 };
        mn_status status = push_upload_post(spec, http, "", &start, err);
        if (status)
                return status;
        if (start.status != 202)
                return fail_answer(&start, err);
        cleanup_free char *url = push_upload_url(spec, &start);
        if (!url)
                return mn_fail(err, MN_INTERNAL, "the registry names no place to upload to");
        cleanup_free char *put_url = mn_asprintf("%s%cdigest=%s", url, strchr(url, '?') ? '&' : '?', digest);
        registry_request put = { .method = "PUT", .headers = headers, .body = data, .body_len = len };
        status = registry_session_call(spec->session, http, spec->endpoint, put_url, &put, response, err);
        if (status || response->status == 201)
                return status;
        return fail_answer(response, err);
}

mn_status push_bytes(registry_session *session, registry_http *http, size_t endpoint, const char *digest,
                     const void *data, size_t len, mn_err *err) {
        const image_registry *registry = registry_session_registry(session);
        push_layer_spec spec = { .session = session, .endpoint = endpoint };
        bool is_there = false;
        mn_status status = push_has_blob(session, http, endpoint, digest, (int64_t) len, &is_there, err);
        if (status || is_there)
                return status;
        for (int attempt = 1;; attempt++) {
                cleanup_registry_response registry_response response = { 0 };
                status = put_bytes(&spec, http, digest, data, len, &response, err);
                bool is_worth_it = status && registry_is_transient(&response);
                if (!is_worth_it || attempt >= registry_settings(registry)->max_attempts)
                        return status;
                if (!registry_session_sleep(session, registry_retry_delay_ms(registry, attempt, &response)))
                        return mn_fail(err, MN_INTERNAL, "context canceled");
        }
}
