/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and mounts the EROFS index of a layer. */

#include "image/erofs.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "image/erofs_format.h"
#include "image/erofs_layout.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "sys/path.h"

/* The index is written front to back through a buffer; sparse files go in by position afterwards. */
struct writer {
        int fd;
        int error;
        uint64_t position;
        size_t len;
        uint8_t buffer[256 << 10];
};

static void flush(struct writer *w) {
        if (!w->error)
                w->error = mn_write_all(w->fd, w->buffer, w->len);
        w->len = 0;
}

static void put(struct writer *w, const void *data, size_t len) {
        const uint8_t *p = data;
        w->position += len;
        while (len) {
                size_t n = MN_MIN(len, sizeof(w->buffer) - w->len);
                if (p)
                        memcpy(w->buffer + w->len, p, n);
                else
                        memset(w->buffer + w->len, 0, n);
                p = p ? p + n : NULL;
                w->len += n;
                len -= n;
                if (w->len == sizeof(w->buffer))
                        flush(w);
        }
}

static void pad_to(struct writer *w, uint64_t position) {
        put(w, NULL, position - w->position);
}

/* ---- parts ---- */

static void put_super(struct writer *w, const struct erofs_layout *l, uint64_t tar_blocks) {
        const struct erofs_super super = {
                .magic = htole32(EROFS_MAGIC),
                .feature_compat = htole32(EROFS_COMPAT_MTIME),
                .block_bits = EROFS_BLOCK_BITS,
                .root_nid = htole16((uint16_t) l->inodes.items[0]->nid),
                .inodes = htole64(l->inodes.len),
                .blocks = htole32((uint32_t) l->blocks),
                .feature_incompat = htole32(EROFS_INCOMPAT_DEVICE_TABLE),
                .extra_devices = htole16(1),
                .device_slot = htole16((EROFS_SUPER_OFFSET + sizeof(struct erofs_super)) /
                                       sizeof(struct erofs_device)),
        };
        const struct erofs_device device = {
                .blocks = htole32((uint32_t) tar_blocks),
                .mapped_block = htole32(EROFS_TAR_BLOCK),
        };
        pad_to(w, EROFS_SUPER_OFFSET);
        put(w, &super, sizeof(super));
        put(w, &device, sizeof(device));
}

static void put_xattrs(struct writer *w, const struct tree_inode *inode) {
        if (!inode->xattrs)
                return;
        put(w, &(struct erofs_xattr_header){ 0 }, sizeof(struct erofs_xattr_header));
        for (const struct tree_xattr *x = inode->xattrs; x; x = x->next) {
                const struct erofs_xattr_entry entry = { x->name_len, x->prefix, htole16(x->value_len) };
                put(w, &entry, sizeof(entry));
                put(w, x->name, x->name_len);
                put(w, x->value, x->value_len);
                put(w, NULL, -(sizeof(entry) + x->name_len + x->value_len) & 3);
        }
}

static uint8_t file_type(mode_t mode) {
        switch (mode & S_IFMT) {
        case S_IFDIR:
                return EROFS_FT_DIR;
        case S_IFCHR:
                return EROFS_FT_CHAR;
        case S_IFBLK:
                return EROFS_FT_BLOCK;
        case S_IFIFO:
                return EROFS_FT_FIFO;
        case S_IFLNK:
                return EROFS_FT_SYMLINK;
        default:
                return EROFS_FT_REGULAR;
        }
}

static void put_dir(struct writer *w, const struct tree_inode *dir) {
        size_t n = (size_t) dir->nchildren + 2;
        for (size_t first = 0, fit; first < n; first += fit) {
                fit = erofs_dir_fit(dir, first);
                uint64_t start = w->position;
                size_t offset = fit * sizeof(struct erofs_dirent);
                for (size_t i = first; i < first + fit; i++) {
                        struct erofs_name name = erofs_dir_name(dir, i);
                        const struct erofs_dirent entry = {
                                .nid = htole64(name.inode->nid),
                                .name_offset = htole16((uint16_t) offset),
                                .file_type = file_type(name.inode->mode),
                        };
                        put(w, &entry, sizeof(entry));
                        offset += name.len;
                }
                for (size_t i = first; i < first + fit; i++) {
                        struct erofs_name name = erofs_dir_name(dir, i);
                        put(w, name.name, name.len);
                }
                if (first + fit < n)
                        pad_to(w, start + EROFS_BLOCK_SIZE);
        }
}

static void put_own_data(struct writer *w, const struct tree_inode *inode) {
        if (S_ISDIR(inode->mode))
                put_dir(w, inode);
        else if (S_ISLNK(inode->mode))
                put(w, inode->link, (size_t) inode->size);
}

/* The kernel's encoding of a device number: 12 bits of major between the low and high bits of minor. */
static uint32_t device_number(const struct tree_inode *inode) {
        return (inode->minor & 0xff) | inode->major << 8 | (inode->minor & ~UINT32_C(0xff)) << 12;
}

static uint32_t data_field(const struct tree_inode *inode) {
        if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
                return device_number(inode);
        if (inode->data_block)
                return (uint32_t) inode->data_block;
        if (S_ISREG(inode->mode) && inode->size)
                return (uint32_t) (EROFS_TAR_BLOCK + inode->data_offset / EROFS_BLOCK_SIZE);
        return 0;
}

static void put_inode(struct writer *w, const struct tree_inode *inode, uint32_t number) {
        size_t xattrs = erofs_xattr_size(inode);
        bool is_inline = erofs_is_inline(inode);
        const struct erofs_inode disk = {
                .format = htole16(is_inline ? EROFS_INODE_INLINE : EROFS_INODE_PLAIN),
                .xattr_count = htole16(
                        (uint16_t) (xattrs ? 1 + (xattrs - sizeof(struct erofs_xattr_header)) / 4 : 0)),
                .mode = htole16((uint16_t) inode->mode),
                .size = htole64((uint64_t) inode->size),
                .data = htole32(data_field(inode)),
                .ino = htole32(number),
                .uid = htole32(inode->uid),
                .gid = htole32(inode->gid),
                .mtime = htole64((uint64_t) inode->mtime_sec),
                .mtime_nsec = htole32(inode->mtime_nsec),
                .nlink = htole32(inode->nlink),
        };
        pad_to(w, inode->nid * EROFS_SLOT_SIZE);
        put(w, &disk, sizeof(disk));
        put_xattrs(w, inode);
        if (is_inline)
                put_own_data(w, inode);
}

/* ---- sparse files ---- */

static int copy_range(int from, int64_t from_offset, int to, int64_t to_offset, int64_t len, uint8_t *buffer,
                      size_t size) {
        while (len > 0) {
                ssize_t n = pread(from, buffer, (size_t) MN_MIN((int64_t) size, len), from_offset);
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                for (ssize_t done = 0; done < n;) {
                        ssize_t m = pwrite(to, buffer + done, (size_t) (n - done), to_offset + done);
                        if (m < 0)
                                return -errno;
                        done += m;
                }
                from_offset += n;
                to_offset += n;
                len -= n;
        }
        return 0;
}

static int copy_sparse(struct writer *w, const struct tree_inode *inode, int tar_fd) {
        int64_t from = inode->data_offset;
        for (size_t i = 0; i < inode->npieces; i++) {
                const mn_tar_piece *piece = &inode->pieces[i];
                int64_t to = (int64_t) inode->data_block * EROFS_BLOCK_SIZE + piece->offset;
                int r = copy_range(tar_fd, from, w->fd, to, piece->len, w->buffer, sizeof(w->buffer));
                if (r < 0)
                        return r;
                from += piece->len;
        }
        return 0;
}

/* Directories and long links come in the order of their blocks; the gaps are sparse files. */
static int put_blocks(struct writer *w, const struct erofs_layout *l, int tar_fd) {
        for (size_t i = 0; i < l->inodes.len; i++) {
                const struct tree_inode *inode = l->inodes.items[i];
                if (!inode->data_block)
                        continue;
                uint64_t at = inode->data_block * EROFS_BLOCK_SIZE;
                if (at != w->position) { /* after a sparse file, or to fill a block */
                        flush(w);
                        if (!w->error && lseek(w->fd, (off_t) at, SEEK_SET) < 0)
                                w->error = -errno;
                        w->position = at;
                }
                if (inode->is_sparse) {
                        flush(w);
                        int r = w->error ? w->error : copy_sparse(w, inode, tar_fd);
                        if (r < 0)
                                return r;
                } else {
                        put_own_data(w, inode);
                }
        }
        flush(w);
        return w->error;
}

/* ---- all of it ---- */

int erofs_write(tree *t, int tar_fd, int64_t tar_size, int index_fd) {
        uint64_t tar_blocks = (uint64_t) tar_size / EROFS_BLOCK_SIZE;
        if (tar_blocks > UINT32_MAX - EROFS_TAR_BLOCK)
                return -EFBIG;
        struct erofs_layout layout;
        int r = erofs_layout_make(t, tar_size, &layout);
        if (r < 0)
                return r;
        struct writer *w = mn_alloc(sizeof(*w));
        w->fd = index_fd;
        put_super(w, &layout, tar_blocks);
        for (size_t i = 0; i < layout.inodes.len; i++)
                put_inode(w, layout.inodes.items[i], (uint32_t) i + 1);
        r = put_blocks(w, &layout, tar_fd);
        if (r == 0 && ftruncate(index_fd, (off_t) (layout.blocks * EROFS_BLOCK_SIZE)) < 0)
                r = -errno;
        free(w);
        erofs_layout_release(&layout);
        return r;
}

int erofs_mount(int index_fd, int tar_fd) {
        char path[32];
        cleanup_close int context = mn_fs_open("erofs");
        if (context < 0)
                return context;
        int r = mn_fs_set(context, "source", mn_fd_path(index_fd, path));
        if (r >= 0)
                r = mn_fs_set(context, "device", mn_fd_path(tar_fd, path));
        if (r >= 0)
                r = mn_fs_set(context, "ro", NULL);
        return r < 0 ? r : mn_fs_mount(context, MN_MOUNT_RDONLY);
}
