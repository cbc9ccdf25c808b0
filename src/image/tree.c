/* SPDX-License-Identifier: Apache-2.0 */
/* From tar entries to a tree: links, whiteouts, entries that come twice. */

#include "image/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/str.h"
#include "image/erofs_format.h"
#include "image/tree_private.h"

enum { FIRST_BUCKETS = 1024, WHITEOUT_PREFIX_LEN = 4 };

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
        struct tree_inode *inode = tree_new_inode(t, types[e->type]);
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
        struct tree_dentry *d = tree_lookup(t, dir, name, strlen(name));
        if (!d) {
                tree_add_dentry(t, dir, name, strlen(name), inode);
                return;
        }
        if (S_ISDIR(inode->mode)) {
                inode->is_opaque = inode->is_opaque || tree_is_whiteout(d->inode);
                inode->parent = dir;
        }
        d->inode = inode;
}

static int find_link_target(tree *t, const mn_tar_entry *e, struct tree_inode **ret) {
        cleanup_free char *target = tree_clean_path(e->link);
        if (!target)
                return tree_fail(t, -EXDEV, "a hard link leads out of the layer");
        struct tree_inode *dir;
        const char *name;
        int r = tree_walk_parent(t, target, NULL, &dir, &name);
        if (r < 0)
                return r;
        struct tree_dentry *d = tree_lookup(t, dir, name, strlen(name));
        if (!d || tree_is_whiteout(d->inode))
                return tree_fail(t, -ENOENT, "the target of a hard link is missing");
        if (S_ISDIR(d->inode->mode))
                return tree_fail(t, -EINVAL, "a hard link to a directory");
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
                return tree_fail(t, -EINVAL, "a whiteout hides no name");
        struct tree_dentry *d = tree_lookup(t, dir, hidden, strlen(hidden));
        if (!d)
                tree_add_dentry(t, dir, hidden, strlen(hidden), tree_new_inode(t, S_IFCHR));
        else if (S_ISDIR(d->inode->mode)) /* this layer has it too: only what lower layers have is hidden */
                d->inode->is_opaque = true;
        return 0;
}

static int add_root(tree *t, const mn_tar_entry *e) {
        if (e->type != MN_TAR_DIR)
                return tree_fail(t, -EINVAL, "the root is no directory");
        copy_metadata(t, t->root, e);
        return 0;
}

static int check_entry(tree *t, const mn_tar_entry *e) {
        if (t->nentries >= TREE_ENTRIES_MAX || mn_arena_used(t->arena) > TREE_MEMORY_MAX)
                return tree_fail(t, -E2BIG, "the layer has too many entries");
        if (e->type == MN_TAR_CHAR && !e->major && !e->minor)
                return tree_fail(t, -EINVAL, "a character device 0:0 would hide a name of a lower layer");
        if (e->type == MN_TAR_SYMLINK && !*e->link)
                return tree_fail(t, -EINVAL, "a symbolic link without target");
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
        cleanup_free char *path = tree_clean_path(e->path);
        if (!path)
                return tree_fail(t, -EXDEV, "a name leads out of the layer");
        if (!*path)
                return add_root(t, e);
        if (mn_str_has_prefix(path, ".wh..wh.") && strcmp(path, ".wh..wh..opq") != 0)
                return 0; /* aufs' own files and directories at the root */
        struct tree_inode *dir;
        const char *name;
        r = tree_walk_parent(t, path, e, &dir, &name);
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
        struct tree_dentry *old = tree_lookup(t, dir, name, strlen(name));
        if (old && e->type == MN_TAR_DIR && S_ISDIR(old->inode->mode))
                copy_metadata(t, old->inode, e);
        else
                put(t, dir, name, t->last = make_inode(t, e));
        return 0;
}
