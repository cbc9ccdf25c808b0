/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry_blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/time.h"
#include "codec/digest.h"
#include "image/registry_retry.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { REREAD_SIZE = 256 << 10, ENOUGH_PROGRESS = 64 << 10, CLAIM_SLICE_MS = 100 };

/* ---- claims: a blob is fetched once, however many pulls want it ---- */

bool registry_blob_claim(image_registry *registry, const char *digest, const atomic_bool *is_cancelled) {
        pthread_mutex_lock(&registry->lock);
        bool is_stopped = false;
        while (mn_map_has(registry->in_flight, digest) && !is_stopped) {
                struct timespec until;
                clock_gettime(CLOCK_REALTIME, &until);
                until.tv_nsec += CLAIM_SLICE_MS * MN_NS_PER_MS;
                until.tv_sec += until.tv_nsec / MN_NS_PER_SEC;
                until.tv_nsec %= MN_NS_PER_SEC;
                pthread_cond_timedwait(&registry->in_flight_done, &registry->lock, &until);
                is_stopped = is_cancelled && atomic_load(is_cancelled);
        }
        if (!is_stopped)
                mn_map_set(registry->in_flight, digest, registry);
        pthread_mutex_unlock(&registry->lock);
        return !is_stopped;
}

void registry_blob_unclaim(image_registry *registry, const char *digest) {
        pthread_mutex_lock(&registry->lock);
        mn_map_remove(registry->in_flight, digest);
        pthread_cond_broadcast(&registry->in_flight_done);
        pthread_mutex_unlock(&registry->lock);
}

/* ---- the file ---- */

/* The digest is known to be valid; its ':' becomes '-' so that the name is ours. */
static char *partial_path(const image_registry *registry, const char *digest) {
        return mn_asprintf("%s/%.6s-%s", registry->partial_dir, digest, digest + 7);
}

int registry_blob_open(const image_registry *registry, const char *digest) {
        cleanup_free char *path = partial_path(registry, digest);
        int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        return fd < 0 ? -errno : fd;
}

void registry_blob_drop(image_registry *registry, const char *digest) {
        cleanup_free char *path = partial_path(registry, digest);
        (void) unlink(path);
}

/* A download while it runs. */
struct download {
        const registry_blob_spec *spec;
        int fd;
        int64_t have; /* bytes in the file; the hash is over exactly these */
        mn_digest *hash;
        bool is_resumed;        /* some of the bytes are from an earlier attempt */
        bool is_range_refused;  /* the server cannot resume: ask for all of it */
        bool is_answer_checked; /* the head of the present answer fits */
        bool is_hopeless;       /* the failure will not go away with another try */
        mn_err *err;
};

static void hash_reset(struct download *d) {
        mn_digest_free(d->hash);
        d->hash = mn_digest_new(mn_digest_algorithm_of(d->spec->digest));
}

static int start_over(struct download *d) {
        hash_reset(d);
        d->have = 0;
        d->is_resumed = false;
        if (d->spec->report) /* who reads along must know before other bytes come */
                d->spec->report(d->spec->arg, REGISTRY_BLOB_PROGRESS, 0);
        return ftruncate(d->fd, 0) < 0 || lseek(d->fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

/* Hashes what an earlier attempt left. */
static int take_up(struct download *d) {
        hash_reset(d);
        struct stat st;
        if (fstat(d->fd, &st) < 0)
                return -errno;
        if (st.st_size > d->spec->size_bytes)
                return start_over(d);
        cleanup_free char *buf = mn_alloc(REREAD_SIZE);
        for (ssize_t n; (n = mn_read_full(d->fd, buf, REREAD_SIZE)) != 0;) {
                if (n < 0)
                        return (int) n;
                mn_digest_update(d->hash, buf, (size_t) n);
                d->have += n;
        }
        d->is_resumed = d->have > 0;
        return 0;
}

/* Uses the hash up. */
static bool has_right_digest(struct download *d) {
        char digest[MN_DIGEST_SIZE];
        return strcmp(mn_digest_finish(d->hash, digest), d->spec->digest) == 0;
}

/* ---- the answer ---- */

/* "bytes 5-9/10" must begin where we are and be part of a blob of our size. */
static bool is_right_range(const char *value, int64_t have, int64_t size) {
        cleanup_free char *expected = mn_asprintf("bytes %lld-", (long long) have);
        if (!value || !mn_str_has_prefix(value, expected))
                return false;
        const char *slash = strchr(value, '/');
        int64_t total;
        return slash && (strcmp(slash, "/*") == 0 ||
                         (mn_parse_i64(slash + 1, 0, INT64_MAX, &total) == 0 && total == size));
}

static int check_head(struct download *d, const registry_response *head) {
        int64_t size = d->spec->size_bytes;
        d->is_answer_checked = true;
        if (head->status == 206) {
                if (is_right_range(registry_response_header(head, "content-range"), d->have, size))
                        return 0;
                d->is_range_refused = true;
                return mn_fail(d->err, MN_INTERNAL, "blob %s: the registry sent another range than asked for",
                               d->spec->digest),
                       -1;
        }
        if (head->content_length >= 0 && head->content_length != size) {
                d->is_hopeless = true;
                return mn_fail(d->err, MN_INTERNAL,
                               "blob %s: the registry sends %lld bytes, its manifest says %lld",
                               d->spec->digest, (long long) head->content_length, (long long) size),
                       -1;
        }
        int r = d->have ? start_over(d) : 0;
        return r < 0 ? (mn_fail_errno(d->err, r, "blob %s", d->spec->digest), -1) : 0;
}

static int on_bytes(void *arg, const registry_response *head, const char *bytes, size_t len) {
        struct download *d = arg;
        if (!d->is_answer_checked && check_head(d, head) < 0)
                return -1;
        if ((int64_t) len > d->spec->size_bytes - d->have) {
                d->is_hopeless = true;
                mn_fail(d->err, MN_INTERNAL,
                        "blob %s: the registry sends more than the %lld bytes of its manifest",
                        d->spec->digest, (long long) d->spec->size_bytes);
                return -1;
        }
        int r = mn_write_all(d->fd, bytes, len);
        if (r < 0) {
                d->is_hopeless = true;
                mn_fail_errno(d->err, r, "cannot write blob %s", d->spec->digest);
                (void) start_over(d); /* a full disk gets its space back at once */
                return -1;
        }
        mn_digest_update(d->hash, bytes, len);
        d->have += (int64_t) len;
        if (d->spec->report)
                d->spec->report(d->spec->arg, REGISTRY_BLOB_PROGRESS, d->have);
        return 0;
}

/* One request for what is missing. MN_OK when all bytes are here. */
static mn_status fetch_rest(registry_session *session, registry_http *http, size_t endpoint,
                            struct download *d, registry_response *response, mn_err *err) {
        cleanup_free char *target = mn_asprintf("blobs/%s", d->spec->digest);
        cleanup_free char *range = mn_asprintf("Range: bytes=%lld-", (long long) d->have);
        if (d->is_range_refused && d->have && start_over(d) < 0)
                return mn_fail(err, MN_INTERNAL, "cannot write blob %s", d->spec->digest);
        const char *headers[] = { "Accept-Encoding: identity", d->have ? range : NULL, NULL };
        d->is_answer_checked = false;
        d->err = err;
        registry_request request = { .method = "GET",
                                     .headers = headers,
                                     .max_body = REGISTRY_TOKEN_MAX,
                                     .is_transfer = true,
                                     .sink = on_bytes,
                                     .arg = d };
        mn_status status = registry_session_call(session, http, endpoint, target, &request, response, err);
        if (status)
                return status;
        if (response->status == 416) {
                d->is_range_refused = true;
                response->failure = REGISTRY_FAILURE_TRANSFER; /* worth another try */
                return mn_fail(err, MN_INTERNAL, "blob %s: the registry cannot resume", d->spec->digest);
        }
        if (response->status != 200 && response->status != 206) {
                registry_error error;
                registry_error_read(response, &error);
                return mn_fail(err, registry_status_of_http(response->status), "%s", error.text);
        }
        if (d->have == d->spec->size_bytes)
                return MN_OK;
        response->failure = REGISTRY_FAILURE_TRANSFER;
        return mn_fail(err, MN_INTERNAL, "blob %s: the registry ended after %lld of %lld bytes",
                       d->spec->digest, (long long) d->have, (long long) d->spec->size_bytes);
}

static bool wait_before_retry(registry_session *session, const image_registry *registry, int attempt,
                              const registry_response *response, const struct download *d) {
        int delay_ms = registry_retry_delay_ms(registry, attempt, response);
        for (; delay_ms > 0; delay_ms -= 1000) {
                if (d->spec->report && delay_ms >= 1000)
                        d->spec->report(d->spec->arg, REGISTRY_BLOB_RETRYING, delay_ms / 1000);
                if (!registry_session_sleep(session, MN_MIN(delay_ms, 1000)))
                        return false;
        }
        return true;
}

/* All bytes from one endpoint, over as many connections as it takes while they bring something. */
static mn_status fetch_from(registry_session *session, const image_registry *registry, registry_http *http,
                            size_t endpoint, struct download *d, mn_err *err) {
        for (int attempt = 1;;) {
                if (d->have == d->spec->size_bytes)
                        return MN_OK;
                cleanup_registry_response registry_response response = { 0 };
                int64_t had = d->have;
                mn_status status = fetch_rest(session, http, endpoint, d, &response, err);
                if (!status)
                        return MN_OK;
                bool is_worth_it = registry_is_transient(&response) ||
                                   (response.failure == REGISTRY_FAILURE_LOCAL && d->is_range_refused);
                if (d->is_hopeless || !is_worth_it)
                        return status;
                attempt = d->have - had >= ENOUGH_PROGRESS ? 1 : attempt + 1;
                if (attempt > registry_settings(registry)->max_attempts)
                        return status;
                d->is_resumed = d->have > 0;
                if (!wait_before_retry(session, registry, attempt, &response, d))
                        return mn_fail(err, MN_INTERNAL, "context canceled");
        }
}

/* Fetches and verifies. Wrong bytes that were partly old ones are worth one try from the beginning. */
static mn_status fetch_verified(registry_session *session, image_registry *registry, registry_http *http,
                                size_t endpoint, struct download *d, mn_err *err) {
        for (int round = 0;; round++) {
                d->is_hopeless = false;
                mn_status status = fetch_from(session, registry, http, endpoint, d, err);
                if (status)
                        return status;
                if (d->spec->report)
                        d->spec->report(d->spec->arg, REGISTRY_BLOB_VERIFYING, d->have);
                if (has_right_digest(d))
                        return MN_OK;
                bool was_resumed = d->is_resumed;
                int r = start_over(d);
                if (r < 0)
                        return mn_fail_errno(err, r, "blob %s", d->spec->digest);
                if (!was_resumed || round)
                        return mn_fail(err, MN_INTERNAL, "filesystem layer verification failed for digest %s",
                                       d->spec->digest);
        }
}

static mn_status fetch_from_any(registry_session *session, registry_http *http, struct download *d,
                                mn_err *err) {
        image_registry *registry = registry_session_registry(session);
        int r = take_up(d);
        if (r < 0)
                return mn_fail_errno(err, r, "cannot read the part of blob %s that is here", d->spec->digest);
        mn_status status = MN_INTERNAL;
        for (size_t i = d->spec->endpoint; i < registry_session_nendpoints(session); i++) {
                status = fetch_verified(session, registry, http, i, d, err);
                if (!status || registry_session_is_final(session, i))
                        break;
        }
        if (!status && lseek(d->fd, 0, SEEK_SET) < 0)
                return mn_fail_errno(err, -errno, "cannot read blob %s", d->spec->digest);
        return status;
}

mn_status registry_blob_fetch(registry_session *session, registry_http *http, const registry_blob_spec *spec,
                              int *ret_fd, mn_err *err) {
        image_registry *registry = registry_session_registry(session);
        cleanup_free char *path = partial_path(registry, spec->digest);
        cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return mn_fail_errno(err, -errno, "cannot create \"%s\"", path);
        struct download d = { .spec = spec, .fd = fd, .err = err };
        mn_status status = fetch_from_any(session, http, &d, err);
        mn_digest_free(d.hash);
        if (!status)
                *ret_fd = MN_TAKE_FD(fd);
        else if (!d.have)
                registry_blob_drop(registry, spec->digest);
        return status;
}
