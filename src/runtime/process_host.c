/* SPDX-License-Identifier: Apache-2.0 */
/* What of the process section has to be done while the host's /proc and the host's privileges are there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "runtime/process.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/path.h"

mn_status process_set_oom_score(const oci_process *spec, pid_t pid, runtime_context *rt, mn_err *err) {
        char text[16], path[40] = "/proc/self/oom_score_adj";
        if (!spec->oom_score_adj)
                return MN_OK;
        snprintf(text, sizeof(text), "%d", *spec->oom_score_adj);
        if (pid)
                snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int) pid);
        int r = mn_file_put(AT_FDCWD, path, text);
        if (r == -EACCES) {
                runtime_warn(rt, "process.oomScoreAdj: %s needs CAP_SYS_RESOURCE, left as it is", text);
                r = 0;
        }
        return r < 0 ? mn_fail_errno(err, r, "process.oomScoreAdj: %s", text) : MN_OK;
}

/* Writes to an attribute file of this thread, in a procfs that surely is one. */
static int put_label(const char *file, const char *label) {
        cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        cleanup_close int attr = proc < 0
                                         ? -1
                                         : mn_open_in_root(proc, "thread-self/attr", O_PATH | O_DIRECTORY, 0);
        return attr < 0 ? -ENOENT : mn_file_put(attr, file, label);
}

/* Not by securityfs, which a caller may have unmounted, as Podman does before it makes a user namespace. */
static bool has_apparmor(void) {
        char value = 'N';
        cleanup_close int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
        return fd >= 0 && read(fd, &value, 1) == 1 && value == 'Y';
}

mn_status process_set_labels(const oci_process *spec, mn_err *err) {
        if (spec->apparmor_profile && *spec->apparmor_profile &&
            strcmp(spec->apparmor_profile, "unconfined") != 0) {
                if (!has_apparmor())
                        return mn_fail(err, MN_NOT_IMPLEMENTED,
                                       "process.apparmorProfile: this kernel has no AppArmor");
                cleanup_free char *text = mn_asprintf("exec %s", spec->apparmor_profile);
                int r = put_label("apparmor/exec", text);
                if (r == -ENOENT)
                        r = put_label("exec", text);
                if (r < 0)
                        return mn_fail_errno(err, r, "process.apparmorProfile: \"%s\"",
                                             spec->apparmor_profile);
        }
        if (spec->selinux_label && *spec->selinux_label) {
                if (faccessat(AT_FDCWD, "/sys/fs/selinux/class/process", F_OK, 0) < 0)
                        return mn_fail(err, MN_NOT_IMPLEMENTED,
                                       "process.selinuxLabel: no SELinux policy is loaded here");
                int r = put_label("exec", spec->selinux_label);
                if (r < 0)
                        return mn_fail_errno(err, r, "process.selinuxLabel: \"%s\"", spec->selinux_label);
        }
        return MN_OK;
}

void process_raise_limits(const process_plan *plan, pid_t pid) {
        for (size_t i = 0; i < plan->rlimit_count; i++) {
                struct rlimit own;
                __typeof__(RLIMIT_AS) resource = (__typeof__(RLIMIT_AS)) plan->rlimits[i].resource;
                if (prlimit(pid, resource, NULL, &own) < 0 || own.rlim_max >= plan->rlimits[i].value.rlim_max)
                        continue;
                own.rlim_max = plan->rlimits[i].value.rlim_max;
                prlimit(pid, resource, &own, NULL);
        }
}
