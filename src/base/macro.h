/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Attributes and clean-up helpers. The only macros with effects in this project are here and in the tables.
 */

#include <stddef.h>

#define MN_PRINTF(fmt_index, first) __attribute__((format(printf, fmt_index, first)))
#define MN_MUST_USE __attribute__((warn_unused_result))
#define MN_NORETURN __attribute__((noreturn))
#define MN_UNUSED __attribute__((unused))

/* Runs `fn(&variable)` when the variable leaves its scope. */
#define MN_CLEANUP(fn) __attribute__((cleanup(fn)))

#define MN_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Hands a pointer over: yields its value and leaves NULL behind, so the clean-up does nothing. */
#define MN_TAKE(p)                                                                                           \
        ({                                                                                                   \
                __auto_type _p = (p);                                                                        \
                (p) = NULL;                                                                                  \
                _p;                                                                                          \
        })

/* Hands a descriptor over: yields it and leaves -1 behind. */
#define MN_TAKE_FD(fd)                                                                                       \
        ({                                                                                                   \
                int _f = (fd);                                                                               \
                (fd) = -1;                                                                                   \
                _f;                                                                                          \
        })

#define MN_MIN(a, b)                                                                                         \
        ({                                                                                                   \
                __typeof__(a) _a = (a);                                                                      \
                __typeof__(_a) _b = (b);                                                                     \
                _a < _b ? _a : _b;                                                                           \
        })
#define MN_MAX(a, b)                                                                                         \
        ({                                                                                                   \
                __typeof__(a) _a = (a);                                                                      \
                __typeof__(_a) _b = (b);                                                                     \
                _a > _b ? _a : _b;                                                                           \
        })

/* The structure that holds `member` at address `ptr`. */
#define MN_CONTAINER_OF(ptr, type, member) ((type *) (void *) ((char *) (ptr) -offsetof(type, member)))
