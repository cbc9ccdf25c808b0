/* SPDX-License-Identifier: Apache-2.0 */
#include "network/namespace.h"

#include <linux/netlink.h>

#include "network/manager.h"
#include "sys/fd.h"
#include "sys/netns.h"

int network_namespace_make(int home_fd, bool with_dns, struct network_namespace *ret) {
        cleanup_netns_trip mn_netns_trip trip = MN_NETNS_TRIP;
        cleanup_close int fd = mn_netns_create(&trip, home_fd);
        if (fd < 0)
                return fd;
        cleanup_close int rtnl = mn_nl_open(NETLINK_ROUTE);
        if (rtnl < 0)
                return rtnl;
        network_put_sysctl("ipv6", "default", "disable_ipv6", "1");
        struct dns_sockets dns = { -1, -1 };
        if (with_dns) {
                cleanup_nl mn_nl nl = { 0 };
                mn_link_put_up(&nl, 1); /* 127.0.0.11 is not there before */
                int r = mn_nl_exchange(rtnl, &nl, NULL, NULL);
                if (r >= 0)
                        r = network_dns_open(true, &dns);
                if (r < 0)
                        return r;
        }
        *ret = (struct network_namespace){ .fd = MN_TAKE_FD(fd), .rtnl = MN_TAKE_FD(rtnl), .dns = dns };
        return 0;
}
