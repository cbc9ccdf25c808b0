/* SPDX-License-Identifier: Apache-2.0 */
#include "image/push_layer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/digest.h"
#include "image/push_upload.h"
#include "image/registry_url.h"
#include "sys/fd.h"

enum { MOUNT_SOURCES_MAX = 3 };

/* ---- is it there? ---- */

/* The name in the registry of a source in the same registry as `repository`, or NULL. */
static const char *path_in_registry(const mn_reference *repository, const image_blob_source *source) {
        size_t len = strlen(repository->domain);
        bool is_same = strncmp(source->repository, repository->domain, len) == 0 &&
                       source->repository[len] == '/';
        return is_same ? source->repository + len + 1 : NULL;
}

static void set_blob(push_blob *ret, const image_blob_source *source) {
        snprintf(ret->digest, sizeof(ret->digest), "%s", source->digest);
        snprintf(ret->media_type, sizeof(ret->media_type), "%s", source->media_type);
        ret->size_bytes = source->size_bytes;
}

static mn_status find_existing(const push_layer_spec *spec, registry_http *http,
                               const image_blob_source *sources, size_t n, bool *ret_is_there, push_blob *ret,
                               mn_err *err) {
        size_t ntried = 0;
        for (size_t i = 0; i < n && ntried < MOUNT_SOURCES_MAX; i++) {
                bool is_known = false;
                for (size_t k = 0; k < i && !is_known; k++)
                        is_known = strcmp(sources[k].digest, sources[i].digest) == 0;
                if (is_known || !mn_digest_text_is_valid(sources[i].digest))
                        continue;
                ntried++;
                bool is_there = false;
                mn_status status = push_has_blob(spec->session, http, spec->endpoint, sources[i].digest,
                                                 sources[i].size_bytes, &is_there, err);
                if (status)
                        return status;
                if (is_there) {
                        set_blob(ret, &sources[i]);
                        *ret_is_there = true;
                        return MN_OK;
                }
        }
        return MN_OK;
}

/* ---- mounting ---- */

/* Tries to mount the blob from other repositories of the registry. When the registry starts an upload
   instead, its URL comes back in `*ret_upload`. */
static mn_status mount_blob(const push_layer_spec *spec, registry_http *http,
                            const image_blob_source *sources, size_t n, transfer_slot *slot,
                            char **ret_upload, bool *ret_is_mounted, push_blob *ret, mn_err *err) {
        size_t ntried = 0;
        for (size_t i = 0; i < n && ntried < MOUNT_SOURCES_MAX; i++) {
                const char *from = path_in_registry(spec->repository, &sources[i]);
                if (!from || strcmp(from, spec->repository->path) == 0)
                        continue;
                ntried++;
                cleanup_str mn_str query = MN_STR_INIT(4096);
                mn_str_printf(&query, "?mount=%s&from=", sources[i].digest);
                registry_url_add_escaped(&query, from);
                cleanup_registry_response registry_response response = { 0 };
                mn_status status = push_upload_post(spec, http, mn_str_text(&query), &response, err);
                if (status)
                        return status;
                if (response.status == 202 && !*ret_upload)
                        *ret_upload = push_upload_url(spec, &response);
                if (response.status != 201)
                        continue;
                set_blob(ret, &sources[i]);
                *ret_is_mounted = true;
                char note[MN_REFERENCE_NAME_MAX + 16];
                snprintf(note, sizeof(note), "Mounted from %s", from);
                transfer_note_copy(slot, note);
                return MN_OK;
        }
        return MN_OK;
}

static int compare_wanted(const void *a, const void *b, void *arg) {
        const image_blob_source *x = a, *y = b;
        return (strcmp(x->digest, arg) != 0) - (strcmp(y->digest, arg) != 0);
}

/* The wanted blob is looked for first, also where nobody knows it to be. */
static size_t put_wanted_first(const push_layer_spec *spec, mn_arena *arena, image_blob_source **sources,
                               size_t n) {
        if (!spec->wanted)
                return n;
        image_blob_source *list = mn_arena_array(arena, n + 1, sizeof(*list));
        list[0] = (image_blob_source){ "", spec->wanted->digest, spec->wanted->media_type,
                                       spec->wanted->size };
        for (size_t i = 0; i < n; i++)
                list[i + 1] = (*sources)[i];
        qsort_r(list, n + 1, sizeof(*list), compare_wanted, spec->wanted->digest);
        *sources = list;
        return n + 1;
}

/* The copy the store has of the blob that is wanted: it can be sent as it is. */
static int open_copy(const push_layer_spec *spec) {
        int64_t size;
        if (!spec->wanted || !spec->ops->open_blob || !mn_digest_text_is_valid(spec->wanted->digest))
                return -1;
        cleanup_close int fd = spec->ops->open_blob(spec->store, spec->diff_id, spec->wanted->digest, &size);
        return fd >= 0 && size == spec->wanted->size ? MN_TAKE_FD(fd) : -1;
}

mn_status push_layer(const push_layer_spec *spec, registry_http *http, transfer_slot *slot, push_blob *ret,
                     mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        image_blob_source *sources = NULL;
        size_t n = spec->ops->list_sources(spec->store, spec->diff_id, arena, &sources);
        bool is_there = false;
        cleanup_free char *mount_url = NULL;
        n = put_wanted_first(spec, arena, &sources, n);
        cleanup_close int copy = open_copy(spec);
        for (size_t i = 0; copy >= 0 && i < n; i++) /* no other blob will do */
                if (strcmp(sources[i].digest, spec->wanted->digest) != 0)
                        n = i;
        mn_status status = find_existing(spec, http, sources, n, &is_there, ret, err);
        if (status)
                return status;
        if (is_there) {
                transfer_note(slot, "Layer already exists", 0, 0);
                return MN_OK;
        }
        status = mount_blob(spec, http, sources, n, slot, &mount_url, &is_there, ret, err);
        if (!status && !is_there) {
                status = push_upload_layer(spec, http, copy, &mount_url, slot, ret, err);
                if (!status)
                        transfer_note(slot, "Pushed", 0, 0);
        }
        if (status)
                return status;
        cleanup_free char *repository = mn_asprintf("%s/%s", spec->repository->domain,
                                                    spec->repository->path);
        image_blob_source source = { repository, ret->digest, ret->media_type, ret->size_bytes };
        spec->ops->note_source(spec->store, spec->diff_id, &source);
        return MN_OK;
}

/* ---- scopes ---- */

char *push_mount_scopes(const image_ingest_ops *ops, void *store, const mn_reference *repository,
                        const image_export *image, mn_arena *arena) {
        cleanup_str mn_str scopes = MN_STR_INIT(8192);
        size_t nscopes = 0;
        for (size_t i = 0; i < image->nlayers; i++) {
                image_blob_source *sources = NULL;
                size_t n = ops->list_sources(store, image->diff_ids[i], arena, &sources);
                for (size_t k = 0; k < n && nscopes < MOUNT_SOURCES_MAX; k++) {
                        const char *path = path_in_registry(repository, &sources[k]);
                        if (!path || strcmp(path, repository->path) == 0)
                                continue;
                        cleanup_free char *scope = mn_asprintf("repository:%s:pull", path);
                        if (strstr(mn_str_text(&scopes), scope))
                                continue;
                        mn_str_printf(&scopes, "%s%s", nscopes++ ? " " : "", scope);
                }
        }
        return mn_arena_strdup(arena, mn_str_text(&scopes));
}
