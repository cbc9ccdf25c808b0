/* SPDX-License-Identifier: Apache-2.0 */
/* state, list, ps. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/strv.h"
#include "runtime/commands.h"
#include "runtime/container.h"
#include "sys/fd.h"
#include "sys/spawn.h"

enum { MAX_OUTPUT = 16 << 20 };

typedef struct query_options {
        char *format;
        bool is_quiet;
} query_options;

static const option_row no_options[] = { { 0 } };
static const option_row list_options[] = {
        { "format", 'f', OPTION_STRING, offsetof(query_options, format), "FORMAT  table or json" },
        { "quiet", 'q', OPTION_FLAG, offsetof(query_options, is_quiet), "ids only" },
        { 0 },
};
static const option_row ps_options[] = {
        { "format", 'f', OPTION_STRING, offsetof(query_options, format), "FORMAT  table or json" },
        { 0 },
};

static mn_status check_format(const char *format, mn_err *err) {
        if (format && strcmp(format, "table") != 0 && strcmp(format, "json") != 0)
                return mn_fail(err, MN_INVALID, "invalid format option \"%s\"", format);
        return MN_OK;
}

static int print(const mn_str *text) {
        return mn_write_all(STDOUT_FILENO, mn_str_text(text), text->len);
}

static mn_status state(runtime_context *rt, const void *options, int argc, char **argv, int *ret_code,
                       mn_err *err) {
        (void) options;
        (void) argc;
        (void) ret_code;
        cleanup_container container c;
        mn_status st = container_open(rt, argv[0], &c, err);
        oci_spec *spec = NULL;
        if (st == MN_OK && c.record.oci_version)
                st = container_load_spec(&c, &spec, err);
        if (st)
                return st;
        oci_state document = container_oci_state(&c.record, container_get_status(&c),
                                                 spec ? &spec->annotations : NULL);
        cleanup_str mn_str text = MN_STR_INIT(MAX_OUTPUT);
        mn_json_encode(&oci_state_type, &document, 0, &text);
        mn_str_add_char(&text, '\n');
        print(&text);
        return MN_OK;
}

/* ---- list ---- */

static void print_one(runtime_context *rt, const char *id, const query_options *o, mn_str *out, bool is_json,
                      bool is_first) {
        cleanup_container container c;
        mn_err ignored = { 0 };
        if (container_open(rt, id, &c, &ignored)) {
                mn_err_release(&ignored);
                return;
        }
        oci_state s = container_oci_state(&c.record, container_get_status(&c), NULL);
        if (o->is_quiet) {
                mn_str_printf(out, "%s\n", id);
        } else if (is_json) {
                if (!is_first)
                        mn_str_add_char(out, ',');
                mn_json_encode(&oci_state_type, &s, 0, out);
        } else {
                mn_str_printf(out, "%-11s %-10d %-11s %s   %s   root\n", id, s.pid, s.status,
                              s.bundle ? s.bundle : "", s.created ? s.created : "");
        }
}

static mn_status list(runtime_context *rt, const void *options, int argc, char **argv, int *ret_code,
                      mn_err *err) {
        (void) argc;
        (void) argv;
        (void) ret_code;
        const query_options *o = options;
        mn_status st = check_format(o->format, err);
        if (st)
                return st;
        bool is_json = mn_str_equal(o->format, "json"), is_first = true;
        cleanup_str mn_str out = MN_STR_INIT(MAX_OUTPUT);
        mn_str_add(&out, o->is_quiet ? ""
                         : is_json   ? "["
                                     : "ID          PID        STATUS      BUNDLE   CREATED   OWNER\n");
        DIR *dir = opendir(rt->root);
        if (!dir && errno != ENOENT)
                return mn_fail_errno(err, -errno, "reading \"%s\"", rt->root);
        for (struct dirent *e; dir && (e = readdir(dir));) {
                if (e->d_name[0] == '.')
                        continue;
                print_one(rt, e->d_name, o, &out, is_json, is_first);
                is_first = false;
        }
        if (dir)
                closedir(dir);
        mn_str_add(&out, !o->is_quiet && is_json ? "]\n" : "");
        print(&out);
        return MN_OK;
}

/* ---- ps ---- */

static void print_pids(const mn_pid_list *pids) {
        cleanup_str mn_str out = MN_STR_INIT(MAX_OUTPUT);
        for (size_t i = 0; i < pids->len; i++)
                mn_str_printf(&out, "%s%d", i ? "," : "[", (int) pids->items[i]);
        mn_str_add(&out, pids->len ? "]\n" : "[]\n");
        print(&out);
}

static bool is_listed(const mn_pid_list *pids, const char *text) {
        char number[16];
        for (size_t i = 0; i < pids->len; i++) {
                snprintf(number, sizeof(number), "%d", (int) pids->items[i]);
                if (strcmp(number, text) == 0)
                        return true;
        }
        return false;
}

/* The host's ps with the caller's arguments; lines whose PID column is not ours are left out. */
static mn_status print_table(const mn_pid_list *pids, char **args, mn_err *err) {
        static char *default_args[] = { (char *) (uintptr_t) "-ef", NULL };
        cleanup_strv char **argv = NULL;
        mn_strv_add(&argv, "ps");
        for (char **a = *args ? args : default_args; *a; a++)
                mn_strv_add(&argv, *a);
        int pipe_fds[2];
        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return mn_fail_errno(err, -errno, "pipe");
        const mn_spawn_fd fds[] = { { pipe_fds[1], STDOUT_FILENO }, { STDERR_FILENO, STDERR_FILENO } };
        mn_spawn_spec spec = { .path = "/bin/ps", .argv = argv, .fds = fds, .nfds = MN_ARRAY_LEN(fds) };
        cleanup_close int pidfd = -1;
        pid_t pid = mn_spawn(&spec, &pidfd);
        close(pipe_fds[1]);
        FILE *in = fdopen(pipe_fds[0], "r");
        char *line = NULL;
        size_t size = 0;
        int column = -1;
        for (bool is_header = true; pid > 0 && getline(&line, &size, in) > 0; is_header = false) {
                cleanup_free char *copy = mn_strdup(line);
                char *save = NULL, *word = strtok_r(copy, " \n", &save);
                bool is_ours = false;
                for (int i = 0; word; i++, word = strtok_r(NULL, " \n", &save)) {
                        if (is_header && strcmp(word, "PID") == 0)
                                column = i;
                        is_ours |= i == column && is_listed(pids, word);
                }
                if (is_header || is_ours)
                        fputs(line, stdout);
        }
        free(line);
        fclose(in);
        if (pid > 0)
                mn_wait_pidfd(pidfd);
        return pid < 0 ? mn_fail_errno(err, (int) pid, "running ps") : MN_OK;
}

static mn_status ps(runtime_context *rt, const void *options, int argc, char **argv, int *ret_code,
                    mn_err *err) {
        (void) argc;
        (void) ret_code;
        const query_options *o = options;
        mn_status st = check_format(o->format, err);
        cleanup_container container c = { .dir_fd = -1 };
        if (st == MN_OK)
                st = container_open(rt, argv[0], &c, err);
        if (st)
                return st;
        mn_cgroup_host host;
        mn_cgroup cg;
        mn_pid_list pids = { 0 };
        int r = container_open_cgroup(&c, &host, &cg);
        if (r == 0) {
                r = mn_cgroup_pids(&cg, &pids);
                mn_cgroup_release(&cg);
        }
        mn_cgroup_host_release(&host);
        if (r < 0)
                return mn_fail_errno(err, r, "listing the processes of container \"%s\"", argv[0]);
        if (mn_str_equal(o->format, "json"))
                print_pids(&pids);
        else
                st = print_table(&pids, argv + 1, err);
        mn_vec_release(&pids);
        return st;
}

const command command_state = { "state", "CONTAINER", "print the state of a container", no_options, 1, 1, 1,
                                false,   state };
const command command_list = { "list", "",  "list containers", list_options, sizeof(query_options), 0, 0,
                               false,  list };
const command command_ps = { "ps",
                             "CONTAINER [ps options]",
                             "list the processes of a container",
                             ps_options,
                             sizeof(query_options),
                             1,
                             -1,
                             false,
                             ps };
