/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/systemd_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/time.h"
#include "runtime/systemd_properties.h"
#include "sys/clone.h"
#include "sys/fd.h"
#include "sys/spawn.h"

enum { TIMEOUT_MS = 30000, MAX_BODY = 512 << 10 };

#define PRIVATE_SOCKET "/run/systemd/private"
#define BUS_SOCKET "/run/dbus/system_bus_socket"
#define SYSTEMD "org.freedesktop.systemd1"
#define ERROR_EXISTS SYSTEMD ".UnitExists"
#define ERROR_UNKNOWN SYSTEMD ".NoSuchUnit"

/* ---- names ---- */

void systemd_unit_release(systemd_unit *unit) {
        mn_freep(&unit->name);
        mn_freep(&unit->slice);
        mn_freep(&unit->path);
}

/* "a-b.slice" lives in "a.slice": /a.slice/a-b.slice. */
static char *expand_slice(const char *slice) {
        size_t len = strlen(slice);
        if (len < 7 || strcmp(slice + len - 6, ".slice") != 0 || strchr(slice, '/') || *slice == '-')
                return strcmp(slice, "-.slice") == 0 ? mn_strdup("") : NULL;
        cleanup_str mn_str path = MN_STR_INIT(1024);
        size_t name_len = len - 6;
        for (size_t i = 1; i <= name_len; i++) {
                if (i < name_len && slice[i] != '-')
                        continue;
                if (slice[i - 1] == '-')
                        return NULL;
                mn_str_printf(&path, "/%.*s.slice", (int) i, slice);
        }
        return mn_str_error(&path) < 0 ? NULL : mn_str_take(&path);
}

/* What systemd takes as a unit's name, 255 bytes at the most. */
static bool is_unit_name(const char *name) {
        static const char valid[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
        return strlen(name) < 256 && name[strspn(name, valid)] == '\0';
}

mn_status systemd_unit_parse(const char *spec, const char *id, systemd_unit *ret, mn_err *err) {
        cleanup_free char *copy = spec && *spec ? mn_strdup(spec) : mn_asprintf("system.slice:minato:%s", id);
        cleanup_free char *whole = mn_strdup(copy);
        char *prefix = strchr(copy, ':'), *name = prefix ? strchr(prefix + 1, ':') : NULL;
        if (!name)
                return mn_fail(err, MN_INVALID,
                               "linux.cgroupsPath: \"%s\" is not of the form \"slice:prefix:name\"", copy);
        *prefix++ = '\0';
        *name++ = '\0';
        const char *slice = *copy ? copy : "system.slice";
        cleanup_free char *below = expand_slice(slice);
        cleanup_free char *unit = *prefix ? mn_asprintf("%s-%s.scope", prefix, name)
                                          : mn_asprintf("%s.scope", name);
        if (!below || !*name || !is_unit_name(unit) || !is_unit_name(slice))
                return mn_fail(err, MN_INVALID, "linux.cgroupsPath: \"%s\" has a wrong slice or name", whole);
        ret->path = mn_asprintf("%s/%s", below, unit);
        ret->slice = mn_strdup(slice);
        ret->name = MN_TAKE(unit);
        return MN_OK;
}

/* ---- the connection ---- */

typedef struct manager {
        mn_dbus bus;
        int64_t deadline_ns;
        mn_dbus_message answer;
} manager;

static void manager_close(manager *m) {
        mn_dbus_close(&m->bus);
}
#define cleanup_manager MN_CLEANUP(manager_close)

/* systemd's own socket, which tells every event to everybody who is connected; else the system bus, which has
   to be asked for them. */
static int connect_manager(manager *m) {
        m->deadline_ns = mn_monotonic_ns() + TIMEOUT_MS * MN_NS_PER_MS;
        int r = mn_dbus_open(&m->bus, PRIVATE_SOCKET, false, m->deadline_ns);
        if (r == 0)
                return 0;
        r = mn_dbus_open(&m->bus, BUS_SOCKET, true, m->deadline_ns);
        if (r < 0)
                return r;
        cleanup_str mn_str rule = MN_STR_INIT(MAX_BODY);
        mn_dbus_put_string(&rule, "type='signal',sender='" SYSTEMD "',interface='" SYSTEMD
                                  ".Manager',member='JobRemoved'");
        r = mn_dbus_call(&m->bus,
                         &(mn_dbus_request){ .destination = "org.freedesktop.DBus",
                                             .path = "/org/freedesktop/DBus",
                                             .interface = "org.freedesktop.DBus",
                                             .member = "AddMatch",
                                             .signature = "s",
                                             .body = &rule },
                         m->deadline_ns, &m->answer);
        return r < 0 ? r
                     : mn_dbus_call(&m->bus,
                                    &(mn_dbus_request){ .destination = SYSTEMD,
                                                        .path = "/org/freedesktop/systemd1",
                                                        .interface = SYSTEMD ".Manager",
                                                        .member = "Subscribe" },
                                    m->deadline_ns, &m->answer);
}

static mn_status open_manager(manager *m, mn_err *err) {
        *m = (manager){ .bus = { .fd = -1 } };
        if (faccessat(AT_FDCWD, "/run/systemd/system", F_OK, 0) < 0)
                return mn_fail(
                        err, MN_NOT_IMPLEMENTED,
                        "--systemd-cgroup: systemd is not running on this host (no /run/systemd/system)");
        int r = connect_manager(m);
        return r < 0 ? mn_fail_errno(err, r, "--systemd-cgroup: connecting to systemd") : MN_OK;
}

static int call(manager *m, const char *member, const char *signature, const mn_str *body) {
        int r = mn_str_error(body);
        return r < 0 ? r
                     : mn_dbus_call(&m->bus,
                                    &(mn_dbus_request){ .destination = SYSTEMD,
                                                        .path = "/org/freedesktop/systemd1",
                                                        .interface = SYSTEMD ".Manager",
                                                        .member = member,
                                                        .signature = signature,
                                                        .body = body },
                                    m->deadline_ns, &m->answer);
}

static bool has_failed_with(const manager *m, int r, const char *error_name) {
        return r == -EREMOTEIO && strcmp(m->answer.error_name, error_name) == 0;
}

/* What systemd said, or what happened to the connection. */
static mn_status fail_call(const manager *m, int r, const char *doing, const char *unit, mn_err *err) {
        if (r != -EREMOTEIO)
                return mn_fail_errno(err, r, "systemd: %s \"%s\"", doing, unit);
        mn_dbus_reader body = mn_dbus_read_body(&m->answer);
        const char *text = *m->answer.signature == 's' ? mn_dbus_get_string(&body) : "";
        return mn_fail(err, MN_INTERNAL, "systemd: %s \"%s\": %s", doing, unit,
                       *text ? text : m->answer.error_name);
}

/* The answer names a job; waits for its end. `ret_result` ("done", "failed", "timeout" ...) is valid until
   the next call. */
static int wait_for_job(manager *m, const char **ret_result) {
        mn_dbus_reader body = mn_dbus_read_body(&m->answer);
        cleanup_free char *job = mn_strdup(mn_dbus_get_string(&body));
        for (;;) {
                int r = mn_dbus_next(&m->bus, m->deadline_ns, &m->answer);
                if (r < 0)
                        return r;
                if (m->answer.type != MN_DBUS_SIGNAL || strcmp(m->answer.member, "JobRemoved") != 0 ||
                    strcmp(m->answer.signature, "uoss") != 0)
                        continue;
                body = mn_dbus_read_body(&m->answer);
                (void) mn_dbus_get_u32(&body);
                bool is_ours = strcmp(mn_dbus_get_string(&body), job) == 0;
                (void) mn_dbus_get_string(&body);
                *ret_result = mn_dbus_get_string(&body);
                if (is_ours)
                        return body.has_failed ? -EBADMSG : 0;
        }
}

/* ---- the holder ---- */

MN_NORETURN static int hold(void *arg) {
        (void) arg;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        syscall(SYS_close_range, 0U, ~0U, 0U);
        sigset_t all;
        sigfillset(&all);
        for (;;)
                sigsuspend(&all);
}

void systemd_holder_release(int *holder) {
        if (*holder < 0)
                return;
        mn_pidfd_kill(*holder, SIGKILL);
        mn_wait_pidfd(*holder);
        *holder = mn_close(*holder);
}

/* ---- starting ---- */

static void put_scope(mn_str *body, const systemd_unit *unit, const char *id, pid_t holder,
                      const mn_cgroup_host *host) {
        cleanup_free char *description = mn_asprintf("container %s", id);
        systemd_put_text(body, "Description", description);
        systemd_put_text(body, "Slice", unit->slice);
        systemd_put_text(body, "CollectMode", "inactive-or-failed");
        systemd_put_bool(body, "Delegate", true);
        systemd_put_bool(body, "DefaultDependencies", false);
        systemd_put_bool(body, "CPUAccounting", true);
        systemd_put_bool(body, "MemoryAccounting", true);
        systemd_put_bool(body, "TasksAccounting", true);
        systemd_put_bool(body, host->mode == MN_CGROUP_V2 ? "IOAccounting" : "BlockIOAccounting", true);
        /* Else systemd has a default of its own; linux.resources.pids, if any, comes later and wins. */
        systemd_put_u64(body, "TasksMax", UINT64_MAX);
        systemd_put_begin(body, "PIDs", "au");
        mn_dbus_array pids = mn_dbus_begin_array(body, 4);
        mn_dbus_put_u32(body, (uint32_t) holder);
        mn_dbus_end_array(body, pids);
}

static mn_status put_start(mn_str *body, const systemd_unit *unit, const char *id, pid_t holder,
                           const oci_spec *spec, const mn_cgroup_host *host, mn_err *err) {
        const oci_resources *res = spec->linux_ ? spec->linux_->resources : NULL;
        mn_dbus_put_string(body, unit->name);
        mn_dbus_put_string(body, "replace");
        mn_dbus_array properties = mn_dbus_begin_array(body, 8);
        put_scope(body, unit, id, holder, host);
        mn_status st = systemd_put_resources(body, res, host, err);
        if (st == MN_OK)
                st = systemd_put_devices(body, res, host, err);
        if (st == MN_OK)
                st = systemd_put_annotations(body, &spec->annotations, err);
        mn_dbus_end_array(body, properties);
        mn_dbus_end_array(body, mn_dbus_begin_array(body, 8)); /* auxiliary units: none */
        return st;
}

static int reset_failed(manager *m, const char *unit) {
        cleanup_str mn_str body = MN_STR_INIT(MAX_BODY);
        mn_dbus_put_string(&body, unit);
        return call(m, "ResetFailedUnit", "s", &body);
}

static mn_status start_scope(manager *m, const char *unit, const mn_str *body, mn_err *err) {
        int r = call(m, "StartTransientUnit", "ssa(sv)a(sa(sv))", body);
        /* A failed one of the same name is in the way, a running one is not ours to take. */
        if (has_failed_with(m, r, ERROR_EXISTS) && reset_failed(m, unit) == 0)
                r = call(m, "StartTransientUnit", "ssa(sv)a(sa(sv))", body);
        const char *result = "";
        if (r < 0)
                return fail_call(m, r, "starting the scope", unit, err);
        r = wait_for_job(m, &result);
        if (r < 0)
                return mn_fail_errno(err, r, "systemd: waiting for the scope \"%s\"", unit);
        return strcmp(result, "done") == 0
                       ? MN_OK
                       : mn_fail(err, MN_INTERNAL, "systemd: starting the scope \"%s\": %s", unit, result);
}

mn_status systemd_cgroup_start(const systemd_unit *unit, const char *id, const oci_spec *spec,
                               const mn_cgroup_host *host, int *ret_holder, mn_err *err) {
        cleanup_manager manager m;
        mn_status st = open_manager(&m, err);
        if (st)
                return st;
        pid_t pid;
        int holder = -1;
        int r = mn_clone(
                &(mn_clone_spec){ .cgroup_fd = -1, .main = hold, .ret_pid = &pid, .ret_pidfd = &holder });
        if (r < 0)
                return mn_fail_errno(err, r, "starting a process for the scope");
        cleanup_str mn_str body = MN_STR_INIT(MAX_BODY);
        st = put_start(&body, unit, id, pid, spec, host, err);
        if (st == MN_OK)
                st = start_scope(&m, unit->name, &body, err);
        if (st)
                systemd_holder_release(&holder);
        *ret_holder = holder;
        return st;
}

/* ---- later ---- */

mn_status systemd_cgroup_update(const char *unit, const oci_resources *res, const mn_cgroup_host *host,
                                mn_err *err) {
        cleanup_manager manager m;
        cleanup_str mn_str body = MN_STR_INIT(MAX_BODY);
        mn_status st = open_manager(&m, err);
        if (st)
                return st;
        mn_dbus_put_string(&body, unit);
        mn_dbus_put_bool(&body, true); /* until the machine ends */
        mn_dbus_array properties = mn_dbus_begin_array(&body, 8);
        st = systemd_put_resources(&body, res, host, err);
        if (st == MN_OK && res->devices.len)
                st = systemd_put_devices(&body, res, host, err);
        mn_dbus_end_array(&body, properties);
        if (st)
                return st;
        int r = call(&m, "SetUnitProperties", "sba(sv)", &body);
        return r < 0 ? fail_call(&m, r, "changing the scope", unit, err) : MN_OK;
}

void systemd_cgroup_stop(const char *unit) {
        cleanup_manager manager m;
        if (open_manager(&m, NULL))
                return;
        cleanup_str mn_str body = MN_STR_INIT(MAX_BODY);
        const char *result;
        mn_dbus_put_string(&body, unit);
        mn_dbus_put_string(&body, "replace");
        int r = call(&m, "StopUnit", "ss", &body);
        if (r == 0)
                (void) wait_for_job(&m, &result);
        if (!has_failed_with(&m, r, ERROR_UNKNOWN))
                (void) reset_failed(&m, unit);
}
