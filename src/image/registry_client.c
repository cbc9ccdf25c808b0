/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry_client.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { PARTIAL_KEPT_S = 3 * 24 * 3600, CERTIFICATES_MAX = 1 << 20 };

static const char HUB_HOST[] = "registry-1.docker.io";
static const char *const default_cert_dirs[] = { "/etc/minato/certs.d", "/etc/docker/certs.d", NULL };

/* ---- making ---- */

static char **copy_strv(mn_arena *arena, char *const *from) {
        size_t len = mn_strv_len(from);
        char **copy = mn_arena_array(arena, len + 1, sizeof(*copy));
        for (size_t i = 0; i < len; i++)
                copy[i] = mn_arena_strdup(arena, from[i]);
        return copy;
}

static const char *or_environment(mn_arena *arena, const char *configured, const char *upper,
                                  const char *lower) {
        if (configured)
                return mn_arena_strdup(arena, configured);
        const char *value = getenv(upper);
        if (mn_str_is_empty(value))
                value = getenv(lower);
        return mn_str_is_empty(value) ? NULL : mn_arena_strdup(arena, value);
}

static const image_registry_config *copy_config(mn_arena *arena, const image_registry_config *from) {
        image_registry_config *to = mn_arena_alloc(arena, sizeof(*to));
        *to = *from;
        to->tmp_dir = mn_arena_strdup(arena, from->tmp_dir);
        to->insecure_registries = copy_strv(arena, from->insecure_registries);
        to->cert_dirs = copy_strv(arena, from->cert_dirs ? from->cert_dirs
                                                         : (char *const *) (uintptr_t) default_cert_dirs);
        to->token_realms = copy_strv(arena, from->token_realms);
        to->http_proxy = or_environment(arena, from->http_proxy, "HTTP_PROXY", "http_proxy");
        to->https_proxy = or_environment(arena, from->https_proxy, "HTTPS_PROXY", "https_proxy");
        to->no_proxy = or_environment(arena, from->no_proxy, "NO_PROXY", "no_proxy");
        to->search_url = mn_arena_strdup(arena,
                                         from->search_url ? from->search_url : "https://index.docker.io");
        to->policy_file = mn_arena_strdup(arena, from->policy_file);
        to->platform = mn_arena_strdup(arena, from->platform);
        image_registry_mirrors *mirrors = mn_arena_array(arena, from->nmirrors + 1, sizeof(*mirrors));
        for (size_t i = 0; i < from->nmirrors; i++)
                mirrors[i] = (image_registry_mirrors){ mn_arena_strdup(arena, from->mirrors[i].registry),
                                                       copy_strv(arena, from->mirrors[i].urls) };
        to->mirrors = mirrors;
        to->max_downloads = from->max_downloads > 0 ? MN_MIN(from->max_downloads, 16) : 3;
        to->max_uploads = from->max_uploads > 0 ? MN_MIN(from->max_uploads, 16) : 5;
        to->max_attempts = from->max_attempts > 0 ? from->max_attempts : 5;
        to->retry_delay_ms = from->retry_delay_ms > 0 ? from->retry_delay_ms : 1000;
        to->connect_timeout_ms = from->connect_timeout_ms > 0 ? from->connect_timeout_ms : 30000;
        to->stall_timeout_ms = from->stall_timeout_ms > 0 ? from->stall_timeout_ms : 30000;
        return to;
}

void image_registry_reload(image_registry *registry, const image_registry_config *config) {
        image_registry_config next = *registry_settings(registry);
        next.insecure_registries = config->insecure_registries;
        next.mirrors = config->mirrors;
        next.nmirrors = config->nmirrors;
        next.max_downloads = config->max_downloads;
        next.max_uploads = config->max_uploads;
        next.max_attempts = config->max_attempts;
        pthread_mutex_lock(&registry->lock);
        atomic_store(&registry->config, copy_config(registry->arena, &next));
        pthread_mutex_unlock(&registry->lock);
}

/* Partial blobs nobody came back for. */
static void drop_old_partials(const char *dir) {
        DIR *d = opendir(dir);
        if (!d)
                return;
        time_t now = time(NULL);
        for (struct dirent *e; (e = readdir(d));) {
                struct stat st;
                if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
                    now - st.st_mtime > PARTIAL_KEPT_S)
                        (void) unlinkat(dirfd(d), e->d_name, 0);
        }
        closedir(d);
}

mn_status image_registry_new(const image_registry_config *config, image_registry **ret, mn_err *err) {
        cleanup_free char *partial_dir = mn_asprintf("%s/partial", config->tmp_dir);
        int r = mn_mkdir_p(partial_dir, 0700);
        if (r < 0)
                return mn_fail_errno(err, r, "cannot make the directory for partial downloads \"%s\"",
                                     partial_dir);
        drop_old_partials(partial_dir);
        image_registry *registry = mn_alloc(sizeof(*registry));
        registry->arena = mn_arena_new();
        atomic_init(&registry->config, copy_config(registry->arena, config));
        registry->partial_dir = MN_TAKE(partial_dir);
        pthread_mutex_init(&registry->lock, NULL);
        pthread_cond_init(&registry->in_flight_done, NULL);
        registry->tokens = mn_map_new(free);
        registry->in_flight = mn_map_new(NULL);
        registry->plain_hosts = mn_map_new(NULL);
        *ret = registry;
        return MN_OK;
}

void image_registry_free(image_registry *registry) {
        if (!registry)
                return;
        mn_map_free(registry->tokens);
        mn_map_free(registry->in_flight);
        mn_map_free(registry->plain_hosts);
        pthread_cond_destroy(&registry->in_flight_done);
        pthread_mutex_destroy(&registry->lock);
        free(registry->partial_dir);
        mn_arena_free(registry->arena);
        free(registry);
}

/* ---- insecure registries ---- */

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned nbits) {
        if (memcmp(a, b, nbits / 8) != 0)
                return false;
        unsigned rest = nbits % 8;
        return !rest || (a[nbits / 8] ^ b[nbits / 8]) >> (8 - rest) == 0;
}

static bool range_holds(const char *range, const struct sockaddr *sa) {
        const char *slash = strchr(range, '/');
        int nbits;
        uint8_t network[16];
        bool is_v4 = sa->sa_family == AF_INET;
        if (!slash || mn_parse_int(slash + 1, 0, is_v4 ? 32 : 128, &nbits) < 0)
                return false;
        cleanup_free char *address = mn_strndup(range, (size_t) (slash - range));
        if (inet_pton(sa->sa_family, address, network) != 1)
                return false;
        const void *bytes =
                is_v4 ? (const void *) &((const struct sockaddr_in *) (const void *) sa)->sin_addr
                      : (const void *) &((const struct sockaddr_in6 *) (const void *) sa)->sin6_addr;
        return same_bits(network, bytes, (unsigned) nbits);
}

/* Docker looks names up for ranges; so a range of the local network covers the names in it. */
static bool is_host_in_range(const char *host, const char *range) {
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
        if (getaddrinfo(host, NULL, &hints, &list) != 0)
                return false;
        bool is_in = false;
        for (struct addrinfo *a = list; a && !is_in; a = a->ai_next)
                is_in = (a->ai_family == AF_INET || a->ai_family == AF_INET6) &&
                        range_holds(range, a->ai_addr);
        freeaddrinfo(list);
        return is_in;
}

bool registry_is_insecure(const image_registry *registry, const char *authority) {
        cleanup_free char *text = mn_asprintf("https://%s", authority);
        cleanup_registry_url registry_url url = { 0 };
        if (registry_url_parse(NULL, text, &url, NULL) < 0)
                return false;
        if (registry_host_is_loopback(url.host))
                return true;
        for (char *const *entry = registry_settings(registry)->insecure_registries; *entry; entry++)
                if (strcmp(*entry, authority) == 0 || strcmp(*entry, url.host) == 0 ||
                    (strchr(*entry, '/') && is_host_in_range(url.host, *entry)))
                        return true;
        return false;
}

/* ---- transport ---- */

/* All *.crt of the directory as one text, and the first pair X.cert and X.key. */
static void load_cert_dir(const char *dir, mn_arena *arena, mn_str *ca, registry_transport *t) {
        DIR *d = opendir(dir);
        if (!d)
                return;
        for (struct dirent *e; (e = readdir(d));) {
                cleanup_free char *pem = NULL;
                size_t len;
                if (mn_str_has_suffix(e->d_name, ".crt") &&
                    mn_file_read(dirfd(d), e->d_name, CERTIFICATES_MAX, &pem, &len) == 0) {
                        mn_str_add_len(ca, pem, len);
                        mn_str_add_char(ca, '\n');
                }
                if (!t->client_cert && mn_str_has_suffix(e->d_name, ".cert")) {
                        int stem = (int) strlen(e->d_name) - 5;
                        t->client_cert = mn_arena_printf(arena, "%s/%s", dir, e->d_name);
                        t->client_key = mn_arena_printf(arena, "%s/%.*s.key", dir, stem, e->d_name);
                        if (access(t->client_key, R_OK) < 0) {
                                mn_log(MN_LOG_WARN, "client certificate without its key", " certificate=%s",
                                       t->client_cert);
                                t->client_cert = t->client_key = NULL;
                        }
                }
        }
        closedir(d);
}

void registry_transport_for(image_registry *registry, const registry_url *url, bool is_insecure,
                            mn_arena *arena, registry_transport *ret) {
        const image_registry_config *config = registry_settings(registry);
        *ret = (registry_transport){
                .is_unverified = is_insecure,
                .connect_timeout_ms = config->connect_timeout_ms,
                .stall_timeout_ms = config->stall_timeout_ms,
        };
        if (!registry_host_is_loopback(url->host)) {
                ret->proxy = url->is_https ? config->https_proxy : config->http_proxy;
                ret->no_proxy = config->no_proxy;
        }
        if (!url->is_https || url->authority[0] == '.')
                return;
        cleanup_str mn_str ca = MN_STR_INIT(CERTIFICATES_MAX);
        for (char *const *dir = config->cert_dirs; *dir; dir++) {
                cleanup_free char *path = mn_asprintf("%s/%s", *dir, url->authority);
                load_cert_dir(path, arena, &ca, ret);
        }
        if (ca.len)
                ret->ca_pem = mn_arena_strdup(arena, mn_str_text(&ca));
}

/* ---- endpoints ---- */

static void url_to_arena(mn_arena *arena, registry_url *url) {
        registry_url copy = { mn_arena_strdup(arena, url->origin), mn_arena_strdup(arena, url->authority),
                              mn_arena_strdup(arena, url->host), url->is_https };
        registry_url_release(url);
        *url = copy;
}

static bool add_endpoint(image_registry *registry, const char *base, bool is_mirror, bool is_insecure,
                         mn_arena *arena, registry_endpoint *to) {
        registry_endpoint endpoint = { .is_mirror = is_mirror, .is_insecure = is_insecure };
        if (registry_url_parse(NULL, base, &endpoint.url, NULL) < 0)
                return false;
        url_to_arena(arena, &endpoint.url);
        size_t len = strlen(base);
        while (len && base[len - 1] == '/')
                len--;
        endpoint.base = mn_arena_strndup(arena, base, len);
        registry_transport_for(registry, &endpoint.url, is_insecure, arena, &endpoint.transport);
        *to = endpoint;
        return true;
}

static size_t add_mirrors(image_registry *registry, const char *domain, mn_arena *arena,
                          registry_endpoint endpoints[REGISTRY_ENDPOINTS_MAX]) {
        size_t n = 0;
        for (size_t i = 0; i < registry_settings(registry)->nmirrors; i++) {
                const image_registry_mirrors *mirrors = &registry_settings(registry)->mirrors[i];
                if (strcmp(mirrors->registry, domain) != 0)
                        continue;
                for (char *const *url = mirrors->urls; *url && n < REGISTRY_ENDPOINTS_MAX - 2; url++) {
                        cleanup_registry_url registry_url parsed = { 0 };
                        bool is_ok = registry_url_parse(NULL, *url, &parsed, NULL) == 0;
                        bool is_insecure = is_ok && registry_is_insecure(registry, parsed.authority);
                        if (is_ok && (parsed.is_https || is_insecure) &&
                            add_endpoint(registry, *url, true, is_insecure, arena, &endpoints[n]))
                                n++;
                        else
                                mn_log(MN_LOG_WARN, "mirror left out: not an https URL", " mirror=%s", *url);
                }
        }
        return n;
}

size_t registry_endpoints_find(image_registry *registry, const char *domain, bool wants_mirrors,
                               mn_arena *arena, registry_endpoint endpoints[REGISTRY_ENDPOINTS_MAX]) {
        size_t n = wants_mirrors ? add_mirrors(registry, domain, arena, endpoints) : 0;
        const char *host = strcmp(domain, MN_REFERENCE_DEFAULT_DOMAIN) == 0 ? HUB_HOST : domain;
        bool is_insecure = registry_is_insecure(registry, domain);
        pthread_mutex_lock(&registry->lock);
        bool is_known_plain = is_insecure && mn_map_has(registry->plain_hosts, domain);
        pthread_mutex_unlock(&registry->lock);
        cleanup_free char *tls = mn_asprintf("https://%s", host), *plain = mn_asprintf("http://%s", host);
        if (!is_known_plain && add_endpoint(registry, tls, false, is_insecure, arena, &endpoints[n]))
                n++;
        if (is_insecure && add_endpoint(registry, plain, false, true, arena, &endpoints[n]))
                n++;
        return n;
}
