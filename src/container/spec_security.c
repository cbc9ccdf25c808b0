/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: capabilities, seccomp, masked and read-only paths. */

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "container/spec.h"
#include "oci/seccomp_profile.h"

/* ---- options ---- */

bool container_security_flag(const wire_host_config *host, const char *name, bool fallback) {
        size_t len = strlen(name);
        bool value = fallback;
        for (char *const *o = host->security_opt; o && *o; o++)
                if (strncmp(*o, name, len) == 0 && (!(*o)[len] || (*o)[len] == '=' || (*o)[len] == ':')) {
                        value = true;
                        if ((*o)[len])
                                (void) mn_parse_bool(*o + len + 1, &value);
                }
        return value;
}

static const char *security_value(const wire_host_config *host, const char *name) {
        size_t len = strlen(name);
        const char *value = NULL;
        for (char *const *o = host->security_opt; o && *o; o++)
                if (strncmp(*o, name, len) == 0 && ((*o)[len] == '=' || (*o)[len] == ':'))
                        value = *o + len + 1;
        return value;
}

/* ---- capabilities ---- */

static const char *const default_capabilities[] = {
        "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
        "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
        "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
        "CAP_KILL",    "CAP_AUDIT_WRITE",
};

/* Those of this process's bounding set: more cannot be given. */
static uint64_t grantable(void) {
        uint64_t mask = 0;
        for (int i = 0; i < OCI_CAPABILITY_COUNT; i++)
                if (prctl(PR_CAPBSET_READ, i) == 1)
                        mask |= UINT64_C(1) << i;
        return mask;
}

static uint64_t mask_of(char *const *names, bool *ret_has_all) {
        uint64_t mask = 0;
        *ret_has_all = false;
        for (; names && *names; names++) {
                if (strcasecmp(*names, "ALL") == 0)
                        *ret_has_all = true;
                else if (oci_capability_number(*names) >= 0)
                        mask |= UINT64_C(1) << oci_capability_number(*names);
        }
        return mask;
}

static uint64_t capability_mask(const wire_host_config *host, bool is_privileged) {
        if (is_privileged)
                return grantable();
        uint64_t defaults = 0;
        for (size_t i = 0; i < MN_ARRAY_LEN(default_capabilities); i++)
                defaults |= UINT64_C(1) << oci_capability_number(default_capabilities[i]);
        bool adds_all, drops_all;
        uint64_t added = mask_of(host->cap_add, &adds_all), dropped = mask_of(host->cap_drop, &drops_all);
        if (adds_all)
                return (grantable() & ~dropped) | (drops_all ? added : 0);
        return drops_all ? added : (defaults & ~dropped) | added;
}

char **container_capabilities(const wire_host_config *host, bool is_privileged, mn_arena *arena) {
        uint64_t mask = capability_mask(host, is_privileged);
        char **names = mn_arena_array(arena, OCI_CAPABILITY_COUNT + 1, sizeof *names);
        size_t n = 0;
        for (int i = 0; i < OCI_CAPABILITY_COUNT; i++)
                if (mask & UINT64_C(1) << i)
                        names[n++] = mn_arena_strdup(arena, oci_capability_name(i));
        return names;
}

/* ---- seccomp ---- */

static mn_status set_seccomp(const container_spec_input *in, mn_arena *arena, oci_spec *spec, mn_err *err) {
        const wire_host_config *host = &in->record->host_config;
        const char *profile = security_value(host, "seccomp");
        bool is_builtin = profile ? strcmp(profile, "builtin") == 0 : !in->seccomp_profile;
        if (host->is_privileged || (profile ? strcmp(profile, "unconfined") == 0 : in->is_seccomp_off))
                return MN_OK;
        if (is_builtin && !in->is_foreign_runtime) {
                mn_str_map_set(&spec->annotations, arena, OCI_ANNOTATION_SECCOMP, "default");
                return MN_OK;
        }
        const oci_seccomp_context context = { .capabilities = capability_mask(host, false) };
        spec->linux_->seccomp = mn_arena_alloc(arena, sizeof *spec->linux_->seccomp);
        if (is_builtin) {
                oci_seccomp_default(&context, arena, spec->linux_->seccomp);
                return MN_OK;
        }
        const char *text = profile ? profile : in->seccomp_profile;
        return oci_seccomp_from_profile(text, strlen(text), &context, arena, spec->linux_->seccomp, err);
}

/* ---- paths ---- */

static const char *const masked[] = {
        "/proc/acpi",
        "/proc/asound",
        "/proc/interrupts",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/sys/devices/virtual/powercap",
        "/sys/firmware",
        NULL,
};
static const char *const read_only[] = { "/proc/bus",           "/proc/fs", "/proc/irq", "/proc/sys",
                                         "/proc/sysrq-trigger", NULL };

static char **path_list(char *const *from, size_t room, mn_arena *arena) {
        size_t n = mn_strv_len(from);
        char **list = mn_arena_array(arena, n + room + 1, sizeof *list);
        for (size_t i = 0; i < n; i++)
                list[i] = mn_arena_strdup(arena, from[i]);
        return list;
}

/* The default list, and what each processor says of its temperature, on hosts whose processors say it. */
static char **default_masked(mn_arena *arena) {
        static const char thermal[] = "/sys/devices/system/cpu/cpu%d/thermal_throttle";
        char path[sizeof(thermal) + 16];
        snprintf(path, sizeof(path), thermal, 0);
        int processors = access(path, F_OK) == 0 ? get_nprocs_conf() : 0;
        char **list = path_list((char *const *) masked, (size_t) processors, arena);
        for (size_t n = mn_strv_len(list), i = 0; i < (size_t) processors; i++) {
                snprintf(path, sizeof(path), thermal, (int) i);
                if (access(path, F_OK) == 0)
                        list[n++] = mn_arena_strdup(arena, path);
        }
        return list;
}

void container_path_rules(const wire_host_config *host, mn_arena *arena, char ***ret_masked,
                          char ***ret_readonly) {
        const char *paths = security_value(host, "systempaths");
        *ret_masked = *ret_readonly = NULL;
        if (host->is_privileged || mn_str_equal(paths, "unconfined"))
                return;
        char *const *readonly = host->readonly_paths ? host->readonly_paths : (char *const *) read_only;
        *ret_masked = host->masked_paths ? path_list(host->masked_paths, 0, arena) : default_masked(arena);
        *ret_readonly = path_list(readonly, 0, arena);
}

mn_status container_spec_security(const container_spec_input *in, mn_arena *arena, oci_spec *spec,
                                  mn_err *err) {
        container_path_rules(&in->record->host_config, arena, &spec->linux_->masked_paths,
                             &spec->linux_->readonly_paths);
        return set_seccomp(in, arena, spec, err);
}
