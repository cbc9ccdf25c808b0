/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root file systems: a detached overlay of detached layer mounts, all by descriptor. Above the image's layers
 * lies Docker's init layer: the files and directories the runtime mounts onto, so that nothing an image puts
 * there (links above all) is ever followed on the host's side.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/vec.h"
#include "codec/tar.h"
#include "image/layer_private.h"
#include "image/overlay.h"
#include "image/rootfs.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mountfd.h"
#include "sys/path.h"

/* ---- overlay ---- */

/* One overlay being made: here, or on the thread of the store's mount namespace. */
struct mounting {
        image_store *images;
        const struct rootfs_overlay *spec;
        mount_space *space; /* NULL: layers are detached mounts */
        char **placed;      /* mapped layers attached in the space for this overlay */
        overlay_maker overlay;
        int fd; /* the result */
        mn_status status;
        mn_err *err;
};

/* A copy of the layer's mount through which ids are seen as the user namespace maps them. */
static int map_ids(struct mounting *m, int layer_fd) {
        cleanup_close int fd = mn_mount_clone(layer_fd, "", false);
        if (fd < 0)
                return fd;
        const mn_mount_change change = { .set = MN_MOUNT_IDMAP, .userns_fd = m->spec->userns_fd };
        int r = mn_mount_setattr(fd, "", &change);
        if (r < 0 || !m->space)
                return r < 0 ? r : MN_TAKE_FD(fd);
        char name[LAYER_TMP_NAME_SIZE];
        layer_tmp_name(name);
        mn_strv_add(&m->placed, name);
        return mount_space_attach(m->space, fd, name);
}

static mn_status add_layer(struct mounting *m, const char *diff_id) {
        cleanup_close int layer = layer_store_mount(m->images->layers_on_disk, diff_id);
        if (layer < 0)
                return mn_fail_errno(m->err, layer, "mounting layer %s", diff_id);
        if (m->spec->userns_fd <= 0) {
                int r = overlay_add_lower(&m->overlay, layer);
                return r < 0 ? mn_fail_errno(m->err, r, "adding layer %s", diff_id) : MN_OK;
        }
        cleanup_close int mapped = map_ids(m, layer);
        int r = mapped < 0 ? mapped : overlay_add_lower(&m->overlay, mapped);
        return r < 0 ? mn_fail_errno(m->err, r, "mapping the owners of layer %s", diff_id) : MN_OK;
}

/* An overlay cannot be made of one directory alone. */
static mn_status mount_single(struct mounting *m, const char *diff_id) {
        cleanup_close int layer = layer_store_mount(m->images->layers_on_disk, diff_id);
        m->fd = layer < 0 ? layer : mn_mount_clone(layer, "", false);
        return m->fd < 0 ? mn_fail_errno(m->err, m->fd, "mounting layer %s", diff_id) : MN_OK;
}

static int set_writable(struct mounting *m) {
        const struct rootfs_overlay *spec = m->spec;
        /* The kernel's mark that an earlier mount may not have reached the disk. The machine did not go down
           since then: what is volatile is removed at its next start. */
        int r = spec->is_volatile ? mn_remove_tree(spec->work_fd, "work/incompat") : 0;
        if (r < 0 || !m->space)
                return r < 0 ? r
                             : overlay_set_writable(&m->overlay, spec->upper_fd, spec->work_fd,
                                                    spec->is_volatile);
        /* The directories are on a mount of the host, which a namespace of its own sees as another. */
        cleanup_close int upper = mount_space_reopen(m->space, spec->upper_fd);
        cleanup_close int work = upper < 0 ? upper : mount_space_reopen(m->space, spec->work_fd);
        return work < 0 ? work : overlay_set_writable(&m->overlay, upper, work, spec->is_volatile);
}

static mn_status make_overlay(struct mounting *m) {
        const struct rootfs_overlay *spec = m->spec;
        mn_status st = MN_OK;
        for (size_t i = mn_strv_len(spec->layers); !st && i-- > 0;) /* the first one given is the top */
                st = add_layer(m, spec->layers[i]);
        if (st)
                return st;
        int r = spec->upper_fd >= 0 ? set_writable(m) : 0;
        if (r >= 0)
                r = overlay_mount(&m->overlay, spec->is_readonly);
        if (r < 0) {
                char message[256];
                overlay_message(&m->overlay, message, sizeof(message));
                return mn_fail_errno(m->err, r, "mounting the root file system%s%s", *message ? ": " : "",
                                     message);
        }
        m->fd = r;
        return MN_OK;
}

static void mount_layers(void *arg) {
        struct mounting *m = arg;
        char **layers = m->spec->layers;
        if (mn_strv_len(layers) == 1 && m->spec->upper_fd < 0) {
                m->status = mount_single(m, layers[0]);
                return;
        }
        int r = overlay_begin(&m->overlay, m->space, layer_store_wants_string(m->images->layers_on_disk));
        m->status = r < 0 ? mn_fail_errno(m->err, r, "opening an overlay") : make_overlay(m);
        overlay_release(&m->overlay);
        for (char **name = m->placed; name && *name; name++) /* the overlay has copies of its own */
                mount_space_detach(m->space, *name);
        mn_strv_free(m->placed);
}

mn_status rootfs_mount_layers(image_store *images, const struct rootfs_overlay *spec, int *ret_fd,
                              mn_err *err) {
        struct mounting m = { .images = images,
                              .spec = spec,
                              .space = layer_store_space(images->layers_on_disk),
                              .fd = -1,
                              .err = err };
        if (m.space)
                mount_space_run(m.space, mount_layers, &m);
        else
                mount_layers(&m);
        if (!m.status)
                *ret_fd = m.fd;
        return m.status;
}

/* ---- the init layer ---- */

static const struct {
        const char *path;
        mn_tar_type type;
        const char *link;
} init_entries[] = {
        { "dev/pts", MN_TAR_DIR, NULL },      { "dev/shm", MN_TAR_DIR, NULL },
        { "proc", MN_TAR_DIR, NULL },         { "sys", MN_TAR_DIR, NULL },
        { ".dockerenv", MN_TAR_FILE, NULL },  { "etc/resolv.conf", MN_TAR_FILE, NULL },
        { "etc/hosts", MN_TAR_FILE, NULL },   { "etc/hostname", MN_TAR_FILE, NULL },
        { "dev/console", MN_TAR_FILE, NULL }, { "etc/mtab", MN_TAR_SYMLINK, "/proc/mounts" },
};
static const char *const init_dirs[] = { ".", "dev", "etc", "proc", "sys" };

/* Adds a directory with the metadata the image gives it, so that the init layer above changes nothing. */
static void add_init_dir(int root_fd, const char *path, mn_str *tar) {
        struct stat st = { 0 };
        mn_tar_entry e = { .type = MN_TAR_DIR, .path = path, .mode = 0755 };
        if (fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
                e.mode = st.st_mode & 07777;
                e.uid = st.st_uid;
                e.gid = st.st_gid;
                e.mtime_sec = st.st_mtim.tv_sec;
                e.mtime_nsec = (uint32_t) st.st_mtim.tv_nsec;
        }
        mn_tar_write_header(&e, tar);
}

/* The init layer for an image whose root is seen at `root_fd`: stored like any other layer, so images with
   the same directories share one. */
static mn_status make_init_layer(image_store *images, int root_fd, char ret[MN_DIGEST_SIZE], mn_err *err) {
        cleanup_str mn_str tar = MN_STR_INIT(1 << 20);
        for (size_t i = 0; i < MN_ARRAY_LEN(init_dirs); i++)
                add_init_dir(root_fd, init_dirs[i], &tar);
        for (size_t i = 0; i < MN_ARRAY_LEN(init_entries); i++) {
                bool is_known = !strcmp(init_entries[i].path, "proc") || !strcmp(init_entries[i].path, "sys");
                if (is_known)
                        continue;
                mn_tar_write_header(&(mn_tar_entry){ .type = init_entries[i].type,
                                                     .path = init_entries[i].path,
                                                     .link = init_entries[i].link,
                                                     .mode = 0755 },
                                    &tar);
        }
        mn_tar_write_end(&tar);
        layer_writer *w;
        mn_status st = layer_writer_new(images->layers_on_disk, NULL, &w, err);
        if (st)
                return mn_err_prefix(err, st, "the init layer");
        layer_writer_set_scratch(w);
        st = layer_writer_feed(w, tar.data, tar.len, err);
        if (!st)
                st = layer_writer_finish(w, err);
        if (!st) {
                image_hold_layer(images, layer_writer_diff_id(w), layer_writer_size(w));
                st = layer_writer_commit(w, err);
                memcpy(ret, layer_writer_diff_id(w), MN_DIGEST_SIZE);
        }
        layer_writer_free(w);
        return st ? mn_err_prefix(err, st, "the init layer") : MN_OK;
}

/* The init layer of an image, made at its first use in the life of the daemon. */
static mn_status init_layer(image_store *images, const struct rootfs_overlay *image, const char *image_id,
                            char ret[MN_DIGEST_SIZE], mn_err *err) {
        image_lock(images);
        const char *known = mn_map_get(images->init_layers, image_id);
        if (known)
                memcpy(ret, known, strlen(known) + 1);
        image_unlock(images);
        if (known)
                return MN_OK;
        struct rootfs_overlay below = *image;
        below.upper_fd = -1;
        below.is_readonly = true;
        cleanup_close int root = -1;
        mn_status st = MN_OK;
        if (image->layers && *image->layers) /* an image may have no layer at all */
                st = rootfs_mount_layers(images, &below, &root, err);
        if (!st)
                st = make_init_layer(images, root, ret, err);
        if (st)
                return st;
        image_lock(images);
        mn_map_set(images->init_layers, image_id, mn_strdup(ret));
        image_unlock(images);
        return MN_OK;
}

/* ---- the writable layer ---- */

/* Makes `name` when it is missing; 1 when it was made. */
static int make_dir(int container_fd, const char *name, mode_t mode, int *ret_fd) {
        int r = mkdirat(container_fd, name, mode);
        if (r < 0 && errno != EEXIST)
                return -errno;
        *ret_fd = openat(container_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return *ret_fd < 0 ? -errno : r == 0;
}

/* The upper directory's own mode and owner are what the container sees at "/": taken from the layers below.
 */
static int copy_root(image_store *images, const char *top_layer, int upper_fd) {
        cleanup_close int layer = layer_store_mount(images->layers_on_disk, top_layer);
        struct stat st;
        if (layer < 0 || fstat(layer, &st) < 0)
                return layer < 0 ? layer : -errno;
        if (fchown(upper_fd, st.st_uid, st.st_gid) < 0 || fchmod(upper_fd, st.st_mode & 07777) < 0)
                return -errno;
        return 0;
}

static mn_status prepare_upper(image_store *images, int container_fd, const char *top_layer,
                               struct rootfs_overlay *overlay, mn_err *err) {
        int made = make_dir(container_fd, "upper", 0755, &overlay->upper_fd);
        int r = made < 0 ? made : make_dir(container_fd, "work", 0700, &overlay->work_fd);
        if (r >= 0 && made)
                r = copy_root(images, top_layer, overlay->upper_fd);
        return r < 0 ? mn_fail_errno(err, r, "making the writable layer") : MN_OK;
}

/* ---- image_rootfs_mount ---- */

mn_status rootfs_layers(image_store *images, const char *image_id, mn_arena *arena, char ***ret,
                        mn_err *err) {
        struct image_record *record;
        image_lock(images);
        mn_status st = image_find(images, image_id, &record, err);
        size_t n = st ? 0 : mn_strv_len(record->layers);
        char **layers = mn_arena_array(arena, n + 2, sizeof(*layers)); /* room for the init layer */
        for (size_t i = 0; i < n; i++)
                layers[i] = mn_arena_strdup(arena, record->layers[i]);
        image_unlock(images);
        *ret = layers;
        return st;
}

mn_status image_rootfs_mount(image_store *images, const image_rootfs_spec *spec, int *ret_fd, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        struct rootfs_overlay overlay = {
                .upper_fd = -1,
                .work_fd = -1,
                .is_readonly = spec->is_readonly || spec->container_fd < 0,
                .is_volatile = spec->is_volatile,
                .userns_fd = spec->userns_fd,
        };
        mn_status st = rootfs_layers(images, spec->image_id, arena, &overlay.layers, err);
        size_t n = st ? 0 : mn_strv_len(overlay.layers);
        char init[MN_DIGEST_SIZE];
        if (!st && (spec->has_init_layer || n == 0)) {
                st = init_layer(images, &overlay, spec->image_id, init, err);
                overlay.layers[n++] = init;
        }
        if (!st && spec->container_fd >= 0)
                st = prepare_upper(images, spec->container_fd, overlay.layers[n - 1], &overlay, err);
        if (!st)
                st = rootfs_mount_layers(images, &overlay, ret_fd, err);
        mn_close(overlay.upper_fd);
        mn_close(overlay.work_fd);
        if (!st && spec->container_fd >= 0)
                image_note_use(images, spec->image_id);
        return st;
}
