/* SPDX-License-Identifier: Apache-2.0 */
#include "image/push_layer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/digest.h"
#include "codec/gzip.h"
#include "image/registry_manifest.h"
#include "sys/fd.h"

enum { INPUT_SIZE = 256 << 10, MOUNT_SOURCES_MAX = 3 };

static mn_status fail_answer(const registry_response *response, mn_err *err) {
        registry_error error;
        registry_error_read(response, &error);
        mn_status status = registry_status_of_http(response->status);
        return mn_fail(err, status == MN_NOT_FOUND ? MN_INTERNAL : status, "%s", error.text);
}

/* ---- is it there? ---- */

/* True when the registry has the blob, with this size unless that is not known (-1). */
static mn_status has_blob(registry_session *session, registry_http *http, size_t endpoint, const char *digest,
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

/* The name in the registry of a source in the same registry as `repository`, or NULL. */
static const char *path_in_registry(const mn_reference *repository, const image_blob_source *source) {
        size_t len = strlen(repository->domain);
        bool is_same = strncmp(source->repository, repository->domain, len) == 0 &&
                       source->repository[len] == '/';
        return is_same ? source->repository + len + 1 : NULL;
}

static void set_blob(push_blob *ret, const image_blob_source *source) {
        snprintf(ret->digest, sizeof(ret->digest), "%s", source->digest);
        snprintf(ret->media_type, sizeof(ret->media_type), "%s", source->media_type);
        ret->size_bytes = source->size_bytes;
}

static mn_status find_existing(const push_layer_spec *spec, registry_http *http,
                               const image_blob_source *sources, size_t n, bool *ret_is_there, push_blob *ret,
                               mn_err *err) {
        size_t ntried = 0;
        for (size_t i = 0; i < n && ntried < MOUNT_SOURCES_MAX; i++) {
                bool is_known = false;
                for (size_t k = 0; k < i && !is_known; k++)
                        is_known = strcmp(sources[k].digest, sources[i].digest) == 0;
                if (is_known || !mn_digest_text_is_valid(sources[i].digest))
                        continue;
                ntried++;
                bool is_there = false;
                mn_status status = has_blob(spec->session, http, spec->endpoint, sources[i].digest,
                                            sources[i].size_bytes, &is_there, err);
                if (status)
                        return status;
                if (is_there) {
                        set_blob(ret, &sources[i]);
                        *ret_is_there = true;
                        return MN_OK;
                }
        }
        return MN_OK;
}

/* ---- uploads ---- */

/* The URL of an upload as the registry gave it, absolute. NULL when the answer has none that is usable. */
static char *upload_url(const push_layer_spec *spec, const registry_response *response) {
        const char *location = registry_response_header(response, "location");
        cleanup_registry_url registry_url parsed = { 0 };
        char *url = NULL;
        const registry_endpoint *endpoint = registry_session_endpoint(spec->session, spec->endpoint);
        if (!location || registry_url_parse(endpoint->base, location, &parsed, &url) < 0)
                return NULL;
        return url;
}

static mn_status post_upload(const push_layer_spec *spec, registry_http *http, const char *query,
                             registry_response *response, mn_err *err) {
        size_t endpoint = spec->endpoint;
        cleanup_free char *target = mn_asprintf("blobs/uploads/%s", query);
        registry_request request = { .method = "POST" };
        return registry_session_fetch(spec->session, http, &endpoint, target, &request, response, err);
}

/* Tries to mount the blob from other repositories of the registry. When the registry starts an upload
   instead, its URL comes back in `*ret_upload`. */
static mn_status mount_blob(const push_layer_spec *spec, registry_http *http,
                            const image_blob_source *sources, size_t n, transfer_slot *slot,
                            char **ret_upload, bool *ret_is_mounted, push_blob *ret, mn_err *err) {
        size_t ntried = 0;
        for (size_t i = 0; i < n && ntried < MOUNT_SOURCES_MAX; i++) {
                const char *from = path_in_registry(spec->repository, &sources[i]);
                if (!from || strcmp(from, spec->repository->path) == 0)
                        continue;
                ntried++;
                cleanup_str mn_str query = MN_STR_INIT(4096);
                mn_str_printf(&query, "?mount=%s&from=", sources[i].digest);
                registry_url_add_escaped(&query, from);
                cleanup_registry_response registry_response response = { 0 };
                mn_status status = post_upload(spec, http, mn_str_text(&query), &response, err);
                if (status)
                        return status;
                if (response.status == 202 && !*ret_upload)
                        *ret_upload = upload_url(spec, &response);
                if (response.status != 201)
                        continue;
                set_blob(ret, &sources[i]);
                *ret_is_mounted = true;
                char note[MN_REFERENCE_NAME_MAX + 16];
                snprintf(note, sizeof(note), "Mounted from %s", from);
                transfer_note_copy(slot, note);
                return MN_OK;
        }
        return MN_OK;
}

/* A layer while it is compressed and sent. */
struct upload {
        layer_reader *reader;
        int64_t read_bytes, total_bytes;
        int64_t sent_bytes;
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

/* Source of the request body: compressed bytes, hashed as they go. */
static ssize_t next_bytes(void *arg, char *buf, size_t size) {
        struct upload *u = arg;
        for (;;) {
                int r = mn_gzip_wants_input(u->gzip) && !u->is_at_end ? refill(u) : 0;
                ssize_t n = r < 0 ? r : mn_gzip_take(u->gzip, buf, size);
                if (n < 0) {
                        (void) !mn_fail_errno(u->err, (int) n, "cannot read the layer");
                        return -1;
                }
                if (n > 0 || u->is_at_end) {
                        mn_digest_update(u->hash, buf, (size_t) n);
                        u->sent_bytes += n;
                        return n;
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
        cleanup_free char *next = upload_url(spec, response);
        if (!next)
                return mn_fail(err, MN_INTERNAL, "the registry names no place to finish the upload");
        mn_digest_finish(u->hash, ret->digest);
        snprintf(ret->media_type, sizeof(ret->media_type), "%s", DOCKER_MEDIA_LAYER_GZIP);
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

static mn_status upload_once(const push_layer_spec *spec, registry_http *http, const char *given_url,
                             transfer_slot *slot, push_blob *ret, registry_response *response, mn_err *err) {
        cleanup_free char *url = mn_strdup(given_url);
        if (!url) {
                cleanup_registry_response registry_response start = { 0 };
                mn_status status = post_upload(spec, http, "", &start, err);
                if (status)
                        return status;
                if (start.status != 202)
                        return fail_answer(&start, err);
                url = upload_url(spec, &start);
                if (!url)
                        return mn_fail(err, MN_INTERNAL, "the registry names no place to upload to");
        }
        struct upload u = { .slot = slot, .err = err };
        cleanup_layer_reader layer_reader *reader = NULL;
        mn_status opened = spec->ops->open_layer(spec->store, spec->diff_id, &reader, &u.total_bytes, err);
        if (opened)
                return opened;
        cleanup_gzip mn_gzip *gzip = mn_gzip_new();
        cleanup_digest mn_digest *hash = mn_digest_new(MN_DIGEST_SHA256);
        cleanup_free char *input = mn_alloc(INPUT_SIZE);
        u.reader = reader;
        u.gzip = gzip;
        u.hash = hash;
        u.input = input;
        return send_stream(spec, http, url, &u, ret, response, err);
}

static mn_status upload_layer(const push_layer_spec *spec, registry_http *http, char *mount_url,
                              transfer_slot *slot, push_blob *ret, mn_err *err) {
        image_registry *registry = registry_session_registry(spec->session);
        for (int attempt = 1;; attempt++) {
                cleanup_registry_response registry_response response = { 0 };
                mn_status status = upload_once(spec, http, attempt == 1 ? mount_url : NULL, slot, ret,
                                               &response, err);
                bool is_worth_it = status && registry_is_transient(&response);
                if (!is_worth_it || attempt >= registry->config.max_attempts)
                        return status;
                transfer_note(slot, "Retrying", 0, 0);
                if (!registry_session_sleep(spec->session,
                                            registry_retry_delay_ms(registry, attempt, &response)))
                        return mn_fail(err, MN_INTERNAL, "context canceled");
        }
}

static int compare_wanted(const void *a, const void *b, void *arg) {
        const image_blob_source *x = a, *y = b;
        return (strcmp(x->digest, arg) != 0) - (strcmp(y->digest, arg) != 0);
}

/* The wanted blob is looked for first, also where nobody knows it to be. */
static size_t put_wanted_first(const push_layer_spec *spec, mn_arena *arena, image_blob_source **sources,
                               size_t n) {
        if (!spec->wanted)
                return n;
        image_blob_source *list = mn_arena_array(arena, n + 1, sizeof(*list));
        list[0] = (image_blob_source){ "", spec->wanted->digest, spec->wanted->media_type,
                                       spec->wanted->size };
        for (size_t i = 0; i < n; i++)
                list[i + 1] = (*sources)[i];
        qsort_r(list, n + 1, sizeof(*list), compare_wanted, spec->wanted->digest);
        *sources = list;
        return n + 1;
}

mn_status push_layer(const push_layer_spec *spec, registry_http *http, transfer_slot *slot, push_blob *ret,
                     mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        image_blob_source *sources = NULL;
        size_t n = spec->ops->list_sources(spec->store, spec->diff_id, arena, &sources);
        bool is_there = false;
        cleanup_free char *mount_url = NULL;
        n = put_wanted_first(spec, arena, &sources, n);
        mn_status status = find_existing(spec, http, sources, n, &is_there, ret, err);
        if (status)
                return status;
        if (is_there) {
                transfer_note(slot, "Layer already exists", 0, 0);
                return MN_OK;
        }
        status = mount_blob(spec, http, sources, n, slot, &mount_url, &is_there, ret, err);
        if (!status && !is_there) {
                status = upload_layer(spec, http, mount_url, slot, ret, err);
                if (!status)
                        transfer_note(slot, "Pushed", 0, 0);
        }
        if (status)
                return status;
        cleanup_free char *repository = mn_asprintf("%s/%s", spec->repository->domain,
                                                    spec->repository->path);
        image_blob_source source = { repository, ret->digest, ret->media_type, ret->size_bytes };
        spec->ops->note_source(spec->store, spec->diff_id, &source);
        return MN_OK;
}

/* ---- small blobs ---- */

static mn_status put_bytes(const push_layer_spec *spec, registry_http *http, const char *digest,
                           const void *data, size_t len, registry_response *response, mn_err *err) {
        static const char *const headers[] = { "Content-Type: application/octet-stream", NULL };
        cleanup_registry_response registry_response start = { 0 };
        mn_status status = post_upload(spec, http, "", &start, err);
        if (status)
                return status;
        if (start.status != 202)
                return fail_answer(&start, err);
        cleanup_free char *url = upload_url(spec, &start);
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
        mn_status status = has_blob(session, http, endpoint, digest, (int64_t) len, &is_there, err);
        if (status || is_there)
                return status;
        for (int attempt = 1;; attempt++) {
                cleanup_registry_response registry_response response = { 0 };
                status = put_bytes(&spec, http, digest, data, len, &response, err);
                bool is_worth_it = status && registry_is_transient(&response);
                if (!is_worth_it || attempt >= registry->config.max_attempts)
                        return status;
                if (!registry_session_sleep(session, registry_retry_delay_ms(registry, attempt, &response)))
                        return mn_fail(err, MN_INTERNAL, "context canceled");
        }
}

/* ---- scopes ---- */

char *push_mount_scopes(const image_ingest_ops *ops, void *store, const mn_reference *repository,
                        const image_export *image, mn_arena *arena) {
        cleanup_str mn_str scopes = MN_STR_INIT(8192);
        size_t nscopes = 0;
        for (size_t i = 0; i < image->nlayers; i++) {
                image_blob_source *sources = NULL;
                size_t n = ops->list_sources(store, image->diff_ids[i], arena, &sources);
                for (size_t k = 0; k < n && nscopes < MOUNT_SOURCES_MAX; k++) {
                        const char *path = path_in_registry(repository, &sources[k]);
                        if (!path || strcmp(path, repository->path) == 0)
                                continue;
                        cleanup_free char *scope = mn_asprintf("repository:%s:pull", path);
                        if (strstr(mn_str_text(&scopes), scope))
                                continue;
                        mn_str_printf(&scopes, "%s%s", nscopes++ ? " " : "", scope);
                }
        }
        return mn_arena_strdup(arena, mn_str_text(&scopes));
}
