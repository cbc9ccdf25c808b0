/* SPDX-License-Identifier: Apache-2.0 */
#include "network/namespace.h"

#include <linux/netlink.h>

#include "network/manager.h"
#include "sys/fd.h"
#include "sys/netns.h"

#define LO_INDEX 1

int network_namespace_make(int home_fd, struct network_namespace *ret) {
        cleanup_netns_trip mn_netns_trip trip = MN_NETNS_TRIP;
        cleanup_close int fd = mn_netns_create(&trip, home_fd);
        if (fd < 0)
                return fd;
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        if (rtnl < 0)
                return rtnl;
        network_put_sysctl("ipv6", "default", "disable_ipv6", "1");
        cleanup_nl mn_nl nl = { 0 };
        mn_link_put_up(&nl, LO_INDEX, NULL);
        int r = mn_nl_exchange(rtnl, &nl, NULL, NULL);
        if (r < 0)
                return r;
        *ret = (struct network_namespace){ .fd = MN_TAKE_FD(fd),
                                           .rtnl = MN_TAKE_FD(rtnl),
                                           .dns = { -1, -1 } };
        return 0;
}

int network_namespace_add_dns(int home_fd, struct network_namespace *ns) {
        cleanup_netns_trip mn_netns_trip trip = MN_NETNS_TRIP;
        int r = mn_netns_enter(&trip, home_fd, ns->fd);
        return r < 0 ? r : network_dns_open(true, &ns->dns);
}
