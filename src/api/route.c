/* SPDX-License-Identifier: Apache-2.0 */
#include "api/route.h"

#include <string.h>

#include "base/str.h"

/* The next segment of a pattern; false at its end. */
static bool next_part(const char **pattern, const char **ret, size_t *ret_len) {
        if (**pattern != '/')
                return false;
        *ret = ++*pattern;
        *ret_len = strcspn(*pattern, "/");
        *pattern += *ret_len;
        return true;
}

static size_t count_parts(const char *pattern) {
        size_t n = 0, len;
        const char *part;
        while (next_part(&pattern, &part, &len))
                n++;
        return n;
}

/* Segments as one text with slashes between. */
static const char *join(mn_arena *arena, const char *const *segments, size_t n) {
        const char *text = segments[0];
        for (size_t i = 1; i < n; i++)
                text = mn_arena_printf(arena, "%s/%s", text, segments[i]);
        return text;
}

/* Matches one pattern; a "{x...}" takes as many segments as the rest of the pattern leaves. */
static bool matches(mn_arena *arena, const char *pattern, const char *const *segments, size_t n,
                    const char **vars) {
        size_t parts = count_parts(pattern), at = 0, nvars = 0, len;
        const char *part;
        if (parts > n)
                return false;
        while (next_part(&pattern, &part, &len)) {
                bool is_variable = len > 0 && part[0] == '{';
                bool is_long = len > 5 && strncmp(part + len - 4, "...}", 4) == 0;
                size_t take = is_long ? n - parts + 1 : 1;
                if (at + take > n)
                        return false;
                if (!is_variable && (strlen(segments[at]) != len || strncmp(segments[at], part, len) != 0))
                        return false;
                if (is_variable && (!*segments[at] || (!is_long && strchr(segments[at], '/'))))
                        return false;
                if (is_variable)
                        vars[nvars++] = join(arena, segments + at, take);
                at += take;
        }
        return at == n;
}

static const api_route *find(mn_arena *arena, const char *method, const char *const *segments, size_t n,
                             const char **vars) {
        for (size_t i = 0; i < api_nroutes; i++) {
                if (strcmp(api_routes[i].method, method) == 0 &&
                    matches(arena, api_routes[i].path, segments, n, vars))
                        return &api_routes[i];
        }
        return NULL;
}

const api_route *api_route_find(mn_arena *arena, const char *method, const char *const *segments,
                                size_t nsegments, const char *vars[API_MAX_VARS]) {
        const api_route *route = find(arena, method, segments, nsegments, vars);
        if (!route && strcmp(method, "HEAD") == 0)
                route = find(arena, "GET", segments, nsegments, vars);
        return route;
}
