/* SPDX-License-Identifier: Apache-2.0 */
#include "image/pull_attestation.h"

#include <string.h>

#include "base/log.h"
#include "image/index.h"

enum { ATTESTATIONS_MAX = 8, STATEMENTS_MAX = 16, DOCUMENTS_MAX = ATTESTATIONS_MAX * (STATEMENTS_MAX + 2) };

struct attestations {
        const pull_document *doc;
        registry_session *session;
        registry_http *http;
        mn_arena *arena;
        image_ingest_document *documents;
        size_t n;
};

static void add(struct attestations *a, const char *media_type, const char *digest, const pull_text *text) {
        a->documents[a->n++] = (image_ingest_document){ media_type, digest, text->data, text->len };
}

static mn_status fetch_blob(struct attestations *a, const oci_descriptor *d, mn_err *err) {
        pull_text text;
        size_t endpoint = a->doc->endpoint;
        mn_status status = pull_small_blob(a->session, a->http, &endpoint, d, a->arena, &text, err);
        if (!status)
                add(a, d->media_type, d->digest, &text);
        return status;
}

/* The manifest and all it names, or nothing. */
static mn_status fetch_one(struct attestations *a, const mn_reference *reference, const char *wanted,
                           mn_err *err) {
        mn_reference by_digest = *reference;
        pull_text text;
        const char *type;
        char digest[MN_DIGEST_TEXT_MAX + 1];
        oci_document manifest;
        size_t endpoint = a->doc->endpoint, before = a->n;
        mn_str_copy(by_digest.digest, sizeof(by_digest.digest), wanted);
        mn_status status = pull_top_document(a->session, a->http, &endpoint, &by_digest, a->arena, &text,
                                             &type, digest, err);
        if (!status)
                status = registry_manifest_parse(type, text.data, text.len, a->arena, &manifest, err);
        if (!status && (manifest.kind != OCI_MANIFEST || manifest.layers.len > STATEMENTS_MAX))
                status = mn_fail(err, MN_INVALID, "no attestation, or one of more than %d statements",
                                 STATEMENTS_MAX);
        if (status)
                return status;
        add(a, manifest.media_type, mn_arena_strdup(a->arena, wanted), &text);
        status = fetch_blob(a, manifest.config, err);
        for (size_t i = 0; !status && i < manifest.layers.len; i++)
                status = fetch_blob(a, &manifest.layers.items[i], err);
        if (status)
                a->n = before;
        return status;
}

size_t pull_attestations(const pull_document *doc, registry_session *session, registry_http *http,
                         const mn_reference *reference, mn_arena *arena, image_ingest_document **ret) {
        struct attestations a = { .doc = doc, .session = session, .http = http, .arena = arena };
        struct index_entry *entries;
        size_t n, tried = 0;
        if (!doc->index_text.data ||
            image_index_parse(doc->index_text.data, doc->index_text.len, arena, &entries, &n, NULL))
                return 0;
        a.documents = mn_arena_array(arena, DOCUMENTS_MAX + 1, sizeof(*a.documents));
        for (size_t i = 0; i < n && tried < ATTESTATIONS_MAX; i++) {
                cleanup_err mn_err err = { 0 };
                if (entries[i].kind != INDEX_ATTESTATION ||
                    !mn_str_equal(entries[i].subject, doc->manifest_digest))
                        continue;
                tried++;
                if (fetch_one(&a, reference, entries[i].digest, &err))
                        mn_warn("an attestation was left out", " digest=%s error=\"%s\"", entries[i].digest,
                                mn_err_text(&err));
        }
        *ret = a.documents;
        return a.n;
}
