/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The `filters` parameter of list, prune and events: a JSON object from a filter's name to its values, as a
 * list
 * {"label":["a=b"]} or in the old form {"label":{"a=b":true}}. The API layer parses it once; modules only
 * ask.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"

typedef struct wire_filter {
        char *key;
        char **values; /* NULL-terminated */
} wire_filter;

/* Zero-initialised: no filter at all, everything matches. */
typedef struct wire_filters {
        wire_filter *items;
        size_t len;
} wire_filters;

/* Parses the parameter (NULL or "" means none). `allowed` is a NULL-terminated list of names, or NULL for
 * any. MN_INVALID "invalid filter 'NAME'" for a name that is not allowed, "invalid filter" for wrong JSON. */
mn_status wire_filters_parse(mn_arena *arena, const char *text, const char *const *allowed, wire_filters *ret,
                             mn_err *err) MN_MUST_USE;

/* Adds one value, as the parser would. */
void wire_filters_add(wire_filters *f, mn_arena *arena, const char *key, const char *value);

/* The values, NULL when the filter was not given. */
char *const *wire_filters_get(const wire_filters *f, const char *key);
bool wire_filters_has(const wire_filters *f, const char *key);

/* True when the filter is absent, or one of its values is exactly `value`. */
bool wire_filters_exact(const wire_filters *f, const char *key, const char *value);

/* True when the filter is absent, or `value` begins with one of its values (ids). */
bool wire_filters_prefix(const wire_filters *f, const char *key, const char *value);

/* True when the filter is absent, or one of its values equals `value` or matches it as a regular expression
 * (names). */
bool wire_filters_regex(const wire_filters *f, const char *key, const char *value);

/* True when every value of the filter ("key" or "key=value") is among the labels. For the filter "label";
 * "label!" is !wire_filters_labels of its own name when it was given. */
bool wire_filters_labels(const wire_filters *f, const char *key, const mn_str_map *labels);

/* "label" and "label!" together, as prune and list have them. */
bool wire_filters_match_labels(const wire_filters *f, const mn_str_map *labels);

/* A filter with one boolean value ("true", "1", "false", "0"); `*ret` is `fallback` when it is absent.
 * MN_INVALID "invalid filter 'KEY=[VALUE]'". */
mn_status wire_filters_bool(const wire_filters *f, const char *key, bool fallback, bool *ret,
                            mn_err *err) MN_MUST_USE;

/* A filter with one moment: seconds since the epoch with a fraction, RFC 3339, or a Go duration before
 * `now_ns`
 * ("until=24h"). `*ret_ns` is 0 when it is absent. MN_INVALID otherwise. */
mn_status wire_filters_time(const wire_filters *f, const char *key, int64_t now_ns, int64_t *ret_ns,
                            mn_err *err) MN_MUST_USE;

/* The moment formats above, for the parameters `since` and `until`. 0 or -EINVAL; "" and "0" give 0. */
int wire_time_parse(const char *text, int64_t now_ns, int64_t *ret_ns);
