/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum { FIRST_CAPACITY = 64 };

void mn_str_release(mn_str *s) {
        mn_freep(&s->data);
        *s = (mn_str){ .max = s->max };
}

char *mn_str_reserve(mn_str *s, size_t len) {
        size_t max = s->max ? s->max : MN_STR_DEFAULT_MAX;
        if (s->has_failed || len > max - s->len) {
                s->has_failed = true;
                return NULL;
        }
        size_t needed = s->len + len + 1;
        if (needed > s->cap) {
                size_t cap = s->cap ? s->cap : FIRST_CAPACITY;
                while (cap < needed)
                        cap *= 2;
                s->data = mn_realloc(s->data, cap);
                s->cap = cap;
        }
        s->data[s->len + len] = '\0';
        return s->data + s->len;
}

void mn_str_add_len(mn_str *s, const void *bytes, size_t len) {
        char *to = mn_str_reserve(s, len);
        if (!to)
                return;
        if (len)
                memcpy(to, bytes, len);
        s->len += len;
}

void mn_str_add(mn_str *s, const char *text) {
        if (text)
                mn_str_add_len(s, text, strlen(text));
}

void mn_str_add_char(mn_str *s, char c) {
        mn_str_add_len(s, &c, 1);
}

void mn_str_vprintf(mn_str *s, const char *fmt, va_list ap) {
        va_list again;
        va_copy(again, ap);
        int len = vsnprintf(NULL, 0, fmt, ap);
        char *to = len < 0 ? NULL : mn_str_reserve(s, (size_t) len);
        if (to) {
                vsnprintf(to, (size_t) len + 1, fmt, again);
                s->len += (size_t) len;
        }
        va_end(again);
}

void mn_str_printf(mn_str *s, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        mn_str_vprintf(s, fmt, ap);
        va_end(ap);
}

void mn_str_truncate(mn_str *s, size_t len) {
        if (len >= s->len)
                return;
        s->len = len;
        s->data[len] = '\0';
}

const char *mn_str_text(const mn_str *s) {
        return s->data ? s->data : "";
}

char *mn_str_take(mn_str *s) {
        if (s->has_failed)
                return NULL;
        char *text = s->data ? s->data : mn_strdup("");
        *s = (mn_str){ .max = s->max };
        return text;
}

int mn_str_error(const mn_str *s) {
        return s->has_failed ? -EMSGSIZE : 0;
}

char *mn_str_copy(char *to, size_t size, const char *from) {
        size_t len = strnlen(from, size - 1);
        memmove(to, from, len);
        to[len] = '\0';
        return to;
}

bool mn_str_equal(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

bool mn_str_has_prefix(const char *s, const char *prefix) {
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool mn_str_has_suffix(const char *s, const char *suffix) {
        size_t len = strlen(s), suffix_len = strlen(suffix);
        return len >= suffix_len && memcmp(s + len - suffix_len, suffix, suffix_len) == 0;
}

bool mn_str_is_empty(const char *s) {
        return !s || !*s;
}
