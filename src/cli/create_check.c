/* SPDX-License-Identifier: Apache-2.0 */
/* Single values of run's options, checked while they are parsed so that the message names the option. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/macro.h"
#include "cli/create.h"
#include "cli/hostspec.h"

mn_status create_check_ulimit(mn_arena *arena, const char **value, mn_err *err) {
        wire_ulimit ignored;
        return hostspec_ulimit(arena, *value, &ignored, err);
}

mn_status create_check_weight(mn_arena *arena, const char **value, mn_err *err) {
        wire_weight_device ignored;
        return hostspec_weight(arena, *value, &ignored, err);
}

mn_status create_check_rate(mn_arena *arena, const char **value, mn_err *err) {
        wire_throttle_device ignored;
        return hostspec_throttle(arena, *value, true, &ignored, err);
}

mn_status create_check_operations(mn_arena *arena, const char **value, mn_err *err) {
        wire_throttle_device ignored;
        return hostspec_throttle(arena, *value, false, &ignored, err);
}

mn_status create_check_stream(mn_arena *arena, const char **value, mn_err *err) {
        (void) arena;
        if (strcasecmp(*value, "stdin") == 0 || strcasecmp(*value, "stdout") == 0 ||
            strcasecmp(*value, "stderr") == 0)
                return MN_OK;
        return mn_fail(err, MN_INVALID, "valid streams are STDIN, STDOUT and STDERR");
}

size_t create_host_length(const char *text) {
        size_t len = strcspn(text, "=");
        len = text[len] ? len : strcspn(text, ":");
        return text[len] && text[len + 1] ? len : 0;
}

mn_status create_check_host(mn_arena *arena, const char **value, mn_err *err) {
        (void) arena;
        return create_host_length(*value)
                       ? MN_OK
                       : mn_fail(err, MN_INVALID, "bad format for add-host: \"%s\"", *value);
}

mn_status create_check_env(mn_arena *arena, const char **value, mn_err *err) {
        (void) arena;
        return **value && **value != '='
                       ? MN_OK
                       : mn_fail(err, MN_INVALID, "invalid environment variable: %s", *value);
}

mn_status create_check_label(mn_arena *arena, const char **value, mn_err *err) {
        (void) arena;
        return **value && **value != '=' ? MN_OK
                                         : mn_fail(err, MN_INVALID, "invalid label '%s': empty name", *value);
}

mn_status create_check_dns(mn_arena *arena, const char **value, mn_err *err) {
        unsigned char address[16];
        (void) arena;
        if (inet_pton(AF_INET, *value, address) == 1 || inet_pton(AF_INET6, *value, address) == 1)
                return MN_OK;
        return mn_fail(err, MN_INVALID, "IP address is not correctly formatted: %s", *value);
}

/* The settings that belong to a namespace of the container. */
mn_status create_check_sysctl(mn_arena *arena, const char **value, mn_err *err) {
        static const char *const names[] = { "kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                             "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                             "kernel.shmmni", "kernel.shm_rmid_forced" };
        size_t len = strcspn(*value, "=");
        (void) arena;
        if ((*value)[len] && (strncmp(*value, "net.", 4) == 0 || strncmp(*value, "fs.mqueue.", 10) == 0))
                return MN_OK;
        for (size_t i = 0; i < MN_ARRAY_LEN(names); i++)
                if ((*value)[len] && strlen(names[i]) == len && memcmp(names[i], *value, len) == 0)
                        return MN_OK;
        return mn_fail(err, MN_INVALID, "sysctl '%s' is not allowed", *value);
}

/* "c 13:64 rwm", "a *:* r". */
mn_status create_check_device_rule(mn_arena *arena, const char **value, mn_err *err) {
        const char *s = *value;
        (void) arena;
        bool is_valid = *s && strchr("acb", *s) && s[1] == ' ';
        s += is_valid ? 2 : 0;
        for (int i = 0; is_valid && i < 2; i++) {
                size_t n = *s == '*' ? 1 : strspn(s, "0123456789");
                is_valid = n > 0 && s[n] == (i ? ' ' : ':');
                s += is_valid ? n + 1 : 0;
        }
        if (is_valid && *s && strlen(s) <= 3 && s[strspn(s, "rwm")] == '\0')
                return MN_OK;
        return mn_fail(err, MN_INVALID, "invalid device cgroup format '%s'", *value);
}

mn_status create_check_gpus(mn_arena *arena, const char **value, mn_err *err) {
        wire_device_request ignored;
        return hostspec_gpus(arena, *value, &ignored, err);
}
