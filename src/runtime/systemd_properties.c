/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/systemd_properties.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/num.h"
#include "runtime/device_rules.h"
#include "runtime/resources.h"
#include "sys/file.h"

enum { MAX_CPU = 8191, US_PER_S = 1000000, CPU_STEP_US = 10000, DEFAULT_PERIOD_US = 100000 };

/* ---- one property ---- */

void systemd_put_begin(mn_str *body, const char *name, const char *signature) {
        mn_dbus_align(body, 8);
        mn_dbus_put_string(body, name);
        mn_dbus_put_signature(body, signature);
}

void systemd_put_bool(mn_str *body, const char *name, bool value) {
        systemd_put_begin(body, name, "b");
        mn_dbus_put_bool(body, value);
}

void systemd_put_u64(mn_str *body, const char *name, uint64_t value) {
        systemd_put_begin(body, name, "t");
        mn_dbus_put_u64(body, value);
}

void systemd_put_text(mn_str *body, const char *name, const char *value) {
        systemd_put_begin(body, name, "s");
        mn_dbus_put_string(body, value);
}

/* Infinity is the largest number. */
static void put_limit(mn_str *body, const char *name, int64_t value) {
        systemd_put_u64(body, name, value < 0 ? UINT64_MAX : (uint64_t) value);
}

int systemd_cpu_mask(const char *list, mn_str *ret) {
        uint8_t bits[(MAX_CPU + 1) / 8] = { 0 };
        size_t len = 0;
        cleanup_free char *copy = mn_strdup(list);
        char *save = NULL;
        for (char *part = strtok_r(copy, ",\n ", &save); part; part = strtok_r(NULL, ",\n ", &save)) {
                char *dash = strchr(part, '-');
                int first, last;
                if (dash)
                        *dash++ = '\0';
                int r = mn_parse_int(part, 0, MAX_CPU, &first);
                last = first;
                if (r == 0 && dash)
                        r = mn_parse_int(dash, first, MAX_CPU, &last);
                if (r < 0)
                        return r;
                for (int i = first; i <= last; i++)
                        bits[i / 8] |= (uint8_t) (1 << i % 8);
                len = MN_MAX(len, (size_t) last / 8 + 1);
        }
        mn_str_add_len(ret, bits, len);
        return 0;
}

static mn_status put_mask(mn_str *body, const char *name, const char *list, const char *field, mn_err *err) {
        cleanup_str mn_str mask = MN_STR_INIT(MAX_CPU);
        int r = systemd_cpu_mask(list, &mask);
        if (r < 0)
                return mn_fail_errno(err, r, "linux.resources.%s: \"%s\"", field, list);
        systemd_put_begin(body, name, "ay");
        mn_dbus_array array = mn_dbus_begin_array(body, 1);
        mn_str_add_len(body, mn_str_text(&mask), mask.len);
        mn_dbus_end_array(body, array);
        return MN_OK;
}

/* ---- limits ---- */

/* systemd counts whole percents; the exact quota is written to the file afterwards and must fit below. */
static void put_quota(mn_str *body, int64_t quota, uint64_t period) {
        period = period ? period : DEFAULT_PERIOD_US;
        uint64_t per_second = UINT64_MAX;
        if (quota > 0 && (uint64_t) quota < UINT64_MAX / US_PER_S - CPU_STEP_US)
                per_second = ((uint64_t) quota * US_PER_S / period + CPU_STEP_US - 1) / CPU_STEP_US *
                             CPU_STEP_US;
        systemd_put_u64(body, "CPUQuotaPerSecUSec", per_second);
        systemd_put_u64(body, "CPUQuotaPeriodUSec", period);
}

static mn_status put_cpu(mn_str *body, const oci_cpu *c, bool is_v2, mn_err *err) {
        bool is_idle = c->idle && *c->idle;
        if (c->shares && *c->shares && !is_v2)
                systemd_put_u64(body, "CPUShares", *c->shares);
        if (c->shares && *c->shares && is_v2 && !is_idle)
                systemd_put_u64(body, "CPUWeight", (uint64_t) resources_cpu_weight(*c->shares));
        if (c->quota && *c->quota)
                put_quota(body, *c->quota, c->period ? *c->period : 0);
        if (!is_v2) /* systemd has no cpuset on v1 */
                return MN_OK;
        mn_status st = MN_OK;
        if (c->cpus && *c->cpus)
                st = put_mask(body, "AllowedCPUs", c->cpus, "cpu.cpus", err);
        if (st == MN_OK && c->mems && *c->mems)
                st = put_mask(body, "AllowedMemoryNodes", c->mems, "cpu.mems", err);
        return st;
}

static void put_memory(mn_str *body, const oci_memory *m, bool is_v2) {
        if (m->limit && *m->limit)
                put_limit(body, is_v2 ? "MemoryMax" : "MemoryLimit", *m->limit);
        if (!is_v2)
                return;
        if (m->reservation && *m->reservation)
                put_limit(body, "MemoryLow", *m->reservation);
        if (m->swap && *m->swap && m->limit && (*m->swap < 0 || *m->swap >= *m->limit))
                put_limit(body, "MemorySwapMax", *m->swap < 0 ? -1 : *m->swap - *m->limit);
}

/* ---- unified ---- */

static mn_status put_cpu_max(mn_str *body, const char *value, mn_err *err) {
        cleanup_free char *copy = mn_strdup(value);
        char *save = NULL, *quota_text = strtok_r(copy, " \n", &save),
             *period_text = strtok_r(NULL, " \n", &save);
        int64_t quota = -1, period = 0;
        bool is_max = quota_text && strcmp(quota_text, "max") == 0;
        if (!quota_text || (!is_max && mn_parse_i64(quota_text, 1, INT64_MAX, &quota) < 0) ||
            (period_text && mn_parse_i64(period_text, 1, INT64_MAX, &period) < 0))
                return mn_fail(err, MN_INVALID, "linux.resources.unified: cpu.max: \"%s\"", value);
        put_quota(body, quota, (uint64_t) period);
        return MN_OK;
}

static mn_status put_number(mn_str *body, const char *property, const char *file, const char *value,
                            mn_err *err) {
        uint64_t number = UINT64_MAX;
        cleanup_free char *text = mn_strndup(value, strcspn(value, "\n"));
        if (strcmp(text, "max") != 0 && mn_parse_u64(text, UINT64_MAX, &number) < 0)
                return mn_fail(err, MN_INVALID, "linux.resources.unified: %s: \"%s\"", file, value);
        systemd_put_u64(body, property, number);
        return MN_OK;
}

/* Files that systemd has a property for; all others are only written. */
static mn_status put_unified(mn_str *body, const mn_str_map *unified, mn_err *err) {
        static const struct {
                const char *file, *property;
        } rows[] = {
                { "cpu.weight", "CPUWeight" }, { "memory.high", "MemoryHigh" },
                { "memory.low", "MemoryLow" }, { "memory.max", "MemoryMax" },
                { "memory.min", "MemoryMin" }, { "memory.swap.max", "MemorySwapMax" },
                { "pids.max", "TasksMax" },
        };
        mn_status st = MN_OK;
        for (size_t i = 0; i < unified->len && st == MN_OK; i++) {
                const char *file = unified->items[i].key, *value = unified->items[i].value;
                if (strcmp(file, "cpu.max") == 0)
                        st = put_cpu_max(body, value, err);
                else if (strcmp(file, "cpuset.cpus") == 0)
                        st = put_mask(body, "AllowedCPUs", value, "unified: cpuset.cpus", err);
                else if (strcmp(file, "cpuset.mems") == 0)
                        st = put_mask(body, "AllowedMemoryNodes", value, "unified: cpuset.mems", err);
                for (size_t k = 0; k < MN_ARRAY_LEN(rows) && st == MN_OK; k++)
                        if (strcmp(file, rows[k].file) == 0)
                                st = put_number(body, rows[k].property, file, value, err);
        }
        return st;
}

mn_status systemd_put_resources(mn_str *body, const oci_resources *res, const mn_cgroup_host *host,
                                mn_err *err) {
        bool is_v2 = host->mode == MN_CGROUP_V2;
        if (!res)
                return MN_OK;
        mn_status st = res->cpu ? put_cpu(body, res->cpu, is_v2, err) : MN_OK;
        if (res->memory)
                put_memory(body, res->memory, is_v2);
        if (res->pids && res->pids->limit && *res->pids->limit)
                put_limit(body, "TasksMax", *res->pids->limit);
        if (res->block_io && res->block_io->weight && *res->block_io->weight)
                systemd_put_u64(body, is_v2 ? "IOWeight" : "BlockIOWeight",
                                is_v2 ? (uint64_t) resources_io_weight(*res->block_io->weight)
                                      : *res->block_io->weight);
        return st == MN_OK && is_v2 ? put_unified(body, &res->unified, err) : st;
}

/* ---- devices ---- */

/* The driver's name for a major number, from /proc/devices; NULL when the kernel knows none. */
static char *driver_name(const char *devices, bool is_block, int64_t major) {
        const char *at = strstr(devices, is_block ? "Block devices:\n" : "Character devices:\n");
        for (at = at ? strchr(at, '\n') + 1 : ""; *at && *at != '\n';
             at += strcspn(at, "\n"), at += *at == '\n') {
                size_t indent = strspn(at, " "), digits = strspn(at + indent, "0123456789");
                cleanup_free char *number = mn_strndup(at + indent, digits);
                int64_t n;
                if (at[indent + digits] == ' ' && mn_parse_i64(number, 0, UINT32_MAX, &n) == 0 && n == major)
                        return mn_strndup(at + indent + digits + 1, strcspn(at + indent + digits + 1, "\n"));
        }
        return NULL;
}

/* One rule for one type: "/dev/char/1:3", "char-pts", "block-*". What cannot be said is left out: the list
   that systemd would write is then narrower than ours. */
static void put_device(mn_str *body, const device_rule *rule, bool is_block, const char *devices) {
        const char *kind = is_block ? "block" : "char";
        cleanup_free char *name = NULL;
        if (rule->major == DEVICE_ANY) {
                name = rule->minor == DEVICE_ANY ? mn_asprintf("%s-*", kind) : NULL;
        } else if (rule->minor == DEVICE_ANY) {
                cleanup_free char *driver = driver_name(devices, is_block, rule->major);
                name = driver ? mn_asprintf("%s-%s", kind, driver) : NULL;
        } else {
                name = mn_asprintf("/dev/%s/%lld:%lld", kind, (long long) rule->major,
                                   (long long) rule->minor);
        }
        if (!name)
                return;
        char access[4];
        snprintf(access, sizeof(access), "%s%s%s", rule->access & BPF_DEVCG_ACC_READ ? "r" : "",
                 rule->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
                 rule->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
        mn_dbus_align(body, 8);
        mn_dbus_put_string(body, name);
        mn_dbus_put_string(body, access);
}

mn_status systemd_put_devices(mn_str *body, const oci_resources *res, const mn_cgroup_host *host,
                              mn_err *err) {
        if (host->mode == MN_CGROUP_V2)
                return MN_OK;
        device_rule_list rules = { 0 };
        bool is_default_allowed;
        cleanup_free char *devices = NULL;
        mn_status st = device_rules_collect(res, &rules, &is_default_allowed, err);
        if (st == MN_OK && mn_file_read(AT_FDCWD, "/proc/devices", 1 << 20, &devices, NULL) < 0)
                devices = mn_strdup("");
        if (st == MN_OK) {
                systemd_put_text(body, "DevicePolicy", is_default_allowed ? "auto" : "strict");
                systemd_put_begin(body, "DeviceAllow", "a(ss)");
                mn_dbus_array array = mn_dbus_begin_array(body, 8);
                for (size_t i = 0; !is_default_allowed && i < rules.len; i++) {
                        const device_rule *rule = &rules.items[i];
                        if (rule->is_allowed && rule->type != BPF_DEVCG_DEV_BLOCK)
                                put_device(body, rule, false, devices);
                        if (rule->is_allowed && rule->type != BPF_DEVCG_DEV_CHAR)
                                put_device(body, rule, true, devices);
                }
                mn_dbus_end_array(body, array);
        }
        mn_vec_release(&rules);
        return st;
}
