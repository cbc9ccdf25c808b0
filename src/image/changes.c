/* SPDX-License-Identifier: Apache-2.0 */
/* `diff`: what an overlay's upper directory changes against the layers below. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/vec.h"
#include "image/image.h"
#include "sys/fd.h"

enum { MAX_DEPTH = 1000 };

enum { MODIFIED, ADDED, DELETED }; /* wire_change.kind */

struct walk {
        mn_arena *arena;
        MN_VEC(wire_change) changes;
};

static void add_change(struct walk *w, const char *path, int32_t kind) {
        mn_vec_push(&w->changes, ((wire_change){ mn_arena_strdup(w->arena, path), kind }));
}

static bool is_opaque(int fd) {
        char value = '\0';
        return fgetxattr(fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static bool is_dot(const char *name) {
        return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A stream over the directory that leaves the descriptor usable. */
static DIR *open_stream(int fd) {
        int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = own < 0 ? NULL : fdopendir(own);
        if (!dir)
                mn_close(own);
        return dir;
}

/* An opaque directory hides all it does not have itself. */
static void add_hidden(struct walk *w, int upper, int lower, const char *path) {
        DIR *dir = open_stream(lower);
        struct stat st;
        for (struct dirent *e; dir && (e = readdir(dir));) {
                if (is_dot(e->d_name) || fstatat(upper, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                        continue;
                cleanup_free char *below = mn_asprintf("%s/%s", path, e->d_name);
                add_change(w, below, DELETED);
        }
        if (dir)
                closedir(dir);
}

static int walk_directory(struct walk *w, int upper, int lower, const char *path, unsigned depth);

/* `lower` is the same directory of the image, or -1 when it has none. */
static int walk_entry(struct walk *w, int upper, int lower, const char *name, const char *path,
                      unsigned depth) {
        struct stat st, below;
        if (fstatat(upper, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        bool has_lower = lower >= 0 && fstatat(lower, name, &below, AT_SYMLINK_NOFOLLOW) == 0;
        if (S_ISCHR(st.st_mode) && st.st_rdev == 0) {
                if (has_lower)
                        add_change(w, path, DELETED);
                return 0;
        }
        add_change(w, path, has_lower ? MODIFIED : ADDED);
        if (!S_ISDIR(st.st_mode))
                return 0;
        cleanup_close int dir = openat(upper, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        cleanup_close int lower_dir = -1;
        if (has_lower && S_ISDIR(below.st_mode))
                lower_dir = openat(lower, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0)
                return errno == ENOENT ? 0 : -errno;
        if (lower_dir >= 0 && is_opaque(dir))
                add_hidden(w, dir, lower_dir, path);
        return walk_directory(w, dir, lower_dir, path, depth + 1);
}

static int walk_directory(struct walk *w, int upper, int lower, const char *path, unsigned depth) {
        if (depth > MAX_DEPTH)
                return -ELOOP;
        DIR *dir = open_stream(upper);
        if (!dir)
                return -errno;
        int r = 0;
        for (struct dirent *e; r == 0 && (e = readdir(dir));) {
                if (is_dot(e->d_name))
                        continue;
                cleanup_free char *below = mn_asprintf("%s/%s", path, e->d_name);
                r = walk_entry(w, upper, lower, e->d_name, below, depth);
        }
        closedir(dir);
        return r;
}

static int compare_paths(const void *a, const void *b) {
        return strcmp(((const wire_change *) a)->path, ((const wire_change *) b)->path);
}

mn_status image_changes(image_store *images, const char *image_id, int container_fd, mn_arena *arena,
                        wire_change_list *ret, mn_err *err) {
        cleanup_close int upper = openat(container_fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (upper < 0 && errno == ENOENT) {
                *ret = (wire_change_list){ 0 }; /* never started: nothing was written */
                return MN_OK;
        }
        if (upper < 0)
                return mn_fail_errno(err, -errno, "cannot read the container's files");
        cleanup_close int lower = -1;
        image_rootfs_spec spec = {
                .image_id = image_id, .container_fd = -1, .is_readonly = true, .userns_fd = -1
        };
        mn_status status = image_rootfs_mount(images, &spec, &lower, err);
        if (status)
                return status;
        struct walk w = { .arena = arena };
        int r = walk_directory(&w, upper, lower, "", 0);
        if (r == 0 && w.changes.len) {
                qsort(w.changes.items, w.changes.len, sizeof(*w.changes.items), compare_paths);
                ret->items = mn_arena_array(arena, w.changes.len, sizeof(*ret->items));
                memcpy(ret->items, w.changes.items, w.changes.len * sizeof(*ret->items));
        }
        if (r == 0)
                ret->len = w.changes.len;
        mn_vec_release(&w.changes);
        return r < 0 ? mn_fail_errno(err, r, "cannot read the container's files") : MN_OK;
}
