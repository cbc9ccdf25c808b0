/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the network module without a daemon: one JSON request per line on standard input, one JSON answer
 * per line on standard output. Arguments: <data directory> [option=value]... The test keeps namespaces alive
 * with processes of its own.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/num.h"
#include "base/time.h"
#include "network/network.h"
#include "store/store.h"

struct request {
        char *op, *id, *name, *network, *hostname;
        int64_t pid;
        bool publish_all;
        wire_network_create *create;
        wire_endpoints endpoints;
        wire_port_map ports;
        char **exposed, **dns, **extra;
};

static const mn_type create_ptr_type = { .kind = MN_T_PTR,
                                         .size = sizeof(void *),
                                         .elem = &wire_network_create_type };
#define FIELD(member) offsetof(struct request, member)
static const mn_field request_fields[] = {
        { "op", &mn_type_str, FIELD(op), MN_REQUIRED },
        { "id", &mn_type_str, FIELD(id) },
        { "name", &mn_type_str, FIELD(name) },
        { "network", &mn_type_str, FIELD(network) },
        { "hostname", &mn_type_str, FIELD(hostname) },
        { "pid", &mn_type_i64, FIELD(pid) },
        { "publish_all", &mn_type_bool, FIELD(publish_all) },
        { "create", &create_ptr_type, FIELD(create) },
        { "endpoints", &wire_endpoints_type, FIELD(endpoints) },
        { "ports", &wire_port_map_type, FIELD(ports) },
        { "exposed", &mn_type_strv, FIELD(exposed) },
        { "dns", &mn_type_strv, FIELD(dns) },
        { "extra", &mn_type_strv, FIELD(extra) },
        { 0 },
};
static const mn_type request_type = MN_STRUCT(struct request, request_fields);

static network_manager *manager;
static mn_map *namespaces; /* container id to the text of our descriptor, open until the release */

static mn_status do_sandbox(const struct request *r, mn_str *out, mn_err *err) {
        network_attachment attachments[16];
        network_sandbox_spec spec = { .container_id = r->id,
                                      .container_name = r->name,
                                      .hostname = r->hostname,
                                      .attachments = attachments,
                                      .ports = &r->ports,
                                      .exposed = r->exposed,
                                      .publish_all = r->publish_all,
                                      .dns = r->dns };
        for (size_t i = 0; i < r->endpoints.len && i < MN_ARRAY_LEN(attachments); i++)
                attachments[spec.nattachments++] = (network_attachment){ r->endpoints.items[i].key,
                                                                         r->endpoints.items[i].value };
        int fd = -1;
        int64_t start = mn_monotonic_ns();
        mn_status st = network_sandbox_create(manager, &spec, &fd, err);
        if (!st)
                mn_map_set(namespaces, r->id, mn_asprintf("%d", fd));
        if (!st)
                mn_str_printf(out, "{\"netns\":\"/proc/%d/fd/%d\",\"us\":%lld}", getpid(), fd,
                              (long long) (mn_monotonic_ns() - start) / 1000);
        return st;
}

static mn_status do_describe(const struct request *r, mn_arena *arena, mn_str *out) {
        wire_endpoints endpoints;
        wire_port_map ports;
        wire_port_summary_list summary;
        network_sandbox_describe(manager, r->id, arena, &endpoints, &ports);
        network_sandbox_ports(manager, r->id, arena, &summary);
        mn_str_add(out, "{\"Networks\":");
        mn_json_encode(&wire_endpoints_type, &endpoints, 0, out);
        mn_str_add(out, ",\"Ports\":");
        mn_json_encode(&wire_port_map_type, &ports, 0, out);
        mn_str_add(out, ",\"Summary\":");
        mn_json_encode(&wire_port_summary_list_type, &summary, 0, out);
        mn_str_add(out, "}");
        return MN_OK;
}

static mn_status do_files(const struct request *r, mn_str *out, mn_err *err) {
        cleanup_str mn_str resolv = MN_STR_INIT(0), hosts = MN_STR_INIT(0);
        network_resolv_spec spec = { .container_id = r->id, .dns = r->dns };
        mn_status st = network_check_hosts(r->extra, err);
        if (!st)
                st = network_resolv_conf(manager, &spec, &resolv, err);
        if (!st)
                st = network_hosts_file(manager, r->id, r->hostname, NULL, r->extra, &hosts, err);
        if (st)
                return st;
        mn_str_add(out, "{\"resolv\":");
        mn_json_add_str(out, mn_str_text(&resolv));
        mn_str_add(out, ",\"hosts\":");
        mn_json_add_str(out, mn_str_text(&hosts));
        mn_str_add(out, "}");
        return MN_OK;
}

static mn_status do_networks(const struct request *r, mn_arena *arena, mn_str *out, mn_err *err) {
        wire_network network = { 0 };
        wire_network_list list = { 0 };
        wire_network_prune_report report = { 0 };
        wire_filters filters = { 0 };
        char *id = NULL, *warning = NULL;
        mn_status st = MN_NOT_IMPLEMENTED;
        if (strcmp(r->op, "create") == 0) {
                st = network_create(manager, r->create, arena, &id, &warning, err);
                if (!st)
                        mn_json_add_str(out, id);
        } else if (strcmp(r->op, "inspect") == 0) {
                st = network_inspect(manager, r->network, arena, &network, err);
                if (!st)
                        mn_json_encode(&wire_network_type, &network, 0, out);
        } else if (strcmp(r->op, "list") == 0) {
                st = network_list(manager, &filters, arena, &list, err);
                if (!st)
                        mn_json_encode(&wire_network_list_type, &list, 0, out);
        } else if (strcmp(r->op, "prune") == 0) {
                st = network_prune(manager, &filters, arena, &report, err);
                if (!st)
                        mn_json_encode(&wire_network_prune_report_type, &report, 0, out);
        } else if (strcmp(r->op, "remove") == 0) {
                st = network_remove(manager, r->network, err);
        }
        return st;
}

static mn_status run(const struct request *r, mn_arena *arena, mn_str *out, mn_err *err) {
        const wire_endpoint_settings *settings = r->endpoints.len ? r->endpoints.items[0].value : NULL;
        if (strcmp(r->op, "sandbox") == 0)
                return do_sandbox(r, out, err);
        if (strcmp(r->op, "describe") == 0)
                return do_describe(r, arena, out);
        if (strcmp(r->op, "files") == 0)
                return do_files(r, out, err);
        if (strcmp(r->op, "restore") == 0)
                return network_sandbox_restore(manager, r->id, (pid_t) r->pid, err);
        if (strcmp(r->op, "start") == 0)
                return network_start(manager, err);
        if (strcmp(r->op, "connect") == 0)
                return network_connect(manager, r->id, r->network, settings, err);
        if (strcmp(r->op, "disconnect") == 0)
                return network_disconnect(manager, r->id, r->network, err);
        if (strcmp(r->op, "release") == 0) {
                int fd = -1;
                const char *text = mn_map_get(namespaces, r->id);
                if (text && mn_parse_int(text, 0, 1 << 20, &fd) >= 0)
                        close(fd);
                mn_map_remove(namespaces, r->id);
                network_sandbox_release(manager, r->id);
                return MN_OK;
        }
        return do_networks(r, arena, out, err);
}

static void serve(const char *line, size_t len) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str out = MN_STR_INIT(0);
        struct request request;
        mn_status st = mn_json_decode_text(&request_type, line, len, NULL, arena, MN_UNKNOWN_REJECT, &request,
                                           &err);
        if (!st)
                st = run(&request, arena, &out, &err);
        if (st) {
                mn_str_truncate(&out, 0);
                mn_str_printf(&out, "{\"status\":%d,\"error\":", (int) st);
                mn_json_add_str(&out, mn_err_text(&err));
                mn_str_add(&out, "}");
        }
        printf("%s\n", out.len ? mn_str_text(&out) : "null");
        fflush(stdout);
}

static void set_option(network_options *o, char *text) {
        char *value = strchr(text, '=');
        if (!value)
                return;
        *value++ = '\0';
        if (strcmp(text, "instance") == 0)
                o->instance = value;
        else if (strcmp(text, "bridge") == 0)
                o->bridge = value;
        else if (strcmp(text, "bip") == 0)
                o->bip = value;
        else if (strcmp(text, "fixed_cidr") == 0)
                o->fixed_cidr = value;
        else if (strcmp(text, "default_gateway") == 0)
                o->default_gateway = value;
        else if (strcmp(text, "default_ip") == 0)
                o->default_ip = value;
        else if (strcmp(text, "no_icc") == 0)
                o->no_icc = true;
        else if (strcmp(text, "ipv6") == 0)
                o->is_ipv6 = true;
        else if (strcmp(text, "no_prepared") == 0)
                o->no_prepared = true;
        else if (strcmp(text, "mtu") == 0)
                mn_parse_int(value, 0, 65535, &o->mtu);
}

int main(int argc, char **argv) {
        cleanup_err mn_err err = { 0 };
        store *state = NULL;
        if (argc < 2)
                return 2;
        cleanup_free char *path = mn_asprintf("%s/state.db", argv[1]);
        namespaces = mn_map_new(free);
        network_options options = { .exec_root = argv[1] };
        for (int i = 2; i < argc; i++)
                set_option(&options, argv[i]);
        mn_status st = store_open(path, &state, &err);
        options.store = state;
        if (!st)
                st = network_open(&options, &manager, &err);
        if (st) {
                fprintf(stderr, "%s\n", mn_err_text(&err));
                return 1;
        }
        char *line = NULL;
        size_t size = 0;
        for (ssize_t n; (n = getline(&line, &size, stdin)) > 0;)
                serve(line, (size_t) n - 1);
        free(line);
        network_close(manager);
        mn_map_free(namespaces);
        store_close(state);
        return 0;
}
