/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /containers/create: check, complete, look everything up, make volumes, store. The container's
 * directory is made when something is written to it first; until the record is committed nothing needs to be
 * undone but anonymous volumes.
 */

#include "container/create.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "base/time.h"
#include "container/engine.h"
#include "container/links.h"
#include "container/names.h"
#include "sys/cgroup.h"

/* A create under way. */
struct creation {
        container_engine *e;
        const char *name;
        const char *platform; /* wanted of the image; NULL or "": any */
        mn_arena *arena;      /* becomes the container's */
        container_record *record;
        char image_id[IMAGE_ID_SIZE];
        store_batch *batch; /* what the container consists of, committed as one */
        size_t nmounts;     /* of record->mounts: made so far */
        bool is_reserved;
        const char *warnings[4];
        size_t nwarnings;
};

/* ---- defaults ---- */

static void fill_host_defaults(struct creation *k, wire_host_config *host) {
        const container_engine_options *o = &k->e->options;
        if (mn_str_is_empty(host->network_mode) || mn_str_equal(host->network_mode, "default"))
                host->network_mode = mn_arena_strdup(k->arena, "bridge");
        if (mn_str_is_empty(host->restart_policy.name))
                host->restart_policy.name = mn_arena_strdup(k->arena, "no");
        if (mn_str_is_empty(host->ipc_mode))
                host->ipc_mode = mn_arena_strdup(k->arena, o->ipc_mode ? o->ipc_mode : "private");
        if (mn_str_is_empty(host->cgroupns_mode))
                host->cgroupns_mode = mn_arena_strdup(k->arena,
                                                      o->cgroupns_mode ? o->cgroupns_mode : "private");
        if (!host->shm_size_bytes)
                host->shm_size_bytes = o->shm_size_bytes ? o->shm_size_bytes : INT64_C(64) << 20;
        if (mn_str_is_empty(host->runtime))
                host->runtime = mn_arena_strdup(k->arena, container_runtime_of(k->e, NULL)->name);
        if (!host->console_size.items) {
                host->console_size.items = mn_arena_array(k->arena, 2, sizeof(uint64_t));
                host->console_size.len = 2;
        }
        if (mn_str_is_empty(host->log_config.type)) {
                host->log_config.type = mn_arena_strdup(k->arena,
                                                        o->log_driver ? o->log_driver : "json-file");
                if (!host->log_config.config.len)
                        host->log_config.config = o->log_options;
        }
}

/* Docker keeps a swap limit of twice the memory when none is given. */
static void fill_resource_defaults(wire_resources *r) {
        if (r->memory_bytes > 0 && !r->memory_swap_bytes)
                r->memory_swap_bytes = r->memory_bytes <= INT64_MAX / 2 ? 2 * r->memory_bytes
                                                                        : r->memory_bytes;
        if (r->memory_swappiness && *r->memory_swappiness == -1)
                r->memory_swappiness = NULL;
}

/* What the kernel has no file for, Docker drops with a warning. */
static void drop_unsupported(struct creation *k, wire_resources *r) {
        if (container_drop_kernel_memory(r))
                k->warnings[k->nwarnings++] = CONTAINER_NO_KERNEL_MEMORY;
        if (!mn_cgroup_is_pure_v2())
                return;
        if (r->memory_swappiness) {
                r->memory_swappiness = NULL;
                k->warnings[k->nwarnings++] =
                        "Your kernel does not support memory swappiness capabilities or the "
                        "cgroup is not mounted. Memory swappiness discarded.";
        }
        if (r->is_oom_kill_disabled && *r->is_oom_kill_disabled) {
                r->is_oom_kill_disabled = NULL;
                k->warnings[k->nwarnings++] =
                        "Your kernel does not support OomKillDisable. OomKillDisable discarded.";
        }
}

/* ---- the image ---- */

static mn_status complete_from_image(struct creation *k, mn_err *err) {
        container_record *r = k->record;
        mn_status status = image_pin(k->e->options.images, r->config.image ? r->config.image : "",
                                     k->platform, k->image_id, err);
        if (status)
                return status;
        image_info image;
        status = image_get(k->e->options.images, k->image_id, k->arena, &image, err);
        if (status)
                return status;
        r->image_id = mn_arena_strdup(k->arena, k->image_id);
        const char *warning = mn_str_is_empty(k->platform) ? image_platform_warning(&image, k->arena) : NULL;
        if (warning)
                k->warnings[k->nwarnings++] = warning;
        container_merge_config(&r->config, &image.spec.config, k->arena);
        size_t nentry = mn_strv_len(r->config.entrypoint), ncmd = mn_strv_len(r->config.cmd);
        if (nentry + ncmd == 0)
                return mn_fail(err, MN_INVALID, "no command specified");
        char **all = mn_arena_array(k->arena, nentry + ncmd + 1, sizeof *all);
        for (size_t i = 0; i < nentry + ncmd; i++)
                all[i] = i < nentry ? r->config.entrypoint[i] : r->config.cmd[i - nentry];
        r->path = all[0];
        r->args = all + 1;
        return MN_OK;
}

/* ---- checks that need other modules ---- */

static mn_status check_runtime(struct creation *k, mn_err *err) {
        const wire_host_config *host = &k->record->host_config;
        const container_runtime *runtime = container_runtime_of(k->e, host->runtime);
        if (!runtime)
                return mn_fail(err, MN_INVALID, "unknown or invalid runtime name: %s", host->runtime);
        for (size_t i = 0; runtime->is_foreign && i < host->mounts.len; i++) {
                const wire_bind_options *b = host->mounts.items[i].bind_options;
                if (b && b->is_read_only_force_recursive)
                        return mn_fail(
                                err, MN_INVALID,
                                "ReadOnlyForceRecursive of mount \"%s\": runtime %s is not known to mount "
                                "recursively read-only",
                                host->mounts.items[i].target, host->runtime);
        }
        return MN_OK;
}

static mn_status check_log(struct creation *k, mn_err *err) {
        logs_config ignored = { 0 };
        const wire_log_config *log = &k->record->host_config.log_config;
        return logs_config_parse(log->type, &log->config, &ignored, err);
}

/* NAME of "container:NAME" becomes the id, so that a rename does not matter. Whether it is there counts at
 * the start. */
static mn_status resolve_mode(struct creation *k, char **mode, mn_err *err) {
        const char *target = container_mode_target(*mode);
        char id[MN_ID_SIZE];
        mn_status status = target ? container_resolve(k->e, target, id, err) : MN_NOT_FOUND;
        if (!status)
                *mode = mn_arena_printf(k->arena, "container:%s", id);
        return status == MN_NOT_FOUND ? MN_OK : status;
}

/* One endpoint per network: the mode's network first, then those of NetworkingConfig. */
static mn_status resolve_networks(struct creation *k, const wire_networking_config *config, mn_err *err) {
        container_record *r = k->record;
        const char *mode = r->host_config.network_mode;
        if (container_mode_target(mode))
                return MN_OK;
        size_t max = config->endpoints.len + 1;
        r->endpoints.items = mn_arena_array(k->arena, max, sizeof *r->endpoints.items);
        for (size_t i = 0; i <= config->endpoints.len; i++) {
                const char *name = i ? config->endpoints.items[i - 1].key : mode;
                wire_endpoint_settings *wishes = i ? config->endpoints.items[i - 1].value : NULL;
                char *id, *real_name;
                mn_status status = network_check_endpoint(k->e->options.networks, name, wishes, k->arena, &id,
                                                          &real_name, err);
                if (status == MN_NOT_FOUND) { /* a missing network counts at the start, as with Docker */
                        mn_err_release(err);
                        real_name = mn_arena_strdup(k->arena, name);
                } else if (status) {
                        return status;
                }
                size_t at = 0;
                while (at < r->endpoints.len && strcmp(r->endpoints.items[at].key, real_name) != 0)
                        at++;
                if (at == r->endpoints.len)
                        r->endpoints.len++;
                r->endpoints.items[at].key = real_name;
                r->endpoints.items[at].value = wishes ? wishes : r->endpoints.items[at].value;
                if (!r->endpoints.items[at].value)
                        r->endpoints.items[at].value = mn_arena_alloc(k->arena,
                                                                      sizeof(wire_endpoint_settings));
        }
        return MN_OK;
}

/* What stands outside of the endpoints: the MAC address in Config until v1.43, links in HostConfig. */
static void fill_endpoint_of_mode(container_record *r) {
        for (size_t i = 0; i < r->endpoints.len; i++) {
                wire_endpoint_settings *s = r->endpoints.items[i].value;
                if (strcmp(r->endpoints.items[i].key, r->host_config.network_mode) != 0)
                        continue;
                if (mn_str_is_empty(s->mac_address))
                        s->mac_address = r->config.mac_address;
                if (!s->links)
                        s->links = r->host_config.links;
        }
}

static mn_status check_request(struct creation *k, const wire_container_create *request, mn_err *err) {
        container_record *r = k->record;
        mn_status status = container_check_config(&r->config, err);
        if (!status)
                status = container_check_host_config(&r->host_config, &r->config, err);
        const char *parent = r->host_config.resources.cgroup_parent;
        if (!status && k->e->options.uses_systemd_cgroup && !mn_str_is_empty(parent))
                status = container_check_slice(parent, err);
        if (!status)
                status = container_check_resources(&r->host_config.resources, sysconf(_SC_NPROCESSORS_ONLN),
                                                   err);
        if (!status)
                status = network_check_ports(&r->host_config.port_bindings, err);
        if (!status)
                status = container_links_check(k->e, r, k->arena, err);
        if (!status)
                status = network_check_hosts(r->host_config.extra_hosts, err);
        if (!status)
                status = network_check_dns(r->host_config.dns, r->host_config.dns_search,
                                           r->host_config.dns_options, err);
        if (!status)
                status = check_runtime(k, err);
        if (!status)
                status = check_log(k, err);
        if (!status)
                status = resolve_mode(k, &r->host_config.network_mode, err);
        if (!status)
                status = resolve_mode(k, &r->host_config.ipc_mode, err);
        if (!status)
                status = resolve_mode(k, &r->host_config.pid_mode, err);
        if (!status)
                status = resolve_networks(k, &request->networking_config, err);
        if (!status)
                fill_endpoint_of_mode(r);
        return status;
}

/* ---- mounts ---- */

/* --volumes-from: the other's mounts, "NAME[:ro|rw]", where nothing else is mounted. */
static mn_status add_volumes_from(struct creation *k, mn_err *err) {
        container_record *r = k->record;
        for (char *const *v = r->host_config.volumes_from; v && *v; v++) {
                cleanup_strv char **parts = mn_strv_split(*v, ':');
                bool is_ro = parts[1] && strcmp(parts[1], "ro") == 0;
                if (parts[1] && !is_ro && strcmp(parts[1], "rw") != 0)
                        return mn_fail(err, MN_INVALID, "invalid mode for volumes-from: %s", parts[1]);
                ENGINE_LOCKED(k->e);
                container *from = NULL;
                mn_status status = container_find_locked(k->e, parts[0], &from, err);
                if (status)
                        return status;
                const container_mount_list *theirs = &from->record->mounts;
                container_mount *all = mn_arena_array(k->arena, r->mounts.len + theirs->len + 1, sizeof *all);
                size_t n = 0;
                for (size_t i = 0; i < r->mounts.len; i++)
                        all[n++] = r->mounts.items[i];
                for (size_t i = 0; i < theirs->len; i++) {
                        size_t j = 0;
                        while (j < r->mounts.len && strcmp(all[j].destination, theirs->items[i].destination))
                                j++;
                        if (j < r->mounts.len || strcmp(theirs->items[i].type, "tmpfs") == 0)
                                continue;
                        container_record copy,
                                one = { .mounts = { (container_mount *) &theirs->items[i], 1 } };
                        mn_json_copy(&container_record_type, &one, k->arena, &copy);
                        all[n] = copy.mounts.items[0];
                        all[n].is_anonymous = false;
                        all[n].is_writable = all[n].is_writable && !is_ro;
                        n++;
                }
                r->mounts.items = all;
                r->mounts.len = n;
        }
        return MN_OK;
}

/* ---- name and tables ---- */

/* Reserves the wished name, or a made-up one. */
static mn_status reserve_name(struct creation *k, mn_err *err) {
        container_engine *e = k->e;
        ENGINE_LOCKED(e);
        if (mn_str_is_empty(k->name)) {
                char *made = container_name_generate(k->arena, 0);
                for (unsigned i = 1; mn_map_has(e->by_name, made); i++)
                        made = i < 100 ? container_name_generate(k->arena, i) : k->record->id;
                k->name = made;
        } else if (mn_map_has(e->by_name, k->name)) {
                const container *other = mn_map_get(e->by_name, k->name);
                return mn_fail(err, MN_CONFLICT,
                               "Conflict. The container name \"/%s\" is already in use by container \"%s\". "
                               "You have "
                               "to remove (or rename) that container to be able to reuse that name.",
                               k->name, other ? other->id : "");
        }
        mn_map_set(e->by_name, k->name, NULL);
        k->is_reserved = true;
        k->record->name = mn_arena_strdup(k->arena, k->name);
        return MN_OK;
}

static mn_status check_name(struct creation *k, mn_err *err) {
        if (mn_str_is_empty(k->name))
                return MN_OK;
        if (*k->name == '/')
                k->name++;
        if (!container_name_is_valid(k->name))
                return mn_fail(err, MN_INVALID,
                               "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are "
                               "allowed",
                               k->name);
        return MN_OK;
}

/* The record goes to an arena of its own: nothing of the request or of the other look-ups stays. */
static mn_status commit(struct creation *k, container **ret, mn_err *err) {
        mn_arena *arena = mn_arena_new();
        container_record *record = mn_arena_alloc(arena, sizeof *record);
        mn_json_copy(&container_record_type, k->record, arena, record);
        container *c = container_new(k->e, arena, record);
        store_batch_put(k->batch, CONTAINER_KIND, c->id, &container_record_type, record);
        store_batch_put(k->batch, CONTAINER_STATE_KIND, c->id, &container_state_type, &c->state);
        store_durability durability = record->host_config.is_auto_remove ? STORE_RELAXED : STORE_DURABLE;
        mn_status status = store_commit(k->e->options.store, k->batch, durability, err);
        if (status) {
                container_unref(c);
                return status;
        }
        container_finish_mounts(k->e, record);
        ENGINE_LOCKED(k->e);
        mn_map_set(k->e->by_id, c->id, c);
        mn_map_set(k->e->by_name, record->name, c);
        k->is_reserved = false;
        *ret = container_ref(c);
        return MN_OK;
}

/* Whose network the container uses, that one's name it has: the host's, the other container's (where it is
   there already), else its own short id. */
static char *default_hostname(struct creation *k) {
        const char *mode = k->record->host_config.network_mode;
        const char *target = container_mode_target(mode);
        char host_name[HOST_NAME_MAX + 1] = "";
        cleanup_container container *c = NULL;
        cleanup_err mn_err ignored = { 0 };
        if (mn_str_equal(mode, "host") && gethostname(host_name, sizeof(host_name) - 1) == 0)
                return mn_arena_strdup(k->arena, host_name);
        if (!target || container_find(k->e, target, &c, &ignored))
                return mn_arena_strndup(k->arena, k->record->id, MN_SHORT_ID_LEN);
        engine_lock(k->e);
        char *name = mn_arena_strdup(k->arena, c->record->config.hostname);
        engine_unlock(k->e);
        return name;
}

static void begin(struct creation *k, const wire_container_create *request) {
        char id[MN_ID_SIZE];
        mn_id_generate(id);
        container_record *r = k->record = mn_arena_alloc(k->arena, sizeof *r);
        r->id = mn_arena_strdup(k->arena, id);
        r->created_ns = mn_now_ns();
        r->config = request->config;
        r->host_config = request->host_config;
        if (r->config.is_network_disabled)
                r->host_config.network_mode = (char *) "none";
        fill_host_defaults(k, &r->host_config);
        fill_resource_defaults(&r->host_config.resources);
        drop_unsupported(k, &r->host_config.resources);
}

static mn_status create(struct creation *k, const wire_container_create *request, container **ret,
                        mn_err *err) {
        mn_status status = check_name(k, err);
        if (status)
                return status;
        begin(k, request);
        container_record *r = k->record;
        status = complete_from_image(k, err);
        if (!status)
                status = check_request(k, request, err);
        if (mn_str_is_empty(r->config.hostname)) /* after the checks: one that was asked for may conflict */
                r->config.hostname = default_hostname(k);
        if (!status)
                status = container_parse_mounts(&r->host_config, &r->config, k->arena, &r->mounts, err);
        if (!status)
                status = add_volumes_from(k, err);
        if (!status)
                status = reserve_name(k, err);
        if (!status)
                status = container_make_mounts(k->e, k->record, k->batch, k->arena, &k->nmounts, err);
        return status ? status : commit(k, ret, err);
}

mn_status container_create(container_engine *e, const wire_container_create *request, const char *name,
                           const char *platform, mn_arena *arena, wire_container_create_response *ret,
                           mn_err *err) {
        struct creation k = { .e = e,
                              .name = name,
                              .platform = platform,
                              .arena = mn_arena_new(),
                              .batch = store_batch_new() };
        cleanup_container container *c = NULL;
        mn_status status = create(&k, request, &c, err);
        if (status)
                container_undo_mounts(e, k.record, k.nmounts);
        container_unpin_images(e, k.record, k.nmounts);
        if (*k.image_id)
                image_unpin(e->options.images, k.image_id);
        /* To clients, a 404 here says that the image is missing: they would pull it. */
        if (status == MN_NOT_FOUND && *k.image_id)
                status = MN_INVALID;
        if (k.is_reserved) {
                engine_lock(e);
                mn_map_remove(e->by_name, k.name);
                engine_unlock(e);
        }
        if (!status) {
                ret->id = mn_arena_strdup(arena, c->id);
                ret->warnings = mn_arena_array(arena, k.nwarnings + 1, sizeof(char *));
                for (size_t i = 0; i < k.nwarnings; i++)
                        ret->warnings[i] = mn_arena_strdup(arena, k.warnings[i]);
                container_event(c, "create", NULL);
        }
        store_batch_free(k.batch);
        mn_arena_free(k.arena);
        return status;
}
