/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/strv.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/pairs.h"
#include "cli/subnet.h"
#include "wire/network.h"

typedef struct network_create_options {
        bool attachable;
        char **aux_address;
        const char *config_from;
        bool config_only;
        const char *driver;
        char **gateway;
        bool ingress;
        bool internal;
        char **ip_range;
        const char *ipam_driver;
        char **ipam_opt;
        bool *ipv4;
        bool *ipv6;
        char **label;
        char **opt;
        const char *scope;
        char **subnet;
} network_create_options;

static const cli_option options[] = {
        { "attachable", 0, CLI_BOOL, offsetof(network_create_options, attachable), NULL,
          "Enable manual container attachment" },
        { "aux-address", 0, CLI_MAP, offsetof(network_create_options, aux_address), "map",
          "Auxiliary IPv4 or IPv6 addresses used by Network driver", "map[]" },
        { "config-from", 0, CLI_STR, offsetof(network_create_options, config_from), "string",
          "The network from which to copy the configuration" },
        { "config-only", 0, CLI_BOOL, offsetof(network_create_options, config_only), NULL,
          "Create a configuration only network" },
        { "driver", 'd', CLI_STR, offsetof(network_create_options, driver), "string",
          "Driver to manage the Network", "\"bridge\"" },
        { "gateway", 0, CLI_CSV, offsetof(network_create_options, gateway), "strings",
          "IPv4 or IPv6 Gateway for the master subnet" },
        { "ingress", 0, CLI_BOOL, offsetof(network_create_options, ingress), NULL,
          "Create swarm routing-mesh network" },
        { "internal", 0, CLI_BOOL, offsetof(network_create_options, internal), NULL,
          "Restrict external access to the network" },
        { "ip-range", 0, CLI_CSV, offsetof(network_create_options, ip_range), "strings",
          "Allocate container ip from a sub-range" },
        { "ipam-driver", 0, CLI_STR, offsetof(network_create_options, ipam_driver), "string",
          "IP Address Management Driver", "\"default\"" },
        { "ipam-opt", 0, CLI_MAP, offsetof(network_create_options, ipam_opt), "map",
          "Set IPAM driver specific options", "map[]" },
        { "ipv4", 0, CLI_MAYBE, offsetof(network_create_options, ipv4), NULL,
          "Enable or disable IPv4 address assignment", "true" },
        { "ipv6", 0, CLI_MAYBE, offsetof(network_create_options, ipv6), NULL,
          "Enable or disable IPv6 address assignment" },
        { "label", 0, CLI_LIST, offsetof(network_create_options, label), "list",
          "Set metadata on a network" },
        { "opt", 'o', CLI_MAP, offsetof(network_create_options, opt), "map", "Set driver specific options",
          "map[]" },
        { "scope", 0, CLI_STR, offsetof(network_create_options, scope), "string",
          "Control the network's scope" },
        { "subnet", 0, CLI_CSV, offsetof(network_create_options, subnet), "strings",
          "Subnet in CIDR format that represents a network segment" },
        { 0 },
};

/* Every gateway, range and reserved address goes to the subnet that holds it; without subnets they stand
 * alone. */
static wire_ipam_config *find_pool(wire_ipam *ipam, const char *address) {
        for (size_t i = 0; i < ipam->config.len; i++)
                if (!ipam->config.items[i].subnet || subnet_contains(address, ipam->config.items[i].subnet))
                        return &ipam->config.items[i];
        return NULL;
}

static mn_status add_ranges(wire_ipam *ipam, char *const *ranges, mn_err *err) {
        for (; ranges && *ranges; ranges++) {
                wire_ipam_config *pool = find_pool(ipam, *ranges);
                if (!pool)
                        return mn_fail(err, MN_INVALID, "no matching subnet for range %s", *ranges);
                if (pool->ip_range)
                        return mn_fail(err, MN_INVALID,
                                       "cannot configure multiple ranges (%s, %s) on the same subnet (%s)",
                                       *ranges, pool->ip_range, pool->subnet ? pool->subnet : "");
                pool->ip_range = *ranges;
        }
        return MN_OK;
}

static mn_status add_gateways(wire_ipam *ipam, char *const *gateways, mn_err *err) {
        for (; gateways && *gateways; gateways++) {
                wire_ipam_config *pool = find_pool(ipam, *gateways);
                if (!pool)
                        return mn_fail(err, MN_INVALID, "no matching subnet for gateway %s", *gateways);
                if (pool->gateway)
                        return mn_fail(err, MN_INVALID,
                                       "cannot configure multiple gateways (%s, %s) for the same subnet (%s)",
                                       *gateways, pool->gateway, pool->subnet ? pool->subnet : "");
                pool->gateway = *gateways;
        }
        return MN_OK;
}

static mn_status add_reserved(mn_arena *arena, wire_ipam *ipam, char *const *reserved, mn_err *err) {
        for (; reserved && *reserved; reserved++) {
                const char *equals = strchr(*reserved, '=');
                wire_ipam_config *pool = find_pool(ipam, equals + 1);
                if (!pool)
                        return mn_fail(err, MN_INVALID, "no matching subnet for aux-address %s", equals + 1);
                mn_str_map_set(&pool->auxiliary_addresses, arena,
                               mn_arena_strndup(arena, *reserved, (size_t) (equals - *reserved)), equals + 1);
        }
        return MN_OK;
}

static mn_status fill_ipam(mn_arena *arena, const network_create_options *o, wire_ipam *ipam, mn_err *err) {
        size_t n = mn_strv_len(o->subnet), needs_pool = o->gateway || o->ip_range || o->aux_address;
        ipam->config.items = mn_arena_array(arena, n + 1, sizeof(*ipam->config.items));
        ipam->config.len = n ? n : needs_pool ? 1 : 0;
        for (size_t i = 0; i < n; i++)
                ipam->config.items[i].subnet = o->subnet[i];
        mn_status status = add_ranges(ipam, o->ip_range, err);
        if (!status)
                status = add_gateways(ipam, o->gateway, err);
        return status ? status : add_reserved(arena, ipam, o->aux_address, err);
}

static int run(cli *c, const void *parsed, char **args) {
        const network_create_options *o = parsed;
        cleanup_err mn_err err = { 0 };
        const mn_json *answer;
        wire_ipam ipam = { .driver = (char *) (o->ipam_driver ? o->ipam_driver : "default") };
        wire_config_reference from = { .network = (char *) o->config_from };
        wire_network_create request = { .name = args[0],
                                        .check_duplicate = true,
                                        .driver = (char *) (o->driver ? o->driver : "bridge"),
                                        .scope = (char *) o->scope,
                                        .enable_ipv4 = o->ipv4,
                                        .enable_ipv6 = o->ipv6,
                                        .ipam = &ipam,
                                        .is_internal = o->internal,
                                        .is_attachable = o->attachable,
                                        .is_ingress = o->ingress,
                                        .is_config_only = o->config_only,
                                        .config_from = o->config_from ? &from : NULL };
        pairs_add(c->arena, &ipam.options, o->ipam_opt);
        pairs_add(c->arena, &request.options, o->opt);
        pairs_add(c->arena, &request.labels, o->label);
        mn_status status = fill_ipam(c->arena, o, &ipam, &err);
        if (!status)
                status = cli_request_object(c, "POST", "/networks/create", &wire_network_create_type,
                                            &request, &answer, &err);
        if (status)
                return cli_fail(&err);
        const char *warning = cli_text(answer, "Warning");
        if (*warning)
                fprintf(stderr, "WARNING: %s\n", warning);
        printf("%s\n", cli_text(answer, "Id"));
        return CLI_EXIT_OK;
}

const cli_command network_create_command = {
        .usage = "[OPTIONS] NETWORK",
        .summary = "Create a network",
        .min_args = 1,
        .max_args = 1,
        .options = options,
        .options_size = sizeof(network_create_options),
        .run = run,
};
