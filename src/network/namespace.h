/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A fresh network namespace for a container, before it has interfaces. */

#include <stdbool.h>

#include "network/dns.h"

struct network_namespace {
        int fd;
        int rtnl;               /* route netlink socket inside */
        struct dns_sockets dns; /* -1 unless added */
};

/* Makes one with the calling thread, which is back home when this returns: lo is up, interfaces that come
   later have no IPv6 until told so. The descriptors are the caller's. 0 or -errno. */
int network_namespace_make(int home_fd, struct network_namespace *ret);

/* Opens the name server's sockets in it. 0 or -errno. */
int network_namespace_add_dns(int home_fd, struct network_namespace *ns);
