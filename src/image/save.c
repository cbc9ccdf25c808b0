/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `save`: an archive that is a docker-archive and an OCI layout at once, as Docker writes it since version
 * 25:
 *
 *     blobs/sha256/<hex>   layers (uncompressed), configs, manifests; each once
 *     index.json           the OCI index with names as annotations
 *     manifest.json        Docker's list
 *     oci-layout
 *     repositories         Docker's old map of names
 *
 * Everything in it depends on the images' contents and the names asked for only: the same images give the
 * same bytes.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/strv.h"
#include "base/vec.h"
#include "codec/digest.h"
#include "codec/tar.h"
#include "image/image.h"
#include "image/ingest.h"
#include "sys/fd.h"

enum { CHUNK_SIZE = 256 << 10 };

/* One image with the names it is saved under. */
struct saved {
        image_export image;
        MN_VEC(char *) tags; /* "localhost:5000/app:1", familiar */
        MN_VEC(char *) full; /* "docker.io/library/app:1" */
        int64_t *sizes;      /* of the layers */
        char manifest_digest[MN_DIGEST_SIZE];
        size_t manifest_len;
};

struct save {
        image_store *images;
        void *session; /* keeps what is saved from being pruned meanwhile */
        mn_arena *arena;
        image_write_fn write;
        void *arg;
        MN_VEC(struct saved *) list; /* in the order they were named first */
        mn_map *written;             /* digests of blobs in the archive */
};

/* ---- which images, which names ---- */

static struct saved *saved_of(struct save *s, const char *id, mn_err *err) {
        for (size_t i = 0; i < s->list.len; i++)
                if (strcmp(s->list.items[i]->image.id, id) == 0)
                        return s->list.items[i];
        struct saved *saved = mn_arena_alloc(s->arena, sizeof(*saved));
        if (image_store_ingest_ops.export(s->images, id, s->arena, &saved->image, err))
                return NULL;
        for (size_t i = 0; i < saved->image.nlayers; i++)
                (void) image_store_ingest_ops.has_layer(s->images, s->session, saved->image.diff_ids[i]);
        mn_vec_push(&s->list, saved);
        return saved;
}

static mn_status add_tag(struct save *s, const mn_reference *reference, mn_err *err) {
        char text[MN_REFERENCE_TEXT_SIZE];
        const char *id = image_store_ingest_ops.find(s->images, reference, s->arena);
        struct saved *saved = *id ? saved_of(s, id, err) : NULL;
        if (!saved)
                return mn_fail(err, MN_NOT_FOUND, "No such image: %s",
                               mn_reference_familiar(reference, text));
        char *familiar = mn_arena_strdup(s->arena, mn_reference_familiar(reference, text));
        for (size_t i = 0; i < saved->tags.len; i++)
                if (strcmp(saved->tags.items[i], familiar) == 0)
                        return MN_OK;
        mn_vec_push(&saved->tags, familiar);
        mn_vec_push(&saved->full, mn_arena_strdup(s->arena, mn_reference_text(reference, text)));
        return MN_OK;
}

/* "app:1" is that tag, "app" all tags of the repository, an id or digest the image without a name. */
static mn_status add_name(struct save *s, const char *name, mn_err *err) {
        char id[IMAGE_ID_SIZE];
        mn_reference reference;
        mn_status status = MN_OK;
        bool is_name = mn_reference_parse(name, &reference, NULL) == MN_OK && !reference.digest[0];
        if (is_name && reference.tag[0] && *image_store_ingest_ops.find(s->images, &reference, s->arena))
                return add_tag(s, &reference, err);
        char **tags = is_name && !reference.tag[0]
                              ? image_store_ingest_ops.list_tags(s->images, &reference, s->arena)
                              : NULL;
        for (char **tag = tags; tag && *tag && !status; tag++) {
                status = mn_reference_set_tag_or_digest(&reference, *tag, err);
                if (!status)
                        status = add_tag(s, &reference, err);
        }
        if (mn_strv_len(tags))
                return status;
        status = image_resolve(s->images, name, id, err);
        return status || saved_of(s, id, err) ? status : MN_NOT_FOUND;
}

/* ---- entries ---- */

static int put(struct save *s, const void *data, size_t len) {
        return len ? s->write(s->arg, data, len) : 0;
}

static int put_header(struct save *s, const char *path, mn_tar_type type, int64_t size) {
        mn_tar_entry entry = { .type = type,
                               .path = path,
                               .link = "",
                               .uname = "",
                               .gname = "",
                               .mode = type == MN_TAR_DIR ? 0755 : 0644,
                               .size = size };
        cleanup_str mn_str header = MN_STR_INIT(1 << 16);
        mn_tar_write_header(&entry, &header);
        return put(s, mn_str_text(&header), header.len);
}

static int put_padding(struct save *s, int64_t size) {
        static const char zeros[MN_TAR_BLOCK];
        return put(s, zeros, mn_tar_padding(size));
}

static int put_file(struct save *s, const char *path, const char *data, size_t len) {
        int r = put_header(s, path, MN_TAR_FILE, (int64_t) len);
        if (r == 0)
                r = put(s, data, len);
        return r < 0 ? r : put_padding(s, (int64_t) len);
}

/* False when the blob is in the archive already. */
static bool is_first(struct save *s, const char *digest) {
        if (mn_map_has(s->written, digest))
                return false;
        mn_map_set(s->written, digest, s);
        return true;
}

static int put_blob(struct save *s, const char *digest, const char *data, size_t len) {
        if (!is_first(s, digest))
                return 0;
        cleanup_free char *path = mn_asprintf("blobs/sha256/%s", digest + 7);
        return put_file(s, path, data, len);
}

/* The bytes of a layer; reading to its end also verifies what had to be put together. */
static mn_status put_contents(struct save *s, layer_reader *reader, const char *diff_id, int64_t size,
                              mn_err *err) {
        cleanup_free char *buf = mn_alloc(CHUNK_SIZE);
        int64_t left = size;
        ssize_t n;
        while ((n = layer_reader_read(reader, buf, CHUNK_SIZE)) > 0 && n <= left) {
                int r = put(s, buf, (size_t) n);
                if (r < 0)
                        return mn_fail_errno(err, r, "cannot write the archive");
                left -= n;
        }
        if (n < 0)
                return mn_fail_errno(err, (int) n, "layer %s is damaged on the disk", diff_id);
        return n || left ? mn_fail(err, MN_INTERNAL, "layer %s is cut short on the disk", diff_id) : MN_OK;
}

static mn_status put_layer(struct save *s, const char *diff_id, int64_t *ret_size, mn_err *err) {
        cleanup_layer_reader layer_reader *reader = NULL;
        mn_status status = image_store_ingest_ops.open_layer(s->images, diff_id, &reader, ret_size, err);
        if (status || !is_first(s, diff_id))
                return status;
        cleanup_free char *path = mn_asprintf("blobs/sha256/%s", diff_id + 7);
        int r = put_header(s, path, MN_TAR_FILE, *ret_size);
        status = r < 0 ? MN_INTERNAL : put_contents(s, reader, diff_id, *ret_size, err);
        if (r == 0 && !status)
                r = put_padding(s, *ret_size);
        return r < 0 ? mn_fail_errno(err, r, "cannot write the archive") : status;
}

/* ---- documents ---- */

static void add_manifest_descriptor(mn_str *out, const char *type, const char *digest, int64_t size) {
        mn_str_printf(out, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%lld", type, digest,
                      (long long) size);
}

static int put_manifest(struct save *s, struct saved *saved) {
        cleanup_str mn_str text = MN_STR_INIT(OCI_DOCUMENT_MAX);
        mn_str_add(&text, "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"config\":");
        add_manifest_descriptor(&text, OCI_MEDIA_CONFIG, saved->image.id, (int64_t) saved->image.config_len);
        mn_str_add(&text, "},\"layers\":[");
        for (size_t i = 0; i < saved->image.nlayers; i++) {
                mn_str_add(&text, i ? "," : "");
                add_manifest_descriptor(&text, OCI_MEDIA_LAYER, saved->image.diff_ids[i], saved->sizes[i]);
                mn_str_add_char(&text, '}');
        }
        mn_str_add(&text, "]}");
        mn_digest_of(mn_str_text(&text), text.len, saved->manifest_digest);
        saved->manifest_len = text.len;
        return put_blob(s, saved->manifest_digest, mn_str_text(&text), text.len);
}

static void add_index_entry(mn_str *out, const struct saved *saved, const char *full) {
        add_manifest_descriptor(out, OCI_MEDIA_MANIFEST, saved->manifest_digest,
                                (int64_t) saved->manifest_len);
        if (full) {
                mn_str_add(out, ",\"annotations\":{\"io.containerd.image.name\":");
                mn_json_add_str(out, full);
                mn_str_add(out, ",\"org.opencontainers.image.ref.name\":");
                mn_json_add_str(out, strrchr(full, ':') + 1);
                mn_str_add_char(out, '}');
        }
        mn_str_add_char(out, '}');
}

static int put_index(struct save *s) {
        cleanup_str mn_str text = MN_STR_INIT(0);
        mn_str_add(&text, "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_INDEX "\",\"manifests\":[");
        const char *separator = "";
        for (size_t i = 0; i < s->list.len; i++) {
                const struct saved *saved = s->list.items[i];
                size_t n = saved->full.len;
                for (size_t k = 0; k < (n ? n : 1); k++) {
                        mn_str_add(&text, separator);
                        add_index_entry(&text, saved, n ? saved->full.items[k] : NULL);
                        separator = ",";
                }
        }
        mn_str_add(&text, "]}");
        return put_file(s, "index.json", mn_str_text(&text), text.len);
}

static int put_docker_list(struct save *s) {
        cleanup_str mn_str text = MN_STR_INIT(0);
        mn_str_add_char(&text, '[');
        for (size_t i = 0; i < s->list.len; i++) {
                const struct saved *saved = s->list.items[i];
                mn_str_printf(&text, "%s{\"Config\":\"blobs/sha256/%s\",\"RepoTags\":", i ? "," : "",
                              saved->image.id + 7);
                mn_str_add(&text, saved->tags.len ? "[" : "null");
                for (size_t k = 0; k < saved->tags.len; k++) {
                        mn_str_add(&text, k ? "," : "");
                        mn_json_add_str(&text, saved->tags.items[k]);
                }
                mn_str_add(&text, saved->tags.len ? "],\"Layers\":[" : ",\"Layers\":[");
                for (size_t k = 0; k < saved->image.nlayers; k++)
                        mn_str_printf(&text, "%s\"blobs/sha256/%s\"", k ? "," : "",
                                      saved->image.diff_ids[k] + 7);
                mn_str_add(&text, "]}");
        }
        mn_str_add(&text, "]\n");
        return put_file(s, "manifest.json", mn_str_text(&text), text.len);
}

/* {"repository":{"tag":"<top layer>"}}; each repository once. */
static int put_repositories(struct save *s) {
        MN_KEYED(mn_str_map) all = { 0 };
        static const mn_type type = MN_MAP_OF(&mn_type_str_map);
        size_t max = 1;
        for (size_t i = 0; i < s->list.len; i++)
                max += s->list.items[i]->tags.len;
        all.items = mn_arena_array(s->arena, max, sizeof(*all.items));
        for (size_t i = 0; i < s->list.len; i++) {
                const struct saved *saved = s->list.items[i];
                const char *top = saved->image.nlayers ? saved->image.diff_ids[saved->image.nlayers - 1]
                                                       : saved->image.id;
                for (size_t k = 0; k < saved->tags.len; k++) {
                        const char *colon = strrchr(saved->tags.items[k], ':');
                        char *repository = mn_arena_strndup(s->arena, saved->tags.items[k],
                                                            (size_t) (colon - saved->tags.items[k]));
                        size_t at = 0;
                        while (at < all.len && strcmp(all.items[at].key, repository) != 0)
                                at++;
                        if (at == all.len)
                                all.items[all.len++].key = repository;
                        mn_str_map_set(&all.items[at].value, s->arena, colon + 1, top + 7);
                }
        }
        if (!all.len)
                return 0;
        cleanup_str mn_str text = MN_STR_INIT(0);
        mn_json_encode(&type, &all, 0, &text);
        mn_str_add_char(&text, '\n');
        return put_file(s, "repositories", mn_str_text(&text), text.len);
}

/* ---- the archive ---- */

static mn_status put_image(struct save *s, struct saved *saved, mn_err *err) {
        saved->sizes = mn_arena_array(s->arena, saved->image.nlayers + 1, sizeof(*saved->sizes));
        for (size_t i = 0; i < saved->image.nlayers; i++) {
                mn_status status = put_layer(s, saved->image.diff_ids[i], &saved->sizes[i], err);
                if (status)
                        return status;
        }
        int r = put_blob(s, saved->image.id, saved->image.config, saved->image.config_len);
        if (r == 0)
                r = put_manifest(s, saved);
        return r < 0 ? mn_fail_errno(err, r, "cannot write the archive") : MN_OK;
}

static mn_status write_archive(struct save *s, mn_err *err) {
        static const char layout[] = "{\"imageLayoutVersion\": \"1.0.0\"}";
        int r = put_header(s, "blobs/", MN_TAR_DIR, 0);
        if (r == 0)
                r = put_header(s, "blobs/sha256/", MN_TAR_DIR, 0);
        for (size_t i = 0; r == 0 && i < s->list.len; i++) {
                mn_status status = put_image(s, s->list.items[i], err);
                if (status)
                        return status;
        }
        if (r == 0 && (r = put_index(s)) == 0 && (r = put_docker_list(s)) == 0 &&
            (r = put_file(s, "oci-layout", layout, sizeof(layout) - 1)) == 0)
                r = put_repositories(s);
        if (r == 0) {
                cleanup_str mn_str end = MN_STR_INIT(0);
                mn_tar_write_end(&end);
                r = put(s, mn_str_text(&end), end.len);
        }
        return r < 0 ? mn_fail_errno(err, r, "cannot write the archive") : MN_OK;
}

mn_status image_save(image_store *images, char *const *names, image_write_fn write, void *arg, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        struct save s = {
                .images = images, .arena = arena, .write = write, .arg = arg, .written = mn_map_new(NULL)
        };
        mn_status status = image_store_ingest_ops.begin(images, &s.session, err);
        bool has_begun = !status;
        for (char *const *name = names; *name && !status; name++)
                status = add_name(&s, *name, err);
        if (!status)
                status = write_archive(&s, err);
        for (size_t i = 0; i < s.list.len; i++) {
                if (!status)
                        image_store_event(images, "save", s.list.items[i]->image.id,
                                          s.list.items[i]->image.id);
                mn_vec_release(&s.list.items[i]->tags);
                mn_vec_release(&s.list.items[i]->full);
        }
        if (has_begun)
                image_store_ingest_ops.end(images, s.session);
        mn_vec_release(&s.list);
        mn_map_free(s.written);
        return status;
}
