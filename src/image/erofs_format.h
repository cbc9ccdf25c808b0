/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The parts of the EROFS on-disk format that a layer's index uses (kernel:
 * Documentation/filesystems/erofs.rst). All numbers are little endian. An inode is found at `nid * 32` bytes;
 * block addresses count blocks of 512 bytes through one address space in which the tar, as an extra device,
 * begins at EROFS_TAR_BLOCK.
 */

#include <stdint.h>

enum {
        EROFS_BLOCK_BITS = 9,
        EROFS_BLOCK_SIZE = 1 << EROFS_BLOCK_BITS,
        EROFS_SUPER_OFFSET = 1024,
        EROFS_SLOT_SIZE = 32,      /* unit of inode numbers */
        EROFS_TAR_BLOCK = 1 << 30, /* where the tar is mapped; the index itself stays below */
};

#define EROFS_MAGIC UINT32_C(0xe0f5e1e2)

enum erofs_features {
        EROFS_COMPAT_MTIME = 0x2,
        EROFS_INCOMPAT_DEVICE_TABLE = 0x8,
};

struct erofs_super {
        uint32_t magic;
        uint32_t checksum;
        uint32_t feature_compat;
        uint8_t block_bits;
        uint8_t extra_slots;
        uint16_t root_nid;
        uint64_t inodes;
        uint64_t build_time;
        uint32_t build_time_nsec;
        uint32_t blocks;
        uint32_t meta_block;
        uint32_t xattr_block;
        uint8_t uuid[16];
        uint8_t volume_name[16];
        uint32_t feature_incompat;
        uint16_t compression;
        uint16_t extra_devices;
        uint16_t device_slot; /* of the device table, in units of 128 bytes */
        uint8_t dir_block_bits;
        uint8_t xattr_prefixes;
        uint32_t xattr_prefix_start;
        uint64_t packed_nid;
        uint8_t reserved[24];
};
_Static_assert(sizeof(struct erofs_super) == 128, "on-disk size");

struct erofs_device {
        uint8_t tag[64];
        uint32_t blocks;
        uint32_t mapped_block;
        uint8_t reserved[56];
};
_Static_assert(sizeof(struct erofs_device) == 128, "on-disk size");

/* Bit 0: 64-byte inode; bits 1 to 3: layout of its data. */
enum erofs_inode_format {
        EROFS_INODE_PLAIN = 1 | 0 << 1,  /* from data_block on */
        EROFS_INODE_INLINE = 1 | 2 << 1, /* right behind the inode and its attributes, within their block */
};

struct erofs_inode {
        uint16_t format;
        uint16_t xattr_count; /* 0, or 1 + (bytes of attributes - 12) / 4 */
        uint16_t mode;
        uint16_t reserved;
        uint64_t size;
        uint32_t data; /* first block, or the device number */
        uint32_t ino;
        uint32_t uid;
        uint32_t gid;
        uint64_t mtime;
        uint32_t mtime_nsec;
        uint32_t nlink;
        uint8_t reserved2[16];
};
_Static_assert(sizeof(struct erofs_inode) == 64, "on-disk size");

struct erofs_xattr_header {
        uint32_t filter;
        uint8_t shared_count;
        uint8_t reserved[7];
};
_Static_assert(sizeof(struct erofs_xattr_header) == 12, "on-disk size");

/* Followed by name and value, padded to 4 bytes. */
struct erofs_xattr_entry {
        uint8_t name_len;
        uint8_t prefix;
        uint16_t value_len;
};

enum erofs_xattr_prefix {
        EROFS_XATTR_USER = 1,
        EROFS_XATTR_ACL_ACCESS = 2,
        EROFS_XATTR_ACL_DEFAULT = 3,
        EROFS_XATTR_TRUSTED = 4,
        EROFS_XATTR_SECURITY = 6,
};

/* A directory is blocks of entries followed by their names; all names are in byte order. */
struct erofs_dirent {
        uint64_t nid;
        uint16_t name_offset; /* in the block */
        uint8_t file_type;
        uint8_t reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct erofs_dirent) == 12, "on-disk size");

enum erofs_file_type {
        EROFS_FT_REGULAR = 1,
        EROFS_FT_DIR,
        EROFS_FT_CHAR,
        EROFS_FT_BLOCK,
        EROFS_FT_FIFO,
        EROFS_FT_SOCKET,
        EROFS_FT_SYMLINK,
};
