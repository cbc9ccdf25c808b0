/* SPDX-License-Identifier: Apache-2.0 */
/* A line of a log file back into a record. */

#include <string.h>

#include "base/time.h"
#include "logs/record.h"

struct document {
        char *log;
        char *stream;
        int64_t time_ns;
        mn_str_map attrs;
};
static const mn_field fields[] = {
        { "stream", &mn_type_str, offsetof(struct document, stream), MN_REQUIRED },
        { "time", &mn_type_time, offsetof(struct document, time_ns), MN_REQUIRED },
        { "attrs", &mn_type_str_map, offsetof(struct document, attrs) },
        { "log", &mn_type_str, offsetof(struct document, log), MN_REQUIRED },
        { 0 },
};
static const mn_type document_type = MN_STRUCT(struct document, fields);

static int hex_digit(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The string after its opening quote as logs_escape writes it; unlike JSON in general it may hold NULs.
   Returns what follows the closing quote, NULL when the text is of another hand (surrogates, upper-case
   digits). */
static const char *unescape(const char *p, const char *end, char *to, size_t *ret_len) {
        char *start = to;
        while (p < end && *p != '"') {
                size_t plain = 0;
                while (p + plain < end && p[plain] != '"' && p[plain] != '\\')
                        plain++;
                memcpy(to, p, plain);
                to += plain;
                p += plain;
                if (p == end || *p == '"')
                        break;
                static const char names[] = "\"\\/nrtbf", values[] = "\"\\/\n\r\t\b\f";
                const char *name = end - p >= 2 && p[1] ? strchr(names, p[1]) : NULL;
                if (name) {
                        *to++ = values[name - names];
                        p += 2;
                        continue;
                }
                if (end - p < 6 || p[1] != 'u')
                        return NULL;
                int code = 0;
                for (int i = 2; i < 6; i++)
                        code = hex_digit(p[i]) < 0 || code < 0 ? -1 : code << 4 | hex_digit(p[i]);
                p += 6;
                if (code >= 0 && code < 0x80) {
                        *to++ = (char) code;
                } else if (code == 0xfffd || code == 0x2028 || code == 0x2029) {
                        *to++ = (char) (0xe0 | code >> 12);
                        *to++ = (char) (0x80 | (code >> 6 & 0x3f));
                        *to++ = (char) (0x80 | (code & 0x3f));
                } else {
                        return NULL;
                }
        }
        if (p >= end)
                return NULL;
        *ret_len = (size_t) (to - start);
        return p + 1;
}

static bool take(const char **p, const char *end, const char *text) {
        size_t len = strlen(text);
        if ((size_t) (end - *p) < len || memcmp(*p, text, len) != 0)
                return false;
        *p += len;
        return true;
}

/* `{...},` before the time; the fast path has no general parser around it. */
static bool decode_attrs(const char **p, const char *end, mn_arena *arena, mn_str_map *ret) {
        static const char next[] = ",\"time\":\"";
        const char *at = end;
        while (at > *p && ((size_t) (end - at) < sizeof(next) - 1 || memcmp(at, next, sizeof(next) - 1) != 0))
                at--;
        size_t len = (size_t) (at - *p);
        const char *text = *p;
        *p = at;
        return len &&
               !mn_json_decode_text(&mn_type_str_map, text, len, NULL, arena, MN_UNKNOWN_IGNORE, ret, NULL);
}

/* Our own lines, which is nearly all of them. */
static bool decode_own(const char *line, size_t len, mn_arena *arena, logs_entry *ret) {
        const char *p = line, *end = line + len;
        if (!take(&p, end, "{\"log\":\""))
                return false;
        char *text = mn_arena_alloc(arena, len + 1);
        p = unescape(p, end, text, &ret->len);
        if (!p || !take(&p, end, ",\"stream\":\"std"))
                return false;
        bool is_out = take(&p, end, "out\"");
        if (!is_out && !take(&p, end, "err\""))
                return false;
        if (take(&p, end, ",\"attrs\":") && !decode_attrs(&p, end, arena, &ret->attrs))
                return false;
        char moment[MN_TIME_TEXT_SIZE];
        if (!take(&p, end, ",\"time\":\""))
                return false;
        size_t n = (size_t) (end - p);
        if (n < 2 || n - 2 >= sizeof(moment) || memcmp(end - 2, "\"}", 2) != 0)
                return false;
        memcpy(moment, p, n - 2);
        moment[n - 2] = '\0';
        ret->stream = is_out ? LOGS_STDOUT : LOGS_STDERR;
        ret->text = text;
        return mn_time_parse(moment, &ret->time_ns) == 0;
}

/* Any JSON of the right shape, as another engine may have written it. */
static bool decode_any(const char *line, size_t len, mn_arena *arena, logs_entry *ret) {
        struct document doc;
        mn_json_limits limits = { .allows_duplicate_keys = true };
        if (mn_json_decode_text(&document_type, line, len, &limits, arena, MN_UNKNOWN_IGNORE, &doc, NULL))
                return false;
        bool is_err = mn_str_equal(doc.stream, "stderr");
        if (!is_err && !mn_str_equal(doc.stream, "stdout"))
                return false;
        *ret = (logs_entry){
                .stream = is_err ? LOGS_STDERR : LOGS_STDOUT,
                .time_ns = doc.time_ns,
                .text = doc.log,
                .len = strlen(doc.log),
                .attrs = doc.attrs,
        };
        return true;
}

bool logs_record_decode(const char *line, size_t len, mn_arena *arena, logs_entry *ret) {
        *ret = (logs_entry){ 0 };
        if (len && line[0] != '{' && line[0] != ' ')
                return logs_compact_decode(line, len, arena, ret);
        return decode_own(line, len, arena, ret) || decode_any(line, len, arena, ret);
}

/* ---- rendering ---- */

/* As Go's url.QueryEscape. */
static void add_query_escaped(mn_str *out, const char *text) {
        for (const char *p = text ? text : ""; *p; p++) {
                bool is_word = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') ||
                               (*p >= 'a' && *p <= 'z');
                if (is_word || strchr("-_.~", *p))
                        mn_str_add_char(out, *p);
                else if (*p == ' ')
                        mn_str_add_char(out, '+');
                else
                        mn_str_printf(out, "%%%02X", (unsigned char) *p);
        }
}

void logs_entry_render(const logs_entry *entry, bool has_timestamps, bool has_details, mn_str *out) {
        if (has_timestamps) {
                char moment[MN_TIME_TEXT_SIZE];
                mn_str_add(out, mn_time_format_nano(entry->time_ns, moment));
                mn_str_add_char(out, ' ');
        }
        if (has_details) {
                for (size_t i = 0; i < entry->attrs.len; i++) {
                        mn_str_add(out, i ? "," : "");
                        add_query_escaped(out, entry->attrs.items[i].key);
                        mn_str_add_char(out, '=');
                        add_query_escaped(out, entry->attrs.items[i].value);
                }
                mn_str_add_char(out, ' ');
        }
        mn_str_add_len(out, entry->text, entry->len);
}
