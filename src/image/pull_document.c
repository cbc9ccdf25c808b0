/* SPDX-License-Identifier: Apache-2.0 */
#include "image/pull_document.h"

#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/vec.h"
#include "base/str.h"
#include "image/policy_verify.h"

enum { TAG_LIST_MAX = 10000 };

mn_status pull_fail(const registry_response *response, const mn_reference *reference, mn_err *err) {
        char text[MN_REFERENCE_TEXT_SIZE];
        registry_error error;
        registry_error_read(response, &error);
        bool is_missing = strcmp(error.code, "MANIFEST_UNKNOWN") == 0 ||
                          (response->status == 404 && !error.code[0]);
        if (is_missing)
                return mn_fail(err, MN_NOT_FOUND, "manifest for %s not found: %s",
                               mn_reference_familiar(reference, text), error.text);
        if (strcmp(error.code, "NAME_UNKNOWN") == 0)
                return mn_fail(err, MN_NOT_FOUND, "repository %s not found: %s",
                               mn_reference_familiar_name(reference, text), error.text);
        if (strcmp(error.code, "DENIED") == 0)
                return mn_fail(err, MN_NOT_FOUND,
                               "pull access denied for %s, repository does not exist or may require 'docker "
                               "login': %s",
                               mn_reference_familiar_name(reference, text), error.text);
        return mn_fail(err, MN_INTERNAL, "%s", error.text);
}

static pull_text keep(mn_arena *arena, const mn_str *body) {
        return (pull_text){ mn_arena_strndup(arena, mn_str_text(body), body->len), body->len };
}

/* ---- manifests ---- */

/* Fetches manifests/<what>. `expected_digest` ("" for a tag) must be the digest of the bytes that came. */
static mn_status fetch_manifest(registry_session *session, registry_http *http, size_t *endpoint,
                                const mn_reference *reference, const char *what, const char *expected_digest,
                                mn_arena *arena, pull_text *ret, const char **ret_type,
                                char ret_digest[MN_DIGEST_TEXT_MAX + 1], mn_err *err) {
        cleanup_free char *target = mn_asprintf("manifests/%s", what);
        const char *headers[] = { REGISTRY_MANIFEST_ACCEPT, NULL };
        registry_request request = { .method = "GET", .headers = headers, .max_body = REGISTRY_DOCUMENT_MAX };
        cleanup_registry_response registry_response response = { 0 };
        mn_status status = registry_session_fetch(session, http, endpoint, target, &request, &response, err);
        if (status)
                return status == MN_UNAVAILABLE ? MN_INTERNAL : status;
        if (response.status != 200)
                return pull_fail(&response, reference, err);
        registry_digest_of(mn_str_text(&response.body), response.body.len, expected_digest, ret_digest);
        if (*expected_digest && strcmp(ret_digest, expected_digest) != 0)
                return mn_fail(err, MN_INTERNAL, "manifest verification failed for digest %s",
                               expected_digest);
        const char *claimed = registry_response_header(&response, "docker-content-digest");
        bool is_comparable = claimed && strncmp(claimed, ret_digest, 7) == 0;
        if (is_comparable && strcmp(claimed, ret_digest) != 0)
                return mn_fail(err, MN_INTERNAL,
                               "manifest verification failed: the registry announces %.80s and sends %s",
                               claimed, ret_digest);
        const char *type = registry_response_header(&response, "content-type");
        *ret_type = type ? mn_arena_strdup(arena, type) : NULL;
        *ret = keep(arena, &response.body);
        return MN_OK;
}

mn_status pull_top_document(registry_session *session, registry_http *http, size_t *endpoint,
                            const mn_reference *reference, mn_arena *arena, pull_text *ret,
                            const char **ret_content_type, char ret_digest[MN_DIGEST_TEXT_MAX + 1],
                            mn_err *err) {
        const char *what = reference->digest[0] ? reference->digest : reference->tag;
        return fetch_manifest(session, http, endpoint, reference, what, reference->digest, arena, ret,
                              ret_content_type, ret_digest, err);
}

/* Follows an index to the manifest of the platform. */
static mn_status fetch_chosen(pull_document *doc, registry_session *session, registry_http *http,
                              const pull_document_spec *spec, const oci_document *index, mn_arena *arena,
                              mn_err *err) {
        char platform[IMAGE_PLATFORM_TEXT_SIZE];
        const oci_descriptor *chosen = registry_manifest_choose(index, spec->platform);
        if (!chosen)
                return mn_fail(err, MN_NOT_FOUND, "no matching manifest for %s in the manifest list entries",
                               image_platform_text(spec->platform, platform));
        const char *type;
        mn_status status = fetch_manifest(session, http, &doc->endpoint, spec->reference, chosen->digest,
                                          chosen->digest, arena, &doc->manifest_text, &type,
                                          doc->manifest_digest, err);
        if (status)
                return status;
        if ((int64_t) doc->manifest_text.len != chosen->size)
                return mn_fail(err, MN_INTERNAL, "manifest %s has %zu bytes, its index says %lld",
                               chosen->digest, doc->manifest_text.len, (long long) chosen->size);
        status = registry_manifest_parse(type, doc->manifest_text.data, doc->manifest_text.len, arena,
                                         &doc->manifest, err);
        if (status)
                return status;
        if (doc->manifest.kind == OCI_INDEX)
                return mn_fail(err, MN_INVALID, "manifest: an index within an index: refused");
        return MN_OK;
}

/* With the very digests whose bytes were parsed; nothing is fetched again afterwards. */
static mn_status check_policy(pull_document *doc, registry_session *session, registry_http *http,
                              const pull_document_spec *spec, mn_arena *arena, mn_err *err) {
        bool has_index = doc->index_text.data != NULL;
        policy_check_spec check = { .session = session,
                                    .http = http,
                                    .endpoint = doc->endpoint,
                                    .reference = spec->reference,
                                    .digests = { has_index ? doc->index_digest : doc->manifest_digest,
                                                 has_index ? doc->manifest_digest : NULL },
                                    .is_verified = spec->is_verified };
        return policy_check(&check, arena, &doc->signers, err);
}

mn_status pull_document_fetch(pull_document *doc, registry_session *session, registry_http *http,
                              const pull_document_spec *spec, mn_arena *arena, mn_err *err) {
        pull_text top;
        const char *type;
        char digest[MN_DIGEST_TEXT_MAX + 1];
        oci_document manifest;
        mn_status status = pull_top_document(session, http, &doc->endpoint, spec->reference, arena, &top,
                                             &type, digest, err);
        if (!status)
                status = registry_manifest_parse(type, top.data, top.len, arena, &manifest, err);
        if (status)
                return status;
        if (manifest.kind == OCI_INDEX) {
                doc->index_text = top;
                doc->index_media_type = manifest.media_type;
                mn_str_copy(doc->index_digest, sizeof(doc->index_digest), digest);
                status = fetch_chosen(doc, session, http, spec, &manifest, arena, err);
        } else {
                doc->manifest_text = top;
                mn_str_copy(doc->manifest_digest, sizeof(doc->manifest_digest), digest);
                doc->manifest = manifest;
        }
        if (!status)
                status = registry_manifest_check_image(&doc->manifest, err);
        return status ? status : check_policy(doc, session, http, spec, arena, err);
}

/* ---- small blobs ---- */

mn_status pull_small_blob(registry_session *session, registry_http *http, size_t *endpoint,
                          const oci_descriptor *descriptor, mn_arena *arena, pull_text *ret, mn_err *err) {
        if (descriptor->size > REGISTRY_DOCUMENT_MAX)
                return mn_fail(err, MN_TOO_LARGE, "blob %s: %lld bytes, at most %d are allowed",
                               descriptor->digest, (long long) descriptor->size, REGISTRY_DOCUMENT_MAX);
        cleanup_free char *target = mn_asprintf("blobs/%s", descriptor->digest);
        registry_request request = { .method = "GET", .max_body = REGISTRY_DOCUMENT_MAX };
        cleanup_registry_response registry_response response = { 0 };
        mn_status status = registry_session_fetch(session, http, endpoint, target, &request, &response, err);
        if (status)
                return status == MN_UNAVAILABLE ? MN_INTERNAL : status;
        if (response.status != 200) {
                registry_error error;
                registry_error_read(&response, &error);
                return mn_fail(err, MN_INTERNAL, "blob %s: %s", descriptor->digest, error.text);
        }
        char digest[MN_DIGEST_TEXT_MAX + 1];
        if ((int64_t) response.body.len != descriptor->size)
                return mn_fail(err, MN_INTERNAL,
                               "blob %s: the registry sends %zu bytes, its manifest says %lld",
                               descriptor->digest, response.body.len, (long long) descriptor->size);
        registry_digest_of(mn_str_text(&response.body), response.body.len, descriptor->digest, digest);
        if (strcmp(digest, descriptor->digest) != 0)
                return mn_fail(err, MN_INTERNAL, "image config verification failed for digest %s",
                               descriptor->digest);
        *ret = keep(arena, &response.body);
        return MN_OK;
}

mn_status pull_document_fetch_config(pull_document *doc, registry_session *session, registry_http *http,
                                     mn_arena *arena, mn_err *err) {
        size_t endpoint = doc->endpoint;
        mn_status status = pull_small_blob(session, http, &endpoint, doc->manifest.config, arena,
                                           &doc->config_text, err);
        if (status)
                return status;
        return registry_config_parse(doc->config_text.data, doc->config_text.len, &doc->manifest, arena,
                                     &doc->config, err);
}

/* ---- tags ---- */

struct tag_list {
        char **tags;
};
static const mn_field tag_list_fields[] = { { "tags", &mn_type_strv, offsetof(struct tag_list, tags), 0 },
                                            { 0 } };
static const mn_type tag_list_type = MN_STRUCT(struct tag_list, tag_list_fields);

typedef MN_VEC(char *) tag_vec;

static mn_status add_page(const registry_response *response, mn_arena *arena, tag_vec *tags, mn_err *err) {
        struct tag_list list;
        mn_status status = mn_json_decode_text(&tag_list_type, mn_str_text(&response->body),
                                               response->body.len, NULL, arena, MN_UNKNOWN_IGNORE, &list,
                                               err);
        if (status)
                return mn_err_prefix(err, MN_INTERNAL, "list of tags");
        for (char **tag = list.tags; tag && *tag; tag++) {
                if (!mn_reference_is_tag(*tag))
                        return mn_fail(err, MN_INTERNAL, "list of tags: the registry sent an invalid tag");
                if (tags->len == TAG_LIST_MAX)
                        return mn_fail(err, MN_TOO_LARGE, "list of tags: more than %d", TAG_LIST_MAX);
                mn_vec_push(tags, *tag);
        }
        return MN_OK;
}

/* `Link: </v2/x/tags/list?last=b&n=2>; rel="next"`: what follows the repository, or NULL. Only the query is
   taken over, so that the link cannot lead elsewhere. */
static char *next_page(const registry_response *response) {
        const char *link = registry_response_header(response, "link");
        const char *query = link && strstr(link, "next") ? strchr(link, '?') : NULL;
        if (!query)
                return NULL;
        return mn_asprintf("tags/list%.*s", (int) strcspn(query, "> \t\""), query);
}

mn_status pull_list_tags(registry_session *session, registry_http *http, const mn_reference *reference,
                         mn_arena *arena, char ***ret, mn_err *err) {
        tag_vec tags = { 0 };
        size_t endpoint = 0;
        cleanup_free char *target = mn_strdup("tags/list");
        mn_status status = MN_OK;
        while (target && !status) {
                size_t had = tags.len;
                cleanup_registry_response registry_response response = { 0 };
                registry_request request = { .method = "GET" };
                status = registry_session_fetch(session, http, &endpoint, target, &request, &response, err);
                mn_freep(&target);
                target = NULL;
                if (status)
                        break;
                if (response.status != 200) {
                        status = pull_fail(&response, reference, err);
                        break;
                }
                status = add_page(&response, arena, &tags, err);
                if (tags.len > had) /* a page without news would be asked for again and again */
                        target = next_page(&response);
        }
        if (!status && !tags.len)
                status = mn_fail(err, MN_NOT_FOUND, "No tags available in remote repository %s",
                                 reference->path);
        if (!status) {
                char **list = mn_arena_array(arena, tags.len + 1, sizeof(*list));
                memcpy(list, tags.items, tags.len * sizeof(*list));
                *ret = list;
        }
        mn_vec_release(&tags);
        return status == MN_UNAVAILABLE ? MN_INTERNAL : status;
}
