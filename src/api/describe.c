/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions generated from the route table and the field tables: OpenAPI 2.0 and the compatibility page.
 */
#include <string.h>

#include "api/route.h"

/* ---- JSON schemas from field tables ---- */

static void add_type(const mn_type *type, unsigned depth, mn_str *out);

enum { MAX_DEPTH = 12 };

static void add_fields(const mn_type *type, unsigned depth, bool *is_first, mn_str *out) {
        for (const mn_field *f = type->fields; f->name; f++) {
                if (f->until && f->until < API_VERSION)
                        continue;
                if (f->flags & MN_INLINE) {
                        add_fields(f->type, depth, is_first, out);
                        continue;
                }
                mn_str_add(out, *is_first ? "" : ",");
                *is_first = false;
                mn_json_add_str(out, f->name);
                mn_str_add_char(out, ':');
                add_type(f->type, depth + 1, out);
        }
}

static void add_struct(const mn_type *type, unsigned depth, mn_str *out) {
        bool is_first = true;
        mn_str_add(out, "{\"type\":\"object\",\"x-nullable\":true,\"properties\":{");
        if (depth < MAX_DEPTH)
                add_fields(type, depth, &is_first, out);
        mn_str_add(out, "}");
        if (depth < MAX_DEPTH)
                mn_str_add(out, ",\"additionalProperties\":false");
        mn_str_add(out, "}");
}

static void add_type(const mn_type *type, unsigned depth, mn_str *out) {
        switch (type->kind) {
        case MN_T_BOOL:
                mn_str_add(out, "{\"type\":\"boolean\"}");
                break;
        case MN_T_I32:
        case MN_T_I64:
        case MN_T_U16:
        case MN_T_U32:
        case MN_T_U64:
                mn_str_add(out, "{\"type\":\"integer\"}");
                break;
        case MN_T_DOUBLE:
                mn_str_add(out, "{\"type\":\"number\"}");
                break;
        case MN_T_STR:
                mn_str_add(out, "{\"type\":\"string\",\"x-nullable\":true}");
                break;
        case MN_T_TIME:
                mn_str_add(out, "{\"type\":\"string\",\"format\":\"date-time\"}");
                break;
        case MN_T_STRV:
                mn_str_add(out, "{\"type\":\"array\",\"x-nullable\":true,\"items\":{\"type\":\"string\"}}");
                break;
        case MN_T_SET:
                mn_str_add(out, "{\"type\":\"object\",\"x-nullable\":true,\"additionalProperties\":{\"type\":"
                                "\"object\"}}");
                break;
        case MN_T_RAW:
                mn_str_add(out, "{}");
                break;
        case MN_T_STRUCT:
                add_struct(type, depth, out);
                break;
        case MN_T_PTR:
                mn_str_add(out, "{\"x-nullable\":true,\"allOf\":[");
                add_type(type->elem, depth, out);
                mn_str_add(out, "]}");
                break;
        case MN_T_LIST:
                mn_str_add(out, "{\"type\":\"array\",\"x-nullable\":true,\"items\":");
                add_type(type->elem, depth, out);
                mn_str_add(out, "}");
                break;
        case MN_T_MAP:
                mn_str_add(out, "{\"type\":\"object\",\"x-nullable\":true,\"additionalProperties\":");
                add_type(type->elem, depth, out);
                mn_str_add(out, "}");
                break;
        }
}

/* ---- operations ---- */

/* "/images/{name...}/json" is written "/images/{name}/json". */
static void add_path(const char *path, mn_str *out) {
        for (const char *p = path; *p; p++) {
                if (strncmp(p, "...}", 4) == 0)
                        p += 3;
                mn_str_add_char(out, *p);
        }
}

static void add_param(const char *name, size_t len, const char *where, bool *is_first, mn_str *out) {
        mn_str_printf(out, "%s{\"name\":\"%.*s\",\"in\":\"%s\",\"type\":\"string\"%s}", *is_first ? "" : ",",
                      (int) len, name, where, strcmp(where, "path") == 0 ? ",\"required\":true" : "");
        *is_first = false;
}

static void add_params(const api_route *r, mn_str *out) {
        bool is_first = true;
        mn_str_add(out, "\"parameters\":[");
        for (const char *p = strchr(r->path, '{'); p; p = strchr(p, '{'))
                p++, add_param(p, strcspn(p, ".}"), "path", &is_first, out);
        for (const char *p = r->params; p && *p;) {
                size_t len = strcspn(p, " ");
                add_param(p, len, "query", &is_first, out);
                p += len + (p[len] == ' ');
        }
        if (r->request) {
                mn_str_printf(out, "%s{\"name\":\"body\",\"in\":\"body\",\"schema\":", is_first ? "" : ",");
                add_type(r->request, 0, out);
                mn_str_add_char(out, '}');
        }
        mn_str_add(out, "],");
}

static void add_operation(const api_route *r, mn_str *out) {
        mn_str_add_char(out, '"');
        for (const char *m = r->method; *m; m++)
                mn_str_add_char(out, (char) (*m | 0x20));
        mn_str_add(out, "\":{");
        add_params(r, out);
        mn_str_add(out, "\"responses\":{");
        if (r->status)
                mn_str_printf(out, "\"%d\":{\"description\":\"success\"", r->status);
        if (r->status && r->response) {
                mn_str_add(out, ",\"schema\":");
                add_type(r->response, 0, out);
        }
        mn_str_add(out, r->status ? "}," : "");
        mn_str_add(out, "\"default\":{\"description\":\"failure\",\"schema\":{\"$ref\":"
                        "\"#/definitions/ErrorResponse\"}}}}");
}

/* The routes of one path stand together in the description; the first of them writes all. */
static bool is_first_of_path(size_t index) {
        for (size_t i = 0; i < index; i++) {
                if (strcmp(api_routes[i].path, api_routes[index].path) == 0)
                        return false;
        }
        return true;
}

void api_print_openapi(mn_str *out) {
        bool is_first = true;
        mn_str_printf(
                out,
                "{\"swagger\":\"2.0\",\"info\":{\"title\":\"Minato\",\"version\":\"%u.%u\"},\"basePath\":"
                "\"/v%u.%u\",\"definitions\":{\"ErrorResponse\":{\"type\":\"object\",\"required\":"
                "[\"message\"],\"properties\":{\"message\":{\"type\":\"string\"}}}},\"paths\":{",
                API_VERSION / 100, API_VERSION % 100, API_VERSION / 100, API_VERSION % 100);
        for (size_t i = 0; i < api_nroutes; i++) {
                if (!is_first_of_path(i))
                        continue;
                mn_str_add(out, is_first ? "\"" : ",\"");
                is_first = false;
                add_path(api_routes[i].path, out);
                mn_str_add(out, "\":{");
                for (size_t k = i; k < api_nroutes; k++) {
                        if (strcmp(api_routes[k].path, api_routes[i].path) != 0)
                                continue;
                        mn_str_add(out, k == i ? "" : ",");
                        add_operation(&api_routes[k], out);
                }
                mn_str_add_char(out, '}');
        }
        mn_str_add(out, "}}\n");
}

/* ---- the compatibility page ---- */

static const char *support_text(api_support support) {
        switch (support) {
        case API_FULL:
                return "yes";
        case API_PARTLY:
                return "partly";
        case API_REFUSED:
                break;
        }
        return "no";
}

void api_print_compatibility(mn_str *out) {
        size_t count[3] = { 0 };
        for (size_t i = 0; i < api_nroutes; i++)
                count[api_routes[i].support]++;
        mn_str_printf(out,
                      "# Compatibility with the Docker Engine API\n\n"
                      "Generated from the route table by `minatod --print-compatibility`; a test compares "
                      "the two.\n"
                      "Versions 1.%u to 1.%u, with and without the prefix `/v1.NN`. %zu operations work, %zu "
                      "work in "
                      "part, %zu are answered\nhonestly without being there.\n\n"
                      "| Operation | Works | Parameters | Remarks |\n|---|---|---|---|\n",
                      API_MIN_VERSION % 100, API_VERSION % 100, count[API_FULL], count[API_PARTLY],
                      count[API_REFUSED]);
        for (size_t i = 0; i < api_nroutes; i++) {
                const api_route *r = &api_routes[i];
                mn_str_printf(out, "| `%s ", r->method);
                add_path(r->path, out);
                mn_str_printf(out, "` | %s | %s | ", support_text(r->support), r->params ? r->params : "");
                if (r->since)
                        mn_str_printf(out, "since 1.%u%s", r->since % 100, r->note ? "; " : "");
                mn_str_printf(out, "%s |\n", r->note ? r->note : "");
        }
}
