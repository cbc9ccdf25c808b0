/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's inner loop: plain bytes are copied sixteen at a time, the others one by one. */

#include <string.h>

#include "logs/record.h"

#ifdef __SSE2__
#include <emmintrin.h>

/* Copies leading plain bytes (printable ASCII but '"', '\\', '<', '>', '&') and returns how many. May write
   up to 15 bytes more than that. */
static size_t copy_plain_blocks(char *to, const char *from, size_t len) {
        size_t done = 0;
        for (; len - done >= 16; done += 16) {
                __m128i block = _mm_loadu_si128((const __m128i *) (const void *) (from + done));
                _mm_storeu_si128((__m128i *) (void *) (to + done), block);
                /* Signed: bytes from 0x80 on are negative, so one comparison finds them and the controls. */
                __m128i special = _mm_cmplt_epi8(block, _mm_set1_epi8(0x20));
                special = _mm_or_si128(special, _mm_cmpeq_epi8(block, _mm_set1_epi8('"')));
                special = _mm_or_si128(special, _mm_cmpeq_epi8(block, _mm_set1_epi8('&')));
                special = _mm_or_si128(special, _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
                /* '<' is 0x3c and '>' is 0x3e: equal but for one bit. */
                special = _mm_or_si128(
                        special, _mm_cmpeq_epi8(_mm_or_si128(block, _mm_set1_epi8(2)), _mm_set1_epi8('>')));
                int mask = _mm_movemask_epi8(special);
                if (mask)
                        return done + (size_t) __builtin_ctz((unsigned) mask);
        }
        return done;
}

const char *logs_find_newline(const char *text, size_t len) {
        size_t at = 0;
        for (; len - at >= 16; at += 16) {
                __m128i block = _mm_loadu_si128((const __m128i *) (const void *) (text + at));
                int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8('\n')));
                if (mask)
                        return text + at + __builtin_ctz((unsigned) mask);
        }
        return memchr(text + at, '\n', len - at);
}
#else
const char *logs_find_newline(const char *text, size_t len) {
        return memchr(text, '\n', len);
}

static size_t copy_plain_blocks(char *to, const char *from, size_t len) {
        (void) to;
        (void) from;
        (void) len;
        return 0;
}
#endif

static inline bool is_plain(unsigned char c) {
        return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static size_t copy_plain(char *to, const char *from, size_t len) {
        size_t done = copy_plain_blocks(to, from, len);
        for (; done < len && is_plain((unsigned char) from[done]); done++)
                to[done] = from[done];
        return done;
}

/* Length of the UTF-8 sequence at `p`, 0 when it is not one. */
static size_t sequence_len(const unsigned char *p, size_t left) {
        size_t n = *p >= 0xc2 && *p < 0xe0   ? 2
                   : *p >= 0xe0 && *p < 0xf0 ? 3
                   : *p >= 0xf0 && *p < 0xf5 ? 4
                                             : 0;
        if (n == 0 || left < n)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        bool is_bad = (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
                      (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f);
        return is_bad ? 0 : n;
}

static char *put(char *to, const char *text) {
        size_t len = strlen(text);
        memcpy(to, text, len);
        return to + len;
}

static char *put_ascii(char *to, unsigned char c) {
        static const char hex[] = "0123456789abcdef";
        switch (c) {
        case '"':
                return put(to, "\\\"");
        case '\\':
                return put(to, "\\\\");
        case '\n':
                return put(to, "\\n");
        case '\r':
                return put(to, "\\r");
        default:
                to = put(to, "\\u00");
                *to++ = hex[c >> 4];
                *to++ = hex[c & 15];
                return to;
        }
}

/* The character at `p`, which is not plain; moves `*p` past it. */
static char *put_special(char *to, const unsigned char **p, size_t left) {
        const unsigned char *at = *p;
        size_t n = *at < 0x80 ? 1 : sequence_len(at, left);
        *p += n ? n : 1;
        if (n == 0)
                return put(to, "\\ufffd");
        if (n == 1)
                return put_ascii(to, *at);
        if (n == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9))
                return put(to, at[2] == 0xa8 ? "\\u2028" : "\\u2029"); /* line ends in JavaScript */
        memcpy(to, at, n);
        return to + n;
}

char *logs_escape(char *to, const char *text, size_t len) {
        const unsigned char *p = (const unsigned char *) text, *end = p + len;
        while (p < end) {
                size_t n = copy_plain(to, (const char *) p, (size_t) (end - p));
                p += n;
                to += n;
                if (p < end)
                        to = put_special(to, &p, (size_t) (end - p));
        }
        return to;
}
