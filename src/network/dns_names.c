/* SPDX-License-Identifier: Apache-2.0 */
/* What the name server knows itself: the containers that share a network with the one that asks. */

#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "network/manager.h"

#define TTL_S 600

struct matches {
        mn_net_address v4[DNS_MAX_ADDRESSES], v6[DNS_MAX_ADDRESSES];
        size_t nv4, nv6;
        bool is_known;
};

static void add_match(struct matches *found, const struct endpoint *e) {
        found->is_known = true;
        if (e->has_v4 && found->nv4 < DNS_MAX_ADDRESSES)
                found->v4[found->nv4++] = e->v4;
        if (e->has_v6 && found->nv6 < DNS_MAX_ADDRESSES)
                found->v6[found->nv6++] = e->v6;
}

/* "web" and "web.<network>". */
static bool has_name(const struct endpoint *e, const char *name) {
        const char *network = e->network->doc.name;
        for (size_t i = 0; e->dns_names && e->dns_names[i]; i++) {
                const char *own = e->dns_names[i];
                size_t len = strlen(own);
                if (strncasecmp(own, name, len) != 0)
                        continue;
                if (!name[len] || (name[len] == '.' && strcasecmp(name + len + 1, network) == 0))
                        return true;
        }
        return false;
}

/* Legacy links "container:alias" give a container names of its own for its neighbours. */
static bool is_linked(const struct endpoint *asking, const struct endpoint *e, const char *name) {
        for (size_t i = 0; asking->wishes.links && asking->wishes.links[i]; i++) {
                const char *link = asking->wishes.links[i], *colon = strchr(link, ':');
                const char *alias = colon ? colon + 1 : link;
                size_t len = colon ? (size_t) (colon - link) : strlen(link);
                const char *target = e->sandbox->name;
                if (strcasecmp(alias, name) == 0 && strlen(target) == len && strncmp(link, target, len) == 0)
                        return true;
        }
        return false;
}

static void find_name(const struct sandbox *s, const char *name, struct matches *found) {
        for (size_t i = 0; i < s->endpoints.len; i++) {
                const struct endpoint *own = s->endpoints.items[i];
                const struct network *n = own->network;
                for (size_t k = 0; network_is_user_defined(n) && k < n->endpoints.len; k++) {
                        const struct endpoint *e = n->endpoints.items[k];
                        if (has_name(e, name) || is_linked(own, e, name))
                                add_match(found, e);
                }
        }
}

static const struct endpoint *find_address(const struct sandbox *s, const mn_net_address *address) {
        for (size_t i = 0; i < s->endpoints.len; i++) {
                const struct network *n = s->endpoints.items[i]->network;
                for (size_t k = 0; network_is_user_defined(n) && k < n->endpoints.len; k++) {
                        const struct endpoint *e = n->endpoints.items[k];
                        if ((e->has_v4 && network_address_equal(&e->v4, address)) ||
                            (e->has_v6 && network_address_equal(&e->v6, address)))
                                return e;
                }
        }
        return NULL;
}

/* A container that only has internal networks must not reach the world through its resolver either. */
static bool may_ask_others(const struct sandbox *s) {
        for (size_t i = 0; i < s->endpoints.len; i++)
                if (!s->endpoints.items[i]->network->doc.is_internal)
                        return true;
        return false;
}

/* Several containers of one name take turns at the front. */
static void add_addresses(struct dns_response *r, const mn_net_address *list, size_t count, uint16_t turn) {
        for (size_t i = 0; i < count; i++)
                dns_response_add_address(r, &list[(i + turn) % count], TTL_S);
}

static bool answer_name(const struct sandbox *s, const struct dns_query *q, struct dns_response *r,
                        uint8_t *out, size_t max) {
        struct matches found = { 0 };
        bool is_address = q->type == DNS_TYPE_A || q->type == DNS_TYPE_AAAA;
        find_name(s, q->name, &found);
        if (!found.is_known)
                return false;
        dns_response_begin(r, q, DNS_NOERROR, out, max);
        if (is_address && q->type == DNS_TYPE_A)
                add_addresses(r, found.v4, found.nv4, q->id);
        else if (is_address)
                add_addresses(r, found.v6, found.nv6, q->id);
        return true; /* known, with nothing of that type: an empty answer at once */
}

static bool answer_reverse(const struct sandbox *s, const struct dns_query *q, struct dns_response *r,
                           uint8_t *out, size_t max) {
        mn_net_address address;
        if (q->type != DNS_TYPE_PTR || dns_reverse_parse(q->name, &address) < 0)
                return false;
        const struct endpoint *e = find_address(s, &address);
        if (!e)
                return false;
        cleanup_str mn_str name = MN_STR_INIT(DNS_NAME_SIZE);
        mn_str_printf(&name, "%s.%s", e->sandbox->name, e->network->doc.name);
        dns_response_begin(r, q, DNS_NOERROR, out, max);
        dns_response_add_name(r, mn_str_text(&name), TTL_S);
        return true;
}

enum dns_verdict network_dns_answer(network_manager *m, const char *container_id,
                                    const struct dns_query *query, uint8_t *out, size_t max,
                                    size_t *ret_len) {
        struct dns_response r;
        enum dns_verdict verdict = DNS_ANSWER;
        bool is_ours = query->class == DNS_CLASS_IN && query->is_text && query->name[0];
        network_lock(m);
        const struct sandbox *s = network_find_sandbox(m, container_id);
        if (!s)
                dns_response_begin(&r, query, DNS_SERVFAIL, out, max);
        else if (is_ours && (answer_name(s, query, &r, out, max) || answer_reverse(s, query, &r, out, max)))
                ;
        else if (may_ask_others(s))
                verdict = DNS_FORWARD;
        else
                dns_response_begin(&r, query, DNS_NXDOMAIN, out, max);
        network_unlock(m);
        if (verdict == DNS_ANSWER)
                *ret_len = dns_response_end(&r);
        return verdict;
}
