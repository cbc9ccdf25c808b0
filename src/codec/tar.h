/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Tar streams. The reader takes pieces of any size and calls back for each entry; it keeps the position of
 * every entry's data in the stream, so an index can point into the archive. Forms: v7, ustar, pax (path,
 * linkpath, size, ids, mtime, SCHILY.xattr), GNU (long names, base-256 numbers, sparse 0.x, 1.0 and the old
 * header). What an archive can make us hold is bounded. The writer makes ustar headers with pax records only
 * where ustar has no room.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macro.h"
#include "base/str.h"

enum {
        MN_TAR_BLOCK = 512,
        MN_TAR_PATH_MAX = 4096,         /* bytes of a name or link target */
        MN_TAR_EXTENSION_MAX = 1 << 20, /* bytes of all extended headers of one entry */
        MN_TAR_XATTR_MAX = 64 << 10,    /* bytes of one value */
        MN_TAR_SPARSE_MAX = 65536,      /* pieces of a sparse file */
};

typedef enum mn_tar_type {
        MN_TAR_FILE,
        MN_TAR_HARDLINK,
        MN_TAR_SYMLINK,
        MN_TAR_CHAR,
        MN_TAR_BLOCK_DEVICE,
        MN_TAR_DIR,
        MN_TAR_FIFO,
} mn_tar_type;

typedef struct mn_tar_xattr {
        const char *name;
        const void *value;
        size_t len;
} mn_tar_xattr;

/* A piece of a sparse file that has data; pieces come in order and do not overlap. */
typedef struct mn_tar_piece {
        int64_t offset;
        int64_t len;
} mn_tar_piece;

/* One entry; valid during the callback. Names are bytes as the archive has them: nothing is cleaned. */
typedef struct mn_tar_entry {
        mn_tar_type type;
        const char *path;
        const char *link; /* target of a hard or symbolic link, else "" */
        const char *uname;
        const char *gname;
        mode_t mode; /* the 12 permission bits */
        uid_t uid;
        gid_t gid;
        int64_t size;        /* of the file; 0 for other types */
        int64_t data_offset; /* where its data begins in the stream */
        int64_t data_size;   /* stored bytes: less than size for a sparse file */
        int64_t mtime_sec;
        uint32_t mtime_nsec;
        uint32_t major, minor;
        const mn_tar_xattr *xattrs;
        size_t nxattrs;
        bool is_sparse;
        const mn_tar_piece *pieces;
        size_t npieces;
} mn_tar_entry;

/* Callbacks return 0, or -errno to stop. `data` gets the stored bytes of files in pieces and may be NULL;
   `end` comes after the last of them and may be NULL. */
typedef struct mn_tar_handler {
        int (*entry)(void *arg, const mn_tar_entry *entry);
        int (*data)(void *arg, const void *data, size_t len);
        int (*end)(void *arg);
} mn_tar_handler;

typedef struct mn_tar_reader mn_tar_reader;

mn_tar_reader *mn_tar_reader_new(const mn_tar_handler *handler, void *arg) __attribute__((returns_nonnull));
void mn_tar_reader_free(mn_tar_reader *r);

/* Takes the next piece: 0, a callback's error, -EBADMSG (not a tar, corrupt), -ENAMETOOLONG, -E2BIG (a limit
   above), -ENOTSUP (an entry type nobody uses). */
int mn_tar_reader_feed(mn_tar_reader *r, const void *data, size_t len) MN_MUST_USE;

/* The input has ended: -EBADMSG when that is inside an entry. */
int mn_tar_reader_finish(mn_tar_reader *r) MN_MUST_USE;

/* What the last error was about, "" for a callback's. */
const char *mn_tar_reader_problem(const mn_tar_reader *r);

/* Appends the header blocks of an entry (data_offset, data_size, pieces are ignored; the data, `size` bytes,
   and mn_tar_padding() zeros must follow). */
void mn_tar_write_header(const mn_tar_entry *entry, mn_str *out);

/* Appends the two zero blocks that end an archive. */
void mn_tar_write_end(mn_str *out);

/* Zero bytes that follow `size` bytes of data. */
size_t mn_tar_padding(int64_t size);

void mn_tar_reader_freep(mn_tar_reader **r);
#define cleanup_tar_reader MN_CLEANUP(mn_tar_reader_freep)
