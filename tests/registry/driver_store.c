/* SPDX-License-Identifier: Apache-2.0 */
#include "driver_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/id.h"
#include "base/strv.h"
#include "codec/json.h"
#include "sys/fd.h"
#include "sys/file.h"

void driver_store_init(const char *dir) {
        static const char *const folders[] = { "layers", "images", "manifests", "refs", "sources" };
        for (size_t i = 0; i < MN_ARRAY_LEN(folders); i++) {
                cleanup_free char *path = mn_asprintf("%s/%s", dir, folders[i]);
                if (mn_mkdir_p(path, 0700) < 0)
                        abort();
        }
}

static char *path_of(void *store, const char *folder, const char *digest) {
        return mn_asprintf("%s/%s/%s", (const char *) store, folder, digest + 7);
}

static char *ref_path(void *store, const mn_reference *ref) {
        char text[MN_REFERENCE_TEXT_SIZE];
        cleanup_free char *name = mn_strdup(mn_reference_text(ref, text));
        for (char *c = name; *c; c++)
                if (*c == '/')
                        *c = '!';
        return mn_asprintf("%s/refs/%s", (const char *) store, name);
}

static mn_status begin(void *store, void **ret, mn_err *err) {
        (void) err;
        *ret = store;
        return MN_OK;
}

static void end(void *store, void *session) {
        (void) store, (void) session;
}

static bool has_layer(void *store, void *session, const char *diff_id, const char *digest) {
        (void) digest;
        (void) session;
        cleanup_free char *path = path_of(store, "layers", diff_id);
        return access(path, F_OK) == 0;
}

/* zlib reads what is not compressed as it is. */
static mn_status add_layer(void *store, void *session, const image_ingest_layer *layer, mn_err *err) {
        (void) session;
        cleanup_free char *path = path_of(store, "layers", layer->diff_id),
                          *tmp = mn_asprintf("%s.tmp", path);
        int64_t ready, at = 0;
        while ((ready = layer->wait(layer->arg, at)) > 0)
                at += ready;
        if (ready < 0)
                return mn_fail(err, MN_INTERNAL, "the layer never came");
        gzFile in = gzdopen(dup(layer->fd), "rb");
        cleanup_close int out = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        EVP_MD_CTX *hash = EVP_MD_CTX_new();
        EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
        static _Thread_local char buf[1 << 16];
        int n;
        while ((n = gzread(in, buf, sizeof(buf))) > 0) {
                EVP_DigestUpdate(hash, buf, (size_t) n);
                if (mn_write_all(out, buf, (size_t) n) < 0)
                        break;
        }
        unsigned char value[EVP_MAX_MD_SIZE];
        char hex[2 * EVP_MAX_MD_SIZE + 1];
        unsigned len;
        EVP_DigestFinal_ex(hash, value, &len);
        EVP_MD_CTX_free(hash);
        mn_hex_encode(value, len, hex);
        gzclose_r(in);
        if (n != 0 || strcmp(hex, layer->diff_id + 7) != 0) {
                unlink(tmp);
                return mn_fail(err, MN_INVALID, "layer %s: wrong diff id %s", layer->digest, hex);
        }
        rename(tmp, path);
        if (layer->report)
                layer->report(layer->arg, layer->size_bytes);
        return MN_OK;
}

static const char *find(void *store, const mn_reference *ref, const char *platform, mn_arena *arena) {
        (void) platform;
        cleanup_free char *path = ref_path(store, ref), *text = NULL;
        size_t len;
        return mn_file_read(AT_FDCWD, path, 4096, &text, &len) == 0 ? mn_arena_strdup(arena, text) : "";
}

static bool is_current(void *store, const image_ingest_image *image) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        return strcmp(find(store, image->reference, NULL, arena), image->config.digest) == 0;
}

static mn_status commit(void *store, void *session, const image_ingest_image *image, bool *ret_is_new,
                        mn_err *err) {
        (void) session;
        cleanup_arena mn_arena *arena = mn_arena_new();
        *ret_is_new = strcmp(find(store, image->reference, NULL, arena), image->config.digest) != 0;
        cleanup_free char *config = path_of(store, "images", image->config.digest);
        cleanup_free char *manifest = path_of(store, "manifests", image->manifest.digest);
        cleanup_free char *ref = ref_path(store, image->reference);
        if (mn_file_replace(AT_FDCWD, config, image->config.data, image->config.len, 0600) < 0 ||
            mn_file_replace(AT_FDCWD, manifest, image->manifest.data, image->manifest.len, 0600) < 0 ||
            mn_file_replace(AT_FDCWD, ref, image->config.digest, strlen(image->config.digest), 0600) < 0)
                return mn_fail(err, MN_INTERNAL, "cannot write");
        return MN_OK;
}

static void note_source(void *store, const char *diff_id, const image_blob_source *source) {
        cleanup_free char *path = path_of(store, "sources", diff_id);
        FILE *f = fopen(path, "a");
        if (!f)
                return;
        fprintf(f, "%s %s %s %lld\n", source->repository, source->digest, source->media_type,
                (long long) source->size_bytes);
        fclose(f);
}

static void note_push(void *store, const mn_reference *ref, const char *digest) {
        (void) store, (void) ref, (void) digest;
}

static size_t list_sources(void *store, const char *diff_id, mn_arena *arena, image_blob_source **ret) {
        cleanup_free char *path = path_of(store, "sources", diff_id);
        FILE *f = fopen(path, "r");
        char repository[512], digest[160], type[160];
        long long size;
        size_t n = 0;
        *ret = mn_arena_array(arena, 64, sizeof(**ret));
        while (f && n < 64 && fscanf(f, "%511s %159s %159s %lld", repository, digest, type, &size) == 4)
                (*ret)[n++] = (image_blob_source){ mn_arena_strdup(arena, repository),
                                                   mn_arena_strdup(arena, digest),
                                                   mn_arena_strdup(arena, type), size };
        if (f)
                fclose(f);
        return n;
}

static char **list_tags(void *store, const mn_reference *repository, mn_arena *arena) {
        mn_reference bare = *repository;
        bare.tag[0] = bare.digest[0] = '\0';
        cleanup_free char *path = ref_path(store, &bare), *dir = mn_asprintf("%s/refs", (const char *) store);
        cleanup_free char *prefix = mn_asprintf("%s:", strrchr(path, '/') + 1);
        DIR *d = opendir(dir);
        char **tags = mn_arena_array(arena, 256, sizeof(*tags));
        size_t n = 0;
        for (struct dirent *e; d && n < 255 && (e = readdir(d));)
                if (mn_str_has_prefix(e->d_name, prefix) && !strchr(e->d_name, '@'))
                        tags[n++] = mn_arena_strdup(arena, e->d_name + strlen(prefix));
        if (d)
                closedir(d);
        return tags;
}

struct config {
        char *os, *architecture;
        struct {
                char **diff_ids;
        } rootfs;
};
static const mn_field rootfs_fields[] = { { "diff_ids", &mn_type_strv, 0, 0 }, { 0 } };
static const mn_type rootfs_type = MN_STRUCT(char **, rootfs_fields);
static const mn_field config_fields[] = {
        { "os", &mn_type_str, offsetof(struct config, os), 0 },
        { "architecture", &mn_type_str, offsetof(struct config, architecture), 0 },
        { "rootfs", &rootfs_type, offsetof(struct config, rootfs), 0 },
        { 0 },
};
static const mn_type config_type = MN_STRUCT(struct config, config_fields);

static mn_status export(void *store, const char *id, mn_arena *arena, image_export *ret, mn_err *err) {
        if (!*id)
                return mn_fail(err, MN_NOT_FOUND, "no such image");
        cleanup_free char *path = path_of(store, "images", id), *data = NULL;
        size_t len;
        struct config config;
        if (mn_file_read(AT_FDCWD, path, 4 << 20, &data, &len) < 0 ||
            mn_json_decode_text(&config_type, data, len, NULL, arena, MN_UNKNOWN_IGNORE, &config, err))
                return mn_fail(err, MN_INTERNAL, "cannot read %s", path);
        *ret = (image_export){ .id = id,
                               .config = mn_arena_strndup(arena, data, len),
                               .config_len = len,
                               .os = config.os,
                               .architecture = config.architecture,
                               .variant = "",
                               .diff_ids = (const char **) config.rootfs.diff_ids,
                               .nlayers = mn_strv_len(config.rootfs.diff_ids) };
        return MN_OK;
}

static mn_status export_index(void *store, const mn_reference *ref, mn_arena *arena, image_export_index *ret,
                              mn_err *err) {
        (void) store, (void) ref, (void) arena, (void) err;
        *ret = (image_export_index){ 0 };
        return MN_OK;
}

static mn_status open_layer(void *store, const char *diff_id, layer_reader **ret, int64_t *ret_size,
                            mn_err *err) {
        cleanup_free char *path = path_of(store, "layers", diff_id);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
                return mn_fail_errno(err, -errno, "layer %s", diff_id);
        *ret_size = st.st_size;
        *ret = layer_reader_of_tar(fd);
        return MN_OK;
}

const image_ingest_ops driver_store_ops = {
        .begin = begin,
        .has_layer = has_layer,
        .add_layer = add_layer,
        .commit = commit,
        .end = end,
        .note_source = note_source,
        .list_sources = list_sources,
        .note_push = note_push,
        .is_current = is_current,
        .find = find,
        .list_tags = list_tags,
        .export = export,
        .export_index = export_index,
        .open_layer = open_layer,
};
