/* SPDX-License-Identifier: Apache-2.0 */
#include "container/apparmor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "container/container.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/spawn.h"

#define PARSER "/sbin/apparmor_parser"
#define LOADED "/sys/kernel/security/apparmor/profiles"
enum { MAX_PROFILES = 4 << 20, MAX_OUTPUT = 2000 };

/* What Docker's default profile allows and denies, in rules that include no other file: everything but
   mounting, signals and tracing from outside, and writing to what of /proc and /sys is the host's.
   "/proc/PID", "/proc/sys/kernel/ shm*" and the cgroups stay writable as far as the kernel lets them. */
static const char profile_text[] =
        "profile " CONTAINER_DEFAULT_PROFILE " flags=(attach_disconnected,mediate_deleted) {\n"
        "  file,\n  network,\n  capability,\n  umount,\n"
        "  signal (receive) peer=unconfined,\n"
        "  signal (send, receive) peer=" CONTAINER_DEFAULT_PROFILE ",\n"
        "  ptrace (trace, read, tracedby, readby) peer=" CONTAINER_DEFAULT_PROFILE ",\n"
        "  deny mount,\n"
        "  deny /proc/* w,\n"
        "  deny /proc/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,\n"
        "  deny /proc/sys/[^k]** w,\n"
        "  deny /proc/sys/kernel/{?,??,[^s][^h][^m]**} w,\n"
        "  deny /proc/{sysrq-trigger,kcore} rwklx,\n"
        "  deny /sys/{[^f]*,f[^s]*}/** wklx,\n"
        "  deny /sys/fs/{[^c]*,c[^g]*,cg[^r]*}/** wklx,\n"
        "  deny /sys/firmware/** rwklx,\n"
        "  deny /sys/devices/virtual/powercap/** rwklx,\n"
        "  deny /sys/kernel/security/** rwklx,\n"
        "}\n";

bool container_has_apparmor(void) {
        cleanup_free char *text = NULL;
        return mn_file_read(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16, &text, NULL) == 0 &&
               *text == 'Y' && faccessat(AT_FDCWD, PARSER, X_OK, 0) == 0;
}

const char *container_apparmor_profile(const wire_host_config *host, bool has_apparmor) {
        const char *profile = NULL;
        for (char *const *o = host->security_opt; o && *o; o++)
                if (mn_str_has_prefix(*o, "apparmor=") || mn_str_has_prefix(*o, "apparmor:"))
                        profile = *o + strlen("apparmor=");
        if (profile)
                return profile;
        return host->is_privileged ? "unconfined" : has_apparmor ? CONTAINER_DEFAULT_PROFILE : "";
}

/* One line per profile: "docker-default (enforce)". */
static bool is_loaded(void) {
        cleanup_free char *text = NULL;
        if (mn_file_read(AT_FDCWD, LOADED, MAX_PROFILES, &text, NULL) < 0)
                return false;
        for (char *at = text; (at = strstr(at, CONTAINER_DEFAULT_PROFILE " ")); at++)
                if (at == text || at[-1] == '\n')
                        return true;
        return false;
}

static int profile_file(void) {
        cleanup_close int fd = memfd_create("apparmor-profile", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        int r = mn_write_all(fd, profile_text, sizeof(profile_text) - 1);
        return r < 0 ? r : lseek(fd, 0, SEEK_SET) < 0 ? -errno : MN_TAKE_FD(fd);
}

mn_status container_apparmor_load_default(mn_err *err) {
        if (is_loaded())
                return MN_OK;
        cleanup_close int in = profile_file();
        cleanup_close int out = memfd_create("apparmor-output", MFD_CLOEXEC);
        if (in < 0 || out < 0)
                return mn_fail_errno(err, in < 0 ? in : -errno, "loading the AppArmor profile");
        /* From standard input, replacing, without a cache on disk. */
        char *argv[] = { (char *) PARSER, (char *) "--replace", (char *) "--skip-cache", NULL };
        const mn_spawn_fd fds[] = { { in, STDIN_FILENO }, { out, STDOUT_FILENO }, { out, STDERR_FILENO } };
        cleanup_close int pidfd = -1;
        pid_t pid = mn_spawn(&(mn_spawn_spec){ .path = PARSER, .argv = argv, .fds = fds, .nfds = 3 }, &pidfd);
        int status = pid < 0 ? pid : mn_wait_pidfd(pidfd);
        if (status < 0)
                return mn_fail_errno(err, status, "running " PARSER);
        if (mn_exit_code(status) == 0)
                return MN_OK;
        char said[MAX_OUTPUT + 1];
        ssize_t n = lseek(out, 0, SEEK_SET) < 0 ? 0 : mn_read_full(out, said, MAX_OUTPUT);
        said[n > 0 ? n : 0] = '\0';
        said[strcspn(said, "\n")] = '\0';
        return mn_fail(err, MN_INTERNAL,
                       "AppArmor is enabled but the profile " CONTAINER_DEFAULT_PROFILE
                       " could not be loaded: %s",
                       said);
}
