/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/document.h"

#include <string.h>

mn_json *document_text(mn_arena *arena, const char *text) {
        mn_json *json = mn_arena_alloc(arena, sizeof(*json));
        *json = (mn_json){ .kind = MN_JSON_STRING, .text = text, .len = strlen(text) };
        return json;
}

mn_json *document_bool(mn_arena *arena, bool value) {
        mn_json *json = mn_arena_alloc(arena, sizeof(*json));
        *json = (mn_json){ .kind = MN_JSON_BOOL, .boolean = value };
        return json;
}

static mn_json **append(mn_arena *arena, mn_json **tail, const mn_json *member, const char *key) {
        *tail = mn_arena_alloc(arena, sizeof(**tail));
        **tail = *member;
        (*tail)->key = key;
        (*tail)->next = NULL;
        return &(*tail)->next;
}

mn_json *document_with(mn_arena *arena, const mn_json *object, const char *key, const mn_json *value) {
        mn_json *copy = mn_arena_alloc(arena, sizeof(*copy)), **tail = &copy->child;
        bool is_placed = value == NULL;
        *copy = (mn_json){ .kind = MN_JSON_OBJECT, .key = object ? object->key : NULL };
        for (const mn_json *m = object ? object->child : NULL; m; m = m->next) {
                bool is_it = strcmp(m->key, key) == 0;
                if (is_it && is_placed)
                        continue;
                tail = append(arena, tail, is_it ? value : m, m->key);
                is_placed = is_placed || is_it;
                copy->len++;
        }
        if (!is_placed) {
                append(arena, tail, value, key);
                copy->len++;
        }
        return copy;
}
