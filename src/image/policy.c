/* SPDX-License-Identifier: Apache-2.0 */
#include "image/policy.h"

#include <stdio.h>
#include <string.h>

#include "base/strv.h"

/* ---- the document ---- */

struct identity_document {
        char *type, *docker_reference, *docker_repository, *prefix, *signed_prefix;
};
static const mn_field identity_fields[] = {
        { "type", &mn_type_str, offsetof(struct identity_document, type), MN_REQUIRED },
        { "dockerReference", &mn_type_str, offsetof(struct identity_document, docker_reference), 0 },
        { "dockerRepository", &mn_type_str, offsetof(struct identity_document, docker_repository), 0 },
        { "prefix", &mn_type_str, offsetof(struct identity_document, prefix), 0 },
        { "signedPrefix", &mn_type_str, offsetof(struct identity_document, signed_prefix), 0 },
        { 0 },
};
static const mn_type identity_type = MN_STRUCT(struct identity_document, identity_fields);
static const mn_type identity_ptr = MN_PTR_TO(&identity_type);

struct requirement_document {
        char *type;
        char *key_path, *key_data;
        char **key_paths, **key_datas;
        struct identity_document *identity;
        const mn_json *key_type, *fulcio, *pki, *rekor_path, *rekor_paths, *rekor_data, *rekor_datas;
};
static const mn_field requirement_fields[] = {
        { "type", &mn_type_str, offsetof(struct requirement_document, type), MN_REQUIRED },
        { "keyPath", &mn_type_str, offsetof(struct requirement_document, key_path), 0 },
        { "keyPaths", &mn_type_strv, offsetof(struct requirement_document, key_paths), 0 },
        { "keyData", &mn_type_str, offsetof(struct requirement_document, key_data), 0 },
        { "keyDatas", &mn_type_strv, offsetof(struct requirement_document, key_datas), 0 },
        { "signedIdentity", &identity_ptr, offsetof(struct requirement_document, identity), 0 },
        { "keyType", &mn_type_raw, offsetof(struct requirement_document, key_type), 0 },
        { "fulcio", &mn_type_raw, offsetof(struct requirement_document, fulcio), 0 },
        { "pki", &mn_type_raw, offsetof(struct requirement_document, pki), 0 },
        { "rekorPublicKeyPath", &mn_type_raw, offsetof(struct requirement_document, rekor_path), 0 },
        { "rekorPublicKeyPaths", &mn_type_raw, offsetof(struct requirement_document, rekor_paths), 0 },
        { "rekorPublicKeyData", &mn_type_raw, offsetof(struct requirement_document, rekor_data), 0 },
        { "rekorPublicKeyDatas", &mn_type_raw, offsetof(struct requirement_document, rekor_datas), 0 },
        { 0 },
};
static const mn_type requirement_type = MN_STRUCT(struct requirement_document, requirement_fields);
static const mn_type requirement_list = MN_LIST_OF(&requirement_type);
typedef MN_LIST(struct requirement_document) requirement_document_list;
static const mn_type scope_map = MN_MAP_OF(&requirement_list);
typedef MN_KEYED(requirement_document_list) scope_document_map;
static const mn_type transport_map = MN_MAP_OF(&scope_map);

struct policy_document {
        requirement_document_list fallback;
        MN_KEYED(scope_document_map) transports;
};
static const mn_field policy_fields[] = {
        { "default", &requirement_list, offsetof(struct policy_document, fallback), MN_REQUIRED },
        { "transports", &transport_map, offsetof(struct policy_document, transports), 0 },
        { 0 },
};
static const mn_type policy_type = MN_STRUCT(struct policy_document, policy_fields);

/* ---- requirements ---- */

static mn_status read_identity(const struct identity_document *doc, policy_requirement *r, mn_err *err) {
        static const struct {
                const char *type;
                policy_identity matches;
        } plain[] = { { "matchRepoDigestOrExact", POLICY_MATCH_REPO_DIGEST_OR_EXACT },
                      { "matchExact", POLICY_MATCH_EXACT },
                      { "matchRepository", POLICY_MATCH_REPOSITORY },
                      { "exactReference", POLICY_EXACT_REFERENCE },
                      { "exactRepository", POLICY_EXACT_REPOSITORY },
                      { "remapIdentity", POLICY_REMAP },
                      { "matchDigest", POLICY_MATCH_DIGEST } };
        if (!doc)
                return MN_OK;
        for (size_t i = 0; i < MN_ARRAY_LEN(plain); i++) {
                if (strcmp(doc->type, plain[i].type) != 0)
                        continue;
                r->matches = plain[i].matches;
                r->prefix = doc->prefix;
                r->identity = r->matches == POLICY_EXACT_REFERENCE    ? doc->docker_reference
                              : r->matches == POLICY_EXACT_REPOSITORY ? doc->docker_repository
                                                                      : doc->signed_prefix;
                bool needs_identity = r->matches == POLICY_EXACT_REFERENCE ||
                                      r->matches == POLICY_EXACT_REPOSITORY || r->matches == POLICY_REMAP;
                if (needs_identity && mn_str_is_empty(r->identity))
                        return mn_fail(err, MN_INVALID, "signedIdentity of type %s names nothing", doc->type);
                if (r->matches == POLICY_REMAP && mn_str_is_empty(r->prefix))
                        return mn_fail(err, MN_INVALID, "signedIdentity of type %s has no prefix", doc->type);
                return MN_OK;
        }
        return mn_fail(err, MN_INVALID, "unknown signedIdentity type \"%s\"", doc->type);
}

static char **with_first(char *first, char **rest, mn_arena *arena) {
        size_t n = mn_strv_len(rest), at = 0;
        char **all = mn_arena_array(arena, n + 2, sizeof(*all));
        if (!mn_str_is_empty(first))
                all[at++] = first;
        for (size_t i = 0; i < n; i++)
                all[at++] = rest[i];
        return all;
}

static mn_status read_requirement(const struct requirement_document *doc, mn_arena *arena,
                                  policy_requirement *r, mn_err *err) {
        *r = (policy_requirement){ .type = doc->type };
        if (strcmp(doc->type, "insecureAcceptAnything") == 0) {
                r->kind = POLICY_ACCEPT;
        } else if (strcmp(doc->type, "reject") == 0) {
                r->kind = POLICY_REJECT;
        } else if (strcmp(doc->type, "signedBy") == 0) {
                r->kind = POLICY_UNSUPPORTED;
        } else if (strcmp(doc->type, "sigstoreSigned") == 0) {
                bool is_keyless = doc->fulcio || doc->pki || doc->rekor_path || doc->rekor_paths ||
                                  doc->rekor_data || doc->rekor_datas;
                r->kind = is_keyless ? POLICY_UNSUPPORTED : POLICY_SIGSTORE;
                r->key_paths = with_first(doc->key_path, doc->key_paths, arena);
                r->key_data = with_first(doc->key_data, doc->key_datas, arena);
                if (!is_keyless && !r->key_paths[0] && !r->key_data[0])
                        return mn_fail(err, MN_INVALID, "requirement sigstoreSigned without a key");
                return read_identity(doc->identity, r, err);
        } else {
                return mn_fail(err, MN_INVALID, "unknown policy requirement type \"%s\"", doc->type);
        }
        return MN_OK;
}

static mn_status read_list(const requirement_document_list *list, const char *scope, mn_arena *arena,
                           policy_requirements *ret, mn_err *err) {
        if (!list->len)
                return mn_fail(err, MN_INVALID, "scope \"%s\" has no requirement", scope);
        policy_requirement *items = mn_arena_array(arena, list->len, sizeof(*items));
        for (size_t i = 0; i < list->len; i++) {
                mn_status status = read_requirement(&list->items[i], arena, &items[i], err);
                if (status)
                        return mn_err_prefix(err, status, "scope \"%s\"", scope);
        }
        *ret = (policy_requirements){ mn_arena_strdup(arena, scope), items, list->len };
        return MN_OK;
}

/* ---- scopes ---- */

static const requirement_document_list *list_of(const scope_document_map *scopes, const char *scope) {
        for (size_t i = 0; i < scopes->len; i++)
                if (strcmp(scopes->items[i].key, scope) == 0)
                        return &scopes->items[i].value;
        return NULL;
}

/* The reference itself, its repository, the namespaces above, the registry, "*.example.com" and shorter ones,
 * "". */
static const requirement_document_list *find_scope(const scope_document_map *scopes,
                                                   const mn_reference *reference,
                                                   char scope[MN_REFERENCE_TEXT_SIZE]) {
        const requirement_document_list *list = list_of(scopes, mn_reference_text(reference, scope));
        if (list)
                return list;
        mn_reference_name(reference, scope);
        while (!(list = list_of(scopes, scope))) {
                char *slash = strrchr(scope, '/');
                if (!slash)
                        break;
                *slash = '\0';
        }
        if (list)
                return list;
        size_t host_len = strcspn(reference->domain, ":");
        for (const char *dot = memchr(reference->domain, '.', host_len); dot; dot = strchr(dot + 1, '.')) {
                snprintf(scope, MN_REFERENCE_TEXT_SIZE, "*%.*s", (int) (reference->domain + host_len - dot),
                         dot);
                if ((list = list_of(scopes, scope)))
                        return list;
                if (dot + 1 >= reference->domain + host_len)
                        break;
        }
        scope[0] = '\0';
        return list_of(scopes, "");
}

mn_status policy_read(const char *text, size_t len, const mn_reference *reference, mn_arena *arena,
                      policy_requirements *ret, mn_err *err) {
        struct policy_document doc;
        char scope[MN_REFERENCE_TEXT_SIZE];
        mn_status status = mn_json_decode_text(&policy_type, text, len, NULL, arena, MN_UNKNOWN_REJECT, &doc,
                                               err);
        if (status)
                return status;
        /* a mistake anywhere is a mistake everywhere: the whole policy is read before any of it is believed
         */
        if ((status = read_list(&doc.fallback, "default", arena, ret, err)))
                return status;
        const scope_document_map *docker = NULL;
        for (size_t i = 0; i < doc.transports.len; i++) {
                const scope_document_map *scopes = &doc.transports.items[i].value;
                if (strcmp(doc.transports.items[i].key, "docker") == 0)
                        docker = scopes;
                for (size_t k = 0; k < scopes->len; k++) {
                        policy_requirements unused;
                        if ((status = read_list(&scopes->items[k].value, scopes->items[k].key, arena, &unused,
                                                err)))
                                return status;
                }
        }
        const requirement_document_list *list = docker ? find_scope(docker, reference, scope) : NULL;
        return list ? read_list(list, scope, arena, ret, err) : MN_OK;
}

/* ---- identities ---- */

static bool same_reference(const mn_reference *a, const mn_reference *b) {
        return mn_reference_same_repository(a, b) && strcmp(a->tag, b->tag) == 0 &&
               strcmp(a->digest, b->digest) == 0;
}

/* The image's name with `prefix` exchanged; false when it does not begin so at a border of names. */
static bool remap(const policy_requirement *r, const mn_reference *reference, mn_reference *ret) {
        char name[MN_REFERENCE_TEXT_SIZE], mapped[2 * MN_REFERENCE_TEXT_SIZE];
        size_t len = strlen(r->prefix);
        mn_reference_text(reference, name);
        if (!mn_str_has_prefix(name, r->prefix) || !strchr("/:@", name[len]))
                snprintf(mapped, sizeof(mapped), "%s", name); /* not of the prefix: the name itself */
        else
                snprintf(mapped, sizeof(mapped), "%s%s", r->identity, name + len);
        return mn_reference_parse(mapped, ret, NULL) == MN_OK;
}

bool policy_identity_holds(const policy_requirement *r, const mn_reference *reference,
                           const char *signed_for) {
        mn_reference claimed, wanted = *reference;
        if (r->matches == POLICY_MATCH_DIGEST)
                return true;
        if (mn_str_is_empty(signed_for) || mn_reference_parse(signed_for, &claimed, NULL))
                return false;
        switch (r->matches) {
        case POLICY_MATCH_DIGEST:
        case POLICY_MATCH_REPOSITORY:
                return mn_reference_same_repository(&claimed, reference);
        case POLICY_EXACT_REPOSITORY:
                return mn_reference_parse(r->identity, &wanted, NULL) == MN_OK &&
                       mn_reference_same_repository(&claimed, &wanted);
        case POLICY_EXACT_REFERENCE:
                return mn_reference_parse(r->identity, &wanted, NULL) == MN_OK &&
                       same_reference(&claimed, &wanted);
        case POLICY_MATCH_EXACT:
                return reference->tag[0] && same_reference(&claimed, reference);
        case POLICY_REMAP:
                if (!remap(r, reference, &wanted))
                        return false;
                break;
        case POLICY_MATCH_REPO_DIGEST_OR_EXACT:
                break;
        }
        return wanted.digest[0] ? mn_reference_same_repository(&claimed, &wanted)
                                : same_reference(&claimed, &wanted);
}
