/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of layers. */

#include "image/layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "base/num.h"
#include "base/str.h"
#include "image/layer_blob.h"
#include "image/layer_private.h"
#include "sys/fd.h"
#include "sys/file.h"

const char *layer_name(const char *diff_id) {
        return strchr(diff_id, ':') + 1;
}

/* ---- opening ---- */

/* What a former daemon did not finish, or not remove. */
static void remove_unfinished(layer_store *layers) {
        int fd = openat(layers->tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                mn_close(fd);
                return;
        }
        for (struct dirent *e; (e = readdir(dir));)
                if (mn_str_has_prefix(e->d_name, LAYER_TMP_PREFIX))
                        image_trash_add(layers->trash, e->d_name, -1);
        closedir(dir);
}

static int open_folder(const char *root, const char *name) {
        cleanup_free char *path = mn_asprintf("%s/%s", root, name);
        int r = mn_mkdir_p(path, 0700);
        if (r < 0)
                return r;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static void close_mount(void *mount) {
        mn_close(*(int *) mount);
        free(mount);
}

mn_status layer_store_open(const char *data_root, const layer_options *options, layer_store **ret,
                           mn_err *err) {
        layer_store *layers = mn_alloc(sizeof(*layers));
        pthread_mutex_init(&layers->lock, NULL);
        pthread_mutex_init(&layers->owed_lock, NULL);
        pthread_mutex_init(&layers->sync_lock, NULL);
        layers->mounts = mn_map_new(close_mount);
        layers->owed = mn_map_new(NULL);
        layers->tmp_fd = open_folder(data_root, "tmp");
        layers->fd = open_folder(data_root, "layers");
        layers->trash = image_trash_new(layers->tmp_fd);
        layers->unpack_path = options->unpack_path ? mn_strdup(options->unpack_path) : NULL;
        layers->decompressors = decompress_pool_new(options->decompress_path);
        mn_status st = MN_OK;
        if (layers->fd < 0 || layers->tmp_fd < 0) {
                st = mn_fail_errno(err, layers->fd < 0 ? layers->fd : layers->tmp_fd, "opening \"%s/layers\"",
                                   data_root);
        } else {
                remove_unfinished(layers);
                st = layer_store_choose(layers, data_root, options, err);
        }
        if (st) {
                layer_store_close(layers);
                return st;
        }
        *ret = layers;
        return MN_OK;
}

void layer_store_close(layer_store *layers) {
        if (!layers)
                return;
        image_trash_free(layers->trash);
        mn_map_free(layers->mounts);
        mn_map_free(layers->owed);
        mount_space_free(layers->space);
        mn_close(layers->fd);
        mn_close(layers->tmp_fd);
        free(layers->unpack_path);
        decompress_pool_free(layers->decompressors);
        pthread_mutex_destroy(&layers->lock);
        pthread_mutex_destroy(&layers->owed_lock);
        pthread_mutex_destroy(&layers->sync_lock);
        free(layers);
}

decompress_pool *layer_store_decompressors(const layer_store *layers) {
        return layers->decompressors;
}

const char *layer_store_driver(const layer_store *layers) {
        return layers->driver->name;
}

const char *layer_store_backing(const layer_store *layers) {
        return layers->driver->backing;
}

const char *layer_store_place(const layer_store *layers) {
        if (!layers->space)
                return "detached";
        return layers->wants_string ? "in a mount namespace of the daemon, named in one string"
                                    : "in a mount namespace of the daemon";
}

struct mount_space *layer_store_space(const layer_store *layers) {
        return layers->space;
}

bool layer_store_wants_string(const layer_store *layers) {
        return layers->wants_string;
}

/* ---- asking ---- */

static int open_layer_in(int folder_fd, const char *diff_id) {
        int fd = openat(folder_fd, layer_name(diff_id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int open_layer(layer_store *layers, const char *diff_id) {
        return open_layer_in(layers->fd, diff_id);
}

int layer_store_open_tar(layer_store *layers, const char *diff_id, layer_reader **ret, int64_t *ret_size) {
        cleanup_close int dir = open_layer(layers, diff_id);
        if (dir < 0)
                return dir;
        struct layer_sizes sizes;
        struct stat st;
        cleanup_close int fd = openat(dir, "tar", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &st) == 0) {
                *ret_size = st.st_size;
                *ret = layer_reader_of_tar(MN_TAKE_FD(fd));
                return 0;
        }
        int r = layer_sizes_read(dir, &sizes);
        if (r == 0)
                r = layer_reader_of_tree(dir, ret);
        if (r < 0)
                return r;
        layer_reader_verify(*ret, diff_id, sizes.tar);
        *ret_size = sizes.tar;
        return 0;
}

int layer_sizes_write(int dir_fd, const struct layer_sizes *sizes) {
        char text[64];
        int len = snprintf(text, sizeof(text), "%lld %lld\n", (long long) sizes->tar,
                           (long long) sizes->disk);
        return mn_file_create(dir_fd, "sizes", text, (size_t) len, 0600);
}

int layer_sizes_read(int dir_fd, struct layer_sizes *ret) {
        cleanup_free char *text = NULL;
        size_t len;
        int r = mn_file_read(dir_fd, "sizes", 64, &text, &len);
        char *space = r < 0 ? NULL : strchr(text, ' ');
        char *end = space ? strchr(space, '\n') : NULL;
        if (!end)
                return r < 0 ? r : -EBADMSG;
        *space = *end = '\0';
        r = mn_parse_i64(text, 0, INT64_MAX, &ret->tar);
        return r < 0 ? r : mn_parse_i64(space + 1, 0, INT64_MAX, &ret->disk);
}

/* Sizes of a layer that is there: what it takes on the disk includes its directory. */
static int measure(layer_store *layers, const char *diff_id, struct layer_sizes *ret) {
        cleanup_close int dir = open_layer(layers, diff_id);
        struct stat st, own;
        if (dir < 0 || fstat(dir, &own) < 0)
                return dir < 0 ? dir : -errno;
        if (fstatat(dir, "tar", &st, AT_SYMLINK_NOFOLLOW) < 0)
                return layer_sizes_read(dir, ret);
        *ret = (struct layer_sizes){ st.st_size, ((int64_t) st.st_blocks + own.st_blocks) * 512 };
        if (fstatat(dir, "index", &st, AT_SYMLINK_NOFOLLOW) == 0)
                ret->disk += (int64_t) st.st_blocks * 512;
        return 0;
}

bool layer_store_has(layer_store *layers, const char *diff_id, int64_t *ret_size) {
        struct layer_sizes sizes;
        if (measure(layers, diff_id, &sizes) < 0)
                return false;
        if (ret_size)
                *ret_size = sizes.tar;
        return true;
}

bool layer_store_is_tree(layer_store *layers, const char *diff_id) {
        cleanup_close int dir = open_layer(layers, diff_id);
        return dir >= 0 && faccessat(dir, "tar", F_OK, 0) < 0;
}

int64_t layer_store_disk_size(layer_store *layers, const char *diff_id) {
        struct layer_sizes sizes;
        return measure(layers, diff_id, &sizes) < 0 ? 0 : sizes.disk + layer_blob_disk_size(layers, diff_id);
}

/* ---- mounting ---- */

/* A layer made by the other driver keeps working after a change of the driver. */
static int mount_from(layer_store *layers, int folder_fd, const char *diff_id) {
        cleanup_close int dir = open_layer_in(folder_fd, diff_id);
        if (dir < 0)
                return dir;
        if (faccessat(dir, "index", F_OK, 0) < 0)
                return layer_driver_unpack.mount(dir);
        return layers->erofs ? layers->erofs->mount(dir) : -ENODEV;
}

struct mounting {
        layer_store *layers;
        const char *diff_id;
        int result;
};

/* On the thread of the space. */
static void mount_attached(void *arg) {
        struct mounting *m = arg;
        mount_space *space = m->layers->space;
        cleanup_close int fd = mount_from(m->layers, mount_space_layers(space), m->diff_id);
        m->result = fd < 0 ? fd : mount_space_attach(space, fd, layer_name(m->diff_id));
}

static void detach(void *arg) {
        struct mounting *m = arg;
        mount_space_detach(m->layers->space, layer_name(m->diff_id));
}

static int mount_layer(layer_store *layers, const char *diff_id) {
        if (!layers->space)
                return mount_from(layers, layers->fd, diff_id);
        struct mounting m = { layers, diff_id, 0 };
        mount_space_run(layers->space, mount_attached, &m);
        return m.result;
}

int layer_store_mount(layer_store *layers, const char *diff_id) {
        pthread_mutex_lock(&layers->lock);
        int *cached = mn_map_get(layers->mounts, layer_name(diff_id));
        int fd = cached ? *cached : mount_layer(layers, diff_id);
        if (fd >= 0 && !cached) {
                cached = mn_alloc(sizeof(*cached));
                *cached = fd;
                mn_map_set(layers->mounts, layer_name(diff_id), cached);
        }
        int result = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd >= 0 && result < 0)
                result = -errno;
        pthread_mutex_unlock(&layers->lock);
        return result;
}

mn_status layer_store_each(layer_store *layers, void (*each)(void *arg, const char *diff_id), void *arg,
                           mn_err *err) {
        int fd = openat(layers->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                mn_close(fd);
                return mn_fail_errno(err, -errno, "reading the folder of layers");
        }
        for (struct dirent *e; (e = readdir(dir));) {
                char text[MN_DIGEST_SIZE + 8];
                snprintf(text, sizeof(text), "%s:%.*s", strlen(e->d_name) > 64 ? "sha512" : "sha256",
                         MN_DIGEST_TEXT_MAX, e->d_name);
                if (mn_digest_text_is_valid(text))
                        each(arg, text);
        }
        closedir(dir);
        return MN_OK;
}

/* ---- removing ---- */

/* The layer's mount, which the caller closes; -1 when it has none. */
static int take_mount(layer_store *layers, const char *diff_id) {
        pthread_mutex_lock(&layers->lock);
        cleanup_free int *mount = mn_map_take(layers->mounts, layer_name(diff_id));
        if (mount && layers->space)
                mount_space_run(layers->space, detach, &(struct mounting){ layers, diff_id, 0 });
        pthread_mutex_unlock(&layers->lock);
        return mount ? *mount : -1;
}

int layer_store_exchange(layer_store *layers, const char *diff_id, const char *name) {
        if (renameat2(layers->tmp_fd, name, layers->fd, layer_name(diff_id), RENAME_EXCHANGE) < 0)
                return -errno;
        image_trash_add(layers->trash, name, take_mount(layers, diff_id));
        return layer_store_sync(layers);
}

mn_status layer_store_remove(layer_store *layers, const char *diff_id, mn_err *err) {
        char name[LAYER_TMP_NAME_SIZE];
        int mount = take_mount(layers, diff_id);
        /* out of sight first, so that a crash leaves nothing half removed */
        layer_tmp_name(name);
        int r = renameat(layers->fd, layer_name(diff_id), layers->tmp_fd, name) < 0 ? -errno : 0;
        if (r == 0)
                image_trash_add(layers->trash, name, mount);
        else
                mn_close(mount);
        return r == 0 || r == -ENOENT ? MN_OK : mn_fail_errno(err, r, "removing layer %s", diff_id);
}
