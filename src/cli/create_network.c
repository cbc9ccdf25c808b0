/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create_network.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/strv.h"

/* "80" or "80-90". */
static bool parse_range(const char *text, int *ret_first, int *ret_last) {
        cleanup_free char *first = mn_strndup(text, strcspn(text, "-"));
        const char *dash = strchr(text, '-');
        if (mn_parse_int(first, 0, 65535, ret_first))
                return false;
        *ret_last = *ret_first;
        return !dash || (mn_parse_int(dash + 1, 0, 65535, ret_last) == 0 && *ret_last >= *ret_first);
}

static bool is_protocol(const char *text) {
        return strcasecmp(text, "tcp") == 0 || strcasecmp(text, "udp") == 0 || strcasecmp(text, "sctp") == 0;
}

static void add_exposed(mn_arena *arena, wire_container_create *body, const char *port) {
        char **old = body->config.exposed_ports;
        size_t n = mn_strv_len(old);
        if (mn_strv_has(old, port))
                return;
        char **grown = mn_arena_array(arena, n + 2, sizeof(char *));
        if (n)
                memcpy(grown, old, n * sizeof(char *));
        grown[n] = mn_arena_strdup(arena, port);
        body->config.exposed_ports = grown;
}

static void add_binding(mn_arena *arena, wire_port_map *map, const char *port, wire_port_binding binding) {
        size_t i = 0;
        while (i < map->len && strcmp(map->items[i].key, port) != 0)
                i++;
        if (i == map->len) {
                void *grown = mn_arena_array(arena, map->len + 1, sizeof(*map->items));
                if (map->len)
                        memcpy(grown, map->items, map->len * sizeof(*map->items));
                map->items = grown;
                map->items[map->len++].key = mn_arena_strdup(arena, port);
        }
        wire_port_binding_list *list = &map->items[i].value;
        wire_port_binding *items = mn_arena_array(arena, list->len + 1, sizeof(*items));
        if (list->len)
                memcpy(items, list->items, list->len * sizeof(*items));
        items[list->len++] = binding;
        list->items = items;
}

/* The parts of "[ip:][host:]container[/protocol]", or of the long form. */
typedef struct publish_spec {
        const char *ip, *host, *inside, *protocol;
} publish_spec;

static mn_status split_long(mn_arena *arena, const char *text, publish_spec *ret, mn_err *err) {
        cleanup_strv char **fields = mn_strv_split(text, ',');
        for (char **field = fields; *field; field++) {
                char *equals = strchr(*field, '=');
                if (!equals || !equals[1])
                        return mn_fail(err, MN_INVALID, "invalid field: %s", *field);
                *equals = '\0';
                const char *value = mn_arena_strdup(arena, equals + 1);
                if (strcmp(*field, "target") == 0)
                        ret->inside = value;
                else if (strcmp(*field, "published") == 0)
                        ret->host = value;
                else if (strcmp(*field, "protocol") == 0)
                        ret->protocol = value;
                else if (strcmp(*field, "mode") != 0)
                        return mn_fail(err, MN_INVALID, "invalid field key: %s", *field);
        }
        return *ret->inside ? MN_OK : mn_fail(err, MN_INVALID, "missing mandatory field '%s'", "target");
}

static mn_status split_short(mn_arena *arena, const char *text, publish_spec *ret, mn_err *err) {
        char *copy = mn_arena_strdup(arena, text);
        char *slash = strchr(copy, '/');
        if (slash) {
                *slash = '\0';
                ret->protocol = slash + 1;
        }
        char *colon = strrchr(copy, ':');
        ret->inside = colon ? colon + 1 : copy;
        if (!*ret->inside)
                return mn_fail(err, MN_INVALID, "no port specified: %s<empty>", text);
        if (!colon)
                return MN_OK;
        *colon = '\0';
        colon = strrchr(copy, ':');
        bool is_address_only = colon && strchr(colon, ']');
        ret->host = colon && !is_address_only ? colon + 1 : is_address_only ? "" : copy;
        if (!colon)
                return MN_OK;
        if (!is_address_only)
                *colon = '\0';
        size_t len = strlen(copy);
        if (*copy == '[' && len > 1 && copy[len - 1] == ']') {
                copy[len - 1] = '\0';
                copy++;
        }
        unsigned char address[16];
        if (*copy && inet_pton(AF_INET, copy, address) != 1 && inet_pton(AF_INET6, copy, address) != 1)
                return mn_fail(err, MN_INVALID, "invalid IP address: %s", copy);
        ret->ip = copy;
        return MN_OK;
}

static mn_status add_published(mn_arena *arena, const char *text, wire_container_create *body, mn_err *err) {
        publish_spec spec = { "", "", "", "tcp" };
        int first, last, host_first = 0, host_last = 0;
        mn_status status = strchr(text, '=') ? split_long(arena, text, &spec, err)
                                             : split_short(arena, text, &spec, err);
        if (status)
                return status;
        if (!parse_range(spec.inside, &first, &last))
                return mn_fail(err, MN_INVALID, "invalid containerPort: %s", spec.inside);
        if (*spec.host && !parse_range(spec.host, &host_first, &host_last))
                return mn_fail(err, MN_INVALID, "invalid hostPort: %s", spec.host);
        if (*spec.host && last - first != host_last - host_first && first != last)
                return mn_fail(err, MN_INVALID,
                               "invalid ranges specified for container and host Ports: %s and %s",
                               spec.inside, spec.host);
        if (!is_protocol(spec.protocol))
                return mn_fail(err, MN_INVALID, "invalid proto: %s", spec.protocol);
        char *protocol = mn_arena_strdup(arena, spec.protocol);
        for (char *s = protocol; *s; s++)
                *s = (char) (*s | 0x20);
        for (int port = first; port <= last; port++) {
                const char *name = mn_arena_printf(arena, "%d/%s", port, protocol);
                const char *host = !*spec.host ? ""
                                   : first == last && host_first != host_last
                                           ? spec.host
                                           : mn_arena_printf(arena, "%d", host_first + port - first);
                add_exposed(arena, body, name);
                add_binding(arena, &body->host_config.port_bindings, name,
                            (wire_port_binding){ (char *) spec.ip, (char *) host });
        }
        return MN_OK;
}

static mn_status add_expose(mn_arena *arena, const char *text, wire_container_create *body, mn_err *err) {
        int first, last;
        const char *slash = strchr(text, '/'), *protocol = slash ? slash + 1 : "tcp";
        const char *range = mn_arena_strndup(arena, text, slash ? (size_t) (slash - text) : strlen(text));
        if (strchr(text, ':'))
                return mn_fail(err, MN_INVALID, "invalid port format for --expose: %s", text);
        if (!parse_range(range, &first, &last) || !is_protocol(protocol))
                return mn_fail(err, MN_INVALID, "invalid range format for --expose: %s, error: invalid port",
                               text);
        for (int port = first; port <= last; port++)
                add_exposed(arena, body, mn_arena_printf(arena, "%d/%s", port, protocol));
        return MN_OK;
}

/* ---- networks ---- */

static void add_text(mn_arena *arena, char ***list, const char *text) {
        size_t n = mn_strv_len(*list);
        char **grown = mn_arena_array(arena, n + 2, sizeof(char *));
        if (n)
                memcpy(grown, *list, n * sizeof(char *));
        grown[n] = mn_arena_strdup(arena, text);
        *list = grown;
}

static wire_endpoint_ipam *ipam_of(mn_arena *arena, wire_endpoint_settings *e) {
        if (!e->ipam_config)
                e->ipam_config = mn_arena_alloc(arena, sizeof(*e->ipam_config));
        return e->ipam_config;
}

/* One "key=value" of --network's long form. */
static mn_status set_field(mn_arena *arena, const char *key, const char *value, wire_endpoint_settings *e,
                           mn_err *err) {
        if (strcmp(key, "alias") == 0) {
                add_text(arena, &e->aliases, value);
        } else if (strcmp(key, "ip") == 0) {
                ipam_of(arena, e)->ipv4_address = mn_arena_strdup(arena, value);
        } else if (strcmp(key, "ip6") == 0) {
                ipam_of(arena, e)->ipv6_address = mn_arena_strdup(arena, value);
        } else if (strcmp(key, "link-local-ip") == 0) {
                add_text(arena, &ipam_of(arena, e)->link_local_ips, value);
        } else if (strcmp(key, "mac-address") == 0) {
                e->mac_address = mn_arena_strdup(arena, value);
        } else if (strcmp(key, "driver-opt") == 0) {
                const char *equals = strchr(value, '=');
                if (!equals)
                        return mn_fail(err, MN_INVALID, "invalid key value pair format in driver options");
                mn_str_map_set(&e->driver_opts, arena,
                               mn_arena_strndup(arena, value, (size_t) (equals - value)), equals + 1);
        } else if (strcmp(key, "gw-priority") == 0) {
                if (mn_parse_i64(value, INT32_MIN, INT32_MAX, &e->gw_priority))
                        return mn_fail(err, MN_INVALID, "invalid gw-priority (%s): invalid syntax", value);
        } else {
                return mn_fail(err, MN_INVALID, "invalid field key %s", key);
        }
        return MN_OK;
}

static mn_status parse_network(mn_arena *arena, const char *text, const char **ret_name,
                               wire_endpoint_settings *e, mn_err *err) {
        *ret_name = text;
        if (!strchr(text, '='))
                return MN_OK;
        *ret_name = "";
        cleanup_strv char **fields = mn_strv_split(text, ',');
        for (char **field = fields; *field; field++) {
                char *equals = strchr(*field, '=');
                if (!equals)
                        return mn_fail(err, MN_INVALID, "invalid field %s", *field);
                *equals = '\0';
                if (strcmp(*field, "name") == 0) {
                        *ret_name = mn_arena_strdup(arena, equals + 1);
                        continue;
                }
                mn_status status = set_field(arena, *field, equals + 1, e, err);
                if (status)
                        return status;
        }
        return **ret_name ? MN_OK : mn_fail(err, MN_INVALID, "network name/id is not specified");
}

mn_status create_check_network(mn_arena *arena, const char **value, mn_err *err) {
        wire_endpoint_settings ignored = { 0 };
        const char *name;
        return parse_network(arena, *value, &name, &ignored, err);
}

/* --ip, --network-alias ... belong to the first network. */
static mn_status add_short_options(mn_arena *arena, const create_options *o, const char *network,
                                   wire_endpoint_settings *e, mn_err *err) {
        char **const aliases[] = { o->network_alias, o->net_alias };
        bool is_default = strcmp(network, "default") == 0 || strcmp(network, "bridge") == 0;
        bool is_plain = is_default || strcmp(network, "none") == 0 || strcmp(network, "host") == 0 ||
                        strncmp(network, "container:", 10) == 0;
        for (size_t i = 0; i < 2; i++)
                for (char **a = aliases[i]; a && *a; a++)
                        add_text(arena, &e->aliases, *a);
        if (e->aliases && is_plain && !is_default)
                return mn_fail(err, MN_INVALID,
                               "conflicting options: cannot attach both user-defined and non-user-defined "
                               "network-modes");
        if (!is_plain)
                for (char **link = o->link; link && *link; link++)
                        add_text(arena, &e->links, *link);
        if (o->ip)
                ipam_of(arena, e)->ipv4_address = (char *) o->ip;
        if (o->ip6)
                ipam_of(arena, e)->ipv6_address = (char *) o->ip6;
        if (o->link_local_ip)
                ipam_of(arena, e)->link_local_ips = o->link_local_ip;
        if (o->mac_address)
                e->mac_address = (char *) o->mac_address;
        return MN_OK;
}

static bool is_empty(const wire_endpoint_settings *e) {
        return !e->ipam_config && !e->aliases && !e->links && !e->mac_address && !e->driver_opts.len &&
               !e->gw_priority;
}

static mn_status fill_networks(mn_arena *arena, const create_options *o, wire_container_create *body,
                               mn_err *err) {
        char *fallback[] = { mn_arena_strdup(arena, "default"), NULL };
        char **networks = o->network ? o->network : o->net ? o->net : fallback;
        size_t n = mn_strv_len(networks);
        wire_endpoints *endpoints = &body->networking_config.endpoints;
        endpoints->items = mn_arena_array(arena, n, sizeof(*endpoints->items));
        for (size_t i = 0; i < n; i++) {
                wire_endpoint_settings *e = mn_arena_alloc(arena, sizeof(*e));
                const char *name;
                mn_status status = parse_network(arena, networks[i], &name, e, err);
                if (!status && i == 0)
                        status = add_short_options(arena, o, name, e, err);
                if (status)
                        return status;
                for (size_t k = 0; k < endpoints->len; k++)
                        if (strcmp(endpoints->items[k].key, name) == 0)
                                return mn_fail(err, MN_INVALID, "network \"%s\" is specified multiple times",
                                               name);
                if (i == 0)
                        body->host_config.network_mode = mn_arena_strdup(arena, name);
                if (n == 1 && is_empty(e))
                        continue;
                endpoints->items[endpoints->len].key = mn_arena_strdup(arena, name);
                endpoints->items[endpoints->len++].value = e;
        }
        return MN_OK;
}

mn_status create_network(mn_arena *arena, const create_options *o, wire_container_create *body, mn_err *err) {
        mn_status status = MN_OK;
        for (char **p = o->publish; p && *p && !status; p++)
                status = add_published(arena, *p, body, err);
        for (char **p = o->expose; p && *p && !status; p++)
                status = add_expose(arena, *p, body, err);
        body->host_config.publishes_all_ports = o->publish_all;
        body->host_config.links = o->link;
        return status ? status : fill_networks(arena, o, body, err);
}
