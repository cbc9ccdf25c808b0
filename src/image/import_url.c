/* SPDX-License-Identifier: Apache-2.0 */
/* `import` from a URL: one thread downloads into a pipe, the caller's makes the image of what comes out. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "image/image.h"
#include "image/registry_client.h"
#include "image/registry_url.h"
#include "sys/fd.h"

enum { REDIRECTS_MAX = 10, REPORT_EVERY = 1 << 20 };

struct download {
        image_registry *registry;
        mn_arena *arena;
        char *url;         /* where it is now */
        const char *shown; /* where it began, without a query */
        int pipe[2];
        pthread_t thread;
        bool has_thread;
        atomic_bool is_cancelled;
        _Atomic int64_t total; /* announced length; -1: none */
        mn_status status;      /* of the thread */
        mn_err err;
        /* the reader's side */
        image_progress_fn report;
        void *report_arg;
        int64_t done, reported;
};

/* ---- the thread ---- */

static int to_pipe(void *arg, const registry_response *head, const char *bytes, size_t len) {
        struct download *d = arg;
        atomic_store(&d->total, head->content_length);
        return mn_write_all(d->pipe[1], bytes, len) < 0 ? -1 : 0;
}

static mn_status fail_status(int status, mn_err *err) {
        return mn_fail(err, status == 404 ? MN_NOT_FOUND : MN_INTERNAL, "Got HTTP status code >= 400: %d",
                       status);
}

/* The address a redirect names; NULL for one that cannot be followed: none leads from TLS to plain HTTP. */
static char *next_url(struct download *d, const registry_response *response) {
        cleanup_registry_url registry_url from = { 0 }, to = { 0 };
        const char *location = registry_response_header(response, "location");
        char *url = NULL;
        if (!location || registry_url_parse(NULL, d->url, &from, NULL) < 0 ||
            registry_url_parse(d->url, location, &to, &url) < 0)
                return NULL;
        char *kept = from.is_https && !to.is_https ? NULL : mn_arena_strdup(d->arena, url);
        mn_freep(&url);
        return kept;
}

/* A redirect may lead to this machine's own addresses only when the first server is there. */
static mn_status fetch_with(struct download *d, registry_http *http, mn_err *err) {
        bool is_local_refused = false;
        for (int i = 0; i <= REDIRECTS_MAX; i++) {
                cleanup_registry_url registry_url url = { 0 };
                cleanup_registry_response registry_response response = { 0 };
                registry_transport transport;
                if (registry_url_parse(NULL, d->url, &url, NULL) < 0)
                        return mn_fail(err, MN_INVALID, "invalid URL \"%s\"", d->url);
                registry_transport_for(d->registry, &url, false, d->arena, &transport);
                const registry_request request = { .method = "GET",
                                                   .url = d->url,
                                                   .transport = &transport,
                                                   .is_local_refused = is_local_refused,
                                                   .is_transfer = true,
                                                   .is_cancelled = &d->is_cancelled,
                                                   .sink = to_pipe,
                                                   .arg = d };
                mn_status status = registry_http_perform(http, &request, &response, err);
                if (status)
                        return status == MN_UNAVAILABLE ? MN_INTERNAL : status;
                if (response.status < 300)
                        return MN_OK;
                if (response.status >= 400)
                        return fail_status(response.status, err);
                is_local_refused = is_local_refused || !response.is_peer_local;
                d->url = next_url(d, &response);
                if (!d->url)
                        return mn_fail(err, MN_INTERNAL, "a redirect that cannot be followed");
        }
        return mn_fail(err, MN_INTERNAL, "stopped after %d redirects", REDIRECTS_MAX);
}

static void *fetch(void *arg) {
        struct download *d = arg;
        cleanup_registry_http registry_http *http = registry_http_new();
        d->status = fetch_with(d, http, &d->err);
        mn_close(d->pipe[1]); /* the end, for the reader */
        return NULL;
}

/* ---- the reader ---- */

/* The end of the pipe is the end of the archive only when all of it came. */
static ssize_t end_of_download(struct download *d) {
        if (d->has_thread)
                pthread_join(d->thread, NULL);
        d->has_thread = false;
        return d->status ? -ECANCELED : 0;
}

static bool tell(struct download *d, ssize_t n) {
        cleanup_free char *first = mn_asprintf("Downloading from %s", d->shown);
        image_progress message = { .status = first };
        bool is_heard = d->done || d->report(d->report_arg, &message);
        d->done += n;
        if (d->done - d->reported < REPORT_EVERY)
                return is_heard;
        d->reported = d->done;
        message = (image_progress){ .status = "Importing",
                                    .current = d->done,
                                    .total = atomic_load(&d->total) };
        return is_heard && d->report(d->report_arg, &message);
}

static ssize_t from_pipe(void *arg, void *buf, size_t len) {
        struct download *d = arg;
        ssize_t n = read(d->pipe[0], buf, len);
        if (n < 0)
                return -errno;
        if (n == 0)
                return end_of_download(d);
        return tell(d, n) ? n : -EPIPE;
}

static mn_status import_from(struct download *d, image_store *images, const image_import_spec *spec,
                             char ret_id[IMAGE_ID_SIZE], mn_err *err) {
        image_import_spec local = *spec;
        local.read = from_pipe;
        local.read_arg = d;
        local.source = d->shown;
        if (pthread_create(&d->thread, NULL, fetch, d) != 0) {
                mn_close(d->pipe[1]);
                return mn_fail(err, MN_INTERNAL, "cannot start a thread");
        }
        d->has_thread = true;
        mn_status status = image_import(images, &local, ret_id, err);
        atomic_store(&d->is_cancelled, true);
        mn_close(d->pipe[0]); /* wakes a writer that waits for room */
        d->pipe[0] = -1;
        bool was_complete = !d->has_thread;
        (void) !end_of_download(d);
        if (status && was_complete && d->status) { /* the cause, not what it led to */
                mn_err_release(err);
                *err = d->err;
                d->err = (mn_err){ 0 };
                status = d->status;
        }
        return status;
}

/* What a user may write: an http or https URL, the scheme may be missing. */
static mn_status read_url(const char *text, mn_arena *arena, char **ret, mn_err *err) {
        cleanup_registry_url registry_url url = { 0 };
        char *full = strstr(text, "://") ? mn_arena_strdup(arena, text)
                                         : mn_arena_printf(arena, "http://%s", text);
        if (registry_url_parse(NULL, full, &url, NULL) < 0)
                return mn_fail(err, MN_INVALID, "invalid URL: http or https, without a user name, is needed");
        *ret = full;
        return MN_OK;
}

mn_status image_import_url(image_store *images, image_registry *registry, const image_import_spec *spec,
                           image_progress_fn report, void *arg, char ret_id[IMAGE_ID_SIZE], mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        struct download d = {
                .registry = registry, .arena = arena, .pipe = { -1, -1 }, .report = report, .report_arg = arg
        };
        mn_status status = read_url(spec->source, arena, &d.url, err);
        if (status)
                return status;
        d.shown = mn_arena_strndup(arena, d.url, strcspn(d.url, "?#")); /* a query may be a secret */
        if (pipe2(d.pipe, O_CLOEXEC) < 0)
                return mn_fail_errno(err, -errno, "cannot make a pipe");
        status = import_from(&d, images, spec, ret_id, err);
        mn_close(d.pipe[0]);
        mn_err_release(&d.err);
        return status;
}
