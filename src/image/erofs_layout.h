/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where everything of an index goes: inode numbers, directory blocks, copied data. */

#include "base/vec.h"
#include "image/tree.h"

/* Result of a layout; the inodes carry their own numbers (nid, nlink, data_block, sorted). */
struct erofs_layout {
        MN_VEC(struct tree_inode *) inodes; /* in the order of their numbers; the root first */
        uint64_t meta_end;                  /* byte behind the last inode */
        uint64_t blocks;                    /* of the whole index */
};

/* For a tar of that many bytes. 0, or -EFBIG when the index would pass EROFS_TAR_BLOCK. */
int erofs_layout_make(tree *t, int64_t tar_size, struct erofs_layout *ret);
void erofs_layout_release(struct erofs_layout *l);

/* Bytes of an inode's attributes, header included; 0 without any. */
size_t erofs_xattr_size(const struct tree_inode *inode);

/* Bytes of its contents in the index: a directory's blocks, a link's target, a copied file (sparse, or at the
 * very end of the tar). */
uint64_t erofs_own_size(const struct tree_inode *inode);

/* True when the contents stand behind the inode. */
bool erofs_is_inline(const struct tree_inode *inode);

/* Names of a directory, "." and ".." among them, in byte order. */
struct erofs_name {
        const char *name;
        size_t len;
        const struct tree_inode *inode;
};

/* The i-th of `dir->nchildren + 2` names. */
struct erofs_name erofs_dir_name(const struct tree_inode *dir, size_t i);

/* How many names from `first` on fit into one block. */
size_t erofs_dir_fit(const struct tree_inode *dir, size_t first);
