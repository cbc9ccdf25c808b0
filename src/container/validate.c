/* SPDX-License-Identifier: Apache-2.0 */
/* What a create request must have right, in Docker's words. */

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "container/create.h"
#include "container/engine.h"
#include "container/system.h"
#include "oci/seccomp_profile.h"

const char *container_mode_target(const char *mode) {
        return mode && mn_str_has_prefix(mode, "container:") ? mode + strlen("container:") : NULL;
}

/* ---- Config ---- */

/* Names that end up in /etc/hosts and in the kernel's host name. */
static bool is_host_name(const char *s, size_t max) {
        size_t len = strlen(s);
        return len <= max && s[0] != '-' && s[0] != '.' &&
               strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == len;
}

static mn_status check_health(const wire_health_config *h, mn_err *err) {
        static const char *const names[] = { "Interval", "Timeout", "StartPeriod", "StartInterval" };
        const int64_t times[] = { h->interval_ns, h->timeout_ns, h->start_period_ns, h->start_interval_ns };
        for (size_t i = 0; i < MN_ARRAY_LEN(times); i++)
                if (times[i] && times[i] < 1000000)
                        return mn_fail(err, MN_INVALID, "%s in Healthcheck cannot be less than 1ms",
                                       names[i]);
        if (h->retries < 0)
                return mn_fail(err, MN_INVALID, "Retries in Healthcheck cannot be negative");
        const char *kind = h->test ? h->test[0] : NULL;
        if (kind && strcmp(kind, "NONE") && strcmp(kind, "CMD") && strcmp(kind, "CMD-SHELL"))
                return mn_fail(err, MN_INVALID, "unknown type \"%s\" in Healthcheck", kind);
        return MN_OK;
}

mn_status container_check_config(const wire_container_config *config, mn_err *err) {
        if (!mn_str_is_empty(config->hostname) && !is_host_name(config->hostname, 64))
                return mn_fail(err, MN_INVALID, "invalid hostname format: %s", config->hostname);
        if (!mn_str_is_empty(config->domainname) && !is_host_name(config->domainname, 64))
                return mn_fail(err, MN_INVALID, "invalid domainname format: %s", config->domainname);
        if (!mn_str_is_empty(config->working_dir) && config->working_dir[0] != '/')
                return mn_fail(err, MN_INVALID,
                               "the working directory '%s' is invalid, it needs to be an absolute path",
                               config->working_dir);
        for (char *const *e = config->env; e && *e; e++)
                if (!**e || **e == '=')
                        return mn_fail(err, MN_INVALID, "invalid environment variable: %s", *e);
        int signal;
        if (!mn_str_is_empty(config->stop_signal) &&
            container_signal_parse(config->stop_signal, &signal, err))
                return MN_INVALID;
        return config->healthcheck ? check_health(config->healthcheck, err) : MN_OK;
}

/* ---- policies and modes ---- */

mn_status container_check_restart_policy(const wire_restart_policy *policy, mn_err *err) {
        const char *name = policy->name ? policy->name : "";
        bool is_on_failure = strcmp(name, "on-failure") == 0;
        if (*name && strcmp(name, "no") && strcmp(name, "always") && strcmp(name, "unless-stopped") &&
            !is_on_failure)
                return mn_fail(err, MN_INVALID,
                               "invalid restart policy: unknown policy '%s'; use one of 'no', 'always', "
                               "'on-failure', "
                               "or 'unless-stopped'",
                               name);
        if (policy->maximum_retry_count < 0)
                return mn_fail(err, MN_INVALID,
                               "invalid restart policy: maximum retry count cannot be negative");
        if (policy->maximum_retry_count > 0 && !is_on_failure)
                return mn_fail(
                        err, MN_INVALID,
                        "invalid restart policy: maximum retry count can only be used with 'on-failure'");
        return MN_OK;
}

static mn_status check_mode(const char *what, const char *mode, const char *const *allowed,
                            bool may_be_container, mn_err *err) {
        if (mn_str_is_empty(mode) || mn_strv_has((char *const *) allowed, mode))
                return MN_OK;
        const char *target = container_mode_target(mode);
        if (may_be_container && target && *target)
                return MN_OK;
        return mn_fail(err, MN_INVALID, "invalid %s mode: %s", what, mode);
}

static mn_status check_modes(const wire_host_config *host, mn_err *err) {
        static const char *const host_only[] = { "host", NULL };
        static const char *const ipc[] = { "none", "private", "shareable", "host", NULL };
        static const char *const cgroupns[] = { "private", "host", NULL };
        mn_status status = check_mode("IPC", host->ipc_mode, ipc, true, err);
        if (!status)
                status = check_mode("PID", host->pid_mode, host_only, true, err);
        if (!status)
                status = check_mode("UTS", host->uts_mode, host_only, false, err);
        if (!status)
                status = check_mode("USER", host->userns_mode, host_only, false, err);
        if (!status)
                status = check_mode("cgroup namespace", host->cgroupns_mode, cgroupns, false, err);
        if (!status && !mn_str_is_empty(host->isolation) && strcmp(host->isolation, "default"))
                status = mn_fail(err, MN_INVALID, "invalid isolation '%s' on linux", host->isolation);
        return status;
}

static mn_status check_network_conflicts(const wire_host_config *host, const wire_container_config *config,
                                         mn_err *err) {
        bool is_host = mn_str_equal(host->network_mode, "host");
        bool is_container = container_mode_target(host->network_mode) != NULL;
        if (!mn_str_is_empty(config->hostname) && is_container)
                return mn_fail(err, MN_INVALID, "conflicting options: hostname and the network mode");
        if (!mn_str_is_empty(config->hostname) && mn_str_equal(host->uts_mode, "host"))
                return mn_fail(err, MN_INVALID, "conflicting options: hostname and the UTS mode");
        if (is_container && host->dns && host->dns[0])
                return mn_fail(err, MN_INVALID, "conflicting options: dns and the network mode");
        if ((is_container || is_host) && host->links && host->links[0])
                return mn_fail(err, MN_INVALID,
                               "conflicting options: host type networking can't be used with links. "
                               "This would result in undefined behavior");
        if (is_container && host->extra_hosts && host->extra_hosts[0])
                return mn_fail(err, MN_INVALID,
                               "conflicting options: custom host-to-IP mapping and the network mode");
        if (is_container && (host->port_bindings.len || host->publishes_all_ports))
                return mn_fail(err, MN_INVALID,
                               "conflicting options: port publishing and the container type network mode");
        return MN_OK;
}

/* ---- capabilities, devices, security options, sysctls ---- */

static mn_status check_capabilities(const char *what, char *const *names, mn_err *err) {
        for (; names && *names; names++)
                if (strcasecmp(*names, "ALL") && oci_capability_number(*names) < 0)
                        return mn_fail(err, MN_INVALID, "invalid %s: unknown capability: \"%s%s\"", what,
                                       strncasecmp(*names, "CAP_", 4) ? "CAP_" : "", *names);
        return MN_OK;
}

static bool is_boolean_option(const char *opt, const char *name) {
        size_t len = strlen(name);
        bool ignored;
        if (strncmp(opt, name, len) != 0)
                return false;
        return !opt[len] ||
               ((opt[len] == '=' || opt[len] == ':') && mn_parse_bool(opt + len + 1, &ignored) == 0);
}

static mn_status check_security_options(const wire_host_config *host, mn_err *err) {
        for (char *const *o = host->security_opt; o && *o; o++) {
                const char *value = strpbrk(*o, "=:");
                size_t len = value ? (size_t) (value - *o) : strlen(*o);
                bool is_known = value &&
                                (strncmp(*o, "label", len) == 0 || strncmp(*o, "apparmor", len) == 0 ||
                                 strncmp(*o, "seccomp", len) == 0);
                if (value && len == strlen("systempaths") && strncmp(*o, "systempaths", len) == 0)
                        is_known = strcmp(value + 1, "unconfined") == 0;
                if (!is_known && !is_boolean_option(*o, "no-new-privileges") &&
                    !is_boolean_option(*o, "writable-cgroups"))
                        return mn_fail(err, MN_INVALID, "invalid --security-opt 1: \"%s\"", *o);
        }
        return MN_OK;
}

bool container_sysctl_is_allowed(const char *name, bool has_private_ipc, bool has_private_network) {
        static const char *const ipc[] = { "kernel.msgmax", "kernel.msgmnb",          "kernel.msgmni",
                                           "kernel.sem",    "kernel.shmall",          "kernel.shmmax",
                                           "kernel.shmmni", "kernel.shm_rmid_forced", NULL };
        if (strstr(name, "..") ||
            name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "._-/")])
                return false;
        if (strchr(name, '/') && !mn_str_has_prefix(name, "net."))
                return false; /* only an interface's name may hold one: net.ipv4.conf.eth0/100.x */
        if (mn_strv_has((char *const *) ipc, name) || mn_str_has_prefix(name, "fs.mqueue."))
                return has_private_ipc;
        return mn_str_has_prefix(name, "net.") && has_private_network;
}

static mn_status check_sysctls(const wire_host_config *host, mn_err *err) {
        bool has_ipc = mn_str_is_empty(host->ipc_mode) || mn_str_equal(host->ipc_mode, "private") ||
                       mn_str_equal(host->ipc_mode, "shareable") || mn_str_equal(host->ipc_mode, "none");
        bool has_net = !mn_str_equal(host->network_mode, "host") &&
                       !container_mode_target(host->network_mode);
        for (size_t i = 0; i < host->sysctls.len; i++) {
                const mn_str_pair *p = &host->sysctls.items[i];
                if (!container_sysctl_is_allowed(p->key, has_ipc, has_net))
                        return mn_fail(err, MN_INVALID,
                                       "sysctl \"%s\" is not in a separate kernel namespace of the container",
                                       p->key);
                if (!p->value || strpbrk(p->value, "\n\r"))
                        return mn_fail(err, MN_INVALID, "invalid value of sysctl \"%s\"", p->key);
        }
        return MN_OK;
}

static mn_status check_device_rules(const wire_resources *r, mn_err *err) {
        for (size_t i = 0; i < r->devices.len; i++) {
                const char *mode = r->devices.items[i].cgroup_permissions;
                if (mode && mode[strspn(mode, "rwm")])
                        return mn_fail(err, MN_INVALID, "invalid device mode: %s", mode);
        }
        if (r->device_requests.len)
                return mn_fail(err, MN_INVALID, "could not select device driver \"%s\" with capabilities",
                               r->device_requests.items[0].driver ? r->device_requests.items[0].driver : "");
        return MN_OK;
}

mn_status container_check_slice(const char *parent, mn_err *err) {
        if (strlen(parent) > strlen(".slice") && mn_str_has_suffix(parent, ".slice") &&
            !strchr(parent, '/') && !strchr(parent, ':'))
                return MN_OK;
        return mn_fail(err, MN_INVALID,
                       "cgroup-parent for systemd cgroup should be a valid slice named as \"xxx.slice\"");
}

mn_status container_check_host_config(const wire_host_config *host, const wire_container_config *config,
                                      mn_err *err) {
        mn_status status = container_check_restart_policy(&host->restart_policy, err);
        const char *policy = host->restart_policy.name;
        if (!status && host->is_auto_remove && !mn_str_is_empty(policy) && strcmp(policy, "no"))
                status = mn_fail(err, MN_INVALID, "can't create 'AutoRemove' container with restart policy");
        if (!status && (host->oom_score_adj < -1000 || host->oom_score_adj > 1000))
                status = mn_fail(err, MN_INVALID,
                                 "Invalid value %d, range for oom score adj is [-1000, 1000]",
                                 host->oom_score_adj);
        if (!status && host->shm_size_bytes < 0)
                status = mn_fail(err, MN_INVALID, "SHM size can not be less than 0");
        if (!status && !mn_str_is_empty(host->cgroup))
                status = mn_fail(err, MN_INVALID,
                                 "HostConfig.Cgroup \"%s\": another container's cgroup cannot be used",
                                 host->cgroup);
        if (!status && host->storage_opt.len)
                status = mn_fail(
                        err, MN_INVALID,
                        "--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
        if (!status)
                status = container_check_system(host, err);
        if (!status)
                status = check_modes(host, err);
        if (!status)
                status = check_network_conflicts(host, config, err);
        if (!status)
                status = check_capabilities("CapAdd", host->cap_add, err);
        if (!status)
                status = check_capabilities("CapDrop", host->cap_drop, err);
        if (!status)
                status = check_security_options(host, err);
        if (!status)
                status = check_sysctls(host, err);
        return status ? status : check_device_rules(&host->resources, err);
}
