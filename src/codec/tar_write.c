/* SPDX-License-Identifier: Apache-2.0 */
/* The tar writer: ustar, and a pax header before entries that ustar cannot say. */

#include <stdio.h>
#include <string.h>

#include "codec/tar.h"
#include "codec/tar_header.h"

static const char type_letters[] = {
        [MN_TAR_FILE] = '0',         [MN_TAR_HARDLINK] = '1', [MN_TAR_SYMLINK] = '2', [MN_TAR_CHAR] = '3',
        [MN_TAR_BLOCK_DEVICE] = '4', [MN_TAR_DIR] = '5',      [MN_TAR_FIFO] = '6',
};

/* "LENGTH KEY=VALUE\n" where LENGTH counts itself. */
static void add_record(mn_str *out, const char *key, const void *value, size_t len) {
        size_t rest = strlen(key) + len + 3; /* space, '=', newline */
        size_t total = rest + 1;
        for (size_t digits = 1, limit = 10; total >= limit; digits++, limit *= 10)
                total = rest + digits + 1;
        mn_str_printf(out, "%zu %s=", total, key);
        mn_str_add_len(out, value, len);
        mn_str_add_char(out, '\n');
}

static void add_number(mn_str *out, const char *key, int64_t value) {
        char text[24];
        add_record(out, key, text, (size_t) snprintf(text, sizeof(text), "%lld", (long long) value));
}

static void add_time(mn_str *out, int64_t sec, uint32_t nsec) {
        char text[48];
        bool is_negative = sec < 0;
        if (is_negative && nsec) {
                sec++;
                nsec = 1000000000 - nsec;
        }
        int n = snprintf(text, sizeof(text), "%s%lld.%09u", is_negative && !sec ? "-" : "", (long long) sec,
                         nsec);
        while (n > 0 && text[n - 1] == '0')
                n--;
        if (n > 0 && text[n - 1] == '.')
                n--;
        add_record(out, "mtime", text, (size_t) n);
}

/* Where a name is cut for ustar's prefix and name, or -1; 0 when it needs no prefix. */
static ssize_t split_at(const char *path) {
        size_t len = strlen(path);
        if (len <= sizeof(((struct tar_header *) NULL)->name))
                return 0;
        if (len > 255)
                return -1;
        for (size_t i = MN_MIN(len - 1, sizeof(((struct tar_header *) NULL)->prefix)); i > 0; i--)
                if (path[i] == '/' && i + 1 < len)
                        return len - i - 1 <= sizeof(((struct tar_header *) NULL)->name) ? (ssize_t) i : -1;
        return -1;
}

#define OCTAL_MAX(field) ((INT64_C(1) << 3 * (sizeof(field) - 1)) - 1)

/* A number with its closing NUL; one that does not fit is 0 here and in a pax record. */
static void put_octal(char *field, size_t len, int64_t value) {
        if (value < 0 || value >= INT64_C(1) << 3 * (len - 1))
                value = 0;
        field[len - 1] = '\0';
        for (size_t i = len - 1; i-- > 0; value >>= 3)
                field[i] = (char) ('0' + (value & 7));
}

static void add_records(const mn_tar_entry *e, mn_str *pax) {
        const struct tar_header *h = NULL;
        if (split_at(e->path) < 0)
                add_record(pax, "path", e->path, strlen(e->path));
        if (strlen(e->link) > sizeof(h->link))
                add_record(pax, "linkpath", e->link, strlen(e->link));
        if (e->size > OCTAL_MAX(h->size))
                add_number(pax, "size", e->size);
        if (e->uid > OCTAL_MAX(h->uid))
                add_number(pax, "uid", e->uid);
        if (e->gid > OCTAL_MAX(h->gid))
                add_number(pax, "gid", e->gid);
        if (e->mtime_nsec || e->mtime_sec < 0 || e->mtime_sec > OCTAL_MAX(h->mtime))
                add_time(pax, e->mtime_sec, e->mtime_nsec);
        for (size_t i = 0; i < e->nxattrs; i++) {
                mn_str key = MN_STR_INIT(1024);
                mn_str_printf(&key, "SCHILY.xattr.%s", e->xattrs[i].name);
                add_record(pax, mn_str_text(&key), e->xattrs[i].value, e->xattrs[i].len);
                mn_str_release(&key);
        }
}

/* Copies text that may fill the whole field, without a NUL. */
static void put_text(char *field, size_t size, const char *text, size_t len) {
        memcpy(field, text, MN_MIN(len, size));
}

static void add_block(const mn_tar_entry *e, char type, mn_str *out) {
        struct tar_header h = { 0 };
        ssize_t cut = split_at(e->path);
        const char *name = cut > 0 ? e->path + cut + 1 : e->path;
        put_text(h.name, sizeof(h.name), name, strlen(name));
        if (cut > 0)
                put_text(h.prefix, sizeof(h.prefix), e->path, (size_t) cut);
        put_octal(h.mode, sizeof(h.mode), e->mode & 07777);
        put_octal(h.uid, sizeof(h.uid), e->uid);
        put_octal(h.gid, sizeof(h.gid), e->gid);
        put_octal(h.size, sizeof(h.size), e->size);
        put_octal(h.mtime, sizeof(h.mtime), e->mtime_sec);
        h.type = type;
        put_text(h.link, sizeof(h.link), e->link, strlen(e->link));
        memcpy(h.magic, "ustar", 6);
        memcpy(h.version, "00", 2);
        if (e->uname)
                put_text(h.uname, sizeof(h.uname) - 1, e->uname, strlen(e->uname));
        if (e->gname)
                put_text(h.gname, sizeof(h.gname) - 1, e->gname, strlen(e->gname));
        put_octal(h.major, sizeof(h.major), e->major);
        put_octal(h.minor, sizeof(h.minor), e->minor);
        put_octal(h.checksum, sizeof(h.checksum) - 1, tar_checksum(&h));
        h.checksum[sizeof(h.checksum) - 1] = ' ';
        mn_str_add_len(out, &h, sizeof(h));
}

static void add_zeros(mn_str *out, size_t len) {
        static const char zeros[2 * MN_TAR_BLOCK];
        mn_str_add_len(out, zeros, len);
}

void mn_tar_write_header(const mn_tar_entry *e, mn_str *out) {
        mn_tar_entry entry = *e;
        entry.link = e->link ? e->link : "";
        cleanup_str mn_str pax = MN_STR_INIT(2 * MN_TAR_EXTENSION_MAX);
        add_records(&entry, &pax);
        if (pax.len) {
                const mn_tar_entry header = {
                        .path = "PaxHeaders", .link = "", .mode = 0644, .size = (int64_t) pax.len
                };
                add_block(&header, 'x', out);
                mn_str_add_len(out, pax.data, pax.len);
                add_zeros(out, mn_tar_padding((int64_t) pax.len));
        }
        add_block(&entry, type_letters[entry.type], out);
}

void mn_tar_write_end(mn_str *out) {
        add_zeros(out, 2 * MN_TAR_BLOCK);
}
