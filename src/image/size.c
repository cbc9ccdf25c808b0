/* SPDX-License-Identifier: Apache-2.0 */
/* How much a container's writable layer holds. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/vec.h"
#include "image/store_private.h"
#include "sys/fd.h"

/* Directories on the way down. Trees may be deep: each level holds a descriptor, and what lies deeper than
   this is not counted. */
enum { DEPTH_MAX = 1000 };

struct walk {
        int64_t sum;
        mn_map *seen; /* files with several names, by inode */
        MN_VEC(DIR *) dirs;
};

static void count(struct walk *w, const struct stat *st) {
        char key[32];
        if (S_ISREG(st->st_mode) && st->st_nlink > 1) {
                snprintf(key, sizeof(key), "%llu", (unsigned long long) st->st_ino);
                if (mn_map_has(w->seen, key))
                        return;
                mn_map_set(w->seen, key, w);
        }
        if (S_ISREG(st->st_mode) || S_ISLNK(st->st_mode))
                w->sum += st->st_size;
}

static int enter(struct walk *w, int parent, const char *name) {
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                mn_close(fd);
                return -errno;
        }
        mn_vec_push(&w->dirs, dir);
        return 0;
}

/* The container may run and change the tree meanwhile: what is gone is not counted. */
static void visit(struct walk *w, int dir_fd, const char *name) {
        struct stat st;
        if (!strcmp(name, ".") || !strcmp(name, "..") || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        count(w, &st);
        if (S_ISDIR(st.st_mode) && w->dirs.len < DEPTH_MAX)
                (void) enter(w, dir_fd, name);
}

static int sum_tree(int dir_fd, const char *name, int64_t *ret) {
        struct walk w = { .seen = mn_map_new(NULL) };
        int r = enter(&w, dir_fd, name);
        while (w.dirs.len) {
                DIR *dir = w.dirs.items[w.dirs.len - 1];
                struct dirent *e = readdir(dir);
                if (e) {
                        visit(&w, dirfd(dir), e->d_name);
                        continue;
                }
                closedir(dir);
                w.dirs.len--;
        }
        mn_vec_release(&w.dirs);
        mn_map_free(w.seen);
        *ret = w.sum;
        return r == -ENOENT ? 0 : r;
}

mn_status image_container_size(image_store *images, const char *image_id, int container_fd, int64_t *ret_rw,
                               int64_t *ret_rootfs, mn_err *err) {
        struct image_record *record;
        int64_t rw = 0;
        int r = sum_tree(container_fd, "upper", &rw);
        if (r < 0)
                return mn_fail_errno(err, r, "reading the writable layer");
        image_lock(images);
        mn_status st = image_find(images, image_id, &record, err);
        if (!st) {
                *ret_rw = rw;
                *ret_rootfs = rw + record->size;
        }
        image_unlock(images);
        return st;
}
