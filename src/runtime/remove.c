/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/remove.h"

#include <poll.h>
#include <signal.h>

#include "base/str.h"
#include "runtime/hooks.h"
#include "runtime/resctrl.h"
#include "runtime/systemd_cgroup.h"
#include "sys/fd.h"
#include "sys/spawn.h"

enum { KILL_WAIT_MS = 10000, CGROUP_WAIT_MS = 5000 };

/* Ends every process: the first one takes those of its pid namespace along, the cgroup has all the others. */
static void kill_all(const container *c, const mn_cgroup *cg) {
        cleanup_close int pidfd = container_open_pid(c);
        if (cg)
                mn_cgroup_kill(cg, SIGKILL);
        if (pidfd >= 0) {
                mn_pidfd_kill(pidfd, SIGKILL);
                poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, KILL_WAIT_MS);
        }
}

/* The hooks after the end, and what the record alone does not say how to remove. A failure is a warning. */
static void finish(const container *c, runtime_context *rt) {
        oci_spec *spec;
        mn_err err = { 0 };
        if (!c->record.oci_version || c->record.is_plain)
                return;
        if (container_load_spec(c, &spec, &err)) {
                runtime_warn(rt, "%s", mn_err_text(&err));
                mn_err_release(&err);
                return;
        }
        if (c->record.resctrl && spec->linux_ && spec->linux_->intel_rdt)
                resctrl_remove(c->record.resctrl, spec->linux_->intel_rdt, c->record.id);
        if (spec->hooks && spec->hooks->poststop.len) {
                oci_state state = container_oci_state(&c->record, CONTAINER_STOPPED, &spec->annotations);
                hooks_run_all(&spec->hooks->poststop, "poststop", &state, rt);
        }
}

/* The recorded cgroup; for a runtime that was killed before it wrote the record, the configured one. */
static int open_cgroup(runtime_context *rt, container *c, const char *id, mn_cgroup_host *host,
                       mn_cgroup *ret) {
        oci_spec *spec;
        if (c->record.oci_version || rt->uses_systemd || container_load_spec(c, &spec, NULL))
                return container_open_cgroup(c, host, ret);
        const char *path = spec->linux_ ? spec->linux_->cgroups_path : NULL;
        int r = mn_cgroup_host_init(host);
        return r < 0 ? r : mn_cgroup_open(host, mn_str_is_empty(path) ? id : path, ret);
}

mn_status remove_container(runtime_context *rt, const char *id, bool is_forced, mn_err *err) {
        cleanup_container container c;
        mn_status st = container_open(rt, id, &c, err);
        if (st == MN_NOT_FOUND && is_forced) {
                mn_err_release(err);
                return MN_OK;
        }
        if (st)
                return st;
        container_status status = container_get_status(&c);
        if (!is_forced && status != CONTAINER_STOPPED && status != CONTAINER_CREATING)
                return mn_fail(err, MN_CONFLICT, "cannot delete container %s that is not stopped: %s", id,
                               container_status_name(status));
        mn_cgroup_host host;
        mn_cgroup cg;
        int r = open_cgroup(rt, &c, id, &host, &cg);
        bool has_cgroup = r == 0;
        if (status != CONTAINER_STOPPED || has_cgroup)
                kill_all(&c, has_cgroup ? &cg : NULL);
        if (!mn_str_is_empty(c.record.systemd_unit))
                systemd_cgroup_stop(c.record.systemd_unit);
        if (has_cgroup) {
                r = mn_cgroup_delete(&cg, CGROUP_WAIT_MS);
                mn_cgroup_release(&cg);
                if (r < 0)
                        st = mn_fail_errno(err, r, "removing the cgroup of container \"%s\"", id);
        }
        mn_cgroup_host_release(&host);
        if (st)
                return st;
        finish(&c, rt);
        container_forget(rt, id);
        return MN_OK;
}
