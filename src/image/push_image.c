/* SPDX-License-Identifier: Apache-2.0 */
#include "image/push_image.h"

#include <string.h>

#include "base/alloc.h"
#include "image/push_layer.h"
#include "image/registry_blob.h"
#include "image/registry_manifest.h"

/* One image on its way out. */
struct outgoing {
        push_context *p;
        const image_export *image;
        oci_document manifest; /* the original; layers.len 0 when there is none that fits */
        push_blob *layers;
        mn_arena *arena;
};

mn_status push_tell(push_context *p, const char *status, const char *aux, mn_err *err) {
        image_progress message = { .status = status, .aux = aux };
        return p->report(p->report_arg, &message) ? MN_OK : mn_fail(err, MN_INTERNAL, "context canceled");
}

/* ---- layers ---- */

/* Docker tells of the top layer first. */
static size_t layer_of_job(const struct outgoing *o, size_t job) {
        return o->image->nlayers - 1 - job;
}

static mn_status push_job(void *arg, size_t worker, size_t job, transfer_slot *slot, mn_err *err) {
        struct outgoing *o = arg;
        push_context *p = o->p;
        size_t i = layer_of_job(o, job);
        if (!p->workers[worker])
                p->workers[worker] = registry_http_new();
        push_layer_spec spec = { .session = p->session,
                                 .endpoint = p->endpoint,
                                 .ops = p->ops,
                                 .store = p->store,
                                 .repository = &p->reference,
                                 .diff_id = o->image->diff_ids[i],
                                 .wanted = i < o->manifest.layers.len ? &o->manifest.layers.items[i] : NULL };
        /* the same layer twice in an image is sent once: the second finds the first */
        if (!registry_blob_claim(p->registry, o->image->diff_ids[i], p->is_cancelled))
                return mn_fail(err, MN_INTERNAL, "context canceled");
        mn_status status = push_layer(&spec, p->workers[worker], slot, &o->layers[i], err);
        registry_blob_unclaim(p->registry, o->image->diff_ids[i]);
        return status;
}

static mn_status push_layers(struct outgoing *o, mn_err *err) {
        push_context *p = o->p;
        size_t n = o->image->nlayers;
        const char **ids = mn_arena_array(o->arena, n + 1, sizeof(*ids));
        o->layers = mn_arena_array(o->arena, n + 1, sizeof(*o->layers));
        for (size_t job = 0; job < n; job++) {
                ids[job] = mn_arena_strndup(o->arena, o->image->diff_ids[layer_of_job(o, job)] + 7, 12);
                image_progress message = { .id = ids[job], .status = "Preparing" };
                if (!p->report(p->report_arg, &message))
                        return mn_fail(err, MN_INTERNAL, "context canceled");
        }
        transfer_group group = { .njobs = n,
                                 .ids = ids,
                                 .max_parallel = registry_settings(p->registry)->max_uploads,
                                 .run = push_job,
                                 .arg = o,
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
static const char *write_manifest(const struct outgoing *o, const char *config_digest, mn_str *out) {
        bool is_docker = true;
        for (size_t i = 0; i < o->image->nlayers; i++)
                is_docker = is_docker && is_docker_type(o->layers[i].media_type);
        const char *type = is_docker ? DOCKER_MEDIA_MANIFEST : OCI_MEDIA_MANIFEST;
        mn_str_printf(out, "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":", type);
        add_descriptor(out, is_docker ? DOCKER_MEDIA_CONFIG : OCI_MEDIA_CONFIG, config_digest,
                       (int64_t) o->image->config_len);
        mn_str_add(out, ",\"layers\":[");
        for (size_t i = 0; i < o->image->nlayers; i++) {
                const push_blob *layer = &o->layers[i];
                mn_str_add(out, i ? "," : "");
                add_descriptor(out, is_docker ? layer->media_type : oci_type(layer->media_type),
                               layer->digest, layer->size_bytes);
        }
        mn_str_add(out, "]}");
        return type;
}

mn_status push_put_manifest(push_context *p, const image_ingest_document *manifest, const char *name,
                            mn_err *err) {
        cleanup_free char *content_type = mn_asprintf("Content-Type: %s", manifest->media_type);
        cleanup_free char *target = mn_asprintf("manifests/%s", name ? name : manifest->digest);
        const char *headers[] = { content_type, NULL };
        registry_request request = {
                .method = "PUT", .headers = headers, .body = manifest->data, .body_len = manifest->len
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
        if (stored && strcmp(stored, manifest->digest) != 0)
                return mn_fail(err, MN_INTERNAL, "the registry stored another manifest than was sent");
        return MN_OK;
}

mn_status push_has_manifest(push_context *p, const char *digest, bool *ret, mn_err *err) {
        cleanup_free char *target = mn_asprintf("manifests/%s", digest);
        const char *headers[] = { REGISTRY_MANIFEST_ACCEPT, NULL };
        registry_request request = { .method = "HEAD", .headers = headers };
        cleanup_registry_response registry_response response = { 0 };
        size_t endpoint = p->endpoint;
        mn_status status = registry_session_fetch(p->session, p->http, &endpoint, target, &request, &response,
                                                  err);
        *ret = !status && response.status == 200;
        return status;
}

/* ---- the image ---- */

/* Reads the manifest the image came with, when it fits the image. */
static void read_original(struct outgoing *o) {
        const image_ingest_document *d = &o->image->manifest;
        oci_document manifest;
        if (!d->data || oci_document_decode(d->data, d->len, NULL, o->arena, &manifest, NULL) ||
            manifest.kind != OCI_MANIFEST || manifest.layers.len != o->image->nlayers ||
            strcmp(manifest.config->digest, o->image->id) != 0)
                return;
        o->manifest = manifest;
}

/* True when the registry has exactly what the original names. */
static bool is_original(const struct outgoing *o) {
        if (!o->manifest.config)
                return false;
        for (size_t i = 0; i < o->image->nlayers; i++)
                if (strcmp(o->manifest.layers.items[i].digest, o->layers[i].digest) != 0)
                        return false;
        return true;
}

mn_status push_image(push_context *p, const image_export *image, const char *name, push_manifest *ret,
                     mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        struct outgoing o = { .p = p, .image = image, .arena = arena };
        read_original(&o);
        mn_status status = push_layers(&o, err);
        if (status)
                return status;
        char config_digest[MN_DIGEST_TEXT_MAX + 1];
        registry_digest_of(image->config, image->config_len, NULL, config_digest);
        status = push_bytes(p->session, p->http, p->endpoint, config_digest, image->config, image->config_len,
                            err);
        if (status)
                return status;
        cleanup_str mn_str text = MN_STR_INIT(REGISTRY_DOCUMENT_MAX);
        image_ingest_document manifest = image->manifest;
        ret->is_original = is_original(&o);
        if (!ret->is_original) {
                manifest.media_type = write_manifest(&o, config_digest, &text);
                manifest.data = mn_str_text(&text);
                manifest.len = text.len;
                registry_digest_of(manifest.data, manifest.len, NULL, ret->digest);
                manifest.digest = ret->digest;
        }
        status = push_put_manifest(p, &manifest, name, err);
        if (status)
                return status;
        mn_str_copy(ret->digest, sizeof(ret->digest), manifest.digest);
        ret->media_type = ret->is_original ? image->manifest.media_type : manifest.media_type;
        ret->size_bytes = manifest.len;
        return MN_OK;
}
