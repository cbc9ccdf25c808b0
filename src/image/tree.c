/* SPDX-License-Identifier: Apache-2.0 */
/* From tar entries to a tree: names, links, whiteouts, entries that come twice. */

#include "image/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/str.h"
#include "image/erofs_format.h"

struct tree {
        mn_arena *arena;
        struct tree_inode *root;
        struct tree_dentry **buckets;
        size_t nbuckets; /* a power of two */
        size_t nentries;
        const char *problem;
        struct tree_inode *last;
};

enum { FIRST_BUCKETS = 1024, WHITEOUT_PREFIX_LEN = 4, NAME_MAX_LEN = 255 };

/* ---- the tree ---- */

tree *tree_new(void) {
        tree *t = mn_alloc(sizeof(*t));
        t->arena = mn_arena_new();
        t->nbuckets = FIRST_BUCKETS;
        t->buckets = mn_alloc_array(t->nbuckets, sizeof(struct tree_dentry *));
        t->root = mn_arena_alloc(t->arena, sizeof(*t->root));
        t->root->mode = S_IFDIR | 0755;
        t->root->parent = t->root;
        return t;
}

void tree_free(tree *t) {
        if (!t)
                return;
        mn_arena_free(t->arena);
        free(t->buckets);
        free(t);
}

struct tree_inode *tree_root(const tree *t) {
        return t->root;
}

mn_arena *tree_arena(const tree *t) {
        return t->arena;
}

const char *tree_problem(const tree *t) {
        return t->problem ? t->problem : "";
}

static int fail(tree *t, int error, const char *problem) {
        t->problem = problem;
        return error;
}

static size_t hash(const struct tree_inode *dir, const char *name, size_t len) {
        uint64_t h = (uint64_t) (uintptr_t) dir * UINT64_C(0x9e3779b97f4a7c15);
        for (size_t i = 0; i < len; i++)
                h = (h ^ (unsigned char) name[i]) * UINT64_C(0x100000001b3);
        return (size_t) (h ^ h >> 29);
}

static struct tree_dentry *lookup(const tree *t, const struct tree_inode *dir, const char *name, size_t len) {
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

static struct tree_inode *new_inode(tree *t, mode_t mode) {
        struct tree_inode *inode = mn_arena_alloc(t->arena, sizeof(*inode));
        inode->mode = mode;
        return inode;
}

static struct tree_dentry *add_dentry(tree *t, struct tree_inode *dir, const char *name, size_t len,
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

static bool is_whiteout(const struct tree_inode *inode) {
        return S_ISCHR(inode->mode) && !inode->major && !inode->minor;
}

/* ---- names ---- */

/* The name without empty and "." components, ".." taken lexically as Docker does: "a/b", "" for the root.
   Heap; NULL when it leads out of the layer. */
static char *clean_path(const char *path) {
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
                return fail(t, -ELOOP, "too many symbolic links in a name");
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
                return fail(t, -ENAMETOOLONG, "a name is longer than 255 bytes");
        struct tree_dentry *d = lookup(t, *dir, name, len);
        if (d && S_ISLNK(d->inode->mode)) {
                if (d->inode->link[0] == '/')
                        *dir = t->root;
                return follow(t, w, d->inode->link);
        }
        if (d && !S_ISDIR(d->inode->mode) && !(implied && is_whiteout(d->inode)))
                return fail(t, -ENOTDIR, "a name goes through something that is no directory");
        if (!d && !implied)
                return fail(t, -ENOENT, "the target of a hard link is missing");
        if (!d || !S_ISDIR(d->inode->mode)) {
                struct tree_inode *made = new_inode(t, S_IFDIR | 0755);
                made->mtime_sec = implied->mtime_sec;
                made->mtime_nsec = implied->mtime_nsec;
                if (d) { /* removed in lower layers and made anew here */
                        made->is_opaque = true;
                        made->parent = *dir;
                        d->inode = made;
                } else {
                        d = add_dentry(t, *dir, name, len, made);
                }
        }
        *dir = d->inode;
        return 0;
}

/* The directory that `path` (clean) lies in, and its last component. */
static int walk_parent(tree *t, const char *path, const mn_tar_entry *implied, struct tree_inode **ret_dir,
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
                return fail(t, -ENAMETOOLONG, "a name is longer than 255 bytes");
        return r;
}

/* ---- entries ---- */

/* Attributes an image may set: file capabilities, ACLs and the user's, but none that steer overlayfs. */
static const char *keep_xattr(const char *name, uint8_t *ret_prefix) {
        if (mn_str_has_prefix(name, "user.") && !mn_str_has_prefix(name, "user.overlay.") && name[5]) {
                *ret_prefix = EROFS_XATTR_USER;
                return name + 5;
        }
        if (!strcmp(name, "security.capability")) {
                *ret_prefix = EROFS_XATTR_SECURITY;
                return "capability";
        }
        if (!strcmp(name, "system.posix_acl_access") || !strcmp(name, "system.posix_acl_default")) {
                *ret_prefix = name[17] == 'a' ? EROFS_XATTR_ACL_ACCESS : EROFS_XATTR_ACL_DEFAULT;
                return "";
        }
        return NULL;
}

static void copy_xattrs(tree *t, struct tree_inode *inode, const mn_tar_entry *e) {
        inode->xattrs = NULL;
        for (size_t i = e->nxattrs; i-- > 0;) {
                uint8_t prefix;
                const char *name = keep_xattr(e->xattrs[i].name, &prefix);
                if (!name || e->xattrs[i].len > UINT16_MAX)
                        continue;
                struct tree_xattr *x = mn_arena_alloc(t->arena, sizeof(*x));
                x->name = mn_arena_strdup(t->arena, name);
                x->name_len = (uint8_t) strlen(name);
                x->value = memcpy(mn_arena_alloc(t->arena, e->xattrs[i].len + 1), e->xattrs[i].value,
                                  e->xattrs[i].len);
                x->value_len = (uint16_t) e->xattrs[i].len;
                x->prefix = prefix;
                x->next = inode->xattrs;
                inode->xattrs = x;
        }
}

static void copy_metadata(tree *t, struct tree_inode *inode, const mn_tar_entry *e) {
        inode->mode = (inode->mode & S_IFMT) | (S_ISLNK(inode->mode) ? 0777 : e->mode);
        inode->uid = e->uid;
        inode->gid = e->gid;
        inode->mtime_sec = e->mtime_sec;
        inode->mtime_nsec = e->mtime_nsec;
        copy_xattrs(t, inode, e);
}

static void copy_pieces(tree *t, struct tree_inode *inode, const mn_tar_entry *e) {
        mn_tar_piece *pieces = mn_arena_array(t->arena, e->npieces + 1, sizeof(*pieces));
        for (size_t i = 0; i < e->npieces; i++)
                pieces[i] = e->pieces[i];
        inode->pieces = pieces;
        inode->npieces = e->npieces;
        inode->is_sparse = true;
}

static struct tree_inode *make_inode(tree *t, const mn_tar_entry *e) {
        static const mode_t types[] = {
                [MN_TAR_FILE] = S_IFREG,         [MN_TAR_SYMLINK] = S_IFLNK, [MN_TAR_CHAR] = S_IFCHR,
                [MN_TAR_BLOCK_DEVICE] = S_IFBLK, [MN_TAR_DIR] = S_IFDIR,     [MN_TAR_FIFO] = S_IFIFO,
        };
        struct tree_inode *inode = new_inode(t, types[e->type]);
        copy_metadata(t, inode, e);
        inode->major = e->major;
        inode->minor = e->minor;
        inode->size = e->size;
        inode->data_offset = e->data_offset;
        if (e->type == MN_TAR_SYMLINK) {
                inode->link = mn_arena_strdup(t->arena, e->link);
                inode->size = (int64_t) strlen(e->link);
        }
        if (e->is_sparse)
                copy_pieces(t, inode, e);
        return inode;
}

/* Puts an inode under a name; the last entry of a name wins. */
static void put(tree *t, struct tree_inode *dir, const char *name, struct tree_inode *inode) {
        struct tree_dentry *d = lookup(t, dir, name, strlen(name));
        if (!d) {
                add_dentry(t, dir, name, strlen(name), inode);
                return;
        }
        if (S_ISDIR(inode->mode)) {
                inode->is_opaque = inode->is_opaque || is_whiteout(d->inode);
                inode->parent = dir;
        }
        d->inode = inode;
}

static int find_link_target(tree *t, const mn_tar_entry *e, struct tree_inode **ret) {
        cleanup_free char *target = clean_path(e->link);
        if (!target)
                return fail(t, -EXDEV, "a hard link leads out of the layer");
        struct tree_inode *dir;
        const char *name;
        int r = walk_parent(t, target, NULL, &dir, &name);
        if (r < 0)
                return r;
        struct tree_dentry *d = lookup(t, dir, name, strlen(name));
        if (!d || is_whiteout(d->inode))
                return fail(t, -ENOENT, "the target of a hard link is missing");
        if (S_ISDIR(d->inode->mode))
                return fail(t, -EINVAL, "a hard link to a directory");
        *ret = d->inode;
        return 0;
}

/* A name beginning with ".wh.": 0 when done, 1 when it is none. */
static int add_whiteout(tree *t, struct tree_inode *dir, const char *name) {
        if (!mn_str_has_prefix(name, ".wh."))
                return 1;
        const char *hidden = name + WHITEOUT_PREFIX_LEN;
        if (!strcmp(hidden, ".wh..opq")) {
                dir->is_opaque = true;
                return 0;
        }
        if (mn_str_has_prefix(hidden, ".wh.")) /* aufs' own files */
                return 0;
        if (!*hidden || !strcmp(hidden, ".") || !strcmp(hidden, ".."))
                return fail(t, -EINVAL, "a whiteout hides no name");
        struct tree_dentry *d = lookup(t, dir, hidden, strlen(hidden));
        if (!d)
                add_dentry(t, dir, hidden, strlen(hidden), new_inode(t, S_IFCHR));
        else if (S_ISDIR(d->inode->mode)) /* this layer has it too: only what lower layers have is hidden */
                d->inode->is_opaque = true;
        return 0;
}

static int add_root(tree *t, const mn_tar_entry *e) {
        if (e->type != MN_TAR_DIR)
                return fail(t, -EINVAL, "the root is no directory");
        copy_metadata(t, t->root, e);
        return 0;
}

static int check_entry(tree *t, const mn_tar_entry *e) {
        if (t->nentries >= TREE_ENTRIES_MAX || mn_arena_used(t->arena) > TREE_MEMORY_MAX)
                return fail(t, -E2BIG, "the layer has too many entries");
        if (e->type == MN_TAR_CHAR && !e->major && !e->minor)
                return fail(t, -EINVAL, "a character device 0:0 would hide a name of a lower layer");
        if (e->type == MN_TAR_SYMLINK && !*e->link)
                return fail(t, -EINVAL, "a symbolic link without target");
        return 0;
}

struct tree_inode *tree_last(const tree *t) {
        return t->last;
}

int tree_add(tree *t, const mn_tar_entry *e) {
        t->problem = NULL;
        t->last = NULL;
        int r = check_entry(t, e);
        if (r < 0)
                return r;
        cleanup_free char *path = clean_path(e->path);
        if (!path)
                return fail(t, -EXDEV, "a name leads out of the layer");
        if (!*path)
                return add_root(t, e);
        if (mn_str_has_prefix(path, ".wh..wh.") && strcmp(path, ".wh..wh..opq") != 0)
                return 0; /* aufs' own files and directories at the root */
        struct tree_inode *dir;
        const char *name;
        r = walk_parent(t, path, e, &dir, &name);
        if (r < 0)
                return r;
        r = add_whiteout(t, dir, name);
        if (r <= 0)
                return r;
        struct tree_inode *inode;
        if (e->type == MN_TAR_HARDLINK) {
                r = find_link_target(t, e, &inode);
                if (r < 0)
                        return r;
                put(t, dir, name, inode);
                return 0;
        }
        struct tree_dentry *old = lookup(t, dir, name, strlen(name));
        if (old && e->type == MN_TAR_DIR && S_ISDIR(old->inode->mode))
                copy_metadata(t, old->inode, e);
        else
                put(t, dir, name, t->last = make_inode(t, e));
        return 0;
}
