/* SPDX-License-Identifier: Apache-2.0 */
/* The tar reader: a state machine over blocks of 512 bytes. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/tar.h"
#include "codec/tar_header.h"
#include "codec/tar_pax.h"

enum state {
        STATE_HEADER,     /* gathers a header block */
        STATE_EXTENSION,  /* gathers the data of a pax header or a GNU long name */
        STATE_SPARSE,     /* gathers an extension block of an old GNU sparse header */
        STATE_SPARSE_MAP, /* gathers blocks of the map that GNU sparse 1.0 puts before the data */
        STATE_DATA,       /* hands data over */
        STATE_PADDING,    /* skips to the next block */
        STATE_END,        /* skips what follows two zero blocks */
};

struct mn_tar_reader {
        mn_tar_handler handler;
        void *arg;
        enum state state;
        const char *problem;
        int64_t position; /* in the stream */

        union {
                struct tar_header header;
                struct tar_gnu gnu;
                struct tar_sparse_block more;
                char bytes[MN_TAR_BLOCK];
        } block;
        size_t block_len;
        bool had_zero_block;

        char extension_type; /* 'x', 'g', 'L', 'K' */
        mn_str gathered;     /* data of an extension, or a sparse map */
        size_t extended_len; /* of all extensions of the entry */
        struct tar_extended extended;

        struct tar_header main; /* the entry's header, while extension blocks come */
        int64_t data_left;
        size_t padding;
};

mn_tar_reader *mn_tar_reader_new(const mn_tar_handler *handler, void *arg) {
        mn_tar_reader *r = mn_alloc(sizeof(*r));
        r->handler = *handler;
        r->arg = arg;
        r->gathered = MN_STR_INIT(MN_TAR_EXTENSION_MAX + MN_TAR_BLOCK);
        return r;
}

void mn_tar_reader_free(mn_tar_reader *r) {
        if (!r)
                return;
        tar_extended_reset(&r->extended);
        mn_str_release(&r->gathered);
        free(r);
}

void mn_tar_reader_freep(mn_tar_reader **r) {
        mn_tar_reader_free(*r);
}

const char *mn_tar_reader_problem(const mn_tar_reader *r) {
        return r->problem ? r->problem : "";
}

static int fail(mn_tar_reader *r, int error, const char *problem) {
        r->problem = problem;
        return error;
}

size_t mn_tar_padding(int64_t size) {
        return (size_t) (-size & (MN_TAR_BLOCK - 1));
}

/* ---- from header to entry ---- */

static bool is_gnu(const struct tar_header *h) {
        return !memcmp(h->magic, "ustar  ", 7);
}

static bool is_posix(const struct tar_header *h) {
        return !memcmp(h->magic, "ustar", 6);
}

/* The ustar name: prefix, slash, name. Heap. */
static char *header_path(const struct tar_header *h) {
        size_t name = strnlen(h->name, sizeof(h->name));
        size_t prefix = is_posix(h) ? strnlen(h->prefix, sizeof(h->prefix)) : 0;
        if (!prefix)
                return mn_strndup(h->name, name);
        return mn_asprintf("%.*s/%.*s", (int) prefix, h->prefix, (int) name, h->name);
}

static int fill_numbers(mn_tar_reader *r, mn_tar_entry *e) {
        const struct tar_header *h = &r->main;
        const struct tar_extended *x = &r->extended;
        int64_t mode, uid, gid, mtime, major = 0, minor = 0;
        if (!tar_number(h->mode, sizeof(h->mode), &mode) || !tar_number(h->uid, sizeof(h->uid), &uid) ||
            !tar_number(h->gid, sizeof(h->gid), &gid) || !tar_number(h->mtime, sizeof(h->mtime), &mtime))
                return fail(r, -EBADMSG, "a number in a header is malformed");
        if (is_posix(h) || is_gnu(h))
                if (!tar_number(h->major, sizeof(h->major), &major) ||
                    !tar_number(h->minor, sizeof(h->minor), &minor))
                        return fail(r, -EBADMSG, "a device number is malformed");
        uid = x->has_uid ? x->uid : uid;
        gid = x->has_gid ? x->gid : gid;
        if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
                return fail(r, -EBADMSG, "an owner is out of range");
        bool is_device = e->type == MN_TAR_CHAR || e->type == MN_TAR_BLOCK_DEVICE;
        if (is_device && (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff))
                return fail(r, -EBADMSG, "a device number is out of range");
        e->mode = (mode_t) (mode & 07777);
        e->uid = (uid_t) uid;
        e->gid = (gid_t) gid;
        e->major = is_device ? (uint32_t) major : 0;
        e->minor = is_device ? (uint32_t) minor : 0;
        e->mtime_sec = x->has_mtime ? x->mtime_sec : mtime;
        e->mtime_nsec = x->has_mtime ? x->mtime_nsec : 0;
        return 0;
}

static int entry_type(const struct tar_header *h, const char *path, mn_tar_type *ret) {
        switch (h->type) {
        case '\0':
        case '0':
        case '7':
        case 'S': {
                size_t len = strlen(path); /* v7 has no type for directories */
                *ret = h->type == '\0' && len && path[len - 1] == '/' ? MN_TAR_DIR : MN_TAR_FILE;
                return 0;
        }
        case '1':
                *ret = MN_TAR_HARDLINK;
                return 0;
        case '2':
                *ret = MN_TAR_SYMLINK;
                return 0;
        case '3':
                *ret = MN_TAR_CHAR;
                return 0;
        case '4':
                *ret = MN_TAR_BLOCK_DEVICE;
                return 0;
        case '5':
                *ret = MN_TAR_DIR;
                return 0;
        case '6':
                *ret = MN_TAR_FIFO;
                return 0;
        default:
                return -ENOTSUP;
        }
}

static int fill_size(mn_tar_reader *r, mn_tar_entry *e, int64_t stored) {
        const struct tar_extended *x = &r->extended;
        e->size = x->is_sparse ? x->real_size : stored;
        e->data_size = stored;
        e->data_offset = r->position;
        e->is_sparse = x->is_sparse;
        e->pieces = x->pieces.items;
        e->npieces = x->pieces.len;
        if (!x->is_sparse)
                return 0;
        int64_t sum = 0;
        for (size_t i = 0; i < e->npieces; i++)
                sum += e->pieces[i].len; /* cannot overflow: pieces do not overlap */
        const mn_tar_piece *last = e->npieces ? &e->pieces[e->npieces - 1] : NULL;
        if (e->size < 0 || sum != stored || (last && last->offset + last->len > e->size))
                return fail(r, -EBADMSG, "a sparse map does not fit its file");
        return 0;
}

/* Everything that precedes the data has been read: tells the handler. `stored` bytes follow. */
static int begin_entry(mn_tar_reader *r, int64_t stored) {
        struct tar_extended *x = &r->extended;
        cleanup_free char *own_path = x->path ? NULL : header_path(&r->main);
        cleanup_free char *own_link = mn_strndup(r->main.link, strnlen(r->main.link, sizeof(r->main.link)));
        cleanup_free char *uname = mn_strndup(r->main.uname, strnlen(r->main.uname, sizeof(r->main.uname)));
        cleanup_free char *gname = mn_strndup(r->main.gname, strnlen(r->main.gname, sizeof(r->main.gname)));
        mn_tar_entry e = {
                .path = x->path ? x->path : own_path,
                .link = x->link ? x->link : own_link,
                .uname = x->uname ? x->uname : uname,
                .gname = x->gname ? x->gname : gname,
                .xattrs = x->xattrs.items,
                .nxattrs = x->xattrs.len,
        };
        if (entry_type(&r->main, e.path, &e.type) < 0)
                return fail(r, -ENOTSUP, "an entry has an unknown type");
        if (e.type != MN_TAR_HARDLINK && e.type != MN_TAR_SYMLINK)
                e.link = "";
        if (e.type != MN_TAR_FILE)
                stored = 0; /* as Go's reader: such entries have no data, whatever their size says */
        int err = fill_numbers(r, &e);
        if (!err && e.type == MN_TAR_FILE)
                err = fill_size(r, &e, stored);
        if (!err)
                err = r->handler.entry(r->arg, &e);
        if (err < 0)
                return err;
        r->data_left = stored;
        r->padding = mn_tar_padding(stored);
        r->state = STATE_DATA;
        tar_extended_reset(x);
        r->extended_len = 0;
        return 0;
}

/* ---- sparse files ---- */

static int add_old_pieces(mn_tar_reader *r, const struct tar_sparse *s, size_t n) {
        for (size_t i = 0; i < n && s[i].offset[0]; i++) {
                int64_t offset, len;
                if (!tar_number(s[i].offset, sizeof(s[i].offset), &offset) ||
                    !tar_number(s[i].len, sizeof(s[i].len), &len))
                        return fail(r, -EBADMSG, "a sparse map is malformed");
                int err = tar_extended_add_piece(&r->extended, offset, len);
                if (err < 0)
                        return fail(r, err, "a sparse map is out of order or too long");
        }
        return 0;
}

static int begin_old_sparse(mn_tar_reader *r) {
        const struct tar_gnu *gnu = &r->block.gnu;
        struct tar_extended *x = &r->extended;
        x->is_sparse = true;
        if (!tar_number(gnu->real_size, sizeof(gnu->real_size), &x->real_size))
                return fail(r, -EBADMSG, "a sparse file's size is malformed");
        int err = add_old_pieces(r, gnu->sparse, MN_ARRAY_LEN(gnu->sparse));
        if (err < 0)
                return err;
        if (!gnu->is_extended)
                return begin_entry(r, r->data_left);
        r->state = STATE_SPARSE;
        return 0;
}

static int more_old_sparse(mn_tar_reader *r) {
        const struct tar_sparse_block *more = &r->block.more;
        int err = add_old_pieces(r, more->sparse, MN_ARRAY_LEN(more->sparse));
        if (err < 0)
                return err;
        return more->is_extended ? 0 : begin_entry(r, r->data_left);
}

/* Reads one "NUMBER\n" at `*pos`: 1 when there, 0 when the text ends before the newline, -EBADMSG. */
static int map_number(const mn_str *text, size_t *pos, int64_t *ret) {
        int64_t value = 0;
        for (size_t i = *pos; i < text->len; i++) {
                char c = text->data[i];
                if (c == '\n' && i > *pos) {
                        *pos = i + 1;
                        *ret = value;
                        return 1;
                }
                if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, c - '0', &value))
                        return -EBADMSG;
        }
        return 0;
}

/* A block of a GNU 1.0 map has come: parses it all once the last number is there. */
static int more_sparse_map(mn_tar_reader *r) {
        mn_str_add_len(&r->gathered, r->block.bytes, MN_TAR_BLOCK);
        r->data_left -= MN_TAR_BLOCK;
        if (mn_str_error(&r->gathered) || r->data_left < 0)
                return fail(r, -E2BIG, "a sparse map is too long");
        size_t newlines = 0, pos = 0;
        int64_t count, offset, len;
        int have = map_number(&r->gathered, &pos, &count);
        if (have < 0 || (have && count > MN_TAR_SPARSE_MAX))
                return fail(r, -EBADMSG, "a sparse map is malformed");
        for (size_t i = 0; i < r->gathered.len; i++)
                newlines += r->gathered.data[i] == '\n';
        if (!have || newlines < (size_t) count * 2 + 1)
                return 0; /* more blocks to come */
        r->extended.pieces.len = 0;
        for (int64_t i = 0; i < count; i++) {
                if (map_number(&r->gathered, &pos, &offset) != 1 || map_number(&r->gathered, &pos, &len) != 1)
                        return fail(r, -EBADMSG, "a sparse map is malformed");
                int err = tar_extended_add_piece(&r->extended, offset, len);
                if (err < 0)
                        return fail(r, err, "a sparse map is out of order");
        }
        mn_str_truncate(&r->gathered, 0);
        return begin_entry(r, r->data_left);
}

/* ---- extended headers ---- */

static int begin_extension(mn_tar_reader *r, int64_t size) {
        if (size > MN_TAR_EXTENSION_MAX || r->extended_len + (size_t) size > MN_TAR_EXTENSION_MAX)
                return fail(r, -E2BIG, "an extended header is too long");
        r->extended_len += (size_t) size + MN_TAR_BLOCK; /* chains of empty ones end too */
        r->extension_type = r->block.header.type;
        mn_str_truncate(&r->gathered, 0);
        r->data_left = size;
        r->padding = mn_tar_padding(size);
        r->state = STATE_EXTENSION;
        return 0;
}

static int take_long_name(mn_tar_reader *r, char **to) {
        size_t len = strnlen(mn_str_text(&r->gathered), r->gathered.len);
        if (len > MN_TAR_PATH_MAX)
                return fail(r, -ENAMETOOLONG, "a name is too long");
        free(*to);
        *to = mn_strndup(mn_str_text(&r->gathered), len);
        return 0;
}

static int end_extension(mn_tar_reader *r) {
        int err = 0;
        if (r->extension_type == 'L')
                err = take_long_name(r, &r->extended.path);
        else if (r->extension_type == 'K')
                err = take_long_name(r, &r->extended.link);
        else if (r->extension_type == 'x')
                err = tar_extended_parse(&r->extended, mn_str_text(&r->gathered), r->gathered.len);
        mn_str_truncate(&r->gathered, 0);
        r->state = STATE_PADDING;
        return err < 0 && !r->problem ? fail(r, err, "a pax header is malformed") : err;
}

/* ---- the machine ---- */

static bool is_zero(const char *bytes) {
        return !bytes[0] && !memcmp(bytes, bytes + 1, MN_TAR_BLOCK - 1);
}

static int take_header(mn_tar_reader *r) {
        const struct tar_header *h = &r->block.header;
        if (is_zero(r->block.bytes)) {
                r->state = r->had_zero_block ? STATE_END : STATE_HEADER;
                r->had_zero_block = true;
                return 0;
        }
        r->had_zero_block = false;
        int64_t size;
        if (!tar_checksum_is_right(h))
                return fail(r, -EBADMSG, "a header's checksum is wrong");
        if (!tar_number(h->size, sizeof(h->size), &size) || size < 0)
                return fail(r, -EBADMSG, "a size is malformed");
        if (h->type && strchr("xgLK", h->type))
                return begin_extension(r, size);
        r->main = *h;
        if (r->extended.has_size)
                size = r->extended.size;
        if (size < 0 || size > INT64_MAX - 2 * MN_TAR_BLOCK - r->position)
                return fail(r, -EBADMSG, "a size is out of range");
        r->data_left = size;
        if (h->type == 'S')
                return begin_old_sparse(r);
        if (r->extended.is_sparse && r->extended.sparse_major == 1) {
                r->state = STATE_SPARSE_MAP;
                mn_str_truncate(&r->gathered, 0);
                return 0;
        }
        return begin_entry(r, size);
}

static int take_block(mn_tar_reader *r) {
        if (r->state == STATE_SPARSE)
                return more_old_sparse(r);
        if (r->state == STATE_SPARSE_MAP)
                return more_sparse_map(r);
        return take_header(r);
}

/* Hands over or gathers up to `len` bytes of data; the count taken. */
static ssize_t take_data(mn_tar_reader *r, const char *data, size_t len) {
        size_t n = (size_t) MN_MIN((int64_t) len, r->data_left);
        int err = 0;
        if (r->state == STATE_EXTENSION)
                mn_str_add_len(&r->gathered, data, n);
        else if (n && r->handler.data)
                err = r->handler.data(r->arg, data, n);
        r->data_left -= (int64_t) n;
        return err < 0 ? err : (ssize_t) n;
}

/* Ends of data need no further input: passes them as soon as they are reached. */
static int pass_ends(mn_tar_reader *r) {
        if (r->state == STATE_EXTENSION && !r->data_left) {
                int err = end_extension(r);
                if (err < 0)
                        return err;
        }
        if (r->state == STATE_DATA && !r->data_left) {
                int err = r->handler.end ? r->handler.end(r->arg) : 0;
                if (err < 0)
                        return err;
                r->state = STATE_PADDING;
        }
        if (r->state == STATE_PADDING && !r->padding)
                r->state = STATE_HEADER;
        return 0;
}

/* Takes some of the bytes, at least one; the count or -errno. */
static ssize_t step(mn_tar_reader *r, const char *data, size_t len) {
        switch (r->state) {
        case STATE_END:
                return (ssize_t) len;
        case STATE_PADDING: {
                size_t n = MN_MIN(len, r->padding);
                r->padding -= n;
                r->position += (int64_t) n;
                return (ssize_t) n;
        }
        case STATE_DATA:
        case STATE_EXTENSION: {
                ssize_t n = take_data(r, data, len);
                r->position += n > 0 ? n : 0;
                return n;
        }
        case STATE_HEADER:
        case STATE_SPARSE:
        case STATE_SPARSE_MAP:
        default: {
                size_t n = MN_MIN(len, MN_TAR_BLOCK - r->block_len);
                memcpy(r->block.bytes + r->block_len, data, n);
                r->block_len += n;
                r->position += (int64_t) n;
                if (r->block_len < MN_TAR_BLOCK)
                        return (ssize_t) n;
                r->block_len = 0;
                int err = take_block(r);
                return err < 0 ? err : (ssize_t) n;
        }
        }
}

int mn_tar_reader_feed(mn_tar_reader *r, const void *data, size_t len) {
        const char *p = data;
        r->problem = NULL;
        while (len) {
                ssize_t n = step(r, p, len);
                if (n < 0)
                        return (int) n;
                p += n;
                len -= (size_t) n;
                int err = pass_ends(r);
                if (err < 0)
                        return err;
        }
        return 0;
}

int mn_tar_reader_finish(mn_tar_reader *r) {
        bool is_between = r->state == STATE_HEADER && !r->extended_len;
        bool is_zero_tail = true;
        for (size_t i = 0; i < r->block_len; i++)
                is_zero_tail = is_zero_tail && !r->block.bytes[i];
        if (r->state == STATE_END || r->state == STATE_PADDING || (is_between && is_zero_tail))
                return 0;
        return fail(r, -EBADMSG, "unexpected end of the archive");
}
