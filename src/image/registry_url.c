/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "image/curl_library.h"

void registry_url_release(registry_url *url) {
        free(url->origin);
        free(url->authority);
        free(url->host);
        *url = (registry_url){ 0 };
}

static void curl_freep(char **p) {
        curl_free(*p);
}
#define cleanup_curl MN_CLEANUP(curl_freep)

static void url_cleanup(CURLU **u) {
        curl_url_cleanup(*u);
}

int registry_url_parse(const char *base, const char *text, registry_url *ret, char **ret_text) {
        __attribute__((cleanup(url_cleanup))) CURLU *u = curl_url();
        cleanup_curl char *scheme = NULL, *host = NULL, *port = NULL, *written_port = NULL, *whole = NULL;
        for (const char *c = text; *c; c++)
                if ((unsigned char) *c <= ' ' || *c == 0x7f)
                        return -EINVAL;
        if ((base && curl_url_set(u, CURLUPART_URL, base, 0)) ||
            curl_url_set(u, CURLUPART_URL, text, CURLU_DISALLOW_USER) ||
            curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) || curl_url_get(u, CURLUPART_HOST, &host, 0) ||
            curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ||
            curl_url_get(u, CURLUPART_URL, &whole, 0))
                return -EINVAL;
        bool is_https = strcasecmp(scheme, "https") == 0;
        if (!*host || (!is_https && strcasecmp(scheme, "http") != 0))
                return -EINVAL;
        bool has_port = curl_url_get(u, CURLUPART_PORT, &written_port, 0) == CURLUE_OK;
        for (char *c = host; *c; c++)
                *c = (char) tolower((unsigned char) *c);
        *ret = (registry_url){
                .is_https = is_https,
                .origin = mn_asprintf("%s://%s:%s", is_https ? "https" : "http", host, port),
                .authority = mn_asprintf("%s%s%s", host, has_port ? ":" : "", has_port ? written_port : ""),
        };
        size_t len = strlen(host);
        ret->host = host[0] == '[' && len > 2 ? mn_strndup(host + 1, len - 2) : mn_strdup(host);
        if (ret_text)
                *ret_text = mn_strdup(whole);
        return 0;
}

void registry_url_add_escaped(mn_str *out, const char *text) {
        for (; *text; text++) {
                unsigned char c = (unsigned char) *text;
                if (isalnum(c) || strchr("-._~", c))
                        mn_str_add_char(out, (char) c);
                else
                        mn_str_printf(out, "%%%02X", c);
        }
}

bool registry_host_is_loopback(const char *host) {
        struct in_addr v4;
        struct in6_addr v6;
        size_t len = strlen(host);
        if (strcmp(host, "localhost") == 0 || (len > 10 && strcmp(host + len - 10, ".localhost") == 0))
                return true;
        if (inet_pton(AF_INET, host, &v4) == 1)
                return ntohl(v4.s_addr) >> 24 == 127;
        return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}
