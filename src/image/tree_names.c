/* SPDX-License-Identifier: Apache-2.0 */
/* Names of a tree: looked up, added, and walked through links without leaving the layer. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/str.h"
#include "image/tree_private.h"

enum { NAME_MAX_LEN = 255 };

static size_t hash(const struct tree_inode *dir, const char *name, size_t len) {
        uint64_t h = (uint64_t) (uintptr_t) dir * UINT64_C(0x9e3779b97f4a7c15);
        for (size_t i = 0; i < len; i++)
                h = (h ^ (unsigned char) name[i]) * UINT64_C(0x100000001b3);
        return (size_t) (h ^ h >> 29);
}

struct tree_dentry *tree_lookup(const tree *t, const struct tree_inode *dir, const char *name, size_t len) {
        struct tree_dentry *d = t->buckets[hash(dir, name, len) & (t->nbuckets - 1)];
        while (d && (d->dir != dir || d->name_len != len || memcmp(d->name, name, len) != 0))
                d = d->next_hash;
        return d;
}

static void grow_buckets(tree *t) {
        size_t n = t->nbuckets * 4;
        struct tree_dentry **buckets = mn_alloc_array(n, sizeof(struct tree_dentry *));
        for (size_t i = 0; i < t->nbuckets; i++)
                for (struct tree_dentry *d = t->buckets[i], *next; d; d = next) {
                        next = d->next_hash;
                        size_t at = hash(d->dir, d->name, d->name_len) & (n - 1);
                        d->next_hash = buckets[at];
                        buckets[at] = d;
                }
        free(t->buckets);
        t->buckets = buckets;
        t->nbuckets = n;
}

struct tree_inode *tree_new_inode(tree *t, mode_t mode) {
        struct tree_inode *inode = mn_arena_alloc(t->arena, sizeof(*inode));
        inode->mode = mode;
        return inode;
}

struct tree_dentry *tree_add_dentry(tree *t, struct tree_inode *dir, const char *name, size_t len,
                                    struct tree_inode *inode) {
        if (t->nentries++ >= t->nbuckets)
                grow_buckets(t);
        struct tree_dentry *d = mn_arena_alloc(t->arena, sizeof(*d) + len + 1);
        memcpy(d->name, name, len);
        d->name_len = (uint8_t) len;
        d->dir = dir;
        d->inode = inode;
        d->next = dir->children;
        dir->children = d;
        dir->nchildren++;
        size_t at = hash(dir, name, len) & (t->nbuckets - 1);
        d->next_hash = t->buckets[at];
        t->buckets[at] = d;
        if (S_ISDIR(inode->mode))
                inode->parent = dir;
        return d;
}

bool tree_is_whiteout(const struct tree_inode *inode) {
        return S_ISCHR(inode->mode) && !inode->major && !inode->minor;
}

/* ---- names ---- */

char *tree_clean_path(const char *path) {
        cleanup_str mn_str out = MN_STR_INIT(MN_TAR_PATH_MAX + 1);
        while (*path) {
                size_t len = strcspn(path, "/");
                if (len == 2 && path[0] == '.' && path[1] == '.') {
                        if (!out.len)
                                return NULL;
                        const char *slash = memrchr(out.data, '/', out.len);
                        mn_str_truncate(&out, slash ? (size_t) (slash - out.data) : 0);
                } else if (len && !(len == 1 && path[0] == '.')) {
                        if (out.len)
                                mn_str_add_char(&out, '/');
                        mn_str_add_len(&out, path, len);
                }
                path += len + (path[len] == '/');
        }
        return mn_strdup(mn_str_text(&out));
}

/* What is still to be walked: a path, replaced when a symbolic link is followed. */
struct walk {
        char *buffer;
        const char *rest;
        int nlinks;
};

/* Goes on with a link's target before the rest. */
static int follow(tree *t, struct walk *w, const char *target) {
        if (++w->nlinks > TREE_LINKS_MAX)
                return tree_fail(t, -ELOOP, "too many symbolic links in a name");
        char *next = mn_asprintf("%s/%s", target, w->rest);
        free(w->buffer);
        w->buffer = next;
        w->rest = next;
        return 0;
}

/* One component below `*dir`. With `implied`, missing directories are made with its times. */
static int step(tree *t, struct walk *w, struct tree_inode **dir, const mn_tar_entry *implied) {
        const char *name = w->rest;
        size_t len = strcspn(name, "/");
        w->rest += len + (name[len] == '/');
        if (!len || (len == 1 && name[0] == '.'))
                return 0;
        if (len == 2 && name[0] == '.' &&
            name[1] == '.') { /* only links have it; the root is its own parent */
                *dir = (*dir)->parent;
                return 0;
        }
        if (len > NAME_MAX_LEN)
                return tree_fail(t, -ENAMETOOLONG, "a name is longer than 255 bytes");
        struct tree_dentry *d = tree_lookup(t, *dir, name, len);
        if (d && S_ISLNK(d->inode->mode)) {
                if (d->inode->link[0] == '/')
                        *dir = t->root;
                return follow(t, w, d->inode->link);
        }
        if (d && !S_ISDIR(d->inode->mode) && !(implied && tree_is_whiteout(d->inode)))
                return tree_fail(t, -ENOTDIR, "a name goes through something that is no directory");
        if (!d && !implied)
                return tree_fail(t, -ENOENT, "the target of a hard link is missing");
        if (!d || !S_ISDIR(d->inode->mode)) {
                struct tree_inode *made = tree_new_inode(t, S_IFDIR | 0755);
                made->mtime_sec = implied->mtime_sec;
                made->mtime_nsec = implied->mtime_nsec;
                if (d) { /* removed in lower layers and made anew here */
                        made->is_opaque = true;
                        made->parent = *dir;
                        d->inode = made;
                } else {
                        d = tree_add_dentry(t, *dir, name, len, made);
                }
        }
        *dir = d->inode;
        return 0;
}

int tree_walk_parent(tree *t, const char *path, const mn_tar_entry *implied, struct tree_inode **ret_dir,
                     const char **ret_name) {
        const char *slash = strrchr(path, '/');
        struct walk w = { .buffer = mn_strndup(path, slash ? (size_t) (slash - path) : 0) };
        w.rest = w.buffer;
        struct tree_inode *dir = t->root;
        int r = 0;
        while (r == 0 && *w.rest)
                r = step(t, &w, &dir, implied);
        free(w.buffer);
        *ret_dir = dir;
        *ret_name = slash ? slash + 1 : path;
        if (r == 0 && strlen(*ret_name) > NAME_MAX_LEN)
                return tree_fail(t, -ENAMETOOLONG, "a name is longer than 255 bytes");
        return r;
}
