/* SPDX-License-Identifier: Apache-2.0 */
/* Layout of an index: inodes breadth first behind the super block, then blocks of directories and other data.
 */

#include "image/erofs_layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image/erofs_format.h"

static uint64_t round_up(uint64_t value, uint64_t unit) {
        return (value + unit - 1) / unit * unit;
}

/* ---- directories ---- */

static int compare(const char *a, size_t alen, const char *b, size_t blen) {
        int r = memcmp(a, b, MN_MIN(alen, blen));
        return r ? r : (alen > blen) - (alen < blen);
}

static int compare_dentries(const void *a, const void *b) {
        const struct tree_dentry *x = *(struct tree_dentry *const *) a, *y = *(struct tree_dentry *const *) b;
        return compare(x->name, x->name_len, y->name, y->name_len);
}

/* `sorted` holds the children and, as NULL, the places of "." (first) and "..". */
static void sort_children(tree *t, struct tree_inode *dir) {
        size_t n = dir->nchildren, at = 0, dots = 0;
        struct tree_dentry **list = mn_arena_array(tree_arena(t), n + 1, sizeof(*list));
        struct tree_dentry **sorted = mn_arena_array(tree_arena(t), n + 2, sizeof(*sorted));
        for (struct tree_dentry *d = dir->children; d; d = d->next)
                list[at++] = d;
        qsort(list, n, sizeof(*list), compare_dentries);
        static const char *const dot_names[] = { ".", ".." };
        at = 0;
        for (size_t i = 0; i < n + 2; i++) {
                bool is_dot = dots < 2 && (at == n || compare(dot_names[dots], dots + 1, list[at]->name,
                                                              list[at]->name_len) < 0);
                sorted[i] = is_dot ? NULL : list[at];
                dots += is_dot;
                at += !is_dot;
        }
        dir->sorted = sorted;
}

struct erofs_name erofs_dir_name(const struct tree_inode *dir, size_t i) {
        const struct tree_dentry *d = dir->sorted[i];
        if (d)
                return (struct erofs_name){ d->name, d->name_len, d->inode };
        /* "." comes before "..": a NULL with another one before it is the second */
        for (size_t k = 0; k < i; k++)
                if (!dir->sorted[k])
                        return (struct erofs_name){ "..", 2, dir->parent };
        return (struct erofs_name){ ".", 1, dir };
}

size_t erofs_dir_fit(const struct tree_inode *dir, size_t first) {
        size_t used = 0, i = first;
        for (; i < (size_t) dir->nchildren + 2; i++) {
                const struct tree_dentry *d = dir->sorted[i];
                used += sizeof(struct erofs_dirent) + (d ? d->name_len : 2);
                if (used > EROFS_BLOCK_SIZE)
                        break;
        }
        return i - first;
}

/* Whole blocks but for the last one, of which only what is used counts. */
static uint64_t dir_size(const struct tree_inode *dir) {
        uint64_t size = 0;
        size_t n = (size_t) dir->nchildren + 2, first = 0;
        while (first < n) {
                size_t fit = erofs_dir_fit(dir, first), used = 0;
                for (size_t i = first; i < first + fit; i++)
                        used += sizeof(struct erofs_dirent) + erofs_dir_name(dir, i).len;
                first += fit;
                size += first < n ? (size_t) EROFS_BLOCK_SIZE : used;
        }
        return size;
}

/* ---- sizes ---- */

static const struct tree_xattr opaque = {
        .name = "overlay.opaque",
        .value = "y",
        .value_len = 1,
        .name_len = sizeof("overlay.opaque") - 1,
        .prefix = EROFS_XATTR_TRUSTED,
};

size_t erofs_xattr_size(const struct tree_inode *inode) {
        size_t size = 0;
        for (const struct tree_xattr *x = inode->xattrs; x; x = x->next)
                size += round_up(sizeof(struct erofs_xattr_entry) + x->name_len + x->value_len, 4);
        return size ? size + sizeof(struct erofs_xattr_header) : 0;
}

uint64_t erofs_own_size(const struct tree_inode *inode) {
        if (S_ISDIR(inode->mode) || S_ISLNK(inode->mode) || inode->is_sparse)
                return (uint64_t) inode->size;
        return 0;
}

bool erofs_is_inline(const struct tree_inode *inode) {
        uint64_t size = erofs_own_size(inode);
        return size && !inode->is_sparse &&
               sizeof(struct erofs_inode) + erofs_xattr_size(inode) + size <= EROFS_BLOCK_SIZE;
}

/* ---- placing ---- */

static uint64_t place_inode(struct tree_inode *inode, uint64_t at) {
        uint64_t head = sizeof(struct erofs_inode) + erofs_xattr_size(inode);
        bool is_inline = erofs_is_inline(inode);
        uint64_t size = head + (is_inline ? erofs_own_size(inode) : 0);
        at = round_up(at, EROFS_SLOT_SIZE);
        bool must_not_cross = is_inline || head == sizeof(struct erofs_inode);
        if (must_not_cross && at % EROFS_BLOCK_SIZE + size > EROFS_BLOCK_SIZE)
                at = round_up(at, EROFS_BLOCK_SIZE);
        inode->nid = at / EROFS_SLOT_SIZE;
        return at + size;
}

static void prepare_dir(tree *t, struct tree_inode *dir) {
        if (dir->is_opaque) {
                struct tree_xattr *x = mn_arena_alloc(tree_arena(t), sizeof(*x));
                *x = opaque;
                x->next = dir->xattrs;
                dir->xattrs = x;
        }
        sort_children(t, dir);
        dir->size = (int64_t) dir_size(dir);
}

/* Numbers the inodes in the order they are met; a second name of one only counts. */
static void place_inodes(tree *t, struct erofs_layout *l) {
        struct tree_inode *root = tree_root(t);
        root->nlink = 2;
        mn_vec_push(&l->inodes, root);
        prepare_dir(t, root);
        for (size_t i = 0; i < l->inodes.len; i++) {
                struct tree_inode *dir = l->inodes.items[i];
                if (!S_ISDIR(dir->mode))
                        continue;
                for (size_t k = 0; k < (size_t) dir->nchildren + 2; k++) {
                        struct tree_inode *inode = dir->sorted[k] ? dir->sorted[k]->inode : NULL;
                        if (!inode)
                                continue;
                        bool is_dir = S_ISDIR(inode->mode);
                        dir->nlink += is_dir;
                        if (inode->nlink++ == 0)
                                mn_vec_push(&l->inodes, inode);
                        if (is_dir) {
                                inode->nlink++;
                                prepare_dir(t, inode);
                        }
                }
        }
}

/* Some archives end with the last byte of their last file. The kernel reads whole blocks, so what reaches
 * beyond the last whole one is copied, as a sparse file of one piece. */
static void copy_tails(tree *t, struct erofs_layout *l, int64_t tar_size) {
        int64_t whole = tar_size - tar_size % EROFS_BLOCK_SIZE;
        for (size_t i = 0; i < l->inodes.len; i++) {
                struct tree_inode *inode = l->inodes.items[i];
                if (!S_ISREG(inode->mode) || inode->is_sparse || inode->data_offset + inode->size <= whole)
                        continue;
                mn_tar_piece *piece = mn_arena_alloc(tree_arena(t), sizeof(*piece));
                *piece = (mn_tar_piece){ .offset = 0, .len = inode->size };
                inode->is_sparse = true;
                inode->pieces = piece;
                inode->npieces = 1;
        }
}

int erofs_layout_make(tree *t, int64_t tar_size, struct erofs_layout *ret) {
        struct erofs_layout l = { 0 };
        place_inodes(t, &l);
        copy_tails(t, &l, tar_size);
        uint64_t at = EROFS_SUPER_OFFSET + sizeof(struct erofs_super) + sizeof(struct erofs_device);
        for (size_t i = 0; i < l.inodes.len; i++)
                at = place_inode(l.inodes.items[i], at);
        l.meta_end = at;
        uint64_t block = round_up(at, EROFS_BLOCK_SIZE) / EROFS_BLOCK_SIZE;
        for (size_t i = 0; i < l.inodes.len; i++) {
                struct tree_inode *inode = l.inodes.items[i];
                if (erofs_is_inline(inode) || !erofs_own_size(inode))
                        continue;
                inode->data_block = block;
                uint64_t blocks = round_up(erofs_own_size(inode), EROFS_BLOCK_SIZE) / EROFS_BLOCK_SIZE;
                if (blocks > EROFS_TAR_BLOCK - block) {
                        erofs_layout_release(&l);
                        return -EFBIG;
                }
                block += blocks;
        }
        l.blocks = block;
        *ret = l;
        return 0;
}

void erofs_layout_release(struct erofs_layout *l) {
        mn_vec_release(&l->inodes);
}
