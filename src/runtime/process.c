/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "oci/seccomp_profile.h"
#include "runtime/scheduling.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/path.h"

enum { CAP_SYS_ADMIN_BIT = 21, CAP_SETPCAP_BIT = 8, MAX_PASSWD = 10 << 20 };

static const struct {
        const char *name;
        int resource;
} rlimit_names[] = {
        { "RLIMIT_AS", RLIMIT_AS },
        { "RLIMIT_CORE", RLIMIT_CORE },
        { "RLIMIT_CPU", RLIMIT_CPU },
        { "RLIMIT_DATA", RLIMIT_DATA },
        { "RLIMIT_FSIZE", RLIMIT_FSIZE },
        { "RLIMIT_LOCKS", 10 },
        { "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
        { "RLIMIT_MSGQUEUE", 12 },
        { "RLIMIT_NICE", 13 },
        { "RLIMIT_NOFILE", RLIMIT_NOFILE },
        { "RLIMIT_NPROC", RLIMIT_NPROC },
        { "RLIMIT_RSS", RLIMIT_RSS },
        { "RLIMIT_RTPRIO", 14 },
        { "RLIMIT_RTTIME", 15 },
        { "RLIMIT_SIGPENDING", 11 },
        { "RLIMIT_STACK", RLIMIT_STACK },
};

/* ---- checking ---- */

static mn_status plan_rlimits(process_plan *plan, mn_err *err) {
        for (size_t i = 0; i < plan->spec->rlimits.len; i++) {
                const oci_rlimit *limit = &plan->spec->rlimits.items[i];
                int resource = -1;
                for (size_t k = 0; k < MN_ARRAY_LEN(rlimit_names); k++)
                        if (strcmp(rlimit_names[k].name, limit->type) == 0)
                                resource = rlimit_names[k].resource;
                if (resource < 0)
                        return mn_fail(err, MN_INVALID, "process.rlimits[%zu].type: unknown limit \"%s\"", i,
                                       limit->type);
                if (limit->soft > limit->hard)
                        return mn_fail(err, MN_INVALID, "process.rlimits[%zu]: soft is above hard", i);
                for (size_t k = 0; k < plan->rlimit_count; k++)
                        if (plan->rlimits[k].resource == resource)
                                return mn_fail(err, MN_INVALID,
                                               "process.rlimits[%zu].type: \"%s\" appears twice", i,
                                               limit->type);
                plan->rlimits[plan->rlimit_count].resource = resource;
                plan->rlimits[plan->rlimit_count++].value = (struct rlimit){ limit->soft, limit->hard };
        }
        return MN_OK;
}

/* The primary group is always a member, so that negative group permissions hold. */
static mn_status plan_groups(process_plan *plan, mn_err *err) {
        const oci_user *user = &plan->spec->user;
        if (user->uid == UINT32_MAX || user->gid == UINT32_MAX)
                return mn_fail(err, MN_INVALID, "process.user: %u is not an id", UINT32_MAX);
        if (user->additional_gids.len >= PROCESS_MAX_GROUPS)
                return mn_fail(err, MN_INVALID, "process.user.additionalGids: more than %d",
                               PROCESS_MAX_GROUPS - 1);
        plan->groups[plan->group_count++] = user->gid;
        for (size_t i = 0; i < user->additional_gids.len; i++) {
                gid_t gid = user->additional_gids.items[i];
                if (gid == UINT32_MAX)
                        return mn_fail(err, MN_INVALID, "process.user.additionalGids[%zu]: %u is not an id",
                                       i, UINT32_MAX);
                if (gid != user->gid)
                        plan->groups[plan->group_count++] = gid;
        }
        return MN_OK;
}

static mn_status plan_env(process_plan *plan, mn_arena *arena, mn_err *err) {
        size_t len = mn_strv_len(plan->spec->env), used = 0;
        plan->env = mn_arena_array(arena, len + 4, sizeof(char *));
        for (size_t i = 0; i < len; i++) {
                char *entry = plan->spec->env[i];
                if (!strchr(entry, '='))
                        return mn_fail(err, MN_INVALID, "process.env[%zu]: no '=' in it", i);
                plan->env[used++] = entry;
        }
        if (plan->listen_fds > 0) {
                plan->env[used++] = mn_arena_printf(arena, "LISTEN_FDS=%d", plan->listen_fds);
                plan->env[used++] = mn_arena_strdup(arena, "LISTEN_PID=1");
        }
        return MN_OK;
}

mn_status process_plan_init(process_plan *plan, const oci_process *spec, const oci_linux *linux_,
                            bool has_user_namespace, runtime_context *rt, mn_arena *arena, mn_err *err) {
        plan->spec = spec;
        if (!spec->args || !*spec->args || !**spec->args)
                return mn_fail(err, MN_INVALID, "process.args: empty");
        if (*spec->cwd != '/')
                return mn_fail(err, MN_INVALID, "process.cwd: \"%s\" is not an absolute path", spec->cwd);
        mn_status st = plan_rlimits(plan, err);
        if (st == MN_OK)
                st = plan_groups(plan, err);
        if (st == MN_OK)
                st = plan_env(plan, arena, err);
        if (st == MN_OK)
                st = scheduling_check(spec, linux_, err);
        if (st)
                return st;
        capability_sets_parse(spec->capabilities, has_user_namespace, rt, &plan->caps);
        if (linux_ && linux_->personality) {
                plan->has_personality = true;
                plan->personality_value = scheduling_personality(linux_->personality);
        }
        plan->memory_policy = linux_ ? linux_->memory_policy : NULL;
        return MN_OK;
}

/* ---- applying ---- */

/* A limit above our own hard one cannot be granted without CAP_SYS_RESOURCE: clamped, and said. */
static mn_status apply_rlimits(const process_plan *plan, runtime_context *rt, mn_err *err) {
        for (size_t i = 0; i < plan->rlimit_count; i++) {
                struct rlimit value = plan->rlimits[i].value, own;
                int resource = plan->rlimits[i].resource;
                if (setrlimit((__typeof__(RLIMIT_AS)) resource, &value) == 0)
                        continue;
                if (errno != EPERM || getrlimit((__typeof__(RLIMIT_AS)) resource, &own) < 0)
                        return mn_fail_errno(err, -errno, "process.rlimits[%zu]", i);
                value.rlim_max = MN_MIN(value.rlim_max, own.rlim_max);
                value.rlim_cur = MN_MIN(value.rlim_cur, value.rlim_max);
                runtime_warn(rt, "process.rlimits[%zu]: clamped to the hard limit %llu of the runtime", i,
                             (unsigned long long) own.rlim_max);
                if (setrlimit((__typeof__(RLIMIT_AS)) resource, &value) < 0)
                        return mn_fail_errno(err, -errno, "process.rlimits[%zu]", i);
        }
        return MN_OK;
}

static int change_dir(const char *cwd) {
        return chdir(cwd) < 0 ? -errno : 0;
}

/* A directory outside of the root (reached through a descriptor) has no path in it. */
static mn_status check_dir(const char *cwd, mn_err *err) {
        char path[4096];
        long n = syscall(SYS_getcwd, path, sizeof(path));
        if (n <= 0 || path[0] != '/')
                return mn_fail(err, MN_INVALID, "process.cwd: \"%s\" is outside of the container", cwd);
        return MN_OK;
}

static mn_status enter_dir(process_plan *plan, mn_err *err) {
        const char *cwd = plan->spec->cwd;
        int r = change_dir(cwd);
        if (r == -ENOENT && plan->makes_cwd) {
                cleanup_close int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
                cleanup_close int made = slash < 0 ? -errno : mn_mkdir_in_root(slash, cwd, 0755, 0, 0);
                r = made < 0 ? made : fchdir(made) < 0 ? -errno : 0;
        }
        if (r == -EACCES)
                return MN_OK; /* tried again as the user */
        if (r < 0)
                return mn_fail_errno(err, r, "chdir to cwd (\"%s\") set in config.json failed", cwd);
        plan->has_entered_cwd = true;
        return check_dir(cwd, err);
}

/* In the user namespace of somebody without privileges the groups are what they are. That is asked when the
   kernel has refused already, so the answer may be the container's. */
static int set_groups(const process_plan *plan) {
        cleanup_free char *text = NULL;
        if (syscall(SYS_setgroups, plan->group_count, plan->groups) == 0)
                return 0;
        int r = -errno;
        if (r == -EPERM && plan->group_count == 1 &&
            mn_file_read(AT_FDCWD, "/proc/self/setgroups", 64, &text, NULL) == 0 &&
            mn_str_has_prefix(text, "deny"))
                return 0;
        return r;
}

static mn_status apply_identity(const process_plan *plan, mn_err *err) {
        const oci_user *user = &plan->spec->user;
        const capability_sets *caps = &plan->caps;
        int r = capability_bound(caps->bounding);
        if (r < 0)
                return mn_fail_errno(err, r, "process.capabilities.bounding");
        r = plan->may_not_setgroups ? 0 : set_groups(plan);
        if (r < 0)
                return mn_fail_errno(err, r, "process.user.additionalGids");
        if (syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0)
                return mn_fail_errno(err, -errno, "process.user.gid: %u", user->gid);
        /* Leaving uid 0 would empty all sets, but the filter and what the configuration grants come after it.
         */
        if (user->uid && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
                return mn_fail_errno(err, -errno, "keeping capabilities");
        if (syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0)
                return mn_fail_errno(err, -errno, "process.user.uid: %u", user->uid);
        if (user->uid && prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
                return mn_fail_errno(err, -errno, "keeping capabilities");
        return MN_OK;
}

/* HOME from the container's own passwd: read as data, never through the C library. */
static void add_home(process_plan *plan) {
        size_t len = 0;
        for (; plan->env[len]; len++)
                if (mn_str_has_prefix(plan->env[len], "HOME="))
                        return;
        char *home = NULL;
        cleanup_free char *text = NULL, *wanted = mn_asprintf("%u", plan->spec->user.uid);
        if (mn_file_read(AT_FDCWD, "/etc/passwd", MAX_PASSWD, &text, NULL) == 0) {
                char *save = NULL;
                for (char *line = strtok_r(text, "\n", &save); line && !home;
                     line = strtok_r(NULL, "\n", &save)) {
                        char *field[7] = { line };
                        for (int i = 1; i < 7 && field[i - 1]; i++)
                                if ((field[i] = strchr(field[i - 1], ':')))
                                        *field[i]++ = '\0';
                        if (field[5] && strcmp(field[2], wanted) == 0)
                                home = mn_asprintf("HOME=%s", *field[5] ? field[5] : "/");
                }
        }
        plan->env[len] = home ? home : mn_strdup("HOME=/");
}

/* Handlers are reset by the execution, ignored signals are not. */
static void reset_signals(void) {
        static const int often_ignored[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGTERM,
                                             SIGCHLD, SIGTSTP, SIGTTIN, SIGTTOU };
        for (size_t i = 0; i < MN_ARRAY_LEN(often_ignored); i++)
                signal(often_ignored[i], SIG_DFL);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

mn_status process_apply(process_plan *plan, runtime_context *rt, mn_err *err) {
        const oci_process *spec = plan->spec;
        mn_status st = apply_rlimits(plan, rt, err);
        if (st == MN_OK)
                st = scheduling_apply(plan->spec, plan->memory_policy, err);
        if (st)
                return st;
        if (plan->has_personality && syscall(SYS_personality, plan->personality_value) < 0)
                return mn_fail_errno(err, -errno, "linux.personality");
        umask(spec->user.umask ? (mode_t) *spec->user.umask & 0777 : 0022);
        add_home(plan);
        if ((st = enter_dir(plan, err)) || (st = apply_identity(plan, err)))
                return st;
        if (spec->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return mn_fail_errno(err, -errno, "process.noNewPrivileges");
        reset_signals();
        return MN_OK;
}

mn_status process_seal(process_plan *plan, int *ret_listener, mn_err *err) {
        const capability_sets *caps = &plan->caps;
        uint64_t admin = UINT64_C(1) << CAP_SYS_ADMIN_BIT;
        *ret_listener = 0;
        int r = 0;
        if (plan->seccomp.code) {
                /* Without no_new_privs loading a filter needs CAP_SYS_ADMIN; it is the last thing that does.
                 */
                if (!plan->spec->no_new_privileges && plan->spec->user.uid)
                        r = capability_set(caps->effective | admin, caps->permitted | admin,
                                           caps->inheritable);
                if (r == 0)
                        r = *ret_listener = seccomp_load(&plan->seccomp);
                if (r < 0)
                        return mn_fail_errno(err, r, "linux.seccomp: loading the filter");
        }
        r = capability_set(caps->effective & caps->permitted, caps->permitted, caps->inheritable);
        if (r == 0 && caps->ambient)
                r = capability_raise_ambient(caps->ambient);
        return r < 0 ? mn_fail_errno(err, r, "process.capabilities") : MN_OK;
}

/* ---- the program ---- */

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static int try_program(const char *path) {
        struct stat st;
        if (stat(path, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        return syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

static mn_status program_error(mn_err *err, int r, const char *name) {
        if (r == -ENOENT || r == -ENOTDIR)
                return mn_fail(err, MN_NOT_FOUND, "exec: \"%s\": stat %s: %s", name, name, mn_strerror(r));
        return mn_fail(err, MN_FORBIDDEN, "exec: \"%s\": %s", name, mn_strerror(r));
}

mn_status process_find(process_plan *plan, mn_err *err) {
        const char *name = plan->spec->args[0], *path = default_path;
        mn_status st = MN_OK;
        if (!plan->has_entered_cwd && change_dir(plan->spec->cwd) < 0)
                st = mn_fail_errno(err, -errno, "chdir to cwd (\"%s\") set in config.json failed",
                                   plan->spec->cwd);
        else if (!plan->has_entered_cwd)
                st = check_dir(plan->spec->cwd, err);
        if (st)
                return st;
        if (strchr(name, '/')) {
                int r = try_program(name);
                plan->program = mn_strdup(name);
                return r < 0 ? program_error(err, r, name) : MN_OK;
        }
        for (char **entry = plan->env; *entry; entry++)
                if (mn_str_has_prefix(*entry, "PATH="))
                        path = *entry + 5;
        bool is_forbidden = false;
        for (const char *dir = path; dir; dir = strchr(dir, ':') ? strchr(dir, ':') + 1 : NULL) {
                size_t len = strcspn(dir, ":");
                cleanup_free char *candidate = len ? mn_asprintf("%.*s/%s", (int) len, dir, name)
                                                   : mn_asprintf("./%s", name);
                int r = try_program(candidate);
                if (r == 0) {
                        plan->program = MN_TAKE(candidate);
                        return MN_OK;
                }
                is_forbidden |= r == -EACCES;
        }
        if (is_forbidden)
                return mn_fail(err, MN_FORBIDDEN, "exec: \"%s\": permission denied", name);
        return mn_fail(err, MN_NOT_FOUND, "exec: \"%s\": executable file not found in $PATH", name);
}

mn_status process_execute(process_plan *plan, mn_err *err) {
        execve(plan->program, plan->spec->args, plan->env);
        return mn_fail(err, errno == ENOENT ? MN_NOT_FOUND : MN_FORBIDDEN, "exec %s: %s", plan->program,
                       mn_strerror(-errno));
}
