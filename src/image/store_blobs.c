/* SPDX-License-Identifier: Apache-2.0 */
/* The store's documents: files by digest, which of them images need, and what else lies among them. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "codec/digest.h"
#include "image/index.h"
#include "image/store_private.h"
#include "sys/fd.h"
#include "sys/file.h"

/* So many documents are synced one by one; more of them at once, with the file system. */
enum { SYNC_SINGLY_MAX = 16 };

/* Path below blobs/: "sha256/<hex>". The digest was checked, so the name is ours. */
static void blob_name(const char *digest, char name[MN_DIGEST_SIZE]) {
        memcpy(name, digest, strlen(digest) + 1);
        name[strcspn(name, ":")] = '/';
}

mn_status image_blob_read(image_store *images, const char *digest, mn_arena *arena, const char **ret,
                          size_t *ret_len, mn_err *err) {
        char name[MN_DIGEST_SIZE], found[MN_DIGEST_SIZE];
        cleanup_free char *text = NULL;
        size_t len = 0;
        blob_name(digest, name);
        int r = mn_file_read(images->blobs_fd, name, OCI_DOCUMENT_MAX, &text, &len);
        if (r < 0)
                return mn_err_prefix(err, MN_INTERNAL, "blob %s (%s)", digest, mn_strerror(r));
        cleanup_digest mn_digest *d = mn_digest_new(mn_digest_algorithm_of(digest));
        mn_digest_update(d, text, len);
        if (strcmp(mn_digest_finish(d, found), digest) != 0)
                return mn_fail(err, MN_INTERNAL, "blob %s is damaged", digest);
        *ret = mn_arena_strndup(arena, text, len);
        *ret_len = len;
        return MN_OK;
}

int64_t image_blob_disk_size(image_store *images, const char *digest) {
        char name[MN_DIGEST_SIZE];
        struct stat st;
        blob_name(digest, name);
        return fstatat(images->blobs_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (int64_t) st.st_blocks * 512
                                                                              : 0;
}

int64_t image_blob_size(image_store *images, const char *digest) {
        char name[MN_DIGEST_SIZE];
        struct stat st;
        blob_name(digest, name);
        return fstatat(images->blobs_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : -1;
}

bool image_has_documents(image_store *images, const struct image_record *record) {
        bool has = image_blob_size(images, record->id) >= 0;
        for (size_t i = 0; has && i < record->manifests.len; i++)
                has = image_blob_size(images, record->manifests.items[i].digest) >= 0;
        return has;
}

/* ---- writing ---- */

/* The folder of the algorithm, which the first document of its kind needs. */
static int make_folder(image_store *images, const char *name) {
        char folder[8] = { 0 };
        memcpy(folder, name, strcspn(name, "/"));
        return mkdirat(images->blobs_fd, folder, 0700);
}

mn_status image_blob_write(image_store *images, const struct image_document *d, image_blob_batch *batch,
                           mn_err *err) {
        char name[MN_DIGEST_SIZE];
        if (!d->data)
                return MN_OK;
        blob_name(d->digest, name);
        if (faccessat(images->blobs_fd, name, F_OK, 0) == 0)
                return MN_OK;
        int r = mn_file_replace(images->blobs_fd, name, d->data, d->len, 0600);
        if (r == -ENOENT && make_folder(images, name) == 0)
                r = mn_file_replace(images->blobs_fd, name, d->data, d->len, 0600);
        if (r < 0)
                return mn_fail_errno(err, r, "storing blob %s", d->digest);
        mn_vec_push(batch, mn_strdup(name));
        return MN_OK;
}

static int sync_file(int dir_fd, const char *name) {
        cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* The files, then the folders their names are in. */
static int sync_singly(image_store *images, const image_blob_batch *batch) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < batch->len; i++)
                r = sync_file(images->blobs_fd, batch->items[i]);
        for (size_t i = 0; r == 0 && i < batch->len; i++) {
                size_t n = strcspn(batch->items[i], "/");
                if (i && !strncmp(batch->items[i], batch->items[i - 1], n + 1))
                        continue;
                cleanup_free char *folder = mn_strndup(batch->items[i], n);
                r = mn_sync_dir(images->blobs_fd, folder);
        }
        return r;
}

mn_status image_blobs_sync(image_store *images, const image_blob_batch *batch, mn_err *err) {
        int r = 0;
        if (batch->len <= SYNC_SINGLY_MAX)
                r = sync_singly(images, batch);
        else if (syncfs(images->blobs_fd) < 0)
                r = -errno;
        return r < 0 ? mn_fail_errno(err, r, "storing the documents of an image") : MN_OK;
}

void image_blobs_release(image_store *images, image_blob_batch *batch, bool drops) {
        for (size_t i = 0; i < batch->len; i++) {
                if (drops)
                        unlinkat(images->blobs_fd, batch->items[i], 0);
                mn_freep(&batch->items[i]);
        }
        mn_vec_release(batch);
}

/* ---- removing ---- */

void image_blob_remove(image_store *images, const char *digest) {
        char name[MN_DIGEST_SIZE];
        if (mn_str_is_empty(digest))
                return;
        blob_name(digest, name);
        unlinkat(images->blobs_fd, name, 0);
}

/* True when an index or an image names the document. With `lock`. */
static bool is_named(const image_store *images, const char *digest) {
        return mn_map_has(images->indexes, digest) || mn_map_has(images->images, digest) ||
               mn_map_has(images->by_manifest, digest) || mn_map_has(images->attached, digest);
}

void image_document_release(image_store *images, const char *digest) {
        if (!mn_str_is_empty(digest))
                mn_map_set(images->released, digest, images);
}

void image_collect_documents(image_store *images) {
        cleanup_map mn_map *gone = mn_map_new(NULL);
        const char *digest;
        image_lock(images);
        for (size_t pos = 0; mn_map_next(images->released, &pos, &digest, NULL);)
                if (!is_named(images, digest))
                        mn_map_set(gone, digest, images);
        mn_map_free(images->released);
        images->released = mn_map_new(NULL);
        image_unlock(images);
        for (size_t pos = 0; mn_map_next(gone, &pos, &digest, NULL);)
                image_blob_remove(images, digest);
}

/* ---- what is known ---- */

mn_map *image_known_blobs(image_store *images) {
        mn_map *known = mn_map_new(NULL);
        struct image_record *record;
        struct index_record *index;
        for (size_t pos = 0; mn_map_next(images->images, &pos, NULL, (void **) &record);) {
                mn_map_set(known, record->id, images);
                for (size_t i = 0; i < record->manifests.len; i++)
                        mn_map_set(known, record->manifests.items[i].digest, images);
        }
        for (size_t pos = 0; mn_map_next(images->indexes, &pos, NULL, (void **) &index);) {
                mn_map_set(known, index->digest, images);
                for (size_t i = 0; i < index->nblobs; i++)
                        mn_map_set(known, index->blobs[i], images);
        }
        return known;
}

/* Digests of the files below blobs/<algorithm> that are not known. */
static void add_orphans(image_store *images, const char *algorithm, const mn_map *known, char ***list) {
        int fd = openat(images->blobs_fd, algorithm, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                mn_close(fd);
                return;
        }
        for (struct dirent *e; (e = readdir(dir));) {
                cleanup_free char *digest = mn_asprintf("%s:%s", algorithm, e->d_name);
                if (e->d_type == DT_REG && strlen(digest) < MN_DIGEST_SIZE && !mn_map_has(known, digest))
                        mn_strv_add(list, digest);
        }
        closedir(dir);
}

void image_each_orphan_blob(image_store *images, void (*each)(void *arg, const char *digest), void *arg) {
        cleanup_strv char **orphans = NULL;
        image_lock(images);
        cleanup_map mn_map *known = image_known_blobs(images);
        image_unlock(images);
        add_orphans(images, "sha256", known, &orphans);
        add_orphans(images, "sha512", known, &orphans);
        for (char **digest = orphans; digest && *digest; digest++)
                each(arg, *digest);
}
