/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text into values in an arena, and back. Iterative: depth costs a bit of heap, never stack. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/vec.h"
#include "codec/json.h"

enum { DEFAULT_MAX_DEPTH = 128 };

struct level {
        mn_json *container;
        mn_json *last; /* its last child so far */
};

struct parser {
        mn_arena *arena;
        const char *start, *p, *end;
        size_t max_depth;
        bool allows_duplicates;
        mn_err *err;
};

static mn_status fail(struct parser *ps, const char *what) {
        return mn_fail(ps->err, MN_INVALID, "invalid JSON at byte %zu: %s", (size_t) (ps->p - ps->start),
                       what);
}

static void skip_space(struct parser *ps) {
        while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\n' || *ps->p == '\r'))
                ps->p++;
}

/* ---- strings ---- */

static int hex4(const char *p) {
        int value = 0;
        for (int i = 0; i < 4; i++) {
                char c = p[i];
                int digit = c >= '0' && c <= '9'   ? c - '0'
                            : c >= 'a' && c <= 'f' ? c - 'a' + 10
                            : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                   : -1;
                if (digit < 0)
                        return -1;
                value = value << 4 | digit;
        }
        return value;
}

static char *put_utf8(char *to, unsigned c) {
        if (c < 0x80) {
                *to++ = (char) c;
        } else if (c < 0x800) {
                *to++ = (char) (0xc0 | c >> 6);
                *to++ = (char) (0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
                *to++ = (char) (0xe0 | c >> 12);
                *to++ = (char) (0x80 | (c >> 6 & 0x3f));
                *to++ = (char) (0x80 | (c & 0x3f));
        } else {
                *to++ = (char) (0xf0 | c >> 18);
                *to++ = (char) (0x80 | (c >> 12 & 0x3f));
                *to++ = (char) (0x80 | (c >> 6 & 0x3f));
                *to++ = (char) (0x80 | (c & 0x3f));
        }
        return to;
}

/* Length of the valid UTF-8 sequence at `p`, 0 when there is none. */
static size_t utf8_len(const unsigned char *p, const unsigned char *end) {
        size_t n = *p < 0x80                 ? 1
                   : *p >= 0xc2 && *p < 0xe0 ? 2
                   : *p >= 0xe0 && *p < 0xf0 ? 3
                   : *p >= 0xf0 && *p < 0xf5 ? 4
                                             : 0;
        if (n == 0 || (size_t) (end - p) < n)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        bool is_bad = (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
                      (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f);
        return is_bad ? 0 : n;
}

/* At the backslash; writes the character and moves on. A lone surrogate becomes U+FFFD, as Go has it. */
static mn_status parse_escape(struct parser *ps, char **to) {
        static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
        if (ps->end - ps->p < 2)
                return fail(ps, "unterminated string");
        char c = ps->p[1];
        const char *at = strchr(names, c);
        if (c && at) {
                *(*to)++ = values[at - names];
                ps->p += 2;
                return MN_OK;
        }
        int code = c == 'u' && ps->end - ps->p >= 6 ? hex4(ps->p + 2) : -1;
        if (code < 0)
                return fail(ps, "invalid escape in string");
        if (code == 0)
                return fail(ps, "NUL in string");
        ps->p += 6;
        unsigned point = (unsigned) code;
        if (code >= 0xd800 && code < 0xe000) {
                int low = code < 0xdc00 && ps->end - ps->p >= 6 && ps->p[0] == '\\' && ps->p[1] == 'u'
                                  ? hex4(ps->p + 2)
                                  : -1;
                if (low >= 0xdc00 && low < 0xe000) {
                        point = 0x10000 + ((point - 0xd800) << 10) + ((unsigned) low - 0xdc00);
                        ps->p += 6;
                } else {
                        point = 0xfffd;
                }
        }
        *to = put_utf8(*to, point);
        return MN_OK;
}

/* Bytes that stand for themselves, before the quote that is known to come. */
static size_t plain_len(const char *p) {
        size_t n = 0;
        while ((unsigned char) p[n] >= 0x20 && (unsigned char) p[n] < 0x80 && p[n] != '"' && p[n] != '\\')
                n++;
        return n;
}

/* At the opening quote. An escape is never shorter than what it stands for, so the text fits in its source's
   length; bytes that are not UTF-8 would grow to U+FFFD and are refused instead. */
static mn_status parse_string(struct parser *ps, const char **ret, size_t *ret_len) {
        const char *q = ++ps->p;
        while (q < ps->end && *q != '"')
                q += *q == '\\' && q + 1 < ps->end ? 2 : 1;
        if (q >= ps->end)
                return fail(ps, "unterminated string");
        char *text = mn_arena_alloc(ps->arena, (size_t) (q - ps->p) + 1), *to = text;
        while (*ps->p != '"') {
                unsigned char c = (unsigned char) *ps->p;
                if (c == '\\') {
                        mn_status st = parse_escape(ps, &to);
                        if (st)
                                return st;
                        continue;
                }
                if (c < 0x20)
                        return fail(ps, "control character in string");
                size_t n = plain_len(ps->p);
                if (n == 0)
                        n = utf8_len((const unsigned char *) ps->p, (const unsigned char *) ps->end);
                if (n == 0)
                        return fail(ps, "string is not valid UTF-8");
                memcpy(to, ps->p, n);
                to += n;
                ps->p += n;
        }
        *to = '\0';
        ps->p++;
        *ret = text;
        *ret_len = (size_t) (to - text);
        return MN_OK;
}

/* ---- other scalars ---- */

static size_t count_digits(const char *p, const char *end) {
        const char *q = p;
        while (q < end && *q >= '0' && *q <= '9')
                q++;
        return (size_t) (q - p);
}

static mn_status parse_number(struct parser *ps, mn_json *v) {
        const char *q = ps->p;
        q += *q == '-';
        size_t n = count_digits(q, ps->end);
        if (n == 0 || (n > 1 && *q == '0'))
                return fail(ps, "invalid number");
        q += n;
        if (q < ps->end && *q == '.') {
                n = count_digits(q + 1, ps->end);
                if (n == 0)
                        return fail(ps, "invalid number");
                q += 1 + n;
        }
        if (q < ps->end && (*q == 'e' || *q == 'E')) {
                q++;
                q += q < ps->end && (*q == '+' || *q == '-');
                n = count_digits(q, ps->end);
                if (n == 0)
                        return fail(ps, "invalid number");
                q += n;
        }
        v->kind = MN_JSON_NUMBER;
        v->len = (size_t) (q - ps->p);
        v->text = mn_arena_strndup(ps->arena, ps->p, v->len);
        ps->p = q;
        return MN_OK;
}

static bool take_word(struct parser *ps, const char *word) {
        size_t len = strlen(word);
        if ((size_t) (ps->end - ps->p) < len || memcmp(ps->p, word, len) != 0)
                return false;
        ps->p += len;
        return true;
}

/* Any value but the inside of a container, which is only opened. */
static mn_status parse_value(struct parser *ps, mn_json *v) {
        if (ps->p >= ps->end)
                return fail(ps, "unexpected end");
        switch (*ps->p) {
        case '{':
        case '[':
                v->kind = *ps->p == '{' ? MN_JSON_OBJECT : MN_JSON_ARRAY;
                ps->p++;
                return MN_OK;
        case '"':
                v->kind = MN_JSON_STRING;
                return parse_string(ps, &v->text, &v->len);
        case 't':
                v->boolean = true;
                v->kind = MN_JSON_BOOL;
                return take_word(ps, "true") ? MN_OK : fail(ps, "unexpected character");
        case 'f':
                v->kind = MN_JSON_BOOL;
                return take_word(ps, "false") ? MN_OK : fail(ps, "unexpected character");
        case 'n':
                v->kind = MN_JSON_NULL;
                return take_word(ps, "null") ? MN_OK : fail(ps, "unexpected character");
        default:
                if (*ps->p == '-' || (*ps->p >= '0' && *ps->p <= '9'))
                        return parse_number(ps, v);
                return fail(ps, "unexpected character");
        }
}

static int compare_keys(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static mn_status check_duplicates(struct parser *ps, const mn_json *object) {
        if (ps->allows_duplicates || object->len < 2)
                return MN_OK;
        const char **keys = mn_alloc_array(object->len, sizeof(*keys));
        size_t n = 0;
        for (const mn_json *m = object->child; m; m = m->next)
                keys[n++] = m->key;
        qsort(keys, n, sizeof(*keys), compare_keys);
        mn_status st = MN_OK;
        for (size_t i = 1; i < n && !st; i++)
                if (strcmp(keys[i - 1], keys[i]) == 0)
                        st = mn_fail(ps->err, MN_INVALID, "invalid JSON at byte %zu: duplicate key \"%s\"",
                                     (size_t) (ps->p - ps->start), keys[i]);
        free(keys);
        return st;
}

/* Reads the member name and the colon. */
static mn_status parse_key(struct parser *ps, const char **ret) {
        size_t len;
        if (ps->p >= ps->end || *ps->p != '"')
                return fail(ps, "expected a member name");
        mn_status st = parse_string(ps, ret, &len);
        if (st)
                return st;
        skip_space(ps);
        if (ps->p >= ps->end || *ps->p != ':')
                return fail(ps, "expected ':'");
        ps->p++;
        skip_space(ps);
        return MN_OK;
}

/* One step inside the innermost container: a child, or its end. */
static mn_status parse_child(struct parser *ps, struct level *level, mn_json **ret_child) {
        mn_json *container = level->container;
        char closing = container->kind == MN_JSON_OBJECT ? '}' : ']';
        *ret_child = NULL;
        skip_space(ps);
        if (ps->p < ps->end && *ps->p == closing) {
                ps->p++;
                return container->kind == MN_JSON_OBJECT ? check_duplicates(ps, container) : MN_OK;
        }
        if (container->len) {
                if (ps->p >= ps->end || *ps->p != ',')
                        return fail(ps, container->kind == MN_JSON_OBJECT ? "expected ',' or '}'"
                                                                          : "expected ',' or ']'");
                ps->p++;
                skip_space(ps);
        }
        const char *key = NULL;
        if (container->kind == MN_JSON_OBJECT) {
                mn_status st = parse_key(ps, &key);
                if (st)
                        return st;
        }
        mn_json *child = mn_arena_alloc(ps->arena, sizeof(*child));
        child->key = key;
        mn_status st = parse_value(ps, child);
        if (st)
                return st;
        if (level->last)
                level->last->next = child;
        else
                container->child = child;
        level->last = child;
        container->len++;
        *ret_child = child;
        return MN_OK;
}

static bool is_container(const mn_json *v) {
        return v->kind == MN_JSON_OBJECT || v->kind == MN_JSON_ARRAY;
}

static mn_status parse_document(struct parser *ps, mn_json *root) {
        MN_VEC(struct level) stack = { 0 };
        skip_space(ps);
        mn_status st = parse_value(ps, root);
        if (!st && is_container(root))
                mn_vec_push(&stack, ((struct level){ .container = root }));
        while (!st && stack.len) {
                mn_json *child;
                st = parse_child(ps, &stack.items[stack.len - 1], &child);
                if (st)
                        break;
                if (!child)
                        stack.len--;
                else if (is_container(child) && stack.len >= ps->max_depth)
                        st = fail(ps, "nested too deeply");
                else if (is_container(child))
                        mn_vec_push(&stack, ((struct level){ .container = child }));
        }
        mn_vec_release(&stack);
        if (st)
                return st;
        skip_space(ps);
        return ps->p == ps->end ? MN_OK : fail(ps, "unexpected data after the value");
}

mn_status mn_json_parse(mn_arena *arena, const char *text, size_t len, const mn_json_limits *limits,
                        const mn_json **ret, mn_err *err) {
        struct parser ps = {
                .arena = arena,
                .start = text,
                .p = text,
                .end = text + len,
                .max_depth = limits && limits->max_depth ? limits->max_depth : DEFAULT_MAX_DEPTH,
                .allows_duplicates = limits && limits->allows_duplicate_keys,
                .err = err,
        };
        mn_json *root = mn_arena_alloc(arena, sizeof(*root));
        mn_status st = parse_document(&ps, root);
        if (!st)
                *ret = root;
        return st;
}

const mn_json *mn_json_get(const mn_json *object, const char *key) {
        if (!object || object->kind != MN_JSON_OBJECT)
                return NULL;
        const mn_json *found = NULL;
        for (const mn_json *m = object->child; m; m = m->next)
                if (strcmp(m->key, key) == 0)
                        found = m; /* the last one wins where duplicates were let through */
        for (const mn_json *m = object->child; m && !found; m = m->next)
                if (strcasecmp(m->key, key) == 0)
                        found = m;
        return found;
}

const char *mn_json_get_str(const mn_json *object, const char *key) {
        const mn_json *v = mn_json_get(object, key);
        return v && v->kind == MN_JSON_STRING ? v->text : NULL;
}

const char *mn_json_kind_name(mn_json_kind kind) {
        static const char *const names[] = { "null", "bool", "number", "string", "array", "object" };
        return names[kind];
}

/* ---- writing ---- */

void mn_json_add_bytes(mn_str *out, const char *bytes, size_t len) {
        const unsigned char *p = (const unsigned char *) bytes, *end = p + len, *plain = p;
        mn_str_add_char(out, '"');
        while (p < end) {
                size_t n = utf8_len(p, end);
                if (n > 0 && *p >= 0x20 && *p != '"' && *p != '\\' && *p != 0x7f &&
                    !(n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))) {
                        p += n;
                        continue;
                }
                mn_str_add_len(out, plain, (size_t) (p - plain));
                switch (n == 0 ? 0xfffd : *p) {
                case '"':
                        mn_str_add(out, "\\\"");
                        break;
                case '\\':
                        mn_str_add(out, "\\\\");
                        break;
                case '\n':
                        mn_str_add(out, "\\n");
                        break;
                case '\r':
                        mn_str_add(out, "\\r");
                        break;
                case '\t':
                        mn_str_add(out, "\\t");
                        break;
                case 0xfffd:
                        mn_str_add(out, "\\ufffd");
                        break;
                case 0xe2:
                        mn_str_add(out, p[2] == 0xa8 ? "\\u2028" : "\\u2029");
                        break;
                case 0x7f:
                        mn_str_add_char(out, 0x7f);
                        break;
                default:
                        mn_str_printf(out, "\\u%04x", *p);
                }
                p += n ? n : 1;
                plain = p;
        }
        mn_str_add_len(out, plain, (size_t) (p - plain));
        mn_str_add_char(out, '"');
}

void mn_json_add_str(mn_str *out, const char *text) {
        mn_json_add_bytes(out, text ? text : "", text ? strlen(text) : 0);
}

static void write_scalar(const mn_json *v, mn_str *out) {
        switch (v->kind) {
        case MN_JSON_BOOL:
                mn_str_add(out, v->boolean ? "true" : "false");
                break;
        case MN_JSON_NUMBER:
                mn_str_add_len(out, v->text, v->len);
                break;
        case MN_JSON_STRING:
                mn_json_add_bytes(out, v->text, v->len);
                break;
        case MN_JSON_NULL:
        case MN_JSON_ARRAY:
        case MN_JSON_OBJECT:
                mn_str_add(out, "null");
                break;
        }
}

void mn_json_write(const mn_json *value, mn_str *out) {
        MN_VEC(const mn_json *) stack = {
                0
        }; /* open containers; the next child to write of each is in `at` */
        const mn_json *at = value;
        bool is_first = true;
        while (at) {
                if (!is_first)
                        mn_str_add_char(out, ',');
                if (stack.len && stack.items[stack.len - 1]->kind == MN_JSON_OBJECT) {
                        mn_json_add_str(out, at->key);
                        mn_str_add_char(out, ':');
                }
                is_first = false;
                if (is_container(at)) {
                        mn_str_add_char(out, at->kind == MN_JSON_OBJECT ? '{' : '[');
                        if (at->child) {
                                mn_vec_push(&stack, at);
                                at = at->child;
                                is_first = true;
                                continue;
                        }
                        mn_str_add_char(out, at->kind == MN_JSON_OBJECT ? '}' : ']');
                } else {
                        write_scalar(at, out);
                }
                at = stack.len ? at->next : NULL; /* the root's own siblings are not part of it */
                while (!at && stack.len) {
                        const mn_json *done = stack.items[--stack.len];
                        mn_str_add_char(out, done->kind == MN_JSON_OBJECT ? '}' : ']');
                        at = stack.len ? done->next : NULL;
                }
        }
        mn_vec_release(&stack);
}
