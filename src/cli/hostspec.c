/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/hostspec.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/strv.h"
#include "codec/size.h"
#include "sys/file.h"

enum { MAX_PROFILE = 4 << 20 };

mn_status hostspec_restart_policy(mn_arena *arena, const char *text, wire_restart_policy *ret, mn_err *err) {
        const char *colon = strchr(text, ':');
        if (!*text)
                return MN_OK;
        if (colon == text)
                return mn_fail(err, MN_INVALID,
                               "invalid restart policy format: no policy provided before colon");
        ret->name = mn_arena_strndup(arena, text, colon ? (size_t) (colon - text) : strlen(text));
        if (colon && mn_parse_int(colon + 1, 0, INT32_MAX, &ret->maximum_retry_count))
                return mn_fail(err, MN_INVALID,
                               "invalid restart policy format: maximum retry count must be an integer");
        return MN_OK;
}

mn_status hostspec_ulimit(mn_arena *arena, const char *text, wire_ulimit *ret, mn_err *err) {
        static const char *const names[] = { "core",     "cpu",        "data",   "fsize", "locks", "memlock",
                                             "msgqueue", "nice",       "nofile", "nproc", "rss",   "rtprio",
                                             "rttime",   "sigpending", "stack",  NULL };
        const char *equals = strchr(text, '=');
        if (!equals || !equals[1])
                return mn_fail(err, MN_INVALID, "invalid ulimit argument: %s", text);
        ret->name = mn_arena_strndup(arena, text, (size_t) (equals - text));
        if (!mn_strv_has((char *const *) names, ret->name))
                return mn_fail(err, MN_INVALID, "invalid ulimit type: %s", ret->name);
        const char *colon = strchr(equals + 1, ':');
        const char *soft = mn_arena_strndup(arena, equals + 1, strcspn(equals + 1, ":"));
        if (mn_parse_i64(soft, -1, INT64_MAX, &ret->soft) ||
            (colon && mn_parse_i64(colon + 1, -1, INT64_MAX, &ret->hard)))
                return mn_fail(err, MN_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax",
                               equals + 1);
        if (!colon)
                ret->hard = ret->soft;
        if (ret->hard != -1 && (ret->soft == -1 || ret->soft > ret->hard))
                return mn_fail(err, MN_INVALID,
                               "ulimit soft limit must be less than or equal to hard limit: %lld > %lld",
                               (long long) ret->soft, (long long) ret->hard);
        return MN_OK;
}

static bool is_device_mode(const char *text) {
        return *text && text[strspn(text, "rwm")] == '\0';
}

mn_status hostspec_device(mn_arena *arena, const char *text, wire_device_mapping *ret, mn_err *err) {
        cleanup_strv char **parts = mn_strv_split(text, ':');
        size_t n = mn_strv_len(parts);
        const char *mode = "rwm", *inside = parts[0];
        if (*parts[0] && *parts[0] != '/' && !strchr(parts[0], '='))
                return mn_fail(err, MN_INVALID, "%s is not an absolute path", parts[0]);
        if (n > 3 || !*parts[0] || (n == 3 && !is_device_mode(parts[2])))
                return mn_fail(err, MN_INVALID, "invalid device specification: %s", text);
        if (n == 3)
                mode = parts[2];
        if (n >= 2 && is_device_mode(parts[1]) && n == 2)
                mode = parts[1];
        else if (n >= 2 && *parts[1])
                inside = parts[1];
        *ret = (wire_device_mapping){ .path_on_host = mn_arena_strdup(arena, parts[0]),
                                      .path_in_container = mn_arena_strdup(arena, inside),
                                      .cgroup_permissions = mn_arena_strdup(arena, mode) };
        return MN_OK;
}

/* Splits "/dev/x:value". */
static mn_status split_device(mn_arena *arena, const char *text, char **ret_path, const char **ret_value,
                              mn_err *err) {
        const char *colon = strchr(text, ':');
        if (!colon || colon == text)
                return mn_fail(err, MN_INVALID, "bad format: %s", text);
        if (strncmp(text, "/dev/", 5) != 0)
                return mn_fail(err, MN_INVALID, "bad format for device path: %s", text);
        *ret_path = mn_arena_strndup(arena, text, (size_t) (colon - text));
        *ret_value = colon + 1;
        return MN_OK;
}

mn_status hostspec_throttle(mn_arena *arena, const char *text, bool is_size, wire_throttle_device *ret,
                            mn_err *err) {
        const char *value;
        int64_t bytes;
        mn_status status = split_device(arena, text, &ret->path, &value, err);
        if (status)
                return status;
        if (is_size ? mn_size_parse(value, &bytes, NULL) != MN_OK
                    : mn_parse_i64(value, 0, INT64_MAX, &bytes) != 0)
                return mn_fail(err, MN_INVALID,
                               "invalid rate for device: %s. The correct format is <device-path>:<number>%s",
                               text, is_size ? "[<unit>]" : "");
        ret->rate = (uint64_t) bytes;
        return MN_OK;
}

mn_status hostspec_weight(mn_arena *arena, const char *text, wire_weight_device *ret, mn_err *err) {
        const char *value;
        int weight = 0;
        mn_status status = split_device(arena, text, &ret->path, &value, err);
        if (!status && (mn_parse_int(value, 0, 1000, &weight) || (weight > 0 && weight < 10)))
                status = mn_fail(err, MN_INVALID, "invalid weight for device: %s", text);
        ret->weight = (uint16_t) weight;
        return status;
}

static int by_text(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The names in their full form, sorted, each once, without those in `except`; only ALL when it is among them.
 */
static char **normal_capabilities(mn_arena *arena, char *const *names, char *const *except) {
        size_t n = 0;
        char **ret = mn_arena_array(arena, mn_strv_len(names) + 1, sizeof(char *));
        for (; names && *names; names++) {
                char *name = mn_arena_strdup(arena, *names);
                for (char *s = name; *s; s++)
                        *s = (char) toupper((unsigned char) *s);
                bool is_all = strcmp(name, "ALL") == 0;
                if (!is_all && strncmp(name, "CAP_", 4) != 0)
                        name = mn_arena_printf(arena, "CAP_%s", name);
                if (mn_strv_has(ret, name) || mn_strv_has(except, name))
                        continue;
                if (is_all) {
                        ret[0] = name;
                        ret[1] = NULL;
                        return ret;
                }
                ret[n++] = name;
        }
        qsort(ret, n, sizeof(*ret), by_text);
        return n ? ret : NULL;
}

void hostspec_capabilities(mn_arena *arena, char *const *add, char *const *drop, wire_host_config *host) {
        host->cap_add = normal_capabilities(arena, add, NULL);
        host->cap_drop = normal_capabilities(arena, drop, host->cap_add);
}

/* "seccomp=<the profile's text, compact>". */
static mn_status read_profile(mn_arena *arena, const char *file, char **ret, mn_err *err) {
        cleanup_free char *text = NULL;
        cleanup_str mn_str compact = MN_STR_INIT(0);
        const mn_json *profile;
        size_t len;
        int r = mn_file_read(AT_FDCWD, file, MAX_PROFILE, &text, &len);
        if (r < 0)
                return mn_fail(err, MN_INVALID, "opening seccomp profile (%s) failed: open %s: %s", file,
                               file, mn_strerror(r));
        mn_status status = mn_json_parse(arena, text, len, NULL, &profile, err);
        if (status)
                return mn_err_prefix(err, status, "compacting json for seccomp profile (%s) failed", file);
        mn_json_write(profile, &compact);
        *ret = mn_arena_printf(arena, "seccomp=%s", mn_str_text(&compact));
        return MN_OK;
}

mn_status hostspec_security(mn_arena *arena, char *const *options, wire_host_config *host, mn_err *err) {
        size_t n = mn_strv_len(options), kept = 0;
        if (!n)
                return MN_OK;
        host->security_opt = mn_arena_array(arena, n + 1, sizeof(char *));
        for (; *options; options++) {
                const char *option = *options;
                if (strcmp(option, "systempaths=unconfined") == 0) {
                        host->masked_paths = mn_arena_array(arena, 1, sizeof(char *));
                        host->readonly_paths = mn_arena_array(arena, 1, sizeof(char *));
                        continue;
                }
                if (!strpbrk(option, "=:") && strcmp(option, "no-new-privileges") != 0 &&
                    strcmp(option, "writable-cgroups") != 0)
                        return mn_fail(err, MN_INVALID, "Invalid --security-opt: \"%s\"", option);
                char *value = mn_arena_strdup(arena, option);
                bool is_profile = strncmp(option, "seccomp=", 8) == 0 &&
                                  strcmp(option + 8, "unconfined") != 0 && strcmp(option + 8, "builtin") != 0;
                mn_status status = is_profile ? read_profile(arena, option + 8, &value, err) : MN_OK;
                if (status)
                        return status;
                host->security_opt[kept++] = value;
        }
        if (!kept)
                host->security_opt = NULL;
        return MN_OK;
}
