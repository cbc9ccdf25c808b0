/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the OCI runtime and reaps children: the runtime, the container's first process, exec sessions, and
   whatever else loses its parent below us. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/strv.h"
#include "shim/shim.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/mountfd.h"
#include "sys/path.h"

enum { LOG_MAX = 256 * 1024, ERROR_MAX = 4096, MAX_FDS = 8 };

struct shim_job {
        pid_t pid;
        char *log_name; /* in the bundle: where the runtime writes its errors */
        shim_job_fn fn;
        void *arg;
        struct shim_job *next;
};

/* ---- what the runtime says ---- */

/* `{"level":"error","msg":"..."}`, as every runtime writes it with --log-format json. */
struct log_line {
        char *level;
        char *msg;
};
static const mn_field log_line_fields[] = {
        { "level", &mn_type_str, offsetof(struct log_line, level), 0 },
        { "msg", &mn_type_str, offsetof(struct log_line, msg), 0 },
        { 0 },
};
static const mn_type log_line_type = MN_STRUCT(struct log_line, log_line_fields);

/* The last error in the runtime's log; "" when there is none. The caller frees. */
static char *read_error(struct shim *shim, const char *log_name) {
        cleanup_free char *text = NULL;
        size_t len;
        char *found = NULL;
        if (mn_file_read(shim->bundle_fd, log_name, LOG_MAX, &text, &len) == 0) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
                        struct log_line l;
                        mn_json_limits limits = { .allows_duplicate_keys = true };
                        if (mn_json_decode_text(&log_line_type, line, strlen(line), &limits, arena,
                                                MN_UNKNOWN_IGNORE, &l, NULL) ||
                            !mn_str_equal(l.level, "error") || mn_str_is_empty(l.msg))
                                continue;
                        free(found);
                        found = mn_strndup(l.msg, strnlen(l.msg, ERROR_MAX));
                }
        }
        return found ? found : mn_strdup("");
}

int shim_error_code(const char *error, int other) {
        static const struct {
                const char *text;
                int code;
        } known[] = {
                { "executable file not found", 127 },
                { "no such file or directory", 127 },
                { "not a directory", 127 },
                { "permission denied", 126 },
                { "is a directory", 126 },
                { "exec format error", 126 },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(known); i++)
                if (strcasestr(error, known[i].text))
                        return known[i].code;
        return other;
}

pid_t shim_read_pid_file(const struct shim *shim, const char *name) {
        cleanup_free char *text = NULL;
        size_t len;
        int r = mn_file_read(shim->bundle_fd, name, 32, &text, &len);
        if (r < 0)
                return r;
        text[strcspn(text, "\n")] = '\0';
        int pid;
        r = mn_parse_int(text, 1, INT32_MAX, &pid);
        return r < 0 ? r : pid;
}

/* ---- jobs ---- */

enum { PROGRAM_FD = 64 }; /* above every descriptor that a job is given */

/* Our own runtime, on a read-only copy of its mount: a container that gets hold of /proc/PID/exe cannot write
   to it. It would make such a copy itself and execute a second time. -1 for other runtimes and where that is
   not possible. */
static int protected_runtime(const wire_shim_start *config) {
        const char *name = strrchr(config->runtime, '/');
        if (config->is_foreign || !name || strcmp(name, "/minato-runtime") != 0)
                return -1;
        cleanup_close int fd = mn_mount_clone_readonly(config->runtime);
        return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, PROGRAM_FD);
}

int shim_job_start(struct shim *shim, char *const *args, const mn_spawn_fd *fds, size_t nfds, shim_job_fn fn,
                   void *arg) {
        struct shim_job *job = mn_alloc(sizeof(*job));
        *job = (struct shim_job){ .fn = fn, .arg = arg };
        job->log_name = mn_asprintf("runtime-%u.log", ++shim->last_job);
        cleanup_free char *log_path = mn_asprintf("%s/%s", shim->config.bundle, job->log_name);
        cleanup_strv char **argv = NULL;
        const char *const head[] = {
                shim->config.runtime, "--root", shim->config.runtime_root, "--log", log_path,
                "--log-format",       "json"
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(head); i++)
                mn_strv_add(&argv, head[i]);
        for (size_t i = 0; shim->config.runtime_args && shim->config.runtime_args[i]; i++)
                mn_strv_add(&argv, shim->config.runtime_args[i]);
        for (size_t i = 0; args[i]; i++)
                mn_strv_add(&argv, args[i]);
        /* Who is killed after us still works in the bundle. A foreign runtime might keep it for good. */
        mn_spawn_fd all[MAX_FDS + 1];
        size_t nall = 0;
        for (; nall < nfds && nall < MAX_FDS; nall++)
                all[nall] = fds[nall];
        if (shim->hold_fd >= 0 && !shim->config.is_foreign)
                all[nall++] = (mn_spawn_fd){ shim->hold_fd, WIRE_SHIM_BUNDLE_FD };
        char program_path[32];
        cleanup_close int program = protected_runtime(&shim->config);
        mn_spawn_spec spec = {
                .path = program < 0 ? shim->config.runtime : mn_fd_path(program, program_path),
                .argv = argv,
                .env = environ,
                .fds = all,
                .nfds = nall,
        };
        job->pid = mn_spawn(&spec, NULL);
        if (job->pid < 0) {
                int r = job->pid;
                free(job->log_name);
                free(job);
                return r;
        }
        job->next = shim->jobs;
        shim->jobs = job;
        return 0;
}

static void end_job(struct shim *shim, struct shim_job *job, int wait_status) {
        struct shim_job **at = &shim->jobs;
        while (*at != job)
                at = &(*at)->next;
        *at = job->next;
        cleanup_free char *error = read_error(shim, job->log_name);
        unlinkat(shim->bundle_fd, job->log_name, 0);
        job->fn(job->arg, wait_status, error);
        free(job->log_name);
        free(job);
}

/* ---- reaping ---- */

/* Reaps one job that has ended; false when none has. */
static bool reap_a_job(struct shim *shim) {
        for (struct shim_job *job = shim->jobs; job; job = job->next) {
                int wait_status;
                if (waitpid(job->pid, &wait_status, WNOHANG) != job->pid)
                        continue;
                end_job(shim, job, wait_status);
                return true;
        }
        return false;
}

static bool reap_container(struct shim *shim) {
        int wait_status;
        if (shim->pid <= 0 || shim->has_ended || waitpid(shim->pid, &wait_status, WNOHANG) != shim->pid)
                return false;
        shim_container_ended(shim, wait_status);
        return true;
}

/* Reaps a process nobody knows, an orphan of a shared pid namespace. Never while the runtime is at work: its
   children become ours a moment before it can be reaped itself, and only then do we learn which of them we
   are to wait for. */
static bool reap_an_orphan(struct shim *shim) {
        siginfo_t info = { 0 };
        if (shim->jobs || waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
                return false;
        bool is_known = (info.si_pid == shim->pid && !shim->has_ended) ||
                        shim_exec_has_pid(shim, info.si_pid);
        if (!is_known)
                waitpid(info.si_pid, NULL, WNOHANG);
        return true; /* a known one has ended just now: once more around */
}

static void reap(void *arg, const struct signalfd_siginfo *ignored) {
        (void) ignored;
        struct shim *shim = arg;
        while (reap_a_job(shim) || shim_exec_reap(shim) || reap_container(shim) || reap_an_orphan(shim))
                ;
}

int shim_reaper_init(struct shim *shim) {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGCHLD);
        return loop_signals_add(shim->loop, &signals, reap, shim) ? 0 : -errno;
}
