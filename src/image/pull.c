/* SPDX-License-Identifier: Apache-2.0 */
#include "image/pull.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "image/pull_attestation.h"
#include "image/pull_document.h"
#include "image/pull_layer.h"
#include "image/transfer.h"

enum { SHORT_DIGEST_SIZE = 13 };

/* One reference on its way in. */
struct pull {
        const image_ingest_ops *ops;
        void *store;
        void *ingest; /* the store's session */
        image_registry *registry;
        registry_session *session;
        registry_http *http;                           /* of the calling thread */
        registry_http *workers[TRANSFER_PARALLEL_MAX]; /* of the layers' threads */
        const image_pull_spec *spec;
        mn_reference reference;
        image_platform platform;
        bool has_platform; /* the user named one */
        pull_document doc;
        atomic_bool *is_cancelled;
        image_progress_fn report;
        void *report_arg;
};

static mn_status tell(struct pull *p, const char *id, const char *status, mn_err *err) {
        image_progress message = { .id = id, .status = status };
        return p->report(p->report_arg, &message) ? MN_OK : mn_fail(err, MN_INTERNAL, "context canceled");
}

/* ---- layers ---- */

static mn_status pull_job(void *arg, size_t worker, size_t i, transfer_slot *slot, mn_err *err) {
        struct pull *p = arg;
        if (!p->workers[worker])
                p->workers[worker] = registry_http_new();
        pull_layer_spec spec = { .ops = p->ops,
                                 .store = p->store,
                                 .ingest = p->ingest,
                                 .session = p->session,
                                 .endpoint = p->doc.endpoint,
                                 .reference = &p->reference,
                                 .descriptor = &p->doc.manifest.layers.items[i],
                                 .diff_id = p->doc.config.diff_ids[i],
                                 .is_cancelled = p->is_cancelled };
        return pull_layer(&spec, p->workers[worker], slot, err);
}

static mn_status pull_layers(struct pull *p, mn_arena *arena, mn_err *err) {
        size_t n = p->doc.manifest.layers.len;
        const char **ids = mn_arena_array(arena, n + 1, sizeof(*ids));
        mn_status status = MN_OK;
        for (size_t i = 0; i < n && !status; i++) {
                ids[i] = mn_arena_strndup(arena, p->doc.manifest.layers.items[i].digest + 7,
                                          SHORT_DIGEST_SIZE - 1);
                status = tell(p, ids[i], "Pulling fs layer", err);
        }
        if (status)
                return status;
        transfer_group group = { .njobs = n,
                                 .ids = ids,
                                 .max_parallel = registry_settings(p->registry)->max_downloads,
                                 .run = pull_job,
                                 .arg = p,
                                 .report = p->report,
                                 .report_arg = p->report_arg,
                                 .is_cancelled = p->is_cancelled };
        return transfer_run(&group, err);
}

/* ---- one reference ---- */

static mn_status check_platform(const struct pull *p, mn_err *err) {
        char wanted[IMAGE_PLATFORM_TEXT_SIZE], found[IMAGE_PLATFORM_TEXT_SIZE], name[MN_REFERENCE_TEXT_SIZE];
        const image_platform *platform = &p->doc.config.platform;
        if (strcmp(platform->os, "linux") != 0)
                return mn_fail(err, MN_INVALID,
                               "image operating system \"%s\" cannot be used on this platform", platform->os);
        /* an index has chosen already, and knows better than a config that names no variant */
        if (!p->has_platform || p->doc.index_text.data || image_platform_fit(&p->platform, platform))
                return MN_OK;
        return mn_fail(err, MN_NOT_FOUND,
                       "image with reference %s was found but its platform (%s) does not match the specified "
                       "platform (%s)",
                       mn_reference_familiar(&p->reference, name), image_platform_text(platform, found),
                       image_platform_text(&p->platform, wanted));
}

static image_ingest_image ingest_image(const struct pull *p) {
        const pull_document *doc = &p->doc;
        return (image_ingest_image){
                .config = { doc->manifest.config->media_type, doc->manifest.config->digest,
                            doc->config_text.data, doc->config_text.len },
                .manifest = { doc->manifest.media_type, doc->manifest_digest, doc->manifest_text.data,
                              doc->manifest_text.len },
                .index = { doc->index_media_type, doc->index_digest, doc->index_text.data,
                           doc->index_text.len },
                .reference = &p->reference,
                .repo_digest = doc->index_text.data ? doc->index_digest : doc->manifest_digest,
                .signers = &doc->signers,
        };
}

static mn_status pull_image(struct pull *p, mn_arena *arena, bool *ret_is_new, mn_err *err) {
        mn_status status = pull_document_fetch_config(&p->doc, p->session, p->http, arena, err);
        if (!status)
                status = check_platform(p, err);
        if (!status)
                status = pull_layers(p, arena, err);
        if (status)
                return status;
        image_ingest_image image = ingest_image(p);
        image_ingest_document *attachments = NULL;
        image.nattachments = pull_attestations(&p->doc, p->session, p->http, &p->reference, arena,
                                               &attachments);
        image.attachments = attachments;
        return p->ops->commit(p->store, p->ingest, &image, ret_is_new, err);
}

static mn_status pull_one(struct pull *p, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        char text[MN_REFERENCE_TEXT_SIZE];
        const char *what = p->reference.digest[0] ? p->reference.digest : p->reference.tag;
        p->doc = (pull_document){ 0 };
        pull_document_spec spec = { .reference = &p->reference,
                                    .platform = &p->platform,
                                    .is_verified = p->spec->is_verified };
        mn_status status = pull_document_fetch(&p->doc, p->session, p->http, &spec, arena, err);
        if (status)
                return status;
        cleanup_free char *from = mn_asprintf("Pulling from %s", p->reference.path);
        if ((status = tell(p, what, from, err)))
                return status;
        bool is_new = false;
        const image_ingest_image image = ingest_image(p);
        if (!p->ops->is_current(p->store, &image) && (status = pull_image(p, arena, &is_new, err)))
                return status;
        const char *digest = p->doc.index_text.data ? p->doc.index_digest : p->doc.manifest_digest;
        cleanup_free char *digest_line = mn_asprintf("Digest: %s", digest);
        cleanup_free char *status_line = mn_asprintf(
                "Status: %s for %s", is_new ? "Downloaded newer image" : "Image is up to date",
                mn_reference_familiar(&p->reference, text));
        status = tell(p, NULL, digest_line, err);
        return status ? status : tell(p, NULL, status_line, err);
}

/* ---- all of a repository ---- */

static mn_status pull_all_tags(struct pull *p, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        char **tags = NULL;
        mn_status status = pull_list_tags(p->session, p->http, &p->reference, arena, &tags, err);
        for (char **tag = tags; !status && *tag; tag++) {
                snprintf(p->reference.tag, sizeof(p->reference.tag), "%s", *tag);
                status = pull_one(p, err);
        }
        return status;
}

static mn_status pull_with_session(struct pull *p, mn_err *err) {
        mn_status status = p->ops->begin(p->store, &p->ingest, err);
        if (status)
                return status;
        p->http = registry_http_new();
        status = p->spec->has_all_tags ? pull_all_tags(p, err) : pull_one(p, err);
        registry_http_free(p->http);
        for (size_t i = 0; i < TRANSFER_PARALLEL_MAX; i++)
                registry_http_free(p->workers[i]);
        p->ops->end(p->store, p->ingest);
        return status;
}

mn_status pull_into(const image_ingest_ops *ops, void *store, image_registry *registry,
                    const image_pull_spec *spec, image_progress_fn report, void *arg, mn_err *err) {
        atomic_bool is_cancelled = false;
        struct pull p = { .ops = ops,
                          .store = store,
                          .registry = registry,
                          .spec = spec,
                          .reference = *spec->reference,
                          .has_platform = !mn_str_is_empty(spec->platform),
                          .is_cancelled = &is_cancelled,
                          .report = report,
                          .report_arg = arg };
        if (p.reference.digest[0])
                p.reference.tag[0] = '\0'; /* the digest says all */
        else if (!spec->has_all_tags)
                mn_reference_add_default_tag(&p.reference);
        const char *platform = p.has_platform ? spec->platform : registry_settings(registry)->platform;
        mn_status status = image_platform_parse(platform, &p.platform, err);
        if (status)
                return status;
        registry_session_spec session_spec = { .domain = p.reference.domain,
                                               .repository = p.reference.path,
                                               .actions = "pull",
                                               .auth = spec->auth,
                                               .has_mirrors = true,
                                               .is_cancelled = &is_cancelled };
        cleanup_registry_session registry_session *session = registry_session_new(registry, &session_spec);
        p.session = session;
        status = pull_with_session(&p, err);
        /* 401 would make Docker's command line ask for a password, 503 say that the daemon is not ready */
        return status == MN_UNAUTHORIZED || status == MN_UNAVAILABLE ? MN_INTERNAL : status;
}
