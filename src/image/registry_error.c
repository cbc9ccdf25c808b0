/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry_error.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "codec/json.h"

struct entry {
        char *code;
        char *message;
};
struct document {
        MN_LIST(struct entry) errors;
        char *details; /* token services answer {"details":"incorrect username or password"} */
        char *message;
};
static const mn_field entry_fields[] = {
        { "code", &mn_type_str, offsetof(struct entry, code), 0 },
        { "message", &mn_type_str, offsetof(struct entry, message), 0 },
        { 0 },
};
static const mn_type entry_type = MN_STRUCT(struct entry, entry_fields);
static const mn_type entry_list = MN_LIST_OF(&entry_type);
static const mn_field document_fields[] = {
        { "errors", &entry_list, offsetof(struct document, errors), 0 },
        { "details", &mn_type_str, offsetof(struct document, details), 0 },
        { "message", &mn_type_str, offsetof(struct document, message), 0 },
        { 0 },
};
static const mn_type document_type = MN_STRUCT(struct document, document_fields);

const char *registry_http_status_text(int http_status) {
        static const struct {
                int status;
                const char *text;
        } table[] = {
                { 400, "Bad Request" },
                { 401, "Unauthorized" },
                { 403, "Forbidden" },
                { 404, "Not Found" },
                { 405, "Method Not Allowed" },
                { 408, "Request Timeout" },
                { 409, "Conflict" },
                { 413, "Request Entity Too Large" },
                { 416, "Requested Range Not Satisfiable" },
                { 429, "Too Many Requests" },
                { 500, "Internal Server Error" },
                { 501, "Not Implemented" },
                { 502, "Bad Gateway" },
                { 503, "Service Unavailable" },
                { 504, "Gateway Timeout" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(table); i++)
                if (table[i].status == http_status)
                        return table[i].text;
        return "";
}

mn_status registry_status_of_http(int http_status) {
        switch (http_status) {
        case 401:
                return MN_UNAUTHORIZED;
        case 403:
                return MN_FORBIDDEN;
        case 404:
                return MN_NOT_FOUND;
        default:
                return MN_INTERNAL;
        }
}

/* The registry's words end on a terminal: no control characters, no bytes outside ASCII. */
static void add_printable(char *to, size_t size, const char *text) {
        size_t len = strlen(to);
        for (; *text && len + 1 < size; text++)
                to[len++] = isprint((unsigned char) *text) ? *text : ' ';
        to[len] = '\0';
}

/* MANIFEST_UNKNOWN is printed as "manifest unknown". */
static void add_code(registry_error *ret) {
        char words[REGISTRY_ERROR_CODE_SIZE];
        size_t n = 0;
        for (; ret->code[n]; n++)
                words[n] = ret->code[n] == '_' ? ' ' : (char) tolower((unsigned char) ret->code[n]);
        words[n] = '\0';
        add_printable(ret->text, sizeof(ret->text), words);
        add_printable(ret->text, sizeof(ret->text), ": ");
}

static void read_document(const struct document *doc, int http_status, registry_error *ret) {
        const struct entry *first = doc->errors.len ? &doc->errors.items[0] : NULL;
        const char *message = first ? first->message : doc->details ? doc->details : doc->message;
        if (first)
                add_printable(ret->code, sizeof(ret->code), first->code ? first->code : "");
        else if (http_status == 401 && message)
                mn_str_copy(ret->code, sizeof(ret->code), "UNAUTHORIZED");
        if (ret->code[0] && !mn_str_is_empty(message))
                add_code(ret);
        add_printable(ret->text, sizeof(ret->text), message ? message : ret->code);
}

void registry_error_read(const registry_response *response, registry_error *ret) {
        *ret = (registry_error){ 0 };
        cleanup_arena mn_arena *arena = mn_arena_new();
        struct document doc = { 0 };
        bool is_client_error = response->status >= 400 && response->status < 500;
        if (is_client_error &&
            mn_json_decode_text(&document_type, mn_str_text(&response->body), response->body.len, NULL, arena,
                                MN_UNKNOWN_IGNORE, &doc, NULL) == MN_OK)
                read_document(&doc, response->status, ret);
        if (!ret->text[0])
                snprintf(ret->text, sizeof(ret->text), "received unexpected HTTP status: %d %s",
                         response->status, registry_http_status_text(response->status));
}
