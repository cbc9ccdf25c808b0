/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/reference.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const char OFFICIAL_PREFIX[] = "library/";
static const char LEGACY_DOMAIN[] = "index.docker.io";

/* ---- character classes: the C locale's, whatever locale is set ---- */

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_lower(char c) {
        return c >= 'a' && c <= 'z';
}

static bool is_upper(char c) {
        return c >= 'A' && c <= 'Z';
}

static bool is_alnum(char c) {
        return is_digit(c) || is_lower(c) || is_upper(c);
}

static bool is_hex(char c) {
        return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool has_upper(const char *s, size_t len) {
        for (size_t i = 0; i < len; i++)
                if (is_upper(s[i]))
                        return true;
        return false;
}

/* ---- the grammar: each function returns how many bytes match at `s`, 0 when none ---- */

/* alpha-numeric [separator alpha-numeric]*, separator = "." | "_" | "__" | "-"+ */
static size_t match_path_component(const char *s) {
        size_t n = 0;
        for (;;) {
                size_t start = n;
                while (is_lower(s[n]) || is_digit(s[n]))
                        n++;
                if (n == start)
                        return 0; /* nothing at all, or a separator at the end */
                if (s[n] == '.')
                        n++;
                else if (s[n] == '_')
                        n += s[n + 1] == '_' ? 2 : 1;
                else if (s[n] == '-')
                        n += strspn(s + n, "-");
                else
                        return n;
        }
}

static size_t match_path(const char *s) {
        size_t n = match_path_component(s);
        while (n && s[n] == '/') {
                size_t component = match_path_component(s + n + 1);
                if (!component)
                        return 0;
                n += 1 + component;
        }
        return n;
}

/* Letters and digits, hyphens only between them. */
static size_t match_domain_component(const char *s) {
        size_t n = 0;
        while (is_alnum(s[n]) || s[n] == '-')
                n++;
        return n && s[0] != '-' && s[n - 1] != '-' ? n : 0;
}

static size_t match_host(const char *s) {
        if (s[0] == '[') {
                size_t n = 1;
                while (is_hex(s[n]) || s[n] == ':')
                        n++;
                return n > 1 && s[n] == ']' ? n + 1 : 0;
        }
        size_t n = match_domain_component(s);
        while (n && s[n] == '.') {
                size_t component = match_domain_component(s + n + 1);
                if (!component)
                        return 0;
                n += 1 + component;
        }
        return n;
}

static bool is_domain(const char *s) {
        size_t n = match_host(s);
        if (!n)
                return false;
        if (s[n] == ':') {
                size_t digits = strspn(s + n + 1, "0123456789");
                if (!digits)
                        return false;
                n += 1 + digits;
        }
        return s[n] == '\0';
}

static size_t match_tag(const char *s) {
        if (!is_alnum(s[0]) && s[0] != '_')
                return 0;
        size_t n = 1;
        while (n < MN_REFERENCE_TAG_MAX && (is_alnum(s[n]) || s[n] == '_' || s[n] == '.' || s[n] == '-'))
                n++;
        return n;
}

bool mn_reference_is_tag(const char *text) {
        size_t n = match_tag(text);
        return n && !text[n];
}

static bool is_lower_hex(const char *s, size_t len) {
        for (size_t i = 0; i < len; i++)
                if (!is_digit(s[i]) && !(s[i] >= 'a' && s[i] <= 'f'))
                        return false; /* also the NUL of a shorter text */
        return s[len] == '\0';
}

bool mn_digest_text_is_valid(const char *text) {
        if (!text)
                return false;
        if (mn_str_has_prefix(text, "sha256:"))
                return is_lower_hex(text + 7, 64);
        return mn_str_has_prefix(text, "sha512:") && is_lower_hex(text + 7, 128);
}

/* algorithm ":" at least 32 hex digits: what the reference grammar takes for a digest before it is judged. */
static bool is_digest_shaped(const char *s) {
        size_t n = 0;
        for (;;) {
                if (!is_lower(s[n]) && !is_upper(s[n]))
                        return false;
                while (is_alnum(s[n]))
                        n++;
                if (s[n] == ':')
                        break;
                if (!s[n] || !strchr("+._-", s[n]))
                        return false;
                n++;
        }
        size_t hex = n + 1;
        while (is_hex(s[hex]))
                hex++;
        return !s[hex] && hex - n - 1 >= 32;
}

static mn_status check_digest(const char *text, mn_err *err) {
        if (mn_digest_text_is_valid(text))
                return MN_OK;
        if (!is_digest_shaped(text))
                return mn_fail(err, MN_INVALID, "invalid reference format");
        if (!mn_str_has_prefix(text, "sha256:") && !mn_str_has_prefix(text, "sha512:"))
                return mn_fail(err, MN_INVALID, "unsupported digest algorithm");
        size_t wanted = mn_str_has_prefix(text, "sha256:") ? 64 : 128;
        if (strlen(text + 7) != wanted)
                return mn_fail(err, MN_INVALID, "invalid checksum digest length");
        return mn_fail(err, MN_INVALID, "invalid checksum digest format");
}

/* ---- parsing ---- */

/* Docker's rule for where the registry ends and the repository begins. `domain` gets the first component when
   it is one ("." or ":" in it, "localhost", or capital letters), else docker.io; the rest is returned. */
static const char *split_domain(const char *text, char domain[MN_REFERENCE_NAME_MAX + 1],
                                bool *ret_is_official) {
        const char *slash = strchr(text, '/');
        size_t len = slash ? (size_t) (slash - text) : 0;
        const char *rest = text;
        bool is_domain_like = len && len <= MN_REFERENCE_NAME_MAX &&
                              (memchr(text, '.', len) || memchr(text, ':', len) || has_upper(text, len) ||
                               (len == 9 && memcmp(text, "localhost", 9) == 0));
        if (is_domain_like) {
                memcpy(domain, text, len);
                domain[len] = '\0';
                rest = slash + 1;
                if (strcmp(domain, LEGACY_DOMAIN) == 0)
                        mn_str_copy(domain, MN_REFERENCE_NAME_MAX + 1, MN_REFERENCE_DEFAULT_DOMAIN);
        } else {
                mn_str_copy(domain, MN_REFERENCE_NAME_MAX + 1, MN_REFERENCE_DEFAULT_DOMAIN);
        }
        *ret_is_official = strcmp(domain, MN_REFERENCE_DEFAULT_DOMAIN) == 0 && !strchr(rest, '/');
        return rest;
}

static bool is_full_id(const char *text) {
        return is_lower_hex(text, 64);
}

mn_status mn_reference_parse(const char *text, mn_reference *ret, mn_err *err) {
        if (is_full_id(text))
                return mn_fail(err, MN_INVALID,
                               "invalid repository name (%s), cannot specify 64-byte hexadecimal strings",
                               text);
        mn_reference ref = { 0 };
        bool is_official;
        const char *rest = split_domain(text, ref.domain, &is_official);
        const char *prefix = is_official ? OFFICIAL_PREFIX : "";
        size_t remote_len = strcspn(rest, ":");
        if (has_upper(rest, remote_len))
                return mn_fail(err, MN_INVALID,
                               "invalid reference format: repository name (%s%.*s) must be lowercase", prefix,
                               (int) MN_MIN(remote_len, (size_t) MN_REFERENCE_NAME_MAX), rest);
        size_t path_len = match_path(rest);
        const char *after = rest + path_len, *tag = "";
        size_t tag_len = 0;
        if (*after == ':') {
                tag = after + 1;
                tag_len = match_tag(tag);
                after = tag + tag_len;
        }
        if (!path_len || (rest[path_len] == ':' && !tag_len) || !is_domain(ref.domain) ||
            (*after && *after != '@'))
                return mn_fail(err, MN_INVALID, "invalid reference format");
        if (*after == '@') {
                mn_status status = check_digest(after + 1, err);
                if (status)
                        return status;
                mn_str_copy(ref.digest, sizeof(ref.digest), after + 1);
        }
        if (strlen(ref.domain) + 1 + strlen(prefix) + path_len > MN_REFERENCE_NAME_MAX)
                return mn_fail(err, MN_INVALID, "repository name must not be more than %d characters",
                               MN_REFERENCE_NAME_MAX);
        snprintf(ref.path, sizeof(ref.path), "%s%.*s", prefix, (int) path_len, rest);
        snprintf(ref.tag, sizeof(ref.tag), "%.*s", (int) tag_len, tag);
        *ret = ref;
        return MN_OK;
}

mn_status mn_reference_parse_any(const char *text, mn_reference *ret, mn_err *err) {
        bool is_id = is_full_id(text);
        if (!is_id && !mn_digest_text_is_valid(text))
                return mn_reference_parse(text, ret, err);
        mn_reference ref = { 0 };
        snprintf(ref.digest, sizeof(ref.digest), "%s%s", is_id ? "sha256:" : "", text);
        *ret = ref;
        return MN_OK;
}

void mn_reference_add_default_tag(mn_reference *ref) {
        if (!ref->tag[0] && !ref->digest[0])
                mn_str_copy(ref->tag, sizeof(ref->tag), MN_REFERENCE_DEFAULT_TAG);
}

mn_status mn_reference_set_tag_or_digest(mn_reference *ref, const char *tag_or_digest, mn_err *err) {
        if (strchr(tag_or_digest, ':')) {
                mn_status status = check_digest(tag_or_digest, err);
                if (status)
                        return status;
                ref->tag[0] = '\0';
                mn_str_copy(ref->digest, sizeof(ref->digest), tag_or_digest);
                return MN_OK;
        }
        if (!mn_reference_is_tag(tag_or_digest))
                return mn_fail(err, MN_INVALID, "invalid tag format");
        mn_str_copy(ref->tag, sizeof(ref->tag), tag_or_digest);
        ref->digest[0] = '\0';
        return MN_OK;
}

/* ---- output ---- */

static const char *compose(const mn_reference *ref, bool is_familiar, bool has_suffix,
                           char buf[MN_REFERENCE_TEXT_SIZE]) {
        const char *path = ref->path;
        bool is_default = is_familiar && strcmp(ref->domain, MN_REFERENCE_DEFAULT_DOMAIN) == 0;
        /* "library/a/b" keeps its prefix: without it, it would be read back as docker.io/a/b */
        if (is_default && mn_str_has_prefix(path, OFFICIAL_PREFIX) &&
            !strchr(path + strlen(OFFICIAL_PREFIX), '/'))
                path += strlen(OFFICIAL_PREFIX);
        bool has_domain = ref->domain[0] && !is_default;
        snprintf(buf, MN_REFERENCE_TEXT_SIZE, "%s%s%s%s%s%s%s", has_domain ? ref->domain : "",
                 has_domain ? "/" : "", path, has_suffix && ref->tag[0] ? ":" : "",
                 has_suffix ? ref->tag : "", has_suffix && ref->digest[0] && path[0] ? "@" : "",
                 has_suffix ? ref->digest : "");
        return buf;
}

const char *mn_reference_name(const mn_reference *ref, char buf[MN_REFERENCE_TEXT_SIZE]) {
        return compose(ref, false, false, buf);
}

const char *mn_reference_text(const mn_reference *ref, char buf[MN_REFERENCE_TEXT_SIZE]) {
        return compose(ref, false, true, buf);
}

const char *mn_reference_familiar_name(const mn_reference *ref, char buf[MN_REFERENCE_TEXT_SIZE]) {
        return compose(ref, true, false, buf);
}

const char *mn_reference_familiar(const mn_reference *ref, char buf[MN_REFERENCE_TEXT_SIZE]) {
        return compose(ref, true, true, buf);
}

bool mn_reference_matches(const mn_reference *ref, const char *pattern) {
        char text[MN_REFERENCE_TEXT_SIZE];
        return fnmatch(pattern, mn_reference_familiar(ref, text), FNM_PATHNAME) == 0 ||
               fnmatch(pattern, mn_reference_familiar_name(ref, text), FNM_PATHNAME) == 0;
}

bool mn_reference_same_repository(const mn_reference *a, const mn_reference *b) {
        return strcmp(a->domain, b->domain) == 0 && strcmp(a->path, b->path) == 0;
}
