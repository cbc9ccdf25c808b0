/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cosign.h"

#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "codec/base64.h"
#include "codec/digest.h"
#include "image/pull_document.h"

#define SIMPLE_SIGNING_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
#define BUNDLE_TYPE_PREFIX "application/vnd.dev.sigstore.bundle"
#define SIGN_PREDICATE "https://sigstore.dev/cosign/sign/v1"
#define IN_TOTO_TYPE "application/vnd.in-toto+json"

static const char *const signature_keys[] = { "dev.cosignproject.cosign/signature",
                                              "dev.sigstore.cosign/signature" };

/* Where signatures are collected. */
struct collection {
        registry_session *session;
        registry_http *http;
        size_t endpoint;
        const char *digest; /* of the image */
        size_t max;
        mn_arena *arena;
        MN_VEC(cosign_signature) found;
};

static bool is_full(const struct collection *c) {
        return c->found.len >= c->max;
}

/* Decodes base64 into the arena; false when it is none. */
static bool decode(const char *text, mn_arena *arena, const char **ret, size_t *ret_len) {
        cleanup_str mn_str bytes = MN_STR_INIT(REGISTRY_DOCUMENT_MAX);
        if (!text || mn_base64_decode(text, strlen(text), &bytes) < 0)
                return false;
        *ret = mn_arena_strndup(arena, mn_str_text(&bytes), bytes.len);
        *ret_len = bytes.len;
        return true;
}

/* Fetches manifests/<what>; data NULL when the registry has none. */
static mn_status fetch_document(struct collection *c, const char *path, pull_text *ret, mn_err *err) {
        const char *headers[] = { REGISTRY_MANIFEST_ACCEPT, NULL };
        registry_request request = { .method = "GET", .headers = headers };
        cleanup_registry_response registry_response response = { 0 };
        mn_status status = registry_session_fetch(c->session, c->http, &c->endpoint, path, &request,
                                                  &response, err);
        *ret = (pull_text){ 0 };
        if (status)
                return mn_err_prefix(err, MN_INTERNAL, "cannot look for signatures");
        if (response.status == 404 || response.status == 405)
                return MN_OK;
        if (response.status != 200) {
                registry_error error;
                registry_error_read(&response, &error);
                return mn_fail(err, MN_INTERNAL, "cannot look for signatures: %s", error.text);
        }
        *ret = (pull_text){ mn_arena_strndup(c->arena, mn_str_text(&response.body), response.body.len),
                            response.body.len };
        return MN_OK;
}

static bool parse(struct collection *c, const pull_text *text, oci_document *ret) {
        return text->data &&
               registry_manifest_parse(NULL, text->data, text->len, c->arena, ret, NULL) == MN_OK;
}

/* ---- simple signing ---- */

static const char *signature_annotation(const oci_descriptor *layer) {
        for (size_t i = 0; i < MN_ARRAY_LEN(signature_keys); i++) {
                const char *value = mn_str_map_get(&layer->annotations, signature_keys[i]);
                if (value)
                        return value;
        }
        return NULL;
}

static void collect_simple(struct collection *c, const oci_descriptor *layer) {
        cosign_signature s = { .form = COSIGN_SIMPLE_SIGNING };
        pull_text payload;
        size_t endpoint = c->endpoint;
        bool is_payload = layer->media_type && strcmp(layer->media_type, SIMPLE_SIGNING_TYPE) == 0;
        if (!is_payload || !decode(signature_annotation(layer), c->arena, &s.signature, &s.signature_len) ||
            pull_small_blob(c->session, c->http, &endpoint, layer, c->arena, &payload, NULL))
                return;
        s.payload = s.signed_data = payload.data;
        s.payload_len = s.signed_len = payload.len;
        mn_vec_push(&c->found, s);
}

static mn_status collect_tag(struct collection *c, mn_err *err) {
        pull_text text;
        oci_document manifest;
        cleanup_free char *path = mn_asprintf("manifests/%.6s-%s.sig", c->digest, c->digest + 7);
        mn_status status = fetch_document(c, path, &text, err);
        if (status || !parse(c, &text, &manifest) || manifest.kind != OCI_MANIFEST)
                return status;
        for (size_t i = 0; i < manifest.layers.len && !is_full(c); i++)
                collect_simple(c, &manifest.layers.items[i]);
        return MN_OK;
}

/* ---- bundles ---- */

struct envelope {
        char *payload, *payload_type;
        struct {
                struct {
                        char *sig;
                } * items;
                size_t len;
        } signatures;
};
struct bundle {
        struct envelope *dsse;
};
typedef __typeof__(*((struct envelope *) 0)->signatures.items) envelope_signature;
static const mn_field envelope_signature_fields[] = {
        { "sig", &mn_type_str, offsetof(envelope_signature, sig), 0 }, { 0 }
};
static const mn_type envelope_signature_type = MN_STRUCT(envelope_signature, envelope_signature_fields);
static const mn_type envelope_signature_list = MN_LIST_OF(&envelope_signature_type);
static const mn_field envelope_fields[] = {
        { "payload", &mn_type_str, offsetof(struct envelope, payload), 0 },
        { "payloadType", &mn_type_str, offsetof(struct envelope, payload_type), 0 },
        { "signatures", &envelope_signature_list, offsetof(struct envelope, signatures), 0 },
        { 0 },
};
static const mn_type envelope_type = MN_STRUCT(struct envelope, envelope_fields);
static const mn_type envelope_ptr = MN_PTR_TO(&envelope_type);
static const mn_field bundle_fields[] = { { "dsseEnvelope", &envelope_ptr, offsetof(struct bundle, dsse), 0 },
                                          { 0 } };
static const mn_type bundle_type = MN_STRUCT(struct bundle, bundle_fields);

/* DSSE's pre-authentication encoding: "DSSEv1 <len> <type> <len> <payload>". */
static void encode_dsse(struct collection *c, const char *type, cosign_signature *s) {
        cleanup_str mn_str text = MN_STR_INIT(2 * REGISTRY_DOCUMENT_MAX);
        mn_str_printf(&text, "DSSEv1 %zu %s %zu ", strlen(type), type, s->payload_len);
        mn_str_add_len(&text, s->payload, s->payload_len);
        s->signed_data = mn_arena_strndup(c->arena, mn_str_text(&text), text.len);
        s->signed_len = text.len;
}

static void collect_bundle(struct collection *c, const pull_text *text) {
        struct bundle bundle;
        cosign_signature s = { .form = COSIGN_DSSE };
        if (mn_json_decode_text(&bundle_type, text->data, text->len, NULL, c->arena, MN_UNKNOWN_IGNORE,
                                &bundle, NULL) ||
            !bundle.dsse || !mn_str_equal(bundle.dsse->payload_type, IN_TOTO_TYPE) ||
            !decode(bundle.dsse->payload, c->arena, &s.payload, &s.payload_len))
                return;
        encode_dsse(c, bundle.dsse->payload_type, &s);
        for (size_t i = 0; i < bundle.dsse->signatures.len && !is_full(c); i++)
                if (decode(bundle.dsse->signatures.items[i].sig, c->arena, &s.signature, &s.signature_len))
                        mn_vec_push(&c->found, s);
}

/* A manifest that refers to the image, and the bundle in it. */
static mn_status collect_referrer(struct collection *c, const oci_descriptor *d, mn_err *err) {
        pull_text text, blob;
        oci_document manifest;
        char digest[MN_DIGEST_SIZE];
        size_t endpoint = c->endpoint;
        cleanup_free char *path = mn_asprintf("manifests/%s", d->digest);
        mn_status status = fetch_document(c, path, &text, err);
        if (status || !text.data)
                return status;
        registry_digest_of(text.data, text.len, d->digest, digest);
        bool is_about_image = strcmp(digest, d->digest) == 0 && parse(c, &text, &manifest) &&
                              manifest.kind == OCI_MANIFEST && manifest.subject &&
                              strcmp(manifest.subject->digest, c->digest) == 0 && manifest.layers.len == 1;
        if (is_about_image && !pull_small_blob(c->session, c->http, &endpoint, &manifest.layers.items[0],
                                               c->arena, &blob, NULL))
                collect_bundle(c, &blob);
        return MN_OK;
}

static mn_status collect_referrers(struct collection *c, mn_err *err) {
        pull_text text;
        oci_document index;
        cleanup_free char *path = mn_asprintf("referrers/%s", c->digest);
        cleanup_free char *fallback = mn_asprintf("manifests/%.6s-%s", c->digest, c->digest + 7);
        mn_status status = fetch_document(c, path, &text, err);
        if (!status && !text.data)
                status = fetch_document(c, fallback, &text, err);
        if (status || !parse(c, &text, &index) || index.kind != OCI_INDEX)
                return status;
        for (size_t i = 0; i < index.manifests.len && i < c->max && !is_full(c) && !status; i++) {
                const oci_descriptor *d = &index.manifests.items[i];
                if (d->artifact_type && mn_str_has_prefix(d->artifact_type, BUNDLE_TYPE_PREFIX))
                        status = collect_referrer(c, d, err);
        }
        return status;
}

mn_status cosign_fetch(registry_session *session, registry_http *http, size_t endpoint, const char *digest,
                       size_t max, mn_arena *arena, cosign_signature_list *ret, mn_err *err) {
        struct collection c = { .session = session,
                                .http = http,
                                .endpoint = endpoint,
                                .digest = digest,
                                .max = max,
                                .arena = arena };
        mn_status status = collect_tag(&c, err);
        if (!status && !is_full(&c))
                status = collect_referrers(&c, err);
        if (!status) {
                ret->items = mn_arena_array(arena, c.found.len + 1, sizeof(*ret->items));
                ret->len = c.found.len;
                for (size_t i = 0; i < c.found.len; i++)
                        ret->items[i] = c.found.items[i];
        }
        mn_vec_release(&c.found);
        return status;
}

/* ---- claims ---- */

static mn_status read_simple_claim(const mn_json *root, cosign_claim *ret, mn_err *err) {
        const mn_json *critical = mn_json_get(root, "critical");
        const char *type = mn_json_get_str(critical, "type");
        const char *digest = mn_json_get_str(mn_json_get(critical, "image"), "docker-manifest-digest");
        const char *reference = mn_json_get_str(mn_json_get(critical, "identity"), "docker-reference");
        if (!mn_str_equal(type, "cosign container image signature") || !mn_digest_text_is_valid(digest))
                return mn_fail(err, MN_INVALID, "not cosign's claim about an image");
        *ret = (cosign_claim){ digest, reference ? reference : "" };
        return MN_OK;
}

static mn_status read_statement(const mn_json *root, const char *digest, cosign_claim *ret, mn_err *err) {
        const char *type = mn_json_get_str(root, "_type"),
                   *predicate = mn_json_get_str(root, "predicateType");
        bool is_statement = mn_str_equal(type, "https://in-toto.io/Statement/v1") ||
                            mn_str_equal(type, "https://in-toto.io/Statement/v0.1");
        if (!is_statement || !mn_str_equal(predicate, SIGN_PREDICATE))
                return mn_fail(err, MN_INVALID, "not cosign's statement about an image");
        const mn_json *subjects = mn_json_get(root, "subject");
        for (const mn_json *s = subjects && subjects->kind == MN_JSON_ARRAY ? subjects->child : NULL; s;
             s = s->next) {
                const char *hex = mn_json_get_str(mn_json_get(s, "digest"), "sha256");
                const char *name = mn_json_get_str(s, "name");
                if (!hex || !mn_str_has_prefix(digest, "sha256:") || strcmp(hex, digest + 7) != 0)
                        continue;
                *ret = (cosign_claim){ digest, name ? name : "" };
                return MN_OK;
        }
        return mn_fail(err, MN_INVALID, "the statement is about something else");
}

mn_status cosign_read_claim(const cosign_signature *signature, const char *digest, mn_arena *arena,
                            cosign_claim *ret, mn_err *err) {
        const mn_json *root;
        mn_status status = mn_json_parse(arena, signature->payload, signature->payload_len, NULL, &root, err);
        if (status)
                return status;
        return signature->form == COSIGN_DSSE ? read_statement(root, digest, ret, err)
                                              : read_simple_claim(root, ret, err);
}
