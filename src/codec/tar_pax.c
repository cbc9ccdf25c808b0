/* SPDX-License-Identifier: Apache-2.0 */
/* Pax extended headers: records "LENGTH KEY=VALUE\n", LENGTH counting itself. */

#include "codec/tar_pax.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

void tar_extended_reset(struct tar_extended *x) {
        free(x->path);
        free(x->link);
        free(x->uname);
        free(x->gname);
        for (size_t i = 0; i < x->xattrs.len; i++) {
                free((char *) x->xattrs.items[i].name);
                free((void *) x->xattrs.items[i].value);
        }
        mn_vec_release(&x->xattrs);
        mn_vec_release(&x->pieces);
        memset(x, 0, sizeof(*x));
}

int tar_extended_add_piece(struct tar_extended *x, int64_t offset, int64_t len) {
        int64_t end;
        if (x->pieces.len >= MN_TAR_SPARSE_MAX)
                return -E2BIG;
        if (offset < 0 || len < 0 || __builtin_add_overflow(offset, len, &end))
                return -EBADMSG;
        if (x->pieces.len) {
                const mn_tar_piece *last = &x->pieces.items[x->pieces.len - 1];
                if (offset < last->offset + last->len)
                        return -EBADMSG;
        }
        mn_vec_push(&x->pieces, ((mn_tar_piece){ offset, len }));
        return 0;
}

static int take_text(char **to, const char *value, size_t len) {
        if (memchr(value, '\0', len))
                return -EBADMSG;
        if (len > MN_TAR_PATH_MAX)
                return -ENAMETOOLONG;
        free(*to);
        *to = mn_strndup(value, len);
        return 0;
}

static int take_number(bool *has, int64_t *to, const char *value) {
        if (mn_parse_i64(value, INT64_MIN, INT64_MAX, to) < 0)
                return -EBADMSG;
        if (has)
                *has = true;
        return 0;
}

/* "-12.5" is 12.5 seconds before the epoch: -13 s and 500,000,000 ns. */
static int take_time(struct tar_extended *x, const char *value) {
        const char *dot = strchr(value, '.');
        cleanup_free char *whole = mn_strndup(value, dot ? (size_t) (dot - value) : strlen(value));
        bool is_negative = value[0] == '-';
        int64_t sec = 0;
        if (*whole && strcmp(whole, "-") != 0 && mn_parse_i64(whole, INT64_MIN + 1, INT64_MAX, &sec) < 0)
                return -EBADMSG;
        uint32_t nsec = 0, unit = 100000000;
        for (const char *p = dot ? dot + 1 : ""; *p; p++, unit /= 10) {
                if (*p < '0' || *p > '9')
                        return -EBADMSG;
                nsec += (uint32_t) (*p - '0') * unit;
        }
        if (is_negative && nsec) {
                sec--;
                nsec = 1000000000 - nsec;
        }
        x->mtime_sec = sec;
        x->mtime_nsec = nsec;
        x->has_mtime = true;
        return 0;
}

/* A later record replaces an earlier one of the same name. */
static int take_xattr(struct tar_extended *x, const char *name, const char *value, size_t len) {
        if (!*name || strlen(name) > 255)
                return -EBADMSG;
        if (len > MN_TAR_XATTR_MAX)
                return -E2BIG;
        char *copy = len ? memcpy(mn_alloc(len), value, len) : mn_alloc(1);
        for (size_t i = 0; i < x->xattrs.len; i++)
                if (!strcmp(x->xattrs.items[i].name, name)) {
                        free((void *) x->xattrs.items[i].value);
                        x->xattrs.items[i].value = copy;
                        x->xattrs.items[i].len = len;
                        return 0;
                }
        mn_vec_push(&x->xattrs, ((mn_tar_xattr){ mn_strdup(name), copy, len }));
        return 0;
}

/* GNU.sparse.map: "offset,length,offset,length..." */
static int take_sparse_map(struct tar_extended *x, const char *value) {
        int64_t pair[2];
        size_t n = 0;
        while (*value) {
                size_t len = strcspn(value, ",");
                cleanup_free char *number = mn_strndup(value, len);
                if (mn_parse_i64(number, 0, INT64_MAX, &pair[n++ & 1]) < 0)
                        return -EBADMSG;
                int r = n & 1 ? 0 : tar_extended_add_piece(x, pair[0], pair[1]);
                if (r < 0)
                        return r;
                value += len + (value[len] == ',');
        }
        return n & 1 ? -EBADMSG : 0;
}

static int take_sparse(struct tar_extended *x, const char *key, const char *value, size_t len) {
        int64_t number;
        x->is_sparse = true;
        if (!strcmp(key, "name"))
                return take_text(&x->path, value, len);
        if (!strcmp(key, "map"))
                return take_sparse_map(x, value);
        int r = take_number(NULL, &number, value);
        if (r < 0)
                return r;
        if (!strcmp(key, "major"))
                x->sparse_major = number == 1 ? 1 : 0;
        else if (!strcmp(key, "minor"))
                x->sparse_minor = number != 0;
        else if (!strcmp(key, "size") || !strcmp(key, "realsize"))
                x->real_size = number;
        else if (!strcmp(key, "offset"))
                x->next_offset = number;
        else if (!strcmp(key, "numbytes"))
                return tar_extended_add_piece(x, x->next_offset, number);
        return 0;
}

static int take_record(struct tar_extended *x, const char *key, const char *value, size_t len) {
        if (mn_str_has_prefix(key, "SCHILY.xattr."))
                return take_xattr(x, key + strlen("SCHILY.xattr."), value, len);
        if (memchr(value, '\0', len))
                return -EBADMSG;
        if (mn_str_has_prefix(key, "GNU.sparse."))
                return take_sparse(x, key + strlen("GNU.sparse."), value, len);
        if (!strcmp(key, "path")) /* GNU.sparse.name, wherever it stands, is the real one */
                return x->is_sparse && x->path ? 0 : take_text(&x->path, value, len);
        if (!strcmp(key, "linkpath"))
                return take_text(&x->link, value, len);
        if (!strcmp(key, "uname"))
                return take_text(&x->uname, value, len);
        if (!strcmp(key, "gname"))
                return take_text(&x->gname, value, len);
        if (!strcmp(key, "size"))
                return take_number(&x->has_size, &x->size, value);
        if (!strcmp(key, "uid"))
                return take_number(&x->has_uid, &x->uid, value);
        if (!strcmp(key, "gid"))
                return take_number(&x->has_gid, &x->gid, value);
        if (!strcmp(key, "mtime"))
                return take_time(x, value);
        return 0;
}

/* Length of the record at `data`, 0 when it is malformed. `*ret_body` is where its key begins. */
static size_t record_len(const char *data, size_t len, const char **ret_body) {
        size_t total = 0, i = 0;
        for (; i < len && i < 8 && data[i] >= '0' && data[i] <= '9'; i++)
                total = total * 10 + (size_t) (data[i] - '0');
        if (!i || i >= len || data[i] != ' ' || total > len || total < i + 4 || data[total - 1] != '\n')
                return 0;
        *ret_body = data + i + 1;
        return total;
}

int tar_extended_parse(struct tar_extended *x, const char *data, size_t len) {
        while (len && *data) { /* some writers pad with NULs */
                const char *body;
                size_t total = record_len(data, len, &body);
                if (!total)
                        return -EBADMSG;
                const char *end = data + total - 1;
                const char *equal = memchr(body, '=', (size_t) (end - body));
                if (!equal || equal == body || memchr(body, '\0', (size_t) (equal - body)))
                        return -EBADMSG;
                cleanup_free char *key = mn_strndup(body, (size_t) (equal - body));
                /* a NUL-terminated copy, for the numbers */
                cleanup_free char *value = mn_strndup(equal + 1, (size_t) (end - equal - 1));
                int r = take_record(x, key, value, (size_t) (end - equal - 1));
                if (r < 0)
                        return r;
                data += total;
                len -= total;
        }
        return 0;
}
