/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/id.h"

/* Entries stand in insertion order; `slots` is an open-addressed index into them. Removed entries leave a
   hole with a NULL key until the next rebuild. */
struct entry {
        char *key;
        void *value;
        uint64_t hash;
};

struct mn_map {
        void (*free_value)(void *);
        struct entry *entries;
        size_t used; /* entries in use, holes included */
        size_t len;  /* live entries */
        size_t cap;
        uint32_t *slots; /* entry number + 1; 0 is empty */
        size_t nslots;   /* a power of two, at least twice cap */
        uint64_t seed;
};

static uint64_t hash_of(const mn_map *m, const char *key) {
        uint64_t h = m->seed ^ UINT64_C(0x9e3779b97f4a7c15);
        for (; *key; key++) {
                h ^= (unsigned char) *key;
                h *= UINT64_C(0x100000001b3);
                h ^= h >> 29;
        }
        return h ^ (h >> 32);
}

mn_map *mn_map_new(void (*free_value)(void *)) {
        mn_map *m = mn_alloc(sizeof(*m));
        m->free_value = free_value;
        mn_random(&m->seed, sizeof(m->seed)); /* names come from outside: no chosen collisions */
        return m;
}

void mn_map_free(mn_map *m) {
        if (!m)
                return;
        for (size_t i = 0; i < m->used; i++) {
                if (!m->entries[i].key)
                        continue;
                free(m->entries[i].key);
                if (m->free_value)
                        m->free_value(m->entries[i].value);
        }
        free(m->entries);
        free(m->slots);
        free(m);
}

void mn_map_freep(mn_map **m) {
        mn_map_free(*m);
        *m = NULL;
}

static void place(mn_map *m, size_t index) {
        size_t s = m->entries[index].hash & (m->nslots - 1);
        while (m->slots[s])
                s = (s + 1) & (m->nslots - 1);
        m->slots[s] = (uint32_t) index + 1;
}

static void rebuild(mn_map *m) {
        size_t cap = m->len * 2 < 8 ? 8 : m->len * 2;
        struct entry *entries = mn_alloc_array(cap, sizeof(*entries));
        size_t n = 0;
        for (size_t i = 0; i < m->used; i++)
                if (m->entries[i].key)
                        entries[n++] = m->entries[i];
        free(m->entries);
        free(m->slots);
        m->entries = entries;
        m->used = n;
        m->cap = cap;
        m->nslots = 16;
        while (m->nslots < cap * 2)
                m->nslots *= 2;
        m->slots = mn_alloc_array(m->nslots, sizeof(*m->slots));
        for (size_t i = 0; i < n; i++)
                place(m, i);
}

static struct entry *find(const mn_map *m, const char *key) {
        if (!m->len)
                return NULL;
        uint64_t hash = hash_of(m, key);
        for (size_t s = hash & (m->nslots - 1); m->slots[s]; s = (s + 1) & (m->nslots - 1)) {
                struct entry *e = &m->entries[m->slots[s] - 1];
                if (e->key && e->hash == hash && strcmp(e->key, key) == 0)
                        return e;
        }
        return NULL;
}

void mn_map_set(mn_map *m, const char *key, void *value) {
        struct entry *e = find(m, key);
        if (e) {
                void *old = e->value;
                e->value = value;
                if (m->free_value && old != value)
                        m->free_value(old);
                return;
        }
        if (m->used == m->cap)
                rebuild(m);
        m->entries[m->used] = (struct entry){ mn_strdup(key), value, hash_of(m, key) };
        place(m, m->used++);
        m->len++;
}

void *mn_map_get(const mn_map *m, const char *key) {
        struct entry *e = find(m, key);
        return e ? e->value : NULL;
}

bool mn_map_has(const mn_map *m, const char *key) {
        return find(m, key) != NULL;
}

void *mn_map_take(mn_map *m, const char *key) {
        struct entry *e = find(m, key);
        if (!e)
                return NULL;
        void *value = e->value;
        free(e->key);
        e->key = NULL;
        m->len--;
        return value;
}

bool mn_map_remove(mn_map *m, const char *key) {
        if (!mn_map_has(m, key))
                return false;
        void *value = mn_map_take(m, key);
        if (m->free_value)
                m->free_value(value);
        return true;
}

size_t mn_map_len(const mn_map *m) {
        return m->len;
}

bool mn_map_next(const mn_map *m, size_t *pos, const char **ret_key, void **ret_value) {
        while (*pos < m->used && !m->entries[*pos].key)
                (*pos)++;
        if (*pos >= m->used)
                return false;
        struct entry *e = &m->entries[(*pos)++];
        if (ret_key)
                *ret_key = e->key;
        if (ret_value)
                *ret_value = e->value;
        return true;
}
