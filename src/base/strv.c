/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strv.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

size_t mn_strv_len(char *const *v) {
        size_t n = 0;
        while (v && v[n])
                n++;
        return n;
}

bool mn_strv_has(char *const *v, const char *s) {
        for (; v && *v; v++)
                if (strcmp(*v, s) == 0)
                        return true;
        return false;
}

static void add_taken(char ***v, char *s) {
        size_t n = mn_strv_len(*v);
        *v = mn_realloc(*v, (n + 2) * sizeof(char *));
        (*v)[n] = s;
        (*v)[n + 1] = NULL;
}

void mn_strv_add(char ***v, const char *s) {
        add_taken(v, mn_strdup(s));
}

char **mn_strv_copy(char *const *v) {
        if (!v)
                return NULL;
        size_t n = mn_strv_len(v);
        char **copy = mn_alloc_array(n + 1, sizeof(char *));
        for (size_t i = 0; i < n; i++)
                copy[i] = mn_strdup(v[i]);
        return copy;
}

char **mn_strv_split(const char *s, char sep) {
        size_t parts = 1;
        for (const char *p = s; *p; p++)
                parts += *p == sep;
        char **v = mn_alloc_array(parts + 1, sizeof(char *));
        for (size_t i = 0; i < parts; i++) {
                const char *end = strchrnul(s, sep);
                v[i] = mn_strndup(s, (size_t) (end - s));
                s = end + 1;
        }
        return v;
}

char *mn_strv_join(char *const *v, const char *sep) {
        cleanup_str mn_str s = MN_STR_INIT(0);
        for (size_t i = 0; v && v[i]; i++) {
                if (i)
                        mn_str_add(&s, sep);
                mn_str_add(&s, v[i]);
        }
        return mn_str_take(&s);
}

void mn_strv_free(char **v) {
        for (size_t i = 0; v && v[i]; i++)
                free(v[i]);
        free(v);
}

void mn_strv_freep(char ***v) {
        mn_strv_free(*v);
        *v = NULL;
}
