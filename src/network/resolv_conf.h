/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Reading resolv.conf(5): the host's is input of the name server and of the containers' own file. */

#include "base/strv.h"

struct resolv_conf {
        char **nameservers;
        char **search;
        char **options;
};

/* Takes what is well-formed; the last search or domain line wins. */
void resolv_conf_parse(const char *text, struct resolv_conf *ret);
void resolv_conf_release(struct resolv_conf *c);
#define cleanup_resolv_conf MN_CLEANUP(resolv_conf_release)

/* The host's file. Where it names only a local stub (systemd-resolved) and `for_containers` is set, the file
   behind it, for a stub on 127.0.0.53 is out of a container's reach. Empty when it cannot be read. */
void resolv_conf_read_host(int for_containers, struct resolv_conf *ret);
