/* SPDX-License-Identifier: Apache-2.0 */
/* GET /containers/json and its filters. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "base/time.h"
#include "container/describe.h"
#include "sys/fd.h"
#include "sys/tree.h"

const char *const container_list_filters[] = { "ancestor", "before", "exited",  "expose",
                                               "health",   "id",     "is-task", "isolation",
                                               "label",    "name",   "network", "publish",
                                               "since",    "status", "volume",  NULL };

/* The filters with what they name looked up. */
struct selection {
        const wire_filters *filters;
        bool is_all;
        int64_t before_ns, since_ns; /* creation of the named containers; 0: no such filter */
        mn_map *ancestors;           /* image ids; NULL: no such filter */
};

/* ---- preparing ---- */

static mn_status created_of(container_engine *e, const wire_filters *filters, const char *key, int64_t *ret,
                            mn_err *err) {
        char *const *names = wire_filters_get(filters, key);
        *ret = 0;
        for (; names && *names; names++) {
                container *c;
                mn_status st = container_find_locked(e, *names, &c, err);
                if (st)
                        return st;
                *ret = c->record->created_ns;
        }
        return MN_OK;
}

/* Names of images become identifiers; one that does not exist selects nothing. Not under the state lock. */
static mn_map *find_ancestors(container_engine *e, const wire_filters *filters) {
        char *const *names = wire_filters_get(filters, "ancestor");
        if (!names)
                return NULL;
        mn_map *ids = mn_map_new(NULL);
        for (; *names; names++) {
                char id[IMAGE_ID_SIZE];
                cleanup_err mn_err ignored = { 0 };
                if (!image_resolve(e->options.images, *names, NULL, id, &ignored))
                        mn_map_set(ids, id, NULL);
        }
        return ids;
}

static mn_status check_status_filter(const wire_filters *filters, mn_err *err) {
        char *const *values = wire_filters_get(filters, "status");
        for (; values && *values; values++) {
                bool is_known = false;
                for (int s = CONTAINER_CREATED; s <= CONTAINER_DEAD; s++)
                        is_known = is_known ||
                                   strcmp(*values, container_status_text((container_status) s)) == 0;
                if (!is_known)
                        return mn_fail(err, MN_INVALID, "invalid filter 'status=%s'", *values);
        }
        for (values = wire_filters_get(filters, "exited"); values && *values; values++) {
                int code;
                if (mn_parse_int(*values, -255, 255, &code) < 0)
                        return mn_fail(err, MN_INVALID, "invalid filter 'exited=%s'", *values);
        }
        return MN_OK;
}

/* ---- matching; state lock held ---- */

/* "80", "80/tcp", "8000-8010/udp" against "80/tcp". */
static bool port_matches(const char *wanted, const char *port) {
        cleanup_free char *text = mn_strdup(wanted);
        char *protocol = strchr(text, '/');
        const char *slash = strchr(port, '/');
        if (protocol)
                *protocol++ = '\0';
        if (strcmp(protocol ? protocol : "tcp", slash ? slash + 1 : "tcp") != 0)
                return false;
        char *dash = strchr(text, '-');
        if (dash)
                *dash++ = '\0';
        cleanup_free char *number = mn_strndup(port, slash ? (size_t) (slash - port) : strlen(port));
        int first, last, at;
        if (mn_parse_int(text, 0, 65535, &first) < 0 ||
            mn_parse_int(dash ? dash : text, 0, 65535, &last) < 0 || mn_parse_int(number, 0, 65535, &at) < 0)
                return false;
        return at >= first && at <= last;
}

static bool any_port(const wire_filters *filters, const char *key, const char *port) {
        for (char *const *w = wire_filters_get(filters, key); w && *w; w++)
                if (port_matches(*w, port))
                        return true;
        return false;
}

static bool matches_ports(const container *c, const wire_filters *filters) {
        const wire_port_map *bindings = &c->record->host_config.port_bindings;
        if (wire_filters_has(filters, "expose")) {
                bool found = false;
                for (char **p = c->record->config.exposed_ports; p && *p && !found; p++)
                        found = any_port(filters, "expose", *p);
                if (!found)
                        return false;
        }
        if (!wire_filters_has(filters, "publish"))
                return true;
        for (size_t i = 0; i < bindings->len; i++)
                if (any_port(filters, "publish", bindings->items[i].key))
                        return true;
        return false;
}

static bool matches_network(const container *c, const wire_filters *filters) {
        const wire_endpoints *endpoints = &c->record->endpoints;
        if (!wire_filters_has(filters, "network"))
                return true;
        for (size_t i = 0; i < endpoints->len; i++) {
                const wire_endpoint_settings *settings = endpoints->items[i].value;
                if (wire_filters_exact(filters, "network", endpoints->items[i].key) ||
                    (settings && !mn_str_is_empty(settings->network_id) &&
                     wire_filters_prefix(filters, "network", settings->network_id)))
                        return true;
        }
        return false;
}

static bool matches_volume(const container *c, const wire_filters *filters) {
        if (!wire_filters_has(filters, "volume"))
                return true;
        for (size_t i = 0; i < c->record->mounts.len; i++) {
                const container_mount *m = &c->record->mounts.items[i];
                if (wire_filters_exact(filters, "volume", m->destination) ||
                    (m->name && wire_filters_exact(filters, "volume", m->name)) ||
                    (m->source && wire_filters_exact(filters, "volume", m->source)))
                        return true;
        }
        return false;
}

static bool matches_state(const container *c, const struct selection *s) {
        const wire_filters *f = s->filters;
        char code[16];
        snprintf(code, sizeof(code), "%d", c->state.exit_code);
        const char *health = c->state.health && !mn_str_is_empty(c->state.health->status)
                                     ? c->state.health->status
                                     : "none";
        bool has_ended = c->state.status == CONTAINER_EXITED || c->state.status == CONTAINER_DEAD;
        if (!s->is_all && !container_counts_as_running(c) && !wire_filters_has(f, "status") &&
            !wire_filters_has(f, "exited"))
                return false;
        if (wire_filters_has(f, "exited") && (!has_ended || !wire_filters_exact(f, "exited", code)))
                return false;
        return wire_filters_exact(f, "status", container_status_text((container_status) c->state.status)) &&
               wire_filters_exact(f, "health", health);
}

static bool matches_name(const container *c, const wire_filters *filters) {
        cleanup_free char *with_slash = mn_asprintf("/%s", c->record->name);
        return wire_filters_regex(filters, "name", c->record->name) ||
               wire_filters_regex(filters, "name", with_slash);
}

static bool matches(const container *c, const struct selection *s) {
        const container_record *r = c->record;
        bool is_task = false;
        cleanup_err mn_err ignored = { 0 };
        if (wire_filters_has(s->filters, "is-task") &&
            (wire_filters_bool(s->filters, "is-task", false, &is_task, &ignored) || is_task))
                return false; /* nothing here is a swarm task */
        if (s->before_ns && r->created_ns >= s->before_ns)
                return false;
        if (s->since_ns && r->created_ns <= s->since_ns)
                return false;
        if (s->ancestors && !mn_map_has(s->ancestors, r->image_id))
                return false;
        return matches_state(c, s) && wire_filters_prefix(s->filters, "id", c->id) &&
               matches_name(c, s->filters) && wire_filters_match_labels(s->filters, &r->config.labels) &&
               matches_ports(c, s->filters) && matches_network(c, s->filters) &&
               matches_volume(c, s->filters);
}

/* ---- one row; state lock held ---- */

/* argv joined with spaces; Docker shows it so. */
static char *command_of(const container_record *r, mn_arena *arena) {
        cleanup_str mn_str text = MN_STR_INIT(1 << 20);
        mn_str_add(&text, r->path);
        for (char **a = r->args; a && *a; a++) {
                bool needs_quotes = strchr(*a, ' ') != NULL;
                mn_str_printf(&text, needs_quotes ? " '%s'" : " %s", *a);
        }
        return mn_arena_strdup(arena, mn_str_text(&text));
}

/* Exposed ports nobody published stand in the list as well, while it runs. */
static void add_exposed_ports(const container *c, mn_arena *arena, wire_port_summary_list *ports) {
        size_t exposed = mn_strv_len(c->record->config.exposed_ports), known = ports->len;
        wire_port_summary *items = mn_arena_array(arena, known + exposed + 1, sizeof(*items));
        if (known)
                memcpy(items, ports->items, known * sizeof(*items));
        for (size_t i = 0; i < exposed; i++) {
                const char *port = c->record->config.exposed_ports[i], *slash = strchr(port, '/');
                cleanup_free char *number = mn_strndup(port, slash ? (size_t) (slash - port) : strlen(port));
                int value;
                bool is_published = mn_parse_int(number, 1, 65535, &value) < 0;
                for (size_t k = 0; k < known && !is_published; k++)
                        is_published = items[k].private_port == value &&
                                       mn_str_equal(items[k].type, slash ? slash + 1 : "tcp");
                if (!is_published)
                        items[ports->len++] = (wire_port_summary){
                                .private_port = (uint16_t) value,
                                .type = mn_arena_strdup(arena, slash ? slash + 1 : "tcp")
                        };
        }
        ports->items = items;
}

static void summarise(const container *c, mn_arena *arena, wire_container_summary *ret) {
        const container_record *r = c->record;
        wire_port_map ignored;
        *ret = (wire_container_summary){
                .id = mn_arena_strdup(arena, c->id),
                .names = mn_arena_array(arena, 2, sizeof(char *)),
                .image = mn_arena_strdup(arena,
                                         mn_str_is_empty(r->config.image) ? r->image_id : r->config.image),
                .image_id = mn_arena_strdup(arena, r->image_id),
                .command = command_of(r, arena),
                .created = r->created_ns / MN_NS_PER_SEC,
                .state = mn_arena_strdup(arena, container_status_text((container_status) c->state.status)),
                .status = container_describe_status(c, arena),
                .host_config = { .network_mode = mn_arena_strdup(arena, r->host_config.network_mode) },
        };
        ret->names[0] = mn_arena_printf(arena, "/%s", r->name);
        mn_json_copy(&mn_type_str_map, &r->config.labels, arena, &ret->labels);
        mn_json_copy(&mn_type_str_map, &r->host_config.annotations, arena, &ret->host_config.annotations);
        if (c->state.health && !mn_str_is_empty(c->state.health->status)) {
                ret->health = mn_arena_alloc(arena, sizeof(*ret->health));
                *ret->health = (wire_summary_health){ mn_arena_strdup(arena, c->state.health->status),
                                                      c->state.health->failing_streak };
        }
        container_describe_mounts(c, arena, &ret->mounts);
        container_describe_networks(c, arena, &ret->network_settings.networks, &ignored);
        if (container_is_running(c)) {
                network_sandbox_ports(c->engine->options.networks, c->id, arena, &ret->ports);
                add_exposed_ports(c, arena, &ret->ports);
        }
}

static void add_size(container *c, wire_container_summary *row) {
        cleanup_close int dir = container_look_directory(c);
        cleanup_err mn_err ignored = { 0 }; /* a container that is going away has no size */
        if (dir >= 0 && image_container_size(c->engine->options.images, c->record->image_id, dir,
                                             &row->size_rw, &row->size_root_fs, &ignored))
                row->size_rw = row->size_root_fs = 0;
}

static void add_disk_usage(container *c, wire_container_summary *row) {
        cleanup_close int dir = openat(c->engine->containers_fd, c->id,
                                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        uint64_t bytes = 0;
        if (dir >= 0 && mn_tree_usage(dir, &bytes) == 0)
                row->size_rw = (int64_t) bytes;
}

/* ---- the call ---- */

static int newest_first(const void *a, const void *b) {
        int64_t left = (*(container *const *) a)->record->created_ns,
                right = (*(container *const *) b)->record->created_ns;
        return left < right ? 1 : left > right ? -1 : 0;
}

/* The selected containers, newest first, each with a reference. State lock held. */
static container **select_containers(container_engine *e, const struct selection *s, size_t limit,
                                     size_t *ret_len) {
        container **found = mn_alloc_array(mn_map_len(e->by_id) + 1, sizeof(*found));
        size_t len = 0, pos = 0;
        void *value;
        while (mn_map_next(e->by_id, &pos, NULL, &value))
                if (matches(value, s))
                        found[len++] = value;
        if (len)
                qsort(found, len, sizeof(*found), newest_first);
        if (limit && len > limit)
                len = limit;
        for (size_t i = 0; i < len; i++)
                container_ref(found[i]);
        *ret_len = len;
        return found;
}

mn_status container_list(container_engine *e, const container_list_spec *spec, mn_arena *arena,
                         wire_container_summary_list *ret, mn_err *err) {
        static const wire_filters no_filters;
        struct selection s = {
                .filters = spec->filters ? spec->filters : &no_filters,
                .is_all = spec->is_all || spec->limit > 0,
        };
        mn_status st = check_status_filter(s.filters, err);
        if (st)
                return st;
        cleanup_map mn_map *ancestors = s.ancestors = find_ancestors(e, s.filters);
        engine_lock(e);
        st = created_of(e, s.filters, "before", &s.before_ns, err);
        if (!st)
                st = created_of(e, s.filters, "since", &s.since_ns, err);
        size_t len = 0;
        container **found = st ? NULL
                               : select_containers(e, &s, spec->limit > 0 ? (size_t) spec->limit : 0, &len);
        wire_container_summary *items = mn_arena_array(arena, len + 1, sizeof(*items));
        for (size_t i = 0; i < len; i++)
                summarise(found[i], arena, &items[i]);
        engine_unlock(e);
        for (size_t i = 0; i < len; i++) {
                if (spec->has_size)
                        add_size(found[i], &items[i]);
                if (spec->has_disk_usage)
                        add_disk_usage(found[i], &items[i]);
                container_unref(found[i]);
        }
        free(found);
        *ret = (wire_container_summary_list){ items, len };
        return st;
}
