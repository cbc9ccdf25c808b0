/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A growing array of any type:
 *
 *     MN_VEC(struct layer *) layers = { 0 };
 *     mn_vec_push(&layers, layer);
 *     for (size_t i = 0; i < layers.len; i++) use(layers.items[i]);
 *     mn_vec_release(&layers);
 */

#include <stddef.h>

#include "base/alloc.h"

#define MN_VEC(type)                                                                                         \
        struct {                                                                                             \
                type *items;                                                                                 \
                size_t len;                                                                                  \
                size_t cap;                                                                                  \
        }

/* Grows `items` (of `item_size` bytes each) so that one more fits. */
void *mn_vec_grow(void *items, size_t len, size_t *cap, size_t item_size);

#define mn_vec_push(v, item)                                                                                 \
        do {                                                                                                 \
                (v)->items = mn_vec_grow((v)->items, (v)->len, &(v)->cap, sizeof(*(v)->items));              \
                (v)->items[(v)->len++] = (item);                                                             \
        } while (0)

/* Removes element `i`, keeping the order. */
#define mn_vec_remove(v, i)                                                                                  \
        do {                                                                                                 \
                size_t _i = (i);                                                                             \
                (v)->len--;                                                                                  \
                for (size_t _k = _i; _k < (v)->len; _k++)                                                    \
                        (v)->items[_k] = (v)->items[_k + 1];                                                 \
        } while (0)

/* Frees the array, not what its elements point to. */
#define mn_vec_release(v)                                                                                    \
        do {                                                                                                 \
                mn_freep(&(v)->items);                                                                       \
                (v)->items = NULL;                                                                           \
                (v)->len = (v)->cap = 0;                                                                     \
        } while (0)
