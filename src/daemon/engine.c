/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/engine.h"

#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/id.h"
#include "base/log.h"
#include "base/strv.h"
#include "daemon/modules.h"
#include "sys/file.h"

/* The engine's own name, made once per data root: a UUID as Docker has it. */
static mn_status read_id(engine *e, api_facts *facts, mn_err *err) {
        cleanup_free char *path = mn_asprintf("%s/engine-id", e->config->data_root);
        cleanup_free char *text = NULL;
        size_t len;
        if (mn_file_read(AT_FDCWD, path, 128, &text, &len) == 0 && len >= 36) {
                facts->id = mn_arena_strndup(e->arena, text, strcspn(text, "\n"));
                return MN_OK;
        }
        unsigned char b[16];
        char hex[33];
        mn_random(b, sizeof(b));
        b[6] = (unsigned char) ((b[6] & 0x0f) | 0x40);
        b[8] = (unsigned char) ((b[8] & 0x3f) | 0x80);
        mn_hex_encode(b, sizeof(b), hex);
        char *id = mn_arena_printf(e->arena, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16,
                                   hex + 20);
        int r = mn_file_write_atomic(AT_FDCWD, path, id, strlen(id), 0600);
        facts->id = id;
        return r < 0 ? mn_fail_errno(err, r, "cannot write \"%s\"", path) : MN_OK;
}

static void fill_runtimes(engine *e, api_facts *facts) {
        const daemon_config *c = e->config;
        size_t n = c->runtimes.len;
        char **names = mn_arena_array(e->arena, n + 2, sizeof(*names));
        char **paths = mn_arena_array(e->arena, n + 2, sizeof(*paths));
        names[0] = mn_arena_strdup(e->arena, "minato");
        paths[0] = mn_arena_strdup(e->arena, "minato-runtime");
        for (size_t i = 0; i < n; i++) {
                names[i + 1] = c->runtimes.items[i].name;
                paths[i + 1] = c->runtimes.items[i].path;
        }
        facts->runtime_names = names;
        facts->runtime_paths = paths;
        facts->default_runtime = c->default_runtime;
}

static void fill_pools(engine *e, api_facts *facts) {
        const daemon_config *c = e->config;
        if (c->pools.len == 0)
                return;
        char **bases = mn_arena_array(e->arena, c->pools.len + 1, sizeof(*bases));
        int64_t *sizes = mn_arena_array(e->arena, c->pools.len, sizeof(*sizes));
        for (size_t i = 0; i < c->pools.len; i++) {
                bases[i] = c->pools.items[i].base;
                sizes[i] = c->pools.items[i].size;
        }
        facts->address_pool_bases = bases;
        facts->address_pool_sizes = sizes;
}

/* What the configuration says of the daemon, for the handlers. A reload makes a new one; the old stays for
 * those who look at it. */
static api_facts *make_facts(engine *e) {
        api_facts *facts = mn_arena_alloc(e->arena, sizeof(*facts));
        const daemon_config *c = e->config;
        facts->data_root = c->data_root;
        facts->exec_root = c->exec_root;
        facts->labels = c->labels;
        facts->registry_mirrors = c->registry_mirrors;
        facts->insecure_registries = c->insecure_registries;
        facts->log_driver = c->log_driver;
        facts->storage_driver = c->storage_driver ? c->storage_driver : "overlay2";
        facts->init_path = c->init_path ? c->init_path : "minato-init";
        facts->http_proxy = c->http_proxy;
        facts->https_proxy = c->https_proxy;
        facts->no_proxy = c->no_proxy;
        facts->uses_systemd_cgroup = c->uses_systemd_cgroup;
        facts->is_debug = c->debug;
        facts->is_live_restore = c->live_restore;
        facts->warnings = c->warnings;
        fill_runtimes(e, facts);
        fill_pools(e, facts);
        return facts;
}

mn_status engine_open(const daemon_config *config, loop *l, engine **ret, mn_err *err) {
        engine *e = mn_alloc(sizeof(*e));
        e->config = config;
        e->loop = l;
        e->arena = mn_arena_new();
        api_facts *facts = make_facts(e);
        mn_status s = read_id(e, facts, err);
        e->facts = facts;
        if (s == MN_OK)
                s = modules_open(e, err);
        if (s != MN_OK) {
                engine_close(e);
                return s;
        }
        *ret = e;
        return MN_OK;
}

const api_engine *engine_api(const engine *e) {
        return &e->api;
}

void engine_reload(engine *e, const daemon_config *config) {
        e->config = config;
        api_facts *facts = make_facts(e);
        facts->id = e->facts->id;
        facts->storage_driver = e->facts->storage_driver;
        e->facts = facts;
        e->api.facts = facts;
        modules_reload(e);
}

void engine_stop(engine *e) {
        modules_stop(e);
}

void engine_close(engine *e) {
        if (!e)
                return;
        modules_close(e);
        mn_arena_free(e->arena);
        mn_freep(&e);
}
