/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Layout of a tar header block and its numbers, shared by the tar reader and writer. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* POSIX ustar; GNU uses the room of `prefix` for other things (struct tar_gnu). */
struct tar_header {
        char name[100];
        char mode[8];
        char uid[8];
        char gid[8];
        char size[12];
        char mtime[12];
        char checksum[8];
        char type;
        char link[100];
        char magic[6];
        char version[2];
        char uname[32];
        char gname[32];
        char major[8];
        char minor[8];
        char prefix[155];
        char pad[12];
};

struct tar_sparse {
        char offset[12];
        char len[12];
};

/* What old GNU sparse headers have from byte 386 on. */
struct tar_gnu {
        char before[386];
        struct tar_sparse sparse[4];
        char is_extended;
        char real_size[12];
        char pad[17];
};

/* A block of further pieces. */
struct tar_sparse_block {
        struct tar_sparse sparse[21];
        char is_extended;
        char pad[7];
};

/* Octal (spaces and NULs around it) or base-256 number; false when it is neither or does not fit. An empty
   field is 0. */
bool tar_number(const char *field, size_t len, int64_t *ret);

/* True when the checksum field fits the block, summed as unsigned or, as old programs did, signed bytes. */
bool tar_checksum_is_right(const struct tar_header *h);

/* Sum over the block with the checksum field taken as spaces. */
unsigned tar_checksum(const struct tar_header *h);
