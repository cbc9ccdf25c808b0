/* SPDX-License-Identifier: Apache-2.0 */
/* minato-runtime: an OCI runtime with runc's command line. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "oci/runtime_spec.h"
#include "runtime/commands.h"
#include "runtime/launch.h"

static const command *const commands[] = {
        &command_create, &command_delete, &command_events, &command_exec,  &command_features,
        &command_kill,   &command_list,   &command_pause,  &command_ps,    &command_resume,
        &command_run,    &command_spec,   &command_start,  &command_state, &command_update,
};

static const option_row global_options[] = {
        { "root", 0, OPTION_STRING, offsetof(runtime_context, root),
          "DIR  state of containers (/run/minato-runtime, for others than root in XDG_RUNTIME_DIR)" },
        { "log", 0, OPTION_STRING, offsetof(runtime_context, log_path), "FILE  also write messages there" },
        { "log-format", 0, OPTION_STRING, offsetof(runtime_context, log_format),
          "FORMAT  of the log: text or json" },
        { "systemd-cgroup", 0, OPTION_FLAG, offsetof(runtime_context, uses_systemd),
          "cgroups are made by systemd" },
        { "criu", 0, OPTION_STRING, offsetof(runtime_context, criu), "PATH  accepted, without effect" },
        { "rootless", 0, OPTION_STRING, offsetof(runtime_context, rootless),
          "VALUE  accepted, without effect" },
        { "debug", 0, OPTION_FLAG, offsetof(runtime_context, is_debug), "more messages" },
        { "trace", 0, OPTION_FLAG, offsetof(runtime_context, is_tracing), "print microseconds per step" },
        { "version", 'v', OPTION_FLAG, offsetof(runtime_context, shows_version), "print the version" },
        { "help", 'h', OPTION_FLAG, offsetof(runtime_context, shows_help), "print this" },
        { 0 },
};

static void print_help(void) {
        printf("usage: minato-runtime [global options] COMMAND [options] [arguments]\n\ncommands:\n");
        for (size_t i = 0; i < MN_ARRAY_LEN(commands); i++)
                printf("   %-9s %s\n", commands[i]->name, commands[i]->summary);
        printf("\nglobal options:\n");
        options_help(global_options);
}

static void print_version(void) {
        printf("minato-runtime version %s\nspec: %s\n", MINATO_VERSION, OCI_VERSION);
}

static const command *find_command(const char *name) {
        for (size_t i = 0; i < MN_ARRAY_LEN(commands); i++)
                if (strcmp(commands[i]->name, name) == 0)
                        return commands[i];
        return NULL;
}

static bool wants_help(int argc, char **argv) {
        return argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0);
}

static mn_status run_command(runtime_context *rt, const command *cmd, int argc, char **argv, int *ret_code,
                             mn_err *err) {
        if (wants_help(argc, argv)) {
                printf("usage: minato-runtime %s [options] %s\n\n%s\n\n", cmd->name, cmd->arguments,
                       cmd->summary);
                options_help(cmd->options);
                return MN_OK;
        }
        cleanup_free void *options = mn_alloc(cmd->options_size);
        int used;
        mn_status st = options_parse(cmd->options, options, argc, argv, &used, err);
        if (st)
                return st;
        int left = argc - used;
        if (left < cmd->min_args || (cmd->max_args >= 0 && left > cmd->max_args))
                return mn_fail(err, MN_INVALID, "%s: expected %s", cmd->name, cmd->arguments);
        return cmd->run(rt, options, left, argv + used, ret_code, err);
}

/* Descriptors we were given by mistake must reach nobody: 0, 1 and 2 exist, the rest is closed on execution.
 */
static mn_status secure_descriptors(mn_err *err) {
        for (int fd; (fd = open("/dev/null", O_RDWR | O_NOCTTY)) >= 0;)
                if (fd > STDERR_FILENO) {
                        close(fd);
                        break;
                }
        if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 4U /* CLOEXEC */) < 0)
                return mn_fail(err, MN_NOT_IMPLEMENTED, "this kernel is older than 5.11");
        return MN_OK;
}

static char *default_root(void) {
        static char path[PATH_MAX];
        const char *own = getenv("XDG_RUNTIME_DIR");
        snprintf(path, sizeof(path), "%s/minato-runtime",
                 own && *own && runtime_is_rootless() ? own : "/run");
        return path;
}

static mn_status start(runtime_context *rt, int argc, char **argv, int *ret_code, mn_err *err) {
        int used;
        mn_status st = options_parse(global_options, rt, argc - 1, argv + 1, &used, err);
        if (st)
                return st;
        if (rt->shows_version || rt->shows_help || used + 1 == argc) {
                rt->shows_version ? print_version() : print_help();
                return MN_OK;
        }
        const command *cmd = find_command(argv[used + 1]);
        if (strcmp(argv[used + 1], "checkpoint") == 0 || strcmp(argv[used + 1], "restore") == 0)
                return mn_fail(err, MN_NOT_IMPLEMENTED, "%s: not offered by this runtime", argv[used + 1]);
        if (!cmd)
                return mn_fail(err, MN_INVALID, "no such command: %s", argv[used + 1]);
        if (!rt->root)
                rt->root = default_root();
        runtime_trace(rt, "start");
        if (cmd->enters_container) {
                st = launch_protect_binary(argv, err);
                if (st == MN_OK)
                        st = secure_descriptors(err);
                if (st)
                        return st;
                /* Nobody may look into us while we have one foot in the container. */
                prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        }
        return run_command(rt, cmd, argc - used - 2, argv + used + 2, ret_code, err);
}

int main(int argc, char **argv) {
        runtime_context rt = { .trace_fd = STDERR_FILENO };
        mn_err err = { 0 };
        int code = 0;
        if (start(&rt, argc, argv, &code, &err)) {
                runtime_report(&rt, &err);
                code = code ? code : 1;
        }
        mn_err_release(&err);
        return code;
}
