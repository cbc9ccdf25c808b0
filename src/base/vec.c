/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

void *mn_vec_grow(void *items, size_t len, size_t *cap, size_t item_size) {
        if (len < *cap)
                return items;
        size_t grown = *cap ? *cap * 2 : 8, bytes;
        if (__builtin_mul_overflow(grown, item_size, &bytes))
                bytes = (size_t) -1; /* ends the program in mn_realloc */
        *cap = grown;
        return mn_realloc(items, bytes);
}
