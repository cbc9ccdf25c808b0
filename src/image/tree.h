/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A layer as a tree of inodes, built from the entries of its tar. Names of the archive meet only this tree,
 * never a path of the host: "..", absolute names and links resolve inside it or are refused. Whiteouts become
 * what overlayfs has for them: character devices 0:0 and opaque directories.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "codec/tar.h"

struct tree_dentry;

/* An extended attribute, cut into the number of its prefix (image/erofs_format.h) and the rest of its name.
 */
struct tree_xattr {
        struct tree_xattr *next;
        const char *name;
        const void *value;
        uint16_t value_len;
        uint8_t name_len;
        uint8_t prefix;
};

struct tree_inode {
        mode_t mode; /* with the type */
        uid_t uid;
        gid_t gid;
        uint32_t major, minor;
        int64_t size;
        int64_t mtime_sec;
        uint32_t mtime_nsec;
        bool is_opaque; /* directory: what lower layers have below it is hidden */
        bool is_sparse;
        int64_t data_offset; /* in the tar */
        const char *link;    /* target of a symbolic link */
        const mn_tar_piece *pieces;
        size_t npieces;
        struct tree_xattr *xattrs;
        struct tree_inode *parent;    /* of a directory; the root's is itself */
        struct tree_dentry *children; /* of a directory, newest first */
        uint32_t nchildren;

        /* for the one who lays it out */
        uint32_t nlink;
        uint64_t nid;
        uint64_t data_block;
        struct tree_dentry **sorted;
};

struct tree_dentry {
        struct tree_dentry *next;      /* in the directory */
        struct tree_dentry *next_hash; /* in the bucket */
        struct tree_inode *dir;
        struct tree_inode *inode;
        uint8_t name_len;
        char name[];
};

enum {
        TREE_ENTRIES_MAX = 10000000,
        TREE_LINKS_MAX = 40, /* symbolic links followed for one name */
};
#define TREE_MEMORY_MAX ((size_t) 1 << 30)

typedef struct tree tree;

tree *tree_new(void) __attribute__((returns_nonnull));
void tree_free(tree *t);
struct tree_inode *tree_root(const tree *t);
mn_arena *tree_arena(const tree *t);

/* Adds an entry. 0 or -errno with tree_problem(): -EXDEV (leads out of the layer), -EINVAL, -ENOENT (a hard
   link's target), -ENOTDIR, -E2BIG, -ENAMETOOLONG, -ELOOP. */
int tree_add(tree *t, const mn_tar_entry *entry);

/* The inode that the last entry added made; NULL when it made none (a hard link, a whiteout, a known
 * directory). */
struct tree_inode *tree_last(const tree *t);

/* What the last error was about. */
const char *tree_problem(const tree *t);
