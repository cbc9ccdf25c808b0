/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a container's resolv.conf and hosts file, and the checks of what users put into them. */

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "network/manager.h"
#include "network/resolv_conf.h"

#define MAX_FILE ((size_t) 1 << 20)
#define EMBEDDED_SERVER "127.0.0.11"

/* ---- checks ---- */

/* One word of a line: no blank, no line end, no comment sign, nothing unprintable. */
static bool is_word(const char *text) {
        if (mn_str_is_empty(text) || strlen(text) > 255)
                return false;
        for (const char *p = text; *p; p++)
                if ((unsigned char) *p <= ' ' || *p == 0x7f || *p == '#' || *p == ';')
                        return false;
        return true;
}

static mn_status check_extra(const char *extra, const char **ret_ip, mn_err *err) {
        const char *colon = strchr(extra, ':');
        if (!colon)
                colon = strchr(extra, '=');
        if (!colon || colon == extra)
                return mn_fail(err, MN_INVALID, "bad format for add-host: \"%s\"", extra);
        cleanup_free char *name = mn_strndup(extra, (size_t) (colon - extra));
        cleanup_free char *ip = mn_strdup(colon + 1);
        size_t len = strlen(ip);
        mn_net_address a;
        if (len > 2 && ip[0] == '[' && ip[len - 1] == ']') {
                ip[len - 1] = '\0';
                memmove(ip, ip + 1, len - 1);
        }
        if (!is_word(name))
                return mn_fail(err, MN_INVALID, "bad format for add-host: \"%s\"", extra);
        if (strcmp(ip, "host-gateway") != 0 && network_address_parse(ip, &a) < 0)
                return mn_fail(err, MN_INVALID, "invalid IP address in add-host: \"%s\"", colon + 1);
        *ret_ip = colon + 1;
        return MN_OK;
}

mn_status network_check_hosts(char *const *extra, mn_err *err) {
        mn_status st = MN_OK;
        const char *ip;
        for (size_t i = 0; !st && extra && extra[i]; i++)
                st = check_extra(extra[i], &ip, err);
        return st;
}

mn_status network_check_dns(char *const *dns, char *const *search, char *const *options, mn_err *err) {
        mn_net_address a;
        for (size_t i = 0; dns && dns[i]; i++)
                if (network_address_parse(dns[i], &a) < 0)
                        return mn_fail(err, MN_INVALID, "bad nameserver address: %s is not an IP address",
                                       dns[i]);
        for (size_t i = 0; search && search[i]; i++)
                if (!is_word(search[i]))
                        return mn_fail(err, MN_INVALID, "bad domain name %s in the dns search list",
                                       search[i]);
        for (size_t i = 0; options && options[i]; i++)
                if (!is_word(options[i]))
                        return mn_fail(err, MN_INVALID, "bad dns option %s", options[i]);
        return MN_OK;
}

/* ---- resolv.conf ---- */

static void add_line(mn_str *out, const char *key, char *const *words) {
        if (!words || !words[0])
                return;
        mn_str_add(out, key);
        for (size_t i = 0; words[i]; i++)
                mn_str_printf(out, " %s", words[i]);
        mn_str_add_char(out, '\n');
}

/* What a container can reach: no loopback addresses, and IPv6 ones only when it has IPv6. */
static size_t add_nameservers(mn_str *out, char *const *list, bool keeps_loopback, bool has_ipv6) {
        size_t count = 0;
        for (size_t i = 0; list && list[i]; i++) {
                mn_net_address a;
                if (network_address_parse(list[i], &a) < 0 ||
                    (!keeps_loopback && network_address_is_loopback(&a)) ||
                    (!has_ipv6 && a.family == AF_INET6))
                        continue;
                mn_str_printf(out, "nameserver %s\n", list[i]);
                count++;
        }
        return count;
}

struct sandbox_facts {
        bool has_server; /* the embedded name server */
        bool has_ipv6;
};

static struct sandbox_facts facts_of(network_manager *m, const char *container_id) {
        struct sandbox_facts facts = { 0 };
        network_lock(m);
        const struct sandbox *s = container_id ? network_find_sandbox(m, container_id) : NULL;
        for (size_t i = 0; s && i < s->endpoints.len; i++)
                facts.has_ipv6 = facts.has_ipv6 || s->endpoints.items[i]->has_v6;
        facts.has_server = s && s->listener;
        network_unlock(m);
        return facts;
}

static bool has_ndots(char *const *options) {
        for (size_t i = 0; options && options[i]; i++)
                if (mn_str_has_prefix(options[i], "ndots:"))
                        return true;
        return false;
}

mn_status network_resolv_conf(network_manager *m, const network_resolv_spec *spec, mn_str *out, mn_err *err) {
        cleanup_resolv_conf struct resolv_conf host = { 0 };
        struct sandbox_facts facts = facts_of(m, spec->container_id);
        mn_status st = network_check_dns(spec->dns, spec->search, spec->options, err);
        if (st)
                return st;
        resolv_conf_read_host(!spec->is_host_network, &host);
        char *const *dns = spec->dns && spec->dns[0] ? spec->dns : m->options.dns;
        char *const *search = spec->search && spec->search[0] ? spec->search : host.search;
        char *const *options = spec->options && spec->options[0] ? spec->options : host.options;
        bool is_asked = dns && dns[0];
        mn_str_add(out, "# Generated by Minato. The container may edit this file.\n");
        if (facts.has_server) {
                mn_str_add(out, "nameserver " EMBEDDED_SERVER "\n");
        } else {
                size_t count = add_nameservers(out, is_asked ? dns : host.nameservers,
                                               is_asked || spec->is_host_network,
                                               spec->is_host_network || facts.has_ipv6 || is_asked);
                if (!count && !spec->is_host_network)
                        mn_str_add(out, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
        }
        bool wants_none = search && search[0] && strcmp(search[0], ".") == 0 && !search[1];
        if (!wants_none)
                add_line(out, "search", search);
        cleanup_strv char **all = mn_strv_copy(options);
        if (facts.has_server && !has_ndots(options))
                mn_strv_add(&all, "ndots:0");
        add_line(out, "options", all);
        return mn_str_error(out) < 0 ? mn_fail(err, MN_TOO_LARGE, "resolv.conf is too long") : MN_OK;
}

/* ---- hosts ---- */

/* What "host-gateway" means: the option, or the default bridge's address. */
static mn_status host_gateway(network_manager *m, char buf[NETWORK_ADDRESS_TEXT_SIZE], mn_err *err) {
        mn_status st = MN_OK;
        network_lock(m);
        struct network *bridge = network_find_by_name(m, "bridge");
        const network_subnet *pool = bridge ? network_pool_of(bridge, AF_INET) : NULL;
        if (m->options.host_gateway_ip)
                strncpy(buf, m->options.host_gateway_ip, NETWORK_ADDRESS_TEXT_SIZE - 1);
        else if (pool && pool->has_gateway)
                network_address_format(&pool->gateway, buf);
        else
                st = mn_fail(err, MN_INVALID, "unable to derive the IP value for host-gateway");
        network_unlock(m);
        return st;
}

static mn_status add_extra(network_manager *m, const char *extra, mn_str *out, mn_err *err) {
        char gateway[NETWORK_ADDRESS_TEXT_SIZE] = { 0 };
        const char *ip;
        mn_status st = check_extra(extra, &ip, err);
        if (!st && strcmp(ip, "host-gateway") == 0) {
                st = host_gateway(m, gateway, err);
                ip = gateway;
        }
        if (st)
                return st;
        int name_len = (int) strcspn(extra, ":=");
        size_t ip_len = strlen(ip);
        if (ip[0] == '[')
                ip++, ip_len -= 2;
        mn_str_printf(out, "%.*s\t%.*s\n", (int) ip_len, ip, name_len, extra);
        return MN_OK;
}

static void add_own(network_manager *m, const char *container_id, const char *names, mn_str *out) {
        char text[NETWORK_ADDRESS_TEXT_SIZE];
        network_lock(m);
        const struct sandbox *s = container_id ? network_find_sandbox(m, container_id) : NULL;
        for (size_t i = 0; s && i < s->endpoints.len; i++) {
                const struct endpoint *e = s->endpoints.items[i];
                if (e->has_v4)
                        mn_str_printf(out, "%s\t%s\n", network_address_format(&e->v4, text), names);
                if (e->has_v6)
                        mn_str_printf(out, "%s\t%s\n", network_address_format(&e->v6, text), names);
        }
        network_unlock(m);
}

mn_status network_hosts_file(network_manager *m, const char *container_id, const char *hostname,
                             const char *domainname, char *const *extra, mn_str *out, mn_err *err) {
        mn_str_add(out, "127.0.0.1\tlocalhost\n"
                        "::1\tlocalhost ip6-localhost ip6-loopback\n"
                        "fe00::\tip6-localnet\n"
                        "ff00::\tip6-mcastprefix\n"
                        "ff02::1\tip6-allnodes\n"
                        "ff02::2\tip6-allrouters\n");
        for (size_t i = 0; extra && extra[i]; i++) {
                mn_status st = add_extra(m, extra[i], out, err);
                if (st)
                        return st;
        }
        if (!mn_str_is_empty(hostname)) {
                bool has_domain = !mn_str_is_empty(domainname);
                cleanup_free char *names = has_domain
                                                   ? mn_asprintf("%s.%s %s", hostname, domainname, hostname)
                                                   : mn_strdup(hostname);
                if (!is_word(hostname) || (has_domain && !is_word(domainname)))
                        return mn_fail(err, MN_INVALID, "invalid hostname: %s", hostname);
                add_own(m, container_id, names, out);
        }
        return mn_str_error(out) < 0 ? mn_fail(err, MN_TOO_LARGE, "the hosts file is too long") : MN_OK;
}
