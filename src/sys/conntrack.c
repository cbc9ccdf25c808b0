/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <string.h>

#include "sys/fd.h"
#include "sys/netlink.h"

/* What the kernel compares in a dump with a filter; the numbers are not in its public headers. */
#define FILTER_PROTOCOL (1u << 3)
#define FILTER_DESTINATION_PORT (1u << 5)

struct search {
        uint8_t family, protocol;
        uint16_t port_be;
        mn_nl deletions;
        int count;
};

static void begin(mn_nl *nl, uint8_t type, uint16_t flags, uint8_t family) {
        struct nfgenmsg head = { .nfgen_family = family, .version = NFNETLINK_V0 };
        mn_nl_begin(nl, (uint16_t) (NFNL_SUBSYS_CTNETLINK << 8 | type), flags, &head, sizeof(head));
}

/* The filter is a help for hosts with many flows; each answer is looked at all the same. */
static bool is_wanted(const struct search *s, const mn_nl_attr *tuple) {
        mn_nl_attr parts[CTA_TUPLE_PROTO + 1], proto[CTA_PROTO_DST_PORT + 1];
        mn_nl_parse(tuple->data, tuple->len, parts, CTA_TUPLE_PROTO + 1);
        if (!parts[CTA_TUPLE_PROTO].data)
                return false;
        mn_nl_parse(parts[CTA_TUPLE_PROTO].data, parts[CTA_TUPLE_PROTO].len, proto, CTA_PROTO_DST_PORT + 1);
        return proto[CTA_PROTO_NUM].len == 1 && *(const uint8_t *) proto[CTA_PROTO_NUM].data == s->protocol &&
               proto[CTA_PROTO_DST_PORT].len == 2 &&
               memcmp(proto[CTA_PROTO_DST_PORT].data, &s->port_be, sizeof(s->port_be)) == 0;
}

static int see_flow(void *arg, uint16_t type, const void *payload, size_t len) {
        struct search *s = arg;
        mn_nl_attr attrs[CTA_ID + 1];
        (void) type;
        if (len < sizeof(struct nfgenmsg))
                return 0;
        mn_nl_parse((const uint8_t *) payload + sizeof(struct nfgenmsg), len - sizeof(struct nfgenmsg), attrs,
                    CTA_ID + 1);
        if (!attrs[CTA_TUPLE_ORIG].data || !is_wanted(s, &attrs[CTA_TUPLE_ORIG]))
                return 0;
        begin(&s->deletions, IPCTNL_MSG_CT_DELETE, 0, s->family);
        mn_nl_put(&s->deletions, CTA_TUPLE_ORIG | NLA_F_NESTED, attrs[CTA_TUPLE_ORIG].data,
                  attrs[CTA_TUPLE_ORIG].len);
        if (attrs[CTA_ID].data)
                mn_nl_put(&s->deletions, CTA_ID, attrs[CTA_ID].data, attrs[CTA_ID].len);
        s->count++;
        return 0;
}

static int find_flows(int fd, struct search *s) {
        cleanup_nl mn_nl nl = { 0 };
        begin(&nl, IPCTNL_MSG_CT_GET, NLM_F_DUMP, s->family);
        mn_nl_nest(&nl, CTA_TUPLE_ORIG);
        mn_nl_nest(&nl, CTA_TUPLE_PROTO);
        mn_nl_put_u8(&nl, CTA_PROTO_NUM, s->protocol);
        mn_nl_put_u16(&nl, CTA_PROTO_DST_PORT, s->port_be);
        mn_nl_nest_end(&nl);
        mn_nl_nest_end(&nl);
        mn_nl_nest(&nl, CTA_FILTER);
        mn_nl_put_u32(&nl, CTA_FILTER_ORIG_FLAGS, FILTER_PROTOCOL | FILTER_DESTINATION_PORT);
        mn_nl_put_u32(&nl, CTA_FILTER_REPLY_FLAGS, 0);
        mn_nl_nest_end(&nl);
        return mn_nl_exchange(fd, &nl, see_flow, s);
}

int mn_conntrack_forget(uint8_t family, uint8_t protocol, uint16_t port) {
        cleanup_close int fd = mn_nl_open(NETLINK_NETFILTER);
        struct search s = { .family = family, .protocol = protocol, .port_be = htons(port) };
        int r = fd < 0 ? fd : find_flows(fd, &s);
        if (r >= 0)
                r = mn_nl_exchange(fd, &s.deletions, NULL, NULL);
        mn_nl_release(&s.deletions);
        return r < 0 && r != -ENOENT ? r : s.count; /* one that ended by itself meanwhile is as good */
}
