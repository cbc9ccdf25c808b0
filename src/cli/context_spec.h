/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What `context create` and `context update` take with --docker. */

#include "cli/context.h"

#define CONTEXT_SPEC_DETAILS(command)                                                                        \
        "\nDocker endpoint config:\n\n"                                                                      \
        "NAME                DESCRIPTION\n"                                                                  \
        "from                Copy named context's Docker endpoint configuration\n"                           \
        "host                Docker endpoint on which to connect\n"                                          \
        "ca                  Trust certs signed only by this CA\n"                                           \
        "cert                Path to TLS certificate file\n"                                                 \
        "key                 Path to TLS key file\n"                                                         \
        "skip-tls-verify     Skip TLS certificate validation\n\n"                                            \
        "Example:\n\n"                                                                                       \
        "$ %s context " command " my-context --description \"some description\" --docker "                   \
        "\"host=tcp://myserver:2376,ca=~/ca-file,cert=~/cert-file,key=~/key-file\"\n"

/* For `check`: "key=value". */
mn_status context_spec_check(mn_arena *arena, const char **value, mn_err *err);

/* The endpoint and key material that the pairs describe. */
mn_status context_spec_read(cli *c, char *const *pairs, const mn_json **ret_endpoint,
                            context_files *ret_files, mn_err *err) MN_MUST_USE;

/* Endpoint and key material of a context, also of the default one. */
mn_status context_spec_copy(cli *c, const char *name, const mn_json **ret_endpoint, context_files *ret_files,
                            mn_err *err) MN_MUST_USE;
