/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What extended headers (pax records, GNU long names) say about the entry that follows them. */

#include "codec/tar.h"
#include "base/vec.h"

struct tar_extended {
        char *path;
        char *link;
        char *uname;
        char *gname;
        bool has_size, has_uid, has_gid, has_mtime;
        int64_t size, uid, gid;
        int64_t mtime_sec;
        uint32_t mtime_nsec;
        MN_VEC(mn_tar_xattr) xattrs;

        /* GNU.sparse.* */
        int sparse_major, sparse_minor; /* 0.0 and 0.1 have none or say so; 1.0 keeps its map in the data */
        bool is_sparse;
        int64_t real_size;
        int64_t next_offset; /* 0.0: an offset record waits for its length */
        MN_VEC(mn_tar_piece) pieces;
};

/* Reads the records of one pax header. 0, -EBADMSG or -E2BIG. */
int tar_extended_parse(struct tar_extended *x, const char *data, size_t len);

/* Appends a piece: -E2BIG past the limit, -EBADMSG when it overlaps the one before or passes INT64_MAX. */
int tar_extended_add_piece(struct tar_extended *x, int64_t offset, int64_t len);

/* Frees everything and zeroes. */
void tar_extended_reset(struct tar_extended *x);
