/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cli/cli.h"
#include "cli/commands.h"

/* One published address. */
typedef struct binding {
        const char *port; /* "80/tcp" */
        const mn_json *address;
} binding;

static int port_number(const char *port) {
        char digits[8] = "";
        int number = 0;
        memcpy(digits, port, MN_MIN(strcspn(port, "/"), sizeof(digits) - 1));
        return mn_parse_int(digits, 0, 65535, &number) ? 0 : number;
}

static int by_port(const void *a, const void *b) {
        const binding *x = a, *y = b;
        int m = port_number(x->port), n = port_number(y->port);
        return m != n ? m - n : strcmp(x->port, y->port);
}

static void print_address(const mn_json *address) {
        const char *ip = cli_text(address, "HostIp");
        printf(strchr(ip, ':') ? "[%s]:%s\n" : "%s:%s\n", ip, cli_text(address, "HostPort"));
}

static int print_one(const mn_json *ports, const char *container, const char *wanted, mn_arena *arena) {
        const char *port = strchr(wanted, '/') ? wanted : mn_arena_printf(arena, "%s/tcp", wanted);
        const mn_json *list = mn_json_get(ports, port);
        if (!list || list->kind != MN_JSON_ARRAY || !list->child)
                return cli_failf("Error: No public port '%s' published for %s", wanted, container);
        for (const mn_json *address = list->child; address; address = address->next)
                print_address(address);
        return CLI_EXIT_OK;
}

static int run(cli *c, const void *options, char **args) {
        (void) options;
        cleanup_err mn_err err = { 0 };
        const mn_json *answer;
        if (cli_request(c, "GET", cli_target(c, "/containers", args[0], "/json"), &answer, &err))
                return cli_fail(&err);
        const mn_json *ports = mn_json_get(mn_json_get(answer, "NetworkSettings"), "Ports");
        if (args[1])
                return print_one(ports, args[0], args[1], c->arena);
        size_t n = 0;
        for (const mn_json *port = ports ? ports->child : NULL; port; port = port->next)
                n += port->kind == MN_JSON_ARRAY ? port->len : 0;
        binding *all = mn_arena_array(c->arena, n + 1, sizeof(*all));
        n = 0;
        for (const mn_json *port = ports ? ports->child : NULL; port; port = port->next)
                for (const mn_json *address = port->child; address; address = address->next)
                        all[n++] = (binding){ port->key, address };
        qsort(all, n, sizeof(*all), by_port);
        for (size_t i = 0; i < n; i++) {
                printf("%s -> ", all[i].port);
                print_address(all[i].address);
        }
        return CLI_EXIT_OK;
}

const cli_command container_port_command = {
        .usage = "CONTAINER [PRIVATE_PORT[/PROTO]]",
        .summary = "List port mappings or a specific mapping for the container",
        .aliases = "container port, port",
        .min_args = 1,
        .max_args = 2,
        .completes = "running",
        .run = run,
};
