/* SPDX-License-Identifier: Apache-2.0 */
/* Which documents the store's images need, and what else lies among them. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "image/index.h"
#include "image/store_private.h"
#include "sys/fd.h"

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
