/* SPDX-License-Identifier: Apache-2.0 */
/* What is written down: networks in the state database, sandboxes of running containers in the exec root. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "network/manager.h"
#include "store/store.h"
#include "sys/fd.h"
#include "sys/file.h"

#define KIND "network"
#define MAX_RECORD ((size_t) 1 << 20)

/* ---- networks ---- */

mn_status network_store_save(network_manager *m, const struct network *n, mn_err *err) {
        return store_put(m->options.store, KIND, n->doc.id, &wire_network_type, &n->doc, STORE_DURABLE, err);
}

mn_status network_store_delete(network_manager *m, const struct network *n, mn_err *err) {
        return store_delete(m->options.store, KIND, n->doc.id, STORE_DURABLE, err);
}

static const struct network_driver *driver_of(const char *name) {
        static const struct network_driver *const drivers[] = { &network_bridge_driver, &network_host_driver,
                                                                &network_none_driver };
        for (size_t i = 0; i < MN_ARRAY_LEN(drivers); i++)
                if (mn_str_equal(drivers[i]->name, name))
                        return drivers[i];
        return NULL;
}

const struct network_driver *network_driver_find(const char *name) {
        return driver_of(name);
}

static mn_status load_network(network_manager *m, const store_document *d, mn_err *err) {
        struct network *n = network_new();
        mn_status st = mn_json_decode_text(&wire_network_type, d->text, d->len, NULL, n->arena,
                                           MN_UNKNOWN_IGNORE, &n->doc, err);
        n->driver = st ? NULL : driver_of(n->doc.driver);
        if (!st && !n->driver)
                st = mn_fail(err, MN_INTERNAL, "unknown driver %s", n->doc.driver);
        if (!st)
                st = n->driver->configure(m, n, err);
        if (!st)
                st = network_load_subnets(n, err);
        if (st) {
                network_free(n);
                return mn_err_prefix(err, MN_INTERNAL, "stored network %s", d->id);
        }
        mn_map_set(m->networks, n->doc.id, n);
        return MN_OK;
}

mn_status network_store_load(network_manager *m, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        store_document_list documents = { 0 };
        mn_status st = store_list(m->options.store, KIND, arena, &documents, err);
        for (size_t i = 0; !st && i < documents.len; i++)
                st = load_network(m, &documents.items[i], err);
        return st;
}

/* ---- sandboxes ---- */

/* The shape of a record file. */
struct endpoint_record {
        char *network, *endpoint, *veth, *interface, *mac, *v4, *v6;
        wire_endpoint_settings wishes;
};
struct port_record {
        char *host, *target;
        uint16_t protocol, host_port, container_port;
        bool is_direct;
};
struct wish_record {
        char *host;
        uint16_t protocol, container_port, first, last;
};
struct sandbox_record {
        char *name, *hostname;
        char **dns;
        bool is_host;
        uint64_t netns_inode;
        MN_LIST(struct endpoint_record) endpoints;
        MN_LIST(struct port_record) ports;
        MN_LIST(struct wish_record) wishes;
};

#define ENDPOINT(member) offsetof(struct endpoint_record, member)
static const mn_field endpoint_fields[] = {
        { "Network", &mn_type_str, ENDPOINT(network) },
        { "Endpoint", &mn_type_str, ENDPOINT(endpoint) },
        { "Veth", &mn_type_str, ENDPOINT(veth) },
        { "Interface", &mn_type_str, ENDPOINT(interface) },
        { "MAC", &mn_type_str, ENDPOINT(mac), MN_OMIT_EMPTY },
        { "IPv4", &mn_type_str, ENDPOINT(v4), MN_OMIT_EMPTY },
        { "IPv6", &mn_type_str, ENDPOINT(v6), MN_OMIT_EMPTY },
        { "Wishes", &wire_endpoint_settings_type, ENDPOINT(wishes) },
        { 0 },
};
static const mn_type endpoint_type = MN_STRUCT(struct endpoint_record, endpoint_fields);
static const mn_type endpoint_list_type = MN_LIST_OF(&endpoint_type);

#define PORT(member) offsetof(struct port_record, member)
static const mn_field port_fields[] = {
        { "Host", &mn_type_str, PORT(host) },
        { "Target", &mn_type_str, PORT(target) },
        { "Protocol", &mn_type_u16, PORT(protocol) },
        { "HostPort", &mn_type_u16, PORT(host_port) },
        { "ContainerPort", &mn_type_u16, PORT(container_port) },
        { "IsDirect", &mn_type_bool, PORT(is_direct), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type port_type = MN_STRUCT(struct port_record, port_fields);
static const mn_type port_list_type = MN_LIST_OF(&port_type);

#define WISH(member) offsetof(struct wish_record, member)
static const mn_field wish_fields[] = {
        { "Host", &mn_type_str, WISH(host), MN_OMIT_EMPTY },
        { "Protocol", &mn_type_u16, WISH(protocol) },
        { "ContainerPort", &mn_type_u16, WISH(container_port) },
        { "First", &mn_type_u16, WISH(first), MN_OMIT_EMPTY },
        { "Last", &mn_type_u16, WISH(last), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type wish_type = MN_STRUCT(struct wish_record, wish_fields);
static const mn_type wish_list_type = MN_LIST_OF(&wish_type);

#define SANDBOX(member) offsetof(struct sandbox_record, member)
static const mn_field sandbox_fields[] = {
        { "Name", &mn_type_str, SANDBOX(name) },
        { "Hostname", &mn_type_str, SANDBOX(hostname), MN_OMIT_EMPTY },
        { "DNS", &mn_type_strv, SANDBOX(dns), MN_OMIT_EMPTY },
        { "IsHost", &mn_type_bool, SANDBOX(is_host), MN_OMIT_EMPTY },
        { "Netns", &mn_type_u64, SANDBOX(netns_inode) },
        { "Endpoints", &endpoint_list_type, SANDBOX(endpoints) },
        { "Ports", &port_list_type, SANDBOX(ports), MN_OMIT_EMPTY },
        { "Wishes", &wish_list_type, SANDBOX(wishes), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type sandbox_type = MN_STRUCT(struct sandbox_record, sandbox_fields);

static void describe_endpoint(const struct endpoint *e, mn_arena *arena, struct endpoint_record *ret) {
        char mac[18], address[NETWORK_ADDRESS_TEXT_SIZE];
        *ret = (struct endpoint_record){ .network = e->network->doc.id,
                                         .endpoint = mn_arena_strdup(arena, e->id),
                                         .veth = mn_arena_strdup(arena, e->veth),
                                         .interface = mn_arena_strdup(arena, e->interface),
                                         .wishes = e->wishes };
        if (e->has_mac)
                ret->mac = mn_arena_strdup(arena, network_mac_format(e->mac, mac));
        if (e->has_v4)
                ret->v4 = mn_arena_strdup(arena, network_cidr_format(&e->v4, address));
        if (e->has_v6)
                ret->v6 = mn_arena_strdup(arena, network_cidr_format(&e->v6, address));
}

static void describe_port(const struct published_port *p, mn_arena *arena, struct port_record *ret) {
        char address[NETWORK_ADDRESS_TEXT_SIZE];
        *ret = (struct port_record){ .protocol = p->protocol,
                                     .host_port = p->host_port,
                                     .container_port = p->container_port,
                                     .is_direct = p->is_direct };
        ret->host = mn_arena_strdup(arena, network_address_format(&p->host, address));
        ret->target = mn_arena_strdup(arena, network_address_format(&p->target, address));
}

static void describe_wish(const struct port_wish *w, mn_arena *arena, struct wish_record *ret) {
        char address[NETWORK_ADDRESS_TEXT_SIZE];
        *ret = (struct wish_record){ .protocol = w->protocol,
                                     .container_port = w->container_port,
                                     .first = w->first,
                                     .last = w->last };
        if (w->has_host)
                ret->host = mn_arena_strdup(arena, network_address_format(&w->host, address));
}

mn_status network_record_save(network_manager *m, const struct sandbox *s, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        struct sandbox_record record = { .name = s->name,
                                         .hostname = s->hostname,
                                         .dns = s->dns,
                                         .is_host = s->is_host,
                                         .netns_inode = s->netns_inode };
        network_lock(m); /* a rename may come between */
        record.endpoints.items = mn_arena_array(arena, s->endpoints.len, sizeof(*record.endpoints.items));
        for (size_t i = 0; i < s->endpoints.len; i++)
                describe_endpoint(s->endpoints.items[i], arena,
                                  &record.endpoints.items[record.endpoints.len++]);
        record.ports.items = mn_arena_array(arena, s->ports.len, sizeof(*record.ports.items));
        for (size_t i = 0; i < s->ports.len; i++)
                describe_port(&s->ports.items[i], arena, &record.ports.items[record.ports.len++]);
        record.wishes.items = mn_arena_array(arena, s->port_wishes.len, sizeof(*record.wishes.items));
        for (size_t i = 0; i < s->port_wishes.len; i++)
                describe_wish(&s->port_wishes.items[i], arena, &record.wishes.items[record.wishes.len++]);
        cleanup_str mn_str text = MN_STR_INIT(MAX_RECORD);
        mn_json_encode(&sandbox_type, &record, 0, &text);
        network_unlock(m);
        int r = mn_str_error(&text);
        if (r >= 0)
                r = mn_file_replace(m->records_fd, s->container_id, text.data, text.len, 0600);
        return r < 0 ? mn_fail_errno(err, r, "writing down the network of container %s", s->container_id)
                     : MN_OK;
}

void network_record_delete(network_manager *m, const char *container_id) {
        if (unlinkat(m->records_fd, container_id, 0) < 0 && errno != ENOENT)
                mn_log(MN_LOG_WARN, "cannot remove a network record", " container=%s errno=%d", container_id,
                       errno);
}

static mn_status restore_address(struct endpoint *e, const char *text, mn_net_address *ret, bool *ret_has,
                                 mn_err *err) {
        if (mn_str_is_empty(text))
                return MN_OK;
        if (network_cidr_parse(text, ret) < 0)
                return mn_fail(err, MN_INTERNAL, "invalid address %s", text);
        network_subnet *pool = network_pool_of(e->network, ret->family);
        mn_status st = pool ? network_subnet_claim(pool, ret, err)
                            : mn_fail(err, MN_INTERNAL, "no subnet for %s", text);
        *ret_has = !st;
        return st;
}

static mn_status restore_endpoint(network_manager *m, struct sandbox *s, const struct endpoint_record *record,
                                  mn_err *err) {
        struct network *n = mn_map_get(m->networks, record->network);
        if (!n)
                return mn_fail(err, MN_NOT_FOUND, "network %s not found", record->network);
        struct endpoint *e = network_endpoint_alloc(n, s, &record->wishes);
        memcpy(e->id, record->endpoint, strnlen(record->endpoint, MN_ID_LEN));
        memcpy(e->veth, record->veth, strnlen(record->veth, sizeof(e->veth) - 1));
        memcpy(e->interface, record->interface, strnlen(record->interface, sizeof(e->interface) - 1));
        e->has_mac = network_mac_parse(record->mac, e->mac) >= 0;
        mn_status st = restore_address(e, record->v4, &e->v4, &e->has_v4, err);
        return st ? st : restore_address(e, record->v6, &e->v6, &e->has_v6, err);
}

static void restore_port(struct sandbox *s, const struct port_record *record) {
        struct published_port p = { .protocol = (uint8_t) record->protocol,
                                    .host_port = record->host_port,
                                    .container_port = record->container_port,
                                    .is_direct = record->is_direct,
                                    .is_active = true,
                                    .reserve_fd = -1 };
        if (network_address_parse(record->host, &p.host) >= 0 &&
            network_address_parse(record->target, &p.target) >= 0)
                mn_vec_push(&s->ports, p);
}

static void restore_wish(struct sandbox *s, const struct wish_record *record) {
        struct port_wish w = { .protocol = (uint8_t) record->protocol,
                               .container_port = record->container_port,
                               .first = record->first,
                               .last = record->last };
        w.has_host = network_address_parse(record->host, &w.host) >= 0;
        mn_vec_push(&s->port_wishes, w);
}

mn_status network_record_load(network_manager *m, const char *container_id, struct sandbox **ret,
                              mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_free char *text = NULL;
        size_t len = 0;
        struct sandbox_record record;
        int r = mn_file_read(m->records_fd, container_id, MAX_RECORD, &text, &len);
        if (r < 0)
                return mn_fail_errno(err, r, "network record of container %s", container_id);
        mn_status st = mn_json_decode_text(&sandbox_type, text, len, NULL, arena, MN_UNKNOWN_IGNORE, &record,
                                           err);
        if (st)
                return mn_err_prefix(err, MN_INTERNAL, "network record of container %s", container_id);
        struct sandbox *s = network_sandbox_new(container_id, record.name, record.hostname, record.dns);
        s->is_host = record.is_host;
        s->netns_inode = record.netns_inode;
        for (size_t i = 0; !st && i < record.endpoints.len; i++)
                st = restore_endpoint(m, s, &record.endpoints.items[i], err);
        for (size_t i = 0; !st && i < record.ports.len; i++)
                restore_port(s, &record.ports.items[i]);
        for (size_t i = 0; !st && i < record.wishes.len; i++)
                restore_wish(s, &record.wishes.items[i]);
        if (st) {
                network_sandbox_free(s);
                return mn_err_prefix(err, st, "network record of container %s", container_id);
        }
        for (size_t i = 0; i < s->endpoints.len; i++)
                network_endpoint_update_names(s->endpoints.items[i]);
        *ret = s;
        return MN_OK;
}

void network_records_prune(network_manager *m) {
        int fd = openat(m->records_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                mn_close(fd);
                return;
        }
        for (struct dirent *entry; (entry = readdir(dir));)
                if (strlen(entry->d_name) == MN_ID_LEN && !mn_map_has(m->sandboxes, entry->d_name))
                        network_record_delete(m, entry->d_name);
        closedir(dir);
}
