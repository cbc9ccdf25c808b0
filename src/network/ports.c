/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports: what the user wants, which host ports those become, and how they are kept from others. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "network/manager.h"
#include "sys/fd.h"
#include "sys/file.h"

#ifndef IPPROTO_SCTP
#define IPPROTO_SCTP 132
#endif

const char *network_protocol_name(uint8_t protocol) {
        return protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : "sctp";
}

/* ---- reading ---- */

static int parse_port(const char *text, uint16_t *ret) {
        int value;
        if (mn_parse_int(text, 0, 65535, &value) < 0)
                return -EINVAL;
        *ret = (uint16_t) value;
        return 0;
}

/* "80/tcp", "80". */
static mn_status parse_key(const char *key, uint8_t *ret_protocol, uint16_t *ret_port, mn_err *err) {
        char number[8];
        size_t len = strcspn(key, "/");
        const char *protocol = key[len] ? key + len + 1 : "tcp";
        if (mn_str_equal(protocol, "tcp"))
                *ret_protocol = IPPROTO_TCP;
        else if (mn_str_equal(protocol, "udp"))
                *ret_protocol = IPPROTO_UDP;
        else if (mn_str_equal(protocol, "sctp"))
                *ret_protocol = IPPROTO_SCTP;
        else
                return mn_fail(err, MN_INVALID, "invalid port specification: invalid protocol: \"%s\"",
                               protocol);
        snprintf(number, sizeof(number), "%.*s", (int) MN_MIN(len, sizeof(number)), key);
        if (len >= sizeof(number) || parse_port(number, ret_port) < 0 || !*ret_port)
                return mn_fail(err, MN_INVALID, "invalid port specification: \"%s\"", key);
        return MN_OK;
}

/* "", "8080", "8000-8010". */
static mn_status parse_host_port(const char *text, struct port_wish *wish, mn_err *err) {
        if (mn_str_is_empty(text))
                return MN_OK;
        char first[8];
        size_t len = strcspn(text, "-");
        snprintf(first, sizeof(first), "%.*s", (int) MN_MIN(len, sizeof(first)), text);
        if (len >= sizeof(first) || parse_port(first, &wish->first) < 0 ||
            (text[len] && parse_port(text + len + 1, &wish->last) < 0))
                return mn_fail(err, MN_INVALID, "invalid port specification: \"%s\"", text);
        if (!text[len])
                wish->last = wish->first;
        if (wish->last < wish->first)
                return mn_fail(err, MN_INVALID, "invalid port specification: \"%s\"", text);
        return MN_OK;
}

static mn_status parse_binding(const char *key, const wire_port_binding *binding, struct port_wish *wish,
                               mn_err *err) {
        *wish = (struct port_wish){ 0 };
        mn_status st = parse_key(key, &wish->protocol, &wish->container_port, err);
        if (st || !binding)
                return st;
        if (!mn_str_is_empty(binding->host_ip)) {
                if (network_address_parse(binding->host_ip, &wish->host) < 0)
                        return mn_fail(err, MN_INVALID, "invalid host IP address: %s", binding->host_ip);
                wish->has_host = true;
        }
        return parse_host_port(binding->host_port, wish, err);
}

mn_status network_check_ports(const wire_port_map *ports, mn_err *err) {
        struct port_wish wish;
        for (size_t i = 0; ports && i < ports->len; i++) {
                mn_status st = parse_binding(ports->items[i].key, NULL, &wish, err);
                for (size_t k = 0; !st && k < ports->items[i].value.len; k++)
                        st = parse_binding(ports->items[i].key, &ports->items[i].value.items[k], &wish, err);
                if (st)
                        return st;
        }
        return MN_OK;
}

static bool is_bound(const struct sandbox *s, const struct port_wish *wish) {
        for (size_t i = 0; i < s->port_wishes.len; i++)
                if (s->port_wishes.items[i].protocol == wish->protocol &&
                    s->port_wishes.items[i].container_port == wish->container_port)
                        return true;
        return false;
}

mn_status network_ports_parse(struct sandbox *s, const wire_port_map *map, char *const *exposed,
                              bool publish_all, mn_err *err) {
        struct port_wish wish;
        for (size_t i = 0; map && i < map->len; i++)
                for (size_t k = 0; k < map->items[i].value.len; k++) {
                        mn_status st = parse_binding(map->items[i].key, &map->items[i].value.items[k], &wish,
                                                     err);
                        if (st)
                                return st;
                        mn_vec_push(&s->port_wishes, wish);
                }
        for (size_t i = 0; publish_all && exposed && exposed[i]; i++) {
                mn_status st = parse_binding(exposed[i], NULL, &wish, err);
                if (st)
                        return st;
                if (!is_bound(s, &wish))
                        mn_vec_push(&s->port_wishes, wish);
        }
        return MN_OK;
}

/* ---- keeping a host port ---- */

static int bind_socket(int fd, const mn_net_address *host, uint16_t port) {
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        memcpy(&v4.sin_addr, host->bytes, sizeof(v4.sin_addr));
        memcpy(&v6.sin6_addr, host->bytes, sizeof(v6.sin6_addr));
        bool is_v4 = host->family == AF_INET;
        int r = is_v4 ? bind(fd, (struct sockaddr *) &v4, sizeof(v4))
                      : bind(fd, (struct sockaddr *) &v6, sizeof(v6));
        return r < 0 ? -errno : 0;
}

/* A socket that is bound and never listens: programs of the host that want the port get "address already in
   use", and packets never get to it because the packet filter sends them on before. 0 with a descriptor, or
   with -1 where the kernel has no sockets of that protocol; -EADDRINUSE ... */
static int reserve(const mn_net_address *host, uint8_t protocol, uint16_t port, int *ret_fd) {
        int type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM, one = 1, zero = 0;
        cleanup_close int fd = socket(host->family, type | SOCK_CLOEXEC, protocol);
        *ret_fd = -1;
        if (fd < 0)
                return errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT ? 0 : -errno;
        if (host->family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
        if (protocol == IPPROTO_UDP)
                setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one));
        int r = bind_socket(fd, host, port);
        if (r == -EADDRINUSE && protocol == IPPROTO_TCP) {
                /* Perhaps only connections in TIME_WAIT of a host program that is gone. */
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
                r = bind_socket(fd, host, port);
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &zero, sizeof(zero));
        }
        if (r >= 0)
                *ret_fd = MN_TAKE_FD(fd);
        return r;
}

void network_ports_release(struct sandbox *s) {
        for (size_t i = 0; i < s->ports.len; i++)
                mn_close(s->ports.items[i].reserve_fd);
        s->ports.len = 0;
}

void network_ports_reserve_again(struct sandbox *s) {
        char address[NETWORK_ADDRESS_TEXT_SIZE];
        for (size_t i = 0; i < s->ports.len; i++) {
                struct published_port *p = &s->ports.items[i];
                int r = p->is_direct ? 0 : reserve(&p->host, p->protocol, p->host_port, &p->reserve_fd);
                if (r < 0)
                        mn_log(MN_LOG_WARN, "a published port is used by another program, too",
                               " container=%s port=%s:%u/%s error=\"%s\"", s->container_id,
                               network_address_format(&p->host, address), p->host_port,
                               network_protocol_name(p->protocol), mn_strerror(r));
        }
}

/* ---- choosing ---- */

static bool is_ours(network_manager *m, const struct published_port *wanted) {
        bool is_found = false;
        size_t pos = 0;
        void *value;
        network_lock(m);
        while (!is_found && mn_map_next(m->sandboxes, &pos, NULL, &value)) {
                const struct sandbox *s = value;
                for (size_t i = 0; i < s->ports.len; i++) {
                        const struct published_port *p = &s->ports.items[i];
                        bool is_same = !p->is_direct && p->protocol == wanted->protocol &&
                                       p->host_port == wanted->host_port &&
                                       p->host.family == wanted->host.family;
                        if (is_same &&
                            (network_address_is_any(&p->host) || network_address_is_any(&wanted->host) ||
                             network_address_equal(&p->host, &wanted->host)))
                                is_found = true;
                }
        }
        network_unlock(m);
        return is_found;
}

static mn_status say_taken(network_manager *m, const struct published_port *p, int error, mn_err *err) {
        char address[NETWORK_ADDRESS_TEXT_SIZE], host[NETWORK_ADDRESS_TEXT_SIZE + 2];
        const char *brackets = p->host.family == AF_INET6 ? "[]" : "";
        network_address_format(&p->host, address);
        snprintf(host, sizeof(host), "%.1s%s%s", brackets, address, *brackets ? "]" : "");
        if (error == -EADDRINUSE && is_ours(m, p))
                return mn_fail(err, MN_INTERNAL, "Bind for %s:%u failed: port is already allocated", host,
                               p->host_port);
        return mn_fail(err, MN_INTERNAL, "failed to bind host port %s:%u/%s: %s", host, p->host_port,
                       network_protocol_name(p->protocol), mn_strerror(error));
}

/* The kernel's own range for ports nobody chose. */
static void dynamic_range(uint16_t *ret_first, uint16_t *ret_last) {
        cleanup_free char *text = NULL;
        int first = 49153, last = 65535;
        size_t len;
        if (mn_file_read(AT_FDCWD, "/proc/sys/net/ipv4/ip_local_port_range", 64, &text, &len) >= 0) {
                size_t blank = strcspn(text, " \t");
                char *second = text + blank + strspn(text + blank, " \t");
                text[blank] = '\0';
                second[strcspn(second, "\n")] = '\0';
                int a, b;
                if (mn_parse_int(text, 1, 65535, &a) >= 0 && mn_parse_int(second, a, 65535, &b) >= 0)
                        first = a, last = b;
        }
        *ret_first = (uint16_t) first;
        *ret_last = (uint16_t) last;
}

/* All addresses of one binding get the same port, or none does. 0 or the first -errno; `ret_failed` says
 * where. */
static int reserve_all(struct published_port *ports, size_t count, uint16_t port, size_t *ret_failed) {
        for (size_t i = 0; i < count; i++) {
                ports[i].host_port = port;
                int error = reserve(&ports[i].host, ports[i].protocol, port, &ports[i].reserve_fd);
                if (error >= 0)
                        continue;
                *ret_failed = i;
                while (i-- > 0)
                        mn_close(ports[i].reserve_fd);
                return error;
        }
        return 0;
}

static mn_status choose(network_manager *m, const struct port_wish *wish, struct published_port *ports,
                        size_t count, mn_err *err) {
        uint16_t first = wish->first, last = wish->last;
        bool is_dynamic = !first;
        if (is_dynamic)
                dynamic_range(&first, &last);
        uint32_t span = (uint32_t) last - first + 1, start = 0;
        network_lock(m);
        if (is_dynamic && m->next_port >= first && m->next_port <= last)
                start = m->next_port - first;
        network_unlock(m);
        int error = -EADDRINUSE;
        size_t failed = 0;
        for (uint32_t i = 0; i < span; i++) {
                uint16_t port = (uint16_t) (first + (start + i) % span);
                error = reserve_all(ports, count, port, &failed);
                if (error == 0 && is_dynamic) {
                        network_lock(m);
                        m->next_port = (uint16_t) (port + 1);
                        network_unlock(m);
                }
                if (error != -EADDRINUSE)
                        break;
        }
        if (error == 0)
                return MN_OK;
        if (span > 1 && error == -EADDRINUSE)
                return mn_fail(err, MN_INTERNAL, "all ports are allocated");
        return say_taken(m, &ports[failed], error, err);
}

/* ---- all of a sandbox ---- */

static struct published_port make_port(const struct port_wish *wish, const struct endpoint *e,
                                       uint8_t family) {
        const struct bridge_settings *b = &e->network->bridge;
        struct published_port p = { .protocol = wish->protocol,
                                    .container_port = wish->container_port,
                                    .target = family == AF_INET ? e->v4 : e->v6,
                                    .host = { .family = family },
                                    .reserve_fd = -1,
                                    .is_direct = family == AF_INET ? !b->is_nat_v4 : !b->is_nat_v6 };
        if (wish->has_host)
                p.host = wish->host;
        else if (b->has_bind && b->bind.family == family)
                p.host = b->bind;
        return p;
}

static mn_status reserve_wish(network_manager *m, struct sandbox *s, const struct port_wish *wish,
                              struct endpoint *const gateways[2], mn_err *err) {
        static const uint8_t families[2] = { AF_INET, AF_INET6 };
        struct published_port ports[2];
        size_t count = 0;
        for (size_t i = 0; i < 2; i++) {
                if (!gateways[i] || (wish->has_host && wish->host.family != families[i]))
                        continue;
                struct published_port p = make_port(wish, gateways[i], families[i]);
                if (!p.is_direct) {
                        ports[count++] = p;
                        continue;
                }
                network_lock(m);
                mn_vec_push(&s->ports, p);
                network_unlock(m);
        }
        mn_status st = count ? choose(m, wish, ports, count, err) : MN_OK;
        network_lock(m);
        for (size_t i = 0; !st && i < count; i++)
                mn_vec_push(&s->ports, ports[i]);
        network_unlock(m);
        return st;
}

mn_status network_ports_reserve(network_manager *m, struct sandbox *s, mn_err *err) {
        struct endpoint *const gateways[2] = { network_gateway_endpoint(s, AF_INET),
                                               network_gateway_endpoint(s, AF_INET6) };
        const struct endpoint *named = gateways[0] ? gateways[0] : gateways[1];
        for (size_t i = 0; i < s->port_wishes.len; i++) {
                mn_status st = reserve_wish(m, s, &s->port_wishes.items[i], gateways, err);
                if (st)
                        return mn_err_prefix(
                                err, st,
                                "failed to set up container networking: driver failed programming external "
                                "connectivity on endpoint %s (%s)",
                                s->name, named->id);
        }
        return MN_OK;
}
