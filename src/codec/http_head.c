/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/http.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"

/* The characters of a token (RFC 9110, 5.6.2): header names and methods. */
static bool is_token_char(unsigned char c) {
        return isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *s, size_t len) {
        for (size_t i = 0; i < len; i++) {
                if (!is_token_char((unsigned char) s[i]))
                        return false;
        }
        return len > 0;
}

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

ssize_t mn_http_head_length(const char *buf, size_t len, size_t *scanned) {
        for (size_t i = *scanned; i < len; i++) {
                const char *lf = memchr(buf + i, '\n', len - i);
                if (!lf)
                        break;
                i = (size_t) (lf - buf);
                if (i == 0 || buf[i - 1] != '\r')
                        return -EBADMSG;
                if (i >= 3 && buf[i - 2] == '\n')
                        return (ssize_t) i + 1;
        }
        *scanned = len;
        return 0;
}

/* Cuts the next line off `*rest` (which ends with CRLF): NUL-terminates it and returns it, its length in
 * `*ret_len`. NULL when it holds a bare CR or a control character. */
static char *next_line(char **rest, const char *end, size_t *ret_len) {
        char *line = *rest, *lf = memchr(line, '\n', (size_t) (end - line));
        if (!lf || lf == line || lf[-1] != '\r')
                return NULL;
        *ret_len = (size_t) (lf - line) - 1;
        for (size_t i = 0; i < *ret_len; i++) {
                unsigned char c = (unsigned char) line[i];
                if ((c < 0x20 && c != '\t') || c == 0x7f)
                        return NULL;
        }
        line[*ret_len] = '\0';
        *rest = lf + 1;
        return line;
}

/* "Name: value" without anything between the name and its colon. */
static int parse_header(char *line, size_t len, mn_http_header *ret, const char **ret_why) {
        char *colon = memchr(line, ':', len);
        if (is_blank(line[0])) {
                *ret_why = "folded header line";
                return -EBADMSG;
        }
        if (!colon || !is_token(line, (size_t) (colon - line))) {
                *ret_why = "malformed header name";
                return -EBADMSG;
        }
        *colon = '\0';
        char *value = colon + 1, *end = line + len;
        while (is_blank(*value))
                value++;
        while (end > value && is_blank(end[-1]))
                end--;
        *end = '\0';
        *ret = (mn_http_header){ .name = line, .value = value };
        return 0;
}

static int parse_headers(char *rest, const char *end, mn_http_head *ret, const char **ret_why) {
        for (;;) {
                size_t len = 0;
                char *line = next_line(&rest, end, &len);
                if (!line) {
                        *ret_why = "control character in a header";
                        return -EBADMSG;
                }
                if (len == 0)
                        break;
                if (ret->nheaders == MN_HTTP_MAX_HEADERS) {
                        *ret_why = "too many headers";
                        return -E2BIG;
                }
                int r = parse_header(line, len, &ret->headers[ret->nheaders], ret_why);
                if (r < 0)
                        return r;
                ret->nheaders++;
        }
        if (rest == end)
                return 0;
        *ret_why = "bytes after the head";
        return -EBADMSG;
}

/* The one place where the framing of a message is decided. */
static int read_framing(mn_http_head *head, const char **ret_why) {
        const char *length = mn_http_header_get(head, "Content-Length");
        const char *coding = mn_http_header_get(head, "Transfer-Encoding");
        if (coding) {
                *ret_why = "unsupported transfer encoding";
                if (length || head->minor_version == 0 ||
                    mn_http_header_count(head, "Transfer-Encoding") != 1 ||
                    strcasecmp(coding, "chunked") != 0)
                        return -EBADMSG;
                head->framing = MN_HTTP_CHUNKED;
        } else if (length) {
                *ret_why = "bad Content-Length";
                if (mn_http_header_count(head, "Content-Length") != 1 ||
                    !isdigit((unsigned char) length[0]) ||
                    mn_parse_u64(length, INT64_MAX, &head->content_length) < 0)
                        return -EBADMSG;
                head->framing = MN_HTTP_LENGTH;
        }
        return 0;
}

static void read_connection(mn_http_head *head) {
        bool closes = mn_http_header_has_token(head, "Connection", "close");
        bool keeps = head->minor_version >= 1 || mn_http_header_has_token(head, "Connection", "keep-alive");
        head->is_keep_alive = keeps && !closes;
        head->is_upgrade = mn_http_header_has_token(head, "Connection", "upgrade") &&
                           mn_http_header_get(head, "Upgrade") != NULL;
        head->expects_continue = head->minor_version >= 1 &&
                                 mn_http_header_has_token(head, "Expect", "100-continue");
}

/* "HTTP/1.x" of exactly eight characters. */
static int parse_version(const char *s, int *ret_minor, const char **ret_why) {
        if (strlen(s) != 8 || strncmp(s, "HTTP/", 5) != 0 || !isdigit((unsigned char) s[5]) || s[6] != '.' ||
            !isdigit((unsigned char) s[7])) {
                *ret_why = "malformed HTTP version";
                return -EBADMSG;
        }
        if (s[5] != '1') {
                *ret_why = "HTTP version not supported";
                return -EPROTONOSUPPORT;
        }
        *ret_minor = s[7] >= '1' ? 1 : 0;
        return 0;
}

/* Splits the target into path and query; an absolute one ("http://host/path") also gives the host. */
static int parse_target(char *target, mn_http_head *ret) {
        if (strncasecmp(target, "http://", 7) == 0) {
                char *host = target + 7, *slash = strchr(host, '/');
                if (!slash || slash == host)
                        return -EBADMSG;
                memmove(target, host, (size_t) (slash - host)); /* makes room for a NUL before the slash */
                target[slash - host] = '\0';
                ret->host = target;
                target = slash;
        }
        if ((target[0] != '/' && strcmp(target, "*") != 0) || strchr(target, '#'))
                return -EBADMSG;
        char *question = strchr(target, '?');
        if (question)
                *question = '\0';
        ret->path = target;
        ret->query = question ? question + 1 : "";
        return 0;
}

/* "METHOD SP target SP HTTP/1.1" with single spaces. */
static int parse_request_line(char *line, mn_http_head *ret, const char **ret_why) {
        *ret_why = "malformed request line";
        char *target = strchr(line, ' ');
        char *version = target ? strchr(target + 1, ' ') : NULL;
        if (!version || !is_token(line, (size_t) (target - line)))
                return -EBADMSG;
        *target++ = '\0';
        *version++ = '\0';
        ret->method = line;
        int r = parse_version(version, &ret->minor_version, ret_why);
        if (r < 0)
                return r;
        *ret_why = "malformed request target";
        return parse_target(target, ret);
}

/* A head by its first line, its headers and the framing they give. */
static int parse_head(char *buf, size_t len, int (*parse_first)(char *, mn_http_head *, const char **),
                      mn_http_head *ret, const char **ret_why) {
        char *rest = buf, *end = buf + len;
        size_t line_len = 0;
        *ret = (mn_http_head){ 0 };
        char *line = next_line(&rest, end, &line_len);
        int r = line ? parse_first(line, ret, ret_why) : -EBADMSG;
        if (r == 0)
                r = parse_headers(rest, end, ret, ret_why);
        return r < 0 ? r : read_framing(ret, ret_why);
}

int mn_http_parse_request(char *buf, size_t len, mn_http_head *ret, const char **ret_why) {
        *ret_why = "malformed request line";
        int r = parse_head(buf, len, parse_request_line, ret, ret_why);
        if (r < 0)
                return r;
        size_t hosts = mn_http_header_count(ret, "Host");
        if (hosts > 1 || (hosts == 0 && ret->minor_version >= 1)) {
                *ret_why = hosts ? "too many Host headers" : "missing required Host header";
                return -EBADMSG;
        }
        if (!ret->host)
                ret->host = mn_http_header_get(ret, "Host");
        read_connection(ret);
        return 0;
}

/* "HTTP/1.1 SP 200 [SP reason]". */
static int parse_status_line(char *line, mn_http_head *ret, const char **ret_why) {
        *ret_why = "malformed status line";
        char *code = strchr(line, ' ');
        if (!code)
                return -EBADMSG;
        *code++ = '\0';
        int r = parse_version(line, &ret->minor_version, ret_why);
        if (r < 0)
                return r;
        *ret_why = "malformed status line";
        char *reason = strchr(code, ' ');
        if (reason)
                *reason++ = '\0';
        if (strlen(code) != 3 || mn_parse_int(code, 100, 999, &ret->status) < 0)
                return -EBADMSG;
        ret->reason = reason ? reason : "";
        return 0;
}

int mn_http_parse_response(char *buf, size_t len, const char *method, mn_http_head *ret,
                           const char **ret_why) {
        *ret_why = "malformed status line";
        int r = parse_head(buf, len, parse_status_line, ret, ret_why);
        if (r < 0)
                return r;
        read_connection(ret);
        if (ret->status < 200 || ret->status == 204 || ret->status == 304 || strcmp(method, "HEAD") == 0) {
                ret->framing = MN_HTTP_NO_BODY;
        } else if (ret->framing == MN_HTTP_NO_BODY) {
                ret->framing = MN_HTTP_UNTIL_CLOSE;
                ret->is_keep_alive = false;
        }
        return 0;
}

const char *mn_http_header_get(const mn_http_head *head, const char *name) {
        for (size_t i = 0; i < head->nheaders; i++) {
                if (strcasecmp(head->headers[i].name, name) == 0)
                        return head->headers[i].value;
        }
        return NULL;
}

size_t mn_http_header_count(const mn_http_head *head, const char *name) {
        size_t count = 0;
        for (size_t i = 0; i < head->nheaders; i++)
                count += strcasecmp(head->headers[i].name, name) == 0;
        return count;
}

/* True when the comma-separated list has the token. */
static bool list_has(const char *list, const char *token) {
        size_t token_len = strlen(token);
        for (const char *s = list; *s;) {
                s += strspn(s, " \t,");
                size_t len = strcspn(s, ",;");
                size_t item = len;
                while (item && is_blank(s[item - 1]))
                        item--;
                if (item == token_len && strncasecmp(s, token, item) == 0)
                        return true;
                s += len;
                s += strcspn(s, ",");
        }
        return false;
}

bool mn_http_header_has_token(const mn_http_head *head, const char *name, const char *token) {
        for (size_t i = 0; i < head->nheaders; i++) {
                if (strcasecmp(head->headers[i].name, name) == 0 && list_has(head->headers[i].value, token))
                        return true;
        }
        return false;
}
