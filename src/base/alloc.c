/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static MN_NORETURN void out_of_memory(void) {
        static const char text[] = "out of memory\n";
        ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
        (void) ignored;
        abort();
}

void *mn_alloc(size_t size) {
        void *p = calloc(1, size ? size : 1);
        if (!p)
                out_of_memory();
        return p;
}

void *mn_alloc_array(size_t count, size_t size) {
        size_t total;
        if (__builtin_mul_overflow(count, size, &total))
                out_of_memory();
        return mn_alloc(total);
}

void *mn_alloc_unset(size_t size) {
        void *p = malloc(size ? size : 1);
        if (!p)
                out_of_memory();
        return p;
}

void *mn_realloc(void *p, size_t size) {
        void *q = realloc(p, size ? size : 1);
        if (!q)
                out_of_memory();
        return q;
}

char *mn_strdup(const char *s) {
        return s ? mn_strndup(s, strlen(s)) : NULL;
}

char *mn_strndup(const char *s, size_t len) {
        char *copy = mn_alloc(len + 1);
        memcpy(copy, s, len);
        return copy;
}

char *mn_vasprintf(const char *fmt, va_list ap) {
        char *text = NULL;
        if (vasprintf(&text, fmt, ap) < 0)
                out_of_memory();
        return text;
}

char *mn_asprintf(const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        char *text = mn_vasprintf(fmt, ap);
        va_end(ap);
        return text;
}

void mn_freep(void *pp) {
        int saved = errno;
        void *p;
        memcpy(&p, pp, sizeof(p));
        free(p);
        errno = saved;
}
