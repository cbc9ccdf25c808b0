/* SPDX-License-Identifier: Apache-2.0 */
/* Protection of a TCP port from web pages in a browser on the same machine: a page can make the browser send
 * requests to 127.0.0.1, directly (the browser then names the page's origin) or after its own name was made
 * to resolve there (the Host header then names the page). Programs do neither. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "api/http_private.h"

/* Copies the host without its port and brackets; false when it is too long. */
static bool host_name(const char *host, char name[256]) {
        size_t len;
        if (host[0] == '[') {
                host++;
                len = strcspn(host, "]");
        } else {
                const char *colon = strrchr(host, ':');
                len = colon ? (size_t) (colon - host) : strlen(host);
        }
        if (len >= 256)
                return false;
        memcpy(name, host, len);
        name[len] = '\0';
        return true;
}

static bool is_allowed_host(const http_server *s, const char *host) {
        char name[256];
        unsigned char address[16];
        if (!host || !*host)
                return true; /* HTTP/1.0: no browser */
        if (!host_name(host, name))
                return false;
        if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1 ||
            strcasecmp(name, "localhost") == 0)
                return true;
        for (char *const *allowed = s->spec.allowed_names; allowed && *allowed; allowed++) {
                if (strcasecmp(name, *allowed) == 0)
                        return true;
        }
        return false;
}

const char *http_guard(const http_conn *c, const mn_http_head *head) {
        if (c->listener->is_local || c->listener->checks_clients)
                return NULL;
        if (!is_allowed_host(c->server, head->host))
                return "forbidden: the Host header names neither an address nor an allowed name";
        const char *site = mn_http_header_get(head, "Sec-Fetch-Site");
        if (mn_http_header_get(head, "Origin") || (site && strcasecmp(site, "none") != 0))
                return "forbidden: requests from web pages are not allowed";
        return NULL;
}
