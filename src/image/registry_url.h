/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* URLs of registries, taken apart by libcurl. */

#include <stdbool.h>

#include "base/macro.h"
#include "base/str.h"

/* The parts of an absolute http(s) URL without credentials in it. */
typedef struct registry_url {
        char *origin;    /* "https://host:443": scheme, host in lower case, port, always explicit */
        char *authority; /* "host" or "host:port" as written, for messages and certs.d */
        char *host;      /* without brackets of IPv6 */
        bool is_https;
} registry_url;

void registry_url_release(registry_url *url);
#define cleanup_registry_url MN_CLEANUP(registry_url_release)

/* Takes `text` (relative to `base` unless that is NULL) apart; `*ret_text`, when not NULL, gets the absolute
   URL. -EINVAL when it is not an absolute http or https URL, or holds a user name. */
int registry_url_parse(const char *base, const char *text, registry_url *ret, char **ret_text);

/* Appends `text` percent-encoded for a query. */
void registry_url_add_escaped(mn_str *out, const char *text);

/* True for "localhost", "*.localhost", 127.0.0.0/8 and ::1 written as such. */
bool registry_host_is_loopback(const char *host);
