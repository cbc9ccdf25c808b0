/* SPDX-License-Identifier: Apache-2.0 */
#include "container/network_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "container/links.h"
#include "sys/fd.h"
#include "sys/file.h"

#define MAX_ETC_FILE ((size_t) 1 << 20)

/* ---- texts ---- */

void container_etc_texts_release(container_etc_texts *t) {
        mn_str_release(&t->hosts);
        mn_str_release(&t->resolv_conf);
}

mn_status container_make_etc_texts(container *c, container_etc_texts *ret, mn_err *err) {
        const container_record *r = c->record;
        const wire_host_config *host = &r->host_config;
        network_manager *networks = c->engine->options.networks;
        cleanup_arena mn_arena *arena = mn_arena_new();
        char **hosts = NULL;
        const network_resolv_spec resolv = { .container_id = c->id,
                                             .is_host_network = mn_str_equal(host->network_mode, "host"),
                                             .dns = host->dns,
                                             .search = host->dns_search,
                                             .options = host->dns_options };
        *ret = (container_etc_texts){ .hosts = MN_STR_INIT(MAX_ETC_FILE),
                                      .resolv_conf = MN_STR_INIT(MAX_ETC_FILE) };
        mn_status status = network_resolv_conf(networks, &resolv, &ret->resolv_conf, err);
        if (!status)
                status = container_links_resolve(c->engine, r, false, arena, NULL, &hosts, err);
        if (!status)
                status = network_hosts_file(networks, c->id, r->config.hostname, r->config.domainname, hosts,
                                            &ret->hosts, err);
        return status;
}

/* ---- writing ---- */

static int write_in_place(int dir, const char *name, const char *text, size_t len) {
        cleanup_close int fd = openat(dir, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : mn_write_all(fd, text, len);
}

static void refresh(int dir, const char *name, const mn_str *before, const mn_str *now) {
        cleanup_free char *text = NULL;
        size_t len = 0;
        if (mn_str_equal(mn_str_text(before), mn_str_text(now)))
                return;
        int r = mn_file_read(dir, name, MAX_ETC_FILE, &text, &len);
        if (r < 0 || len != before->len || memcmp(text, mn_str_text(before), len) != 0)
                return; /* the container has a version of its own */
        r = write_in_place(dir, name, mn_str_text(now), now->len);
        if (r < 0)
                mn_log(MN_LOG_WARN, "cannot update a container's network file", " file=%s error=\"%s\"", name,
                       mn_strerror(r));
}

void container_refresh_etc_files(container *c, const container_etc_texts *before) {
        cleanup_etc_texts container_etc_texts now = { 0 };
        cleanup_err mn_err ignored = { 0 };
        cleanup_close int dir = container_open_directory(c);
        if (dir < 0 || container_make_etc_texts(c, &now, &ignored))
                return;
        refresh(dir, "hosts", &before->hosts, &now.hosts);
        refresh(dir, "resolv.conf", &before->resolv_conf, &now.resolv_conf);
}
