/* SPDX-License-Identifier: Apache-2.0 */
#include "image/push.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "image/platform.h"
#include "image/push_image.h"
#include "image/push_index.h"
#include "image/push_layer.h"

/* One tag on its way out. */
struct tag_push {
        image_export image;       /* what the tag points to */
        image_export_index index; /* document.data NULL: none, or only the image is wanted */
};

static mn_status tell_digest(push_context *p, const push_manifest *m, mn_err *err) {
        cleanup_free char *line = mn_asprintf("%s: digest: %s size: %zu", p->reference.tag, m->digest,
                                              m->size_bytes);
        cleanup_free char *aux = mn_asprintf("{\"Tag\":\"%s\",\"Digest\":\"%s\",\"Size\":%zu}",
                                             p->reference.tag, m->digest, m->size_bytes);
        mn_status status = push_tell(p, line, NULL, err);
        return status ? status : push_tell(p, NULL, aux, err);
}

static mn_status push_tag(push_context *p, const struct tag_push *t, mn_err *err) {
        push_manifest pushed = { 0 };
        bool is_done = false;
        mn_status status = MN_OK;
        if (t->index.document.data)
                status = push_index(p, &t->index, &pushed, &is_done, err);
        if (!status && !is_done)
                status = push_image(p, &t->image, p->reference.tag, &pushed, err);
        if (status)
                return status;
        p->ops->note_push(p->store, &p->reference, pushed.digest);
        status = tell_digest(p, &pushed, err);
        if (!status && t->index.document.data && !is_done)
                status = push_index_tell_replaced(p, &t->index, &pushed, err);
        return status;
}

/* ---- sessions and tags ---- */

/* The first endpoint that answers. */
static mn_status choose_endpoint(push_context *p, mn_err *err) {
        mn_status status = mn_fail(err, MN_INVALID, "invalid registry host \"%s\"", p->reference.domain);
        for (size_t i = 0; i < registry_session_nendpoints(p->session); i++) {
                p->endpoint = i;
                status = registry_session_probe(p->session, p->http, i, err);
                if (!status)
                        return MN_OK;
        }
        return status;
}

static mn_status push_with_session(push_context *p, const struct tag_push *t, const image_auth *auth,
                                   mn_arena *arena, mn_err *err) {
        const char *mounts = push_mount_scopes(p->ops, p->store, &p->reference, &t->image, arena);
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
                status = push_tag(p, t, err);
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

/* What the tag is: one image of the platform asked for, or all of its index. */
static mn_status export_tag(push_context *p, const image_push_spec *spec, mn_arena *arena,
                            struct tag_push *ret, mn_err *err) {
        const char *id = p->ops->find(p->store, &p->reference, spec->platform, arena);
        *ret = (struct tag_push){ 0 };
        mn_status status = p->ops->export(p->store, id, arena, &ret->image, err);
        if (!status)
                status = check_platform(spec, &ret->image, err);
        if (!status && mn_str_is_empty(spec->platform))
                status = p->ops->export_index(p->store, &p->reference, arena, &ret->index, err);
        return status;
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
        push_context p = { .ops = ops,
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
                struct tag_push t;
                snprintf(p.reference.tag, sizeof(p.reference.tag), "%s", *tag);
                status = export_tag(&p, spec, arena, &t, err);
                if (!status && tag == tags)
                        status = push_tell(&p, first, NULL, err);
                if (!status)
                        status = push_with_session(&p, &t, spec->auth, arena, err);
        }
        return status;
}
