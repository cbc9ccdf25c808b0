/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Legacy links: `--link TARGET:ALIAS` on the default bridge, which has no name server. The target's address
 * goes to the container's hosts file, and what it offers to its environment, in Docker's variables. Both are
 * looked up at each start. On user-defined networks a link is a further name in the name server
 * (network/dns_names.c).
 */

#include "container/links.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"

/* "TARGET[:ALIAS]"; a name is its own alias. */
static void split(const char *link, mn_arena *arena, char **ret_target, char **ret_alias) {
        const char *colon = strchr(link, ':');
        *ret_target = mn_arena_strndup(arena, link, colon ? (size_t) (colon - link) : strlen(link));
        *ret_alias = colon && colon[1] ? mn_arena_strdup(arena, colon + 1) : *ret_target;
        if (**ret_alias == '/')
                ++*ret_alias;
}

static bool is_alias(const char *s) {
        size_t len = strlen(s);
        return len && len <= 255 && isalnum((unsigned char) *s) &&
               strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == len;
}

static bool is_default_bridge(const char *mode) {
        return mn_str_equal(mode, "bridge") || mn_str_equal(mode, "default");
}

mn_status container_links_check(container_engine *e, const container_record *r, mn_arena *arena,
                                mn_err *err) {
        char *const *links = r->host_config.links;
        if (!links || !links[0] || !is_default_bridge(r->host_config.network_mode))
                return MN_OK;
        wire_network bridge;
        mn_status status = network_inspect(e->options.networks, "bridge", arena, &bridge, err);
        if (status)
                return status;
        const char *icc = mn_str_map_get(&bridge.options, "com.docker.network.bridge.enable_icc");
        if (mn_str_equal(icc, "false"))
                return mn_fail(err, MN_NOT_IMPLEMENTED, "links are not supported where icc is off");
        ENGINE_LOCKED(e);
        for (; *links; links++) {
                char *target, *alias;
                container *child;
                split(*links, arena, &target, &alias);
                if (!is_alias(alias))
                        return mn_fail(err, MN_INVALID, "invalid alias \"%s\" in link \"%s\"", alias, *links);
                if (container_find_locked(e, target, &child, NULL))
                        return mn_fail(err, MN_INVALID,
                                       "could not get container for %s: No such container: %s", target,
                                       target);
                const char *mode = child->record->host_config.network_mode;
                if (!is_default_bridge(mode))
                        return mn_fail(err, MN_INVALID, "Cannot link to %s: it is not on the default bridge",
                                       target);
        }
        return MN_OK;
}

/* ---- what a link brings ---- */

struct listing {
        MN_VEC(char *) env, hosts;
        mn_arena *arena;
};

/* ALIAS in variables: DB-1 is DB_1. */
static char *variable_prefix(const char *alias, mn_arena *arena) {
        char *prefix = mn_arena_strdup(arena, alias);
        for (char *p = prefix; *p; p++)
                *p = *p == '-' ? '_' : (char) toupper((unsigned char) *p);
        return prefix;
}

/* The four variables of one port, "80/tcp", and before the first of all the one of the whole. */
static void add_port(struct listing *l, const char *prefix, const char *address, const char *port,
                     bool is_first) {
        const char *slash = strchr(port, '/'), *protocol = slash ? slash + 1 : "tcp";
        int len = (int) strcspn(port, "/");
        char *name = mn_arena_printf(l->arena, "%s_PORT_%.*s_%s", prefix, len, port, protocol);
        for (char *p = name; *p; p++)
                *p = (char) toupper((unsigned char) *p);
        char *url = mn_arena_printf(l->arena, "%s://%s:%.*s", protocol, address, len, port);
        if (is_first)
                mn_vec_push(&l->env, mn_arena_printf(l->arena, "%s_PORT=%s", prefix, url));
        mn_vec_push(&l->env, mn_arena_printf(l->arena, "%s=%s", name, url));
        mn_vec_push(&l->env, mn_arena_printf(l->arena, "%s_ADDR=%s", name, address));
        mn_vec_push(&l->env, mn_arena_printf(l->arena, "%s_PORT=%.*s", name, len, port));
        mn_vec_push(&l->env, mn_arena_printf(l->arena, "%s_PROTO=%s", name, protocol));
}

/* State lock held. */
static void add_environment(struct listing *l, const container_record *parent, const container_record *child,
                            const char *alias, const char *address) {
        char *prefix = variable_prefix(alias, l->arena);
        for (char *const *p = child->config.exposed_ports; p && *p; p++)
                add_port(l, prefix, address, *p, p == child->config.exposed_ports);
        mn_vec_push(&l->env, mn_arena_printf(l->arena, "%s_NAME=/%s/%s", prefix, parent->name, alias));
        for (char *const *e = child->config.env; e && *e; e++)
                if (strchr(*e, '=') && strncmp(*e, "PATH=", 5) && strncmp(*e, "HOME=", 5))
                        mn_vec_push(&l->env, mn_arena_printf(l->arena, "%s_ENV_%s", prefix, *e));
}

static void add_hosts(struct listing *l, const container_record *child, const char *alias,
                      const char *address) {
        const char *names[] = { alias, child->config.hostname, child->name };
        for (size_t i = 0; i < MN_ARRAY_LEN(names); i++) {
                bool is_new = !mn_str_is_empty(names[i]);
                for (size_t j = 0; j < i && is_new; j++)
                        is_new = !mn_str_equal(names[i], names[j]);
                if (is_new)
                        mn_vec_push(&l->hosts, mn_arena_printf(l->arena, "%s:%s", names[i], address));
        }
}

static const char *address_of(container_engine *e, const char *id, mn_arena *arena) {
        wire_endpoints endpoints = { 0 };
        wire_port_map ports = { 0 };
        network_sandbox_describe(e->options.networks, id, arena, &endpoints, &ports);
        for (size_t i = 0; i < endpoints.len; i++)
                if (strcmp(endpoints.items[i].key, "bridge") == 0)
                        return endpoints.items[i].value->ip_address;
        return NULL;
}

static mn_status add_link(struct listing *l, container_engine *e, const container_record *parent,
                          const char *link, bool is_for_start, mn_err *err) {
        char *target, *alias;
        split(link, l->arena, &target, &alias);
        cleanup_container container *child = NULL;
        mn_status status = container_find(e, target, &child, err);
        if (status)
                return is_for_start ? status : MN_OK;
        const char *address = address_of(e, child->id, l->arena);
        ENGINE_LOCKED(e);
        bool is_running = container_is_running(child) && !mn_str_is_empty(address);
        if (is_running) {
                add_environment(l, parent, child->record, alias, address);
                add_hosts(l, child->record, alias, address);
        }
        return is_running || !is_for_start
                       ? MN_OK
                       : mn_fail(err, MN_CONFLICT, "Cannot link to a non running container: /%s AS /%s/%s",
                                 child->record->name, parent->name, alias);
}

static char **list_of(mn_arena *arena, char **items, size_t len) {
        char **list = mn_arena_array(arena, len + 1, sizeof *list);
        if (len)
                memcpy(list, items, len * sizeof *list);
        return list;
}

mn_status container_links_resolve(container_engine *e, const container_record *r, bool is_for_start,
                                  mn_arena *arena, char ***ret_env, char ***ret_hosts, mn_err *err) {
        struct listing l = { .arena = arena };
        mn_status status = MN_OK;
        for (char *const *h = r->host_config.extra_hosts; h && *h; h++)
                mn_vec_push(&l.hosts, *h);
        if (is_default_bridge(r->host_config.network_mode))
                for (char *const *link = r->host_config.links; link && *link && !status; link++)
                        status = add_link(&l, e, r, *link, is_for_start, err);
        if (ret_env)
                *ret_env = list_of(arena, l.env.items, l.env.len);
        if (ret_hosts)
                *ret_hosts = list_of(arena, l.hosts.items, l.hosts.len);
        mn_vec_release(&l.env);
        mn_vec_release(&l.hosts);
        return status;
}

char *container_links_target(const container_record *r, const char *wanted, mn_arena *arena) {
        for (char *const *link = r->host_config.links; link && *link; link++) {
                char *target, *alias;
                split(*link, arena, &target, &alias);
                if (strcmp(alias, wanted) == 0)
                        return target;
        }
        return NULL;
}

static void drop(char **links, const char *wanted, mn_arena *arena) {
        char **to = links;
        for (char **link = links; link && *link; link++) {
                char *target, *alias;
                split(*link, arena, &target, &alias);
                if (strcmp(alias, wanted) != 0)
                        *to++ = *link;
        }
        if (to)
                *to = NULL;
}

void container_links_drop(container_record *r, const char *alias, mn_arena *arena) {
        drop(r->host_config.links, alias, arena);
        for (size_t i = 0; i < r->endpoints.len; i++)
                if (is_default_bridge(r->endpoints.items[i].key) &&
                    r->endpoints.items[i].value->links != r->host_config.links)
                        drop(r->endpoints.items[i].value->links, alias, arena);
}

char **container_links_describe(const container_record *r, mn_arena *arena) {
        size_t n = mn_strv_len(r->host_config.links);
        char **list = mn_arena_array(arena, n + 1, sizeof *list);
        for (size_t i = 0; i < n; i++) {
                char *target, *alias;
                split(r->host_config.links[i], arena, &target, &alias);
                list[i] = mn_arena_printf(arena, "/%s:/%s/%s", target, r->name, alias);
        }
        return n ? list : NULL;
}
