/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shared by the files that implement image/tree.h. */

#include "image/tree.h"

struct tree {
        mn_arena *arena;
        struct tree_inode *root;
        struct tree_dentry **buckets;
        size_t nbuckets; /* a power of two */
        size_t nentries;
        const char *problem;
        struct tree_inode *last;
};

/* Notes what is wrong and gives `error` back. */
static inline int tree_fail(tree *t, int error, const char *problem) {
        t->problem = problem;
        return error;
}

/* The entry of a directory, NULL when there is none. */
struct tree_dentry *tree_lookup(const tree *t, const struct tree_inode *dir, const char *name, size_t len);

/* An inode of the tree's arena; and a name for one, which the directory must not have yet. */
struct tree_inode *tree_new_inode(tree *t, mode_t mode);
struct tree_dentry *tree_add_dentry(tree *t, struct tree_inode *dir, const char *name, size_t len,
                                    struct tree_inode *inode);

bool tree_is_whiteout(const struct tree_inode *inode);

/* The name without empty and "." components, ".." taken lexically as Docker does: "a/b", "" for the root.
   Heap; NULL when it leads out of the layer. */
char *tree_clean_path(const char *path);

/* The directory that `path` (clean) lies in, and its last component, links followed inside the layer. With
   `implied`, missing directories are made with its times. 0, -ELOOP, -ENAMETOOLONG, -ENOTDIR, -ENOENT. */
int tree_walk_parent(tree *t, const char *path, const mn_tar_entry *implied, struct tree_inode **ret_dir,
                     const char **ret_name);
