/* SPDX-License-Identifier: Apache-2.0 */
#include "image/push.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "image/push_layer.h"
#include "image/registry_blob.h"
#include "image/registry_manifest.h"

/* One tag on its way out. */
struct push {
        const image_ingest_ops *ops;
        void *store;
        image_registry *registry;
        registry_session *session;
        size_t endpoint;
        registry_http *http;                           /* of the calling thread */
        registry_http *workers[TRANSFER_PARALLEL_MAX]; /* of the layers' threads */
        mn_reference reference;
        image_export image;
        push_blob *layers;
        atomic_bool *is_cancelled;
        image_progress_fn report;
        void *report_arg;
};

static mn_status tell(struct push *p, const char *status, const char *aux, mn_err *err) {
        image_progress message = { .status = status, .aux = aux };
        return p->report(p->report_arg, &message) ? MN_OK : mn_fail(err, MN_INTERNAL, "context canceled");
}

/* Docker tells of the top layer first. */
static size_t layer_of_job(const struct push *p, size_t job) {
        return p->image.nlayers - 1 - job;
}

static mn_status push_job(void *arg, size_t worker, size_t job, transfer_slot *slot, mn_err *err) {
        struct push *p = arg;
        size_t i = layer_of_job(p, job);
        if (!p->workers[worker])
                p->workers[worker] = registry_http_new();
        push_layer_spec spec = { .session = p->session,
                                 .endpoint = p->endpoint,
                                 .ops = p->ops,
                                 .store = p->store,
                                 .repository = &p->reference,
                                 .diff_id = p->image.diff_ids[i] };
        /* the same layer twice in an image is sent once: the second finds the first */
        if (!registry_blob_claim(p->registry, p->image.diff_ids[i], p->is_cancelled))
                return mn_fail(err, MN_INTERNAL, "context canceled");
        mn_status status = push_layer(&spec, p->workers[worker], slot, &p->layers[i], err);
        registry_blob_unclaim(p->registry, p->image.diff_ids[i]);
        return status;
}

static mn_status push_layers(struct push *p, mn_arena *arena, mn_err *err) {
        size_t n = p->image.nlayers;
        const char **ids = mn_arena_array(arena, n + 1, sizeof(*ids));
        p->layers = mn_arena_array(arena, n + 1, sizeof(*p->layers));
        for (size_t job = 0; job < n; job++) {
                ids[job] = mn_arena_strndup(arena, p->image.diff_ids[layer_of_job(p, job)] + 7, 12);
                image_progress message = { .id = ids[job], .status = "Preparing" };
                if (!p->report(p->report_arg, &message))
                        return mn_fail(err, MN_INTERNAL, "context canceled");
        }
        transfer_group group = { .njobs = n,
                                 .ids = ids,
                                 .max_parallel = p->registry->config.max_uploads,
                                 .run = push_job,
                                 .arg = p,
                                 .report = p->report,
                                 .report_arg = p->report_arg,
                                 .is_cancelled = p->is_cancelled };
        return transfer_run(&group, err);
}

/* ---- the manifest ---- */

static bool is_docker_type(const char *type) {
        return mn_str_has_prefix(type, "application/vnd.docker.") && !mn_str_has_suffix(type, "zstd");
}

/* The OCI name of a Docker layer type. */
static const char *oci_type(const char *type) {
        if (mn_str_has_prefix(type, "application/vnd.oci."))
                return type;
        if (mn_str_has_suffix(type, "gzip"))
                return "application/vnd.oci.image.layer.v1.tar+gzip";
        return mn_str_has_suffix(type, "zstd") ? "application/vnd.oci.image.layer.v1.tar+zstd"
                                               : "application/vnd.oci.image.layer.v1.tar";
}

static void add_descriptor(mn_str *out, const char *type, const char *digest, int64_t size) {
        mn_str_add(out, "{\"mediaType\":");
        mn_json_add_str(out, type);
        mn_str_printf(out, ",\"size\":%lld,\"digest\":\"%s\"}", (long long) size, digest);
}

/* Docker's schema 2, or OCI when a layer is compressed as only OCI knows. */
static const char *write_manifest(const struct push *p, const char *config_digest, mn_str *out) {
        bool is_docker = true;
        for (size_t i = 0; i < p->image.nlayers; i++)
                is_docker = is_docker && is_docker_type(p->layers[i].media_type);
        const char *type = is_docker ? DOCKER_MEDIA_MANIFEST : OCI_MEDIA_MANIFEST;
        mn_str_printf(out, "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":", type);
        add_descriptor(out, is_docker ? DOCKER_MEDIA_CONFIG : OCI_MEDIA_CONFIG, config_digest,
                       (int64_t) p->image.config_len);
        mn_str_add(out, ",\"layers\":[");
        for (size_t i = 0; i < p->image.nlayers; i++) {
                const push_blob *layer = &p->layers[i];
                mn_str_add(out, i ? "," : "");
                add_descriptor(out, is_docker ? layer->media_type : oci_type(layer->media_type),
                               layer->digest, layer->size_bytes);
        }
        mn_str_add(out, "]}");
        return type;
}

static mn_status put_manifest(struct push *p, const char *type, const mn_str *manifest, const char *digest,
                              mn_err *err) {
        cleanup_free char *content_type = mn_asprintf("Content-Type: %s", type);
        cleanup_free char *target = mn_asprintf("manifests/%s", p->reference.tag);
        const char *headers[] = { content_type, NULL };
        registry_request request = {
                .method = "PUT", .headers = headers, .body = mn_str_text(manifest), .body_len = manifest->len
        };
        cleanup_registry_response registry_response response = { 0 };
        mn_status status = registry_session_fetch(p->session, p->http, &p->endpoint, target, &request,
                                                  &response, err);
        if (status)
                return status;
        if (response.status != 201 && response.status != 200) {
                registry_error error;
                registry_error_read(&response, &error);
                return mn_fail(err, MN_INTERNAL, "%s", error.text);
        }
        const char *stored = registry_response_header(&response, "docker-content-digest");
        if (stored && strcmp(stored, digest) != 0)
                return mn_fail(err, MN_INTERNAL, "the registry stored another manifest than was sent");
        return MN_OK;
}

static mn_status tell_digest(struct push *p, const char *digest, size_t size, mn_err *err) {
        cleanup_free char *line = mn_asprintf("%s: digest: %s size: %zu", p->reference.tag, digest, size);
        cleanup_free char *aux = mn_asprintf("{\"Tag\":\"%s\",\"Digest\":\"%s\",\"Size\":%zu}",
                                             p->reference.tag, digest, size);
        mn_status status = tell(p, line, NULL, err);
        return status ? status : tell(p, NULL, aux, err);
}

static mn_status push_tag(struct push *p, mn_arena *arena, mn_err *err) {
        mn_status status = push_layers(p, arena, err);
        if (status)
                return status;
        char config_digest[MN_DIGEST_TEXT_MAX + 1], digest[MN_DIGEST_TEXT_MAX + 1];
        registry_digest_of(p->image.config, p->image.config_len, NULL, config_digest);
        status = push_bytes(p->session, p->http, p->endpoint, config_digest, p->image.config,
                            p->image.config_len, err);
        if (status)
                return status;
        cleanup_str mn_str manifest = MN_STR_INIT(REGISTRY_DOCUMENT_MAX);
        const char *type = write_manifest(p, config_digest, &manifest);
        registry_digest_of(mn_str_text(&manifest), manifest.len, NULL, digest);
        status = put_manifest(p, type, &manifest, digest, err);
        if (status)
                return status;
        p->ops->note_push(p->store, &p->reference, digest);
        return tell_digest(p, digest, manifest.len, err);
}

/* ---- sessions and tags ---- */

/* The first endpoint that answers. */
static mn_status choose_endpoint(struct push *p, mn_err *err) {
        mn_status status = mn_fail(err, MN_INVALID, "invalid registry host \"%s\"", p->reference.domain);
        for (size_t i = 0; i < registry_session_nendpoints(p->session); i++) {
                p->endpoint = i;
                status = registry_session_probe(p->session, p->http, i, err);
                if (!status)
                        return MN_OK;
        }
        return status;
}

static mn_status push_with_session(struct push *p, const image_auth *auth, mn_arena *arena, mn_err *err) {
        const char *mounts = push_mount_scopes(p->ops, p->store, &p->reference, &p->image, arena);
        registry_session_spec spec = { .domain = p->reference.domain,
                                       .repository = p->reference.path,
                                       .actions = "pull,push",
                                       .more_scopes = *mounts ? mounts : NULL,
                                       .auth = auth,
                                       .is_cancelled = p->is_cancelled };
        cleanup_registry_session registry_session *session = registry_session_new(p->registry, &spec);
        cleanup_registry_http registry_http *http = registry_http_new();
        p->session = session;
        p->http = http;
        mn_status status = choose_endpoint(p, err);
        if (!status)
                status = push_tag(p, arena, err);
        for (size_t i = 0; i < TRANSFER_PARALLEL_MAX; i++) {
                registry_http_free(p->workers[i]);
                p->workers[i] = NULL;
        }
        /* 401 would make Docker's command line ask for a password, 503 say that the daemon is not ready */
        return status == MN_UNAUTHORIZED || status == MN_UNAVAILABLE ? MN_INTERNAL : status;
}

static mn_status check_platform(const image_push_spec *spec, const image_export *image, mn_err *err) {
        if (mn_str_is_empty(spec->platform))
                return MN_OK;
        image_platform wanted, found;
        char wanted_text[IMAGE_PLATFORM_TEXT_SIZE], found_text[IMAGE_PLATFORM_TEXT_SIZE];
        mn_status status = image_platform_parse(spec->platform, &wanted, err);
        if (status)
                return status;
        image_platform_set(image->os, image->architecture, image->variant, &found);
        if (image_platform_fit(&wanted, &found))
                return MN_OK;
        return mn_fail(err, MN_NOT_FOUND, "image is of platform %s, not of %s",
                       image_platform_text(&found, found_text), image_platform_text(&wanted, wanted_text));
}

/* The tags to push: the one named, or all. */
static mn_status find_tags(const image_ingest_ops *ops, void *store, const mn_reference *reference,
                           mn_arena *arena, char ***ret, mn_err *err) {
        char text[MN_REFERENCE_TEXT_SIZE];
        char **all = ops->list_tags(store, reference, arena);
        if (!mn_strv_len(all))
                return mn_fail(err, MN_NOT_FOUND, "An image does not exist locally with the tag: %s",
                               mn_reference_familiar_name(reference, text));
        if (!reference->tag[0]) {
                *ret = all;
                return MN_OK;
        }
        if (!mn_strv_has(all, reference->tag))
                return mn_fail(err, MN_NOT_FOUND, "tag does not exist: %s",
                               mn_reference_familiar(reference, text));
        *ret = mn_arena_array(arena, 2, sizeof(**ret));
        (*ret)[0] = mn_arena_strdup(arena, reference->tag);
        return MN_OK;
}

mn_status push_from(const image_ingest_ops *ops, void *store, image_registry *registry,
                    const image_push_spec *spec, image_progress_fn report, void *arg, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        atomic_bool is_cancelled = false;
        struct push p = { .ops = ops,
                          .store = store,
                          .registry = registry,
                          .reference = *spec->reference,
                          .is_cancelled = &is_cancelled,
                          .report = report,
                          .report_arg = arg };
        char name[MN_REFERENCE_TEXT_SIZE], **tags = NULL;
        if (p.reference.digest[0])
                return mn_fail(err, MN_INVALID, "cannot push a digest reference");
        mn_status status = find_tags(ops, store, &p.reference, arena, &tags, err);
        if (status)
                return status;
        cleanup_free char *first = mn_asprintf("The push refers to repository [%s]",
                                               mn_reference_name(&p.reference, name));
        for (char **tag = tags; !status && *tag; tag++) {
                snprintf(p.reference.tag, sizeof(p.reference.tag), "%s", *tag);
                status = ops->export(store, ops->find(store, &p.reference, arena), arena, &p.image, err);
                if (!status)
                        status = check_platform(spec, &p.image, err);
                if (!status && tag == tags)
                        status = tell(&p, first, NULL, err);
                if (!status)
                        status = push_with_session(&p, spec->auth, arena, err);
        }
        return status;
}
