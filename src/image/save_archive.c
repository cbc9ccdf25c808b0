/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `save`: an archive that is a docker-archive and an OCI layout at once, as Docker writes it since version
 * 25:
 *
 *     blobs/sha256/<hex>   layers (uncompressed, or as they came when that is kept), configs, manifests; each
 * once index.json           the OCI index with names as annotations; an image of several platforms is an
 * index manifest.json        Docker's list oci-layout repositories         Docker's old map of names
 *
 * Everything in it depends on the images' contents and the names asked for only: the same images give the
 * same bytes.
 */

#include <string.h>

#include "base/strv.h"
#include "codec/tar.h"
#include "image/layer_reader.h"
#include "image/save.h"

enum { CHUNK_SIZE = 256 << 10 };

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

/* The layer's tar, or the copy the store has of its blob. */
static mn_status open_layer(struct save *s, const char *diff_id, const char *digest, layer_reader **ret,
                            int64_t *ret_size, mn_err *err) {
        if (!strcmp(diff_id, digest))
                return image_store_ingest_ops.open_layer(s->images, diff_id, ret, ret_size, err);
        int fd = image_store_ingest_ops.open_blob(s->images, diff_id, digest, ret_size);
        if (fd < 0)
                return mn_fail_errno(err, fd, "opening layer %s", digest);
        *ret = layer_reader_of_tar(fd);
        layer_reader_verify(*ret, digest, *ret_size);
        return MN_OK;
}

static mn_status put_layer(struct save *s, const char *diff_id, const char *digest, int64_t *ret_size,
                           mn_err *err) {
        cleanup_layer_reader layer_reader *reader = NULL;
        mn_status status = open_layer(s, diff_id, digest, &reader, ret_size, err);
        if (status || !is_first(s, digest))
                return status;
        cleanup_free char *path = mn_asprintf("blobs/sha256/%s", digest + 7);
        int r = put_header(s, path, MN_TAR_FILE, *ret_size);
        status = r < 0 ? MN_INTERNAL : put_contents(s, reader, digest, *ret_size, err);
        if (r == 0 && !status)
                r = put_padding(s, *ret_size);
        return r < 0 ? mn_fail_errno(err, r, "cannot write the archive") : status;
}

/* ---- manifests ---- */

static void add_descriptor(mn_str *out, const char *type, const char *digest, int64_t size) {
        mn_str_printf(out, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%lld", type, digest,
                      (long long) size);
}

/* A manifest of the layers as the archive has them. */
static void write_manifest(const struct save_part *part, mn_str *out) {
        const image_export *image = &part->image;
        mn_str_add(out, "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"config\":");
        add_descriptor(out, OCI_MEDIA_CONFIG, image->id, (int64_t) image->config_len);
        mn_str_add(out, "},\"layers\":[");
        for (size_t i = 0; i < image->nlayers; i++) {
                mn_str_add(out, i ? "," : "");
                add_descriptor(out, OCI_MEDIA_LAYER, part->layers[i], part->sizes[i]);
                mn_str_add_char(out, '}');
        }
        mn_str_add(out, "]}");
}

static int put_manifest(struct save *s, struct save_part *part) {
        cleanup_str mn_str text = MN_STR_INIT(OCI_DOCUMENT_MAX);
        const image_ingest_document *own = &part->image.manifest;
        if (part->is_original)
                mn_str_add_len(&text, own->data, own->len);
        else
                write_manifest(part, &text);
        mn_digest_of(mn_str_text(&text), text.len, part->digest);
        part->media_type = part->is_original ? own->media_type : OCI_MEDIA_MANIFEST;
        part->len = text.len;
        return put_blob(s, part->digest, mn_str_text(&text), text.len);
}

static mn_status put_part(struct save *s, struct save_part *part, mn_err *err) {
        const image_export *image = &part->image;
        part->sizes = mn_arena_array(s->arena, image->nlayers + 1, sizeof(*part->sizes));
        for (size_t i = 0; i < image->nlayers; i++) {
                mn_status status = put_layer(s, image->diff_ids[i], part->layers[i], &part->sizes[i], err);
                if (status)
                        return status;
        }
        int r = put_blob(s, image->id, image->config, image->config_len);
        if (r == 0)
                r = put_manifest(s, part);
        return r < 0 ? mn_fail_errno(err, r, "cannot write the archive") : MN_OK;
}

/* ---- indexes ---- */

static bool is_original(const struct save_unit *unit) {
        for (size_t i = 0; i < unit->nparts; i++)
                if (!unit->parts[i].is_original)
                        return false;
        return unit->index.document.data != NULL;
}

/* The index as it came, with its attestations. */
static int put_original_index(struct save *s, struct save_unit *unit) {
        const image_ingest_document *d = &unit->index.document;
        int r = 0;
        for (size_t i = 0; i < unit->index.nentries; i++) {
                const image_export_entry *e = &unit->index.entries[i];
                for (size_t k = 0; r == 0 && !e->image_id && k < e->ndocuments; k++)
                        r = put_blob(s, e->documents[k].digest, e->documents[k].data, e->documents[k].len);
        }
        mn_str_copy(unit->digest, sizeof(unit->digest), d->digest);
        unit->media_type = d->media_type;
        unit->len = d->len;
        return r == 0 ? put_blob(s, d->digest, d->data, d->len) : r;
}

/* An index of the manifests as the archive has them. */
static int put_new_index(struct save *s, struct save_unit *unit) {
        cleanup_str mn_str text = MN_STR_INIT(OCI_DOCUMENT_MAX);
        mn_str_add(&text, "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_INDEX "\",\"manifests\":[");
        for (size_t i = 0; i < unit->nparts; i++) {
                const struct save_part *part = &unit->parts[i];
                const mn_json *platform = mn_json_get(part->descriptor, "platform");
                mn_str_add(&text, i ? "," : "");
                add_descriptor(&text, part->media_type, part->digest, (int64_t) part->len);
                if (platform) {
                        mn_str_add(&text, ",\"platform\":");
                        mn_json_write(platform, &text);
                }
                mn_str_add_char(&text, '}');
        }
        mn_str_add(&text, "]}");
        mn_digest_of(mn_str_text(&text), text.len, unit->digest);
        unit->media_type = OCI_MEDIA_INDEX;
        unit->len = text.len;
        return put_blob(s, unit->digest, mn_str_text(&text), text.len);
}

static mn_status put_unit(struct save *s, struct save_unit *unit, mn_err *err) {
        mn_status status = MN_OK;
        int r = 0;
        for (size_t i = 0; !status && i < unit->nparts; i++)
                status = put_part(s, &unit->parts[i], err);
        if (status)
                return status;
        if (is_original(unit)) {
                r = put_original_index(s, unit);
        } else if (unit->nparts > 1) {
                r = put_new_index(s, unit);
        } else {
                memcpy(unit->digest, unit->parts[0].digest, sizeof(unit->digest));
                unit->media_type = unit->parts[0].media_type;
                unit->len = unit->parts[0].len;
        }
        return r < 0 ? mn_fail_errno(err, r, "cannot write the archive") : MN_OK;
}

/* ---- lists ---- */

static void add_index_entry(mn_str *out, const struct save_unit *unit, const char *full) {
        add_descriptor(out, unit->media_type, unit->digest, (int64_t) unit->len);
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
                const struct save_unit *unit = s->list.items[i];
                size_t n = unit->full.len;
                for (size_t k = 0; k < (n ? n : 1); k++) {
                        mn_str_add(&text, separator);
                        add_index_entry(&text, unit, n ? unit->full.items[k] : NULL);
                        separator = ",";
                }
        }
        mn_str_add(&text, "]}");
        return put_file(s, "index.json", mn_str_text(&text), text.len);
}

/* Docker's list has one image for each name: the one the name points to. */
static int put_docker_list(struct save *s) {
        cleanup_str mn_str text = MN_STR_INIT(0);
        mn_str_add_char(&text, '[');
        for (size_t i = 0; i < s->list.len; i++) {
                const struct save_unit *unit = s->list.items[i];
                const image_export *image = &unit->primary->image;
                mn_str_printf(&text, "%s{\"Config\":\"blobs/sha256/%s\",\"RepoTags\":", i ? "," : "",
                              image->id + 7);
                mn_str_add(&text, unit->tags.len ? "[" : "null");
                for (size_t k = 0; k < unit->tags.len; k++) {
                        mn_str_add(&text, k ? "," : "");
                        mn_json_add_str(&text, unit->tags.items[k]);
                }
                mn_str_add(&text, unit->tags.len ? "],\"Layers\":[" : ",\"Layers\":[");
                for (size_t k = 0; k < image->nlayers; k++)
                        mn_str_printf(&text, "%s\"blobs/sha256/%s\"", k ? "," : "",
                                      unit->primary->layers[k] + 7);
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
                const struct save_unit *unit = s->list.items[i];
                const image_export *image = &unit->primary->image;
                const char *top = image->nlayers ? image->diff_ids[image->nlayers - 1] : image->id;
                for (size_t k = 0; k < unit->tags.len; k++) {
                        const char *colon = strrchr(unit->tags.items[k], ':');
                        char *repository = mn_arena_strndup(s->arena, unit->tags.items[k],
                                                            (size_t) (colon - unit->tags.items[k]));
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

mn_status save_write_archive(struct save *s, mn_err *err) {
        static const char layout[] = "{\"imageLayoutVersion\": \"1.0.0\"}";
        int r = put_header(s, "blobs/", MN_TAR_DIR, 0);
        if (r == 0)
                r = put_header(s, "blobs/sha256/", MN_TAR_DIR, 0);
        for (size_t i = 0; r == 0 && i < s->list.len; i++) {
                mn_status status = put_unit(s, s->list.items[i], err);
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
