/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/link.h"

enum { MAX_ADDRESS = 16 };

/* One address as the kernel told it. */
struct address {
        struct ifaddrmsg head;
        uint8_t local[MAX_ADDRESS], address[MAX_ADDRESS], broadcast[4];
        size_t local_len, address_len, broadcast_len;
        uint32_t flags;
};

struct addresses {
        int index; /* of the interface */
        struct address *items;
        size_t len;
};

/* ---- checking ---- */

static bool is_name(const char *name) {
        return *name && strlen(name) < MN_LINK_NAME_SIZE && strcmp(name, ".") != 0 &&
               strcmp(name, "..") != 0 && !strpbrk(name, "/: \t\n\v\f\r");
}

/* "%d" once, as the kernel takes it; any other "%" is none. */
static bool is_template_or_plain(const char *name) {
        const char *percent = strchr(name, '%');
        return !percent || (percent[1] == 'd' && !strchr(percent + 1, '%'));
}

mn_status net_devices_check(const oci_linux *linux_, const namespace_plan *namespaces, mn_err *err) {
        for (size_t i = 0; i < linux_->net_devices.len; i++) {
                const char *host = linux_->net_devices.items[i].key;
                const char *name = linux_->net_devices.items[i].value.name;
                if (!is_name(host) || strchr(host, '%'))
                        return mn_fail(err, MN_INVALID,
                                       "linux.netDevices: \"%s\" is not the name of an interface", host);
                if (name && *name && (!is_name(name) || !is_template_or_plain(name)))
                        return mn_fail(
                                err, MN_INVALID,
                                "linux.netDevices[\"%s\"].name: \"%s\" is not the name of an interface", host,
                                name);
        }
        if (linux_->net_devices.len && !namespace_is_own(namespaces, CLONE_NEWNET))
                return mn_fail(err, MN_INVALID, "linux.netDevices: needs a network namespace of its own");
        return MN_OK;
}

/* ---- addresses ---- */

static void copy(const mn_nl_attr *attr, uint8_t *to, size_t max, size_t *ret_len) {
        *ret_len = attr->data && attr->len <= max ? attr->len : 0;
        if (*ret_len)
                memcpy(to, attr->data, *ret_len);
}

static int keep_address(void *arg, uint16_t type, const void *payload, size_t len) {
        struct addresses *list = arg;
        struct address a = { 0 };
        mn_nl_attr attrs[IFA_FLAGS + 1];
        if (type != RTM_NEWADDR || len < sizeof(a.head))
                return 0;
        memcpy(&a.head, payload, sizeof(a.head));
        mn_nl_parse((const char *) payload + sizeof(a.head), len - sizeof(a.head), attrs,
                    MN_ARRAY_LEN(attrs));
        a.flags = attrs[IFA_FLAGS].data ? mn_nl_u32(&attrs[IFA_FLAGS]) : a.head.ifa_flags;
        if ((int) a.head.ifa_index != list->index || !(a.flags & IFA_F_PERMANENT) ||
            a.head.ifa_scope != RT_SCOPE_UNIVERSE)
                return 0;
        copy(&attrs[IFA_LOCAL], a.local, sizeof(a.local), &a.local_len);
        copy(&attrs[IFA_ADDRESS], a.address, sizeof(a.address), &a.address_len);
        copy(&attrs[IFA_BROADCAST], a.broadcast, sizeof(a.broadcast), &a.broadcast_len);
        list->items = mn_realloc(list->items, (list->len + 1) * sizeof(a));
        list->items[list->len++] = a;
        return 0;
}

static int read_addresses(int rtnl, struct addresses *list) {
        cleanup_nl mn_nl nl = { 0 };
        mn_nl_begin(&nl, RTM_GETADDR, NLM_F_DUMP, &(struct ifaddrmsg){ 0 }, sizeof(struct ifaddrmsg));
        return mn_nl_exchange(rtnl, &nl, keep_address, list);
}

static void put_address(mn_nl *nl, const struct address *a, int index) {
        struct ifaddrmsg head = a->head;
        head.ifa_index = (unsigned) index;
        head.ifa_flags = 0;
        mn_nl_begin(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
        if (a->local_len)
                mn_nl_put(nl, IFA_LOCAL, a->local, a->local_len);
        if (a->address_len)
                mn_nl_put(nl, IFA_ADDRESS, a->address, a->address_len);
        if (a->broadcast_len)
                mn_nl_put(nl, IFA_BROADCAST, a->broadcast, a->broadcast_len);
        /* What the kernel sets itself is left out; without duplicate detection the address works at once. */
        uint32_t kept = a->flags & ~(uint32_t) (IFA_F_PERMANENT | IFA_F_TENTATIVE | IFA_F_SECONDARY);
        mn_nl_put_u32(nl, IFA_FLAGS, a->head.ifa_family == AF_INET6 ? kept | IFA_F_NODAD : kept);
}

/* ---- moving ---- */

static int send_away(int rtnl, int index, int netns, const char *name) {
        cleanup_nl mn_nl nl = { 0 };
        mn_nl_begin(&nl, RTM_NEWLINK, 0, &(struct ifinfomsg){ .ifi_index = index }, sizeof(struct ifinfomsg));
        mn_nl_put_u32(&nl, IFLA_NET_NS_FD, (uint32_t) netns);
        mn_nl_put_str(&nl, IFLA_IFNAME, name);
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

/* Of the interfaces in a namespace: those there before, or the one that came since. */
struct indices {
        int *before;
        size_t len;
        int newcomer;
        bool is_after;
};

static int see_index(void *arg, uint16_t type, const void *payload, size_t len) {
        struct indices *all = arg;
        struct ifinfomsg head;
        if (type != RTM_NEWLINK || len < sizeof(head))
                return 0;
        memcpy(&head, payload, sizeof(head));
        for (size_t i = 0; all->is_after && i < all->len; i++)
                if (all->before[i] == head.ifi_index)
                        return 0;
        if (all->is_after) {
                all->newcomer = head.ifi_index;
                return 0;
        }
        all->before = mn_realloc(all->before, (all->len + 1) * sizeof(int));
        all->before[all->len++] = head.ifi_index;
        return 0;
}

static int list_indices(int rtnl, struct indices *all) {
        cleanup_nl mn_nl nl = { 0 };
        mn_nl_begin(&nl, RTM_GETLINK, NLM_F_DUMP, &(struct ifinfomsg){ 0 }, sizeof(struct ifinfomsg));
        return mn_nl_exchange(rtnl, &nl, see_index, all);
}

static int set_up(int rtnl, const struct addresses *list, int index) {
        cleanup_nl mn_nl nl = { 0 };
        mn_link_put_up(&nl, index, NULL);
        for (size_t i = 0; i < list->len; i++)
                put_address(&nl, &list->items[i], index);
        return mn_nl_exchange(rtnl, &nl, NULL, NULL);
}

/* The kernel may number it anew and, with a template, has named it: it is the one that was not there before.
 */
static int move(int here, int there, int netns, const char *name, struct addresses *list) {
        struct indices all = { 0 };
        int r = read_addresses(here, list);
        if (r >= 0)
                r = list_indices(there, &all);
        if (r >= 0)
                r = send_away(here, list->index, netns, name);
        all.is_after = true;
        if (r >= 0)
                r = list_indices(there, &all);
        if (r >= 0)
                r = all.newcomer ? set_up(there, list, all.newcomer) : -ENODEV;
        mn_freep(&all.before);
        return r;
}

static mn_status move_one(int here, int there, int netns, const char *host, const char *wanted, mn_err *err) {
        const char *name = wanted && *wanted ? wanted : host;
        struct addresses list = { .index = mn_link_index(here, host) };
        if (list.index < 0)
                return mn_fail_errno(err, list.index, "linux.netDevices[\"%s\"]", host);
        if (!strchr(name, '%') && mn_link_index(there, name) >= 0)
                return mn_fail(
                        err, MN_CONFLICT,
                        "linux.netDevices[\"%s\"].name: \"%s\" exists in the container's network namespace",
                        host, name);
        int r = move(here, there, netns, name, &list);
        mn_freep(&list.items);
        return r < 0 ? mn_fail_errno(err, r, "linux.netDevices[\"%s\"]: moving it", host) : MN_OK;
}

/* A netlink socket of the namespace behind `netns`. */
static int open_there(int netns) {
        cleanup_close int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (own < 0 || setns(netns, CLONE_NEWNET) < 0)
                return -errno;
        int fd = mn_nl_open(NETLINK_ROUTE);
        return setns(own, CLONE_NEWNET) < 0 ? -errno : fd;
}

mn_status net_devices_move(const oci_linux *linux_, pid_t pid, mn_err *err) {
        char path[40];
        if (!linux_ || linux_->net_devices.len == 0)
                return MN_OK;
        snprintf(path, sizeof(path), "/proc/%d/ns/net", (int) pid);
        cleanup_close int netns = open(path, O_RDONLY | O_CLOEXEC);
        cleanup_close int here = mn_nl_open(NETLINK_ROUTE);
        cleanup_close int there = netns < 0 ? -errno : open_there(netns);
        if (here < 0 || there < 0)
                return mn_fail_errno(err, here < 0 ? here : there,
                                     "linux.netDevices: opening the namespaces");
        mn_status st = MN_OK;
        for (size_t i = 0; st == MN_OK && i < linux_->net_devices.len; i++)
                st = move_one(here, there, netns, linux_->net_devices.items[i].key,
                              linux_->net_devices.items[i].value.name, err);
        return st;
}
