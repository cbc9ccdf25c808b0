/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The commands, one function each: arguments after the command's name in, exit status out through `ret_code`.
 */

#include "runtime/context.h"
#include "runtime/options.h"

typedef struct command {
        const char *name;
        const char *arguments; /* for the help: "CONTAINER" */
        const char *summary;
        const option_row *options;
        size_t options_size;    /* of the struct the options fill */
        int min_args, max_args; /* -1: any number */
        bool enters_container;  /* runs a process inside: the binary is protected first */
        mn_status (*run)(runtime_context *rt, const void *options, int argc, char **argv, int *ret_code,
                         mn_err *err);
} command;

extern const command command_create, command_run, command_start, command_exec, command_state, command_list,
        command_ps, command_kill, command_delete, command_pause, command_resume, command_update,
        command_events, command_spec, command_features;
