/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create_storage.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/strv.h"
#include "cli/pairs.h"
#include "codec/size.h"

/* "./data" as an absolute path, ".." and "." taken out by the kernel where the directory exists. */
static const char *absolute(mn_arena *arena, const char *path) {
        cleanup_free char *cwd = getcwd(NULL, 0);
        cleanup_free char *joined = mn_asprintf("%s/%s", cwd ? cwd : "", path);
        cleanup_free char *resolved = realpath(joined, NULL);
        return mn_arena_strdup(arena, resolved ? resolved : joined);
}

/* `-v`: with a source it is a bind (the daemon tells names from paths), without one an anonymous volume. */
static mn_status add_volume(mn_arena *arena, const char *text, wire_container_create *body, size_t *nbinds,
                            size_t *nvolumes, mn_err *err) {
        const char *colon = strchr(text, ':');
        if (!*text || colon == text)
                return mn_fail(err, MN_INVALID, "invalid spec: %s: empty section between colons", text);
        if (!colon) {
                body->config.volumes[(*nvolumes)++] = mn_arena_strdup(arena, text);
                return MN_OK;
        }
        if (!colon[1] || colon[1] == ':' || strstr(colon + 1, "::"))
                return mn_fail(err, MN_INVALID, "invalid spec: %s: empty section between colons", text);
        const char *source = mn_arena_strndup(arena, text, (size_t) (colon - text));
        if (*source == '.')
                source = absolute(arena, source);
        body->host_config.binds[(*nbinds)++] = mn_arena_printf(arena, "%s%s", source, colon);
        return MN_OK;
}

static mn_status parse_flag(const char *key, const char *value, bool *ret, mn_err *err) {
        *ret = true;
        if (value && mn_parse_bool(value, ret))
                return mn_fail(err, MN_INVALID, "invalid value for %s: %s", key, value);
        return MN_OK;
}

static wire_bind_options *bind_of(mn_arena *arena, wire_mount *m) {
        if (!m->bind_options)
                m->bind_options = mn_arena_alloc(arena, sizeof(*m->bind_options));
        return m->bind_options;
}

static wire_volume_options *volume_of(mn_arena *arena, wire_mount *m) {
        if (!m->volume_options)
                m->volume_options = mn_arena_alloc(arena, sizeof(*m->volume_options));
        return m->volume_options;
}

static wire_driver_config *driver_of(mn_arena *arena, wire_mount *m) {
        wire_volume_options *v = volume_of(arena, m);
        if (!v->driver_config)
                v->driver_config = mn_arena_alloc(arena, sizeof(*v->driver_config));
        return v->driver_config;
}

static wire_tmpfs_options *tmpfs_of(mn_arena *arena, wire_mount *m) {
        if (!m->tmpfs_options)
                m->tmpfs_options = mn_arena_alloc(arena, sizeof(*m->tmpfs_options));
        return m->tmpfs_options;
}

static void set_pair(mn_arena *arena, mn_str_map *map, const char *pair) {
        size_t len = strcspn(pair, "=");
        mn_str_map_set(map, arena, mn_arena_strndup(arena, pair, len), pair[len] ? pair + len + 1 : "");
}

static mn_status set_recursive(mn_arena *arena, const char *value, wire_mount *m, mn_err *err) {
        wire_bind_options *b = bind_of(arena, m);
        if (strcmp(value, "enabled") == 0)
                return MN_OK;
        if (strcmp(value, "disabled") == 0)
                b->is_non_recursive = true;
        else if (strcmp(value, "writable") == 0)
                b->is_read_only_non_recursive = true;
        else if (strcmp(value, "readonly") == 0)
                b->is_read_only_force_recursive = true;
        else
                return mn_fail(err, MN_INVALID,
                               "invalid value for bind-recursive: %s (must be \"enabled\", \"disabled\", "
                               "\"writable\", or "
                               "\"readonly\")",
                               value);
        return MN_OK;
}

static mn_status set_tmpfs_number(mn_arena *arena, const char *key, const char *value, wire_mount *m,
                                  mn_err *err) {
        bool is_size = strcmp(key, "tmpfs-size") == 0;
        wire_tmpfs_options *t = tmpfs_of(arena, m);
        if (is_size ? mn_size_parse(value, &t->size_bytes, NULL) != MN_OK
                    : mn_parse_octal(value, 07777, &t->mode) != 0)
                return mn_fail(err, MN_INVALID, "invalid value for %s: %s", key, value);
        return MN_OK;
}

/* One "key=value" of --mount; NULL value for a lone key. */
static mn_status set_mount_field(mn_arena *arena, const char *key, const char *value, wire_mount *m,
                                 mn_err *err) {
        bool is_on;
        mn_status status;
        if (strcmp(key, "readonly") == 0 || strcmp(key, "ro") == 0)
                return parse_flag(key, value, &m->is_read_only, err);
        if (strcmp(key, "volume-nocopy") == 0)
                return parse_flag(key, value, &volume_of(arena, m)->has_no_copy, err);
        if (strcmp(key, "bind-create-src") == 0)
                return parse_flag(key, value, &bind_of(arena, m)->creates_mountpoint, err);
        if (strcmp(key, "bind-nonrecursive") == 0) {
                status = parse_flag(key, value, &is_on, err);
                bind_of(arena, m)->is_non_recursive = !status && is_on;
                return status;
        }
        if (!value)
                return mn_fail(err, MN_INVALID, "invalid field '%s' must be a key=value pair", key);
        char *text = mn_arena_strdup(arena, value);
        if (strcmp(key, "type") == 0)
                m->type = text;
        else if (strcmp(key, "source") == 0 || strcmp(key, "src") == 0)
                m->source = *text == '.' ? (char *) absolute(arena, text) : text;
        else if (strcmp(key, "target") == 0 || strcmp(key, "dst") == 0 || strcmp(key, "destination") == 0)
                m->target = text;
        else if (strcmp(key, "consistency") == 0)
                m->consistency = text;
        else if (strcmp(key, "bind-propagation") == 0)
                bind_of(arena, m)->propagation = text;
        else if (strcmp(key, "bind-recursive") == 0)
                return set_recursive(arena, text, m, err);
        else if (strcmp(key, "volume-subpath") == 0)
                volume_of(arena, m)->subpath = text;
        else if (strcmp(key, "volume-label") == 0)
                set_pair(arena, &volume_of(arena, m)->labels, text);
        else if (strcmp(key, "volume-driver") == 0)
                driver_of(arena, m)->name = text;
        else if (strcmp(key, "volume-opt") == 0)
                set_pair(arena, &driver_of(arena, m)->options, text);
        else if (strcmp(key, "tmpfs-size") == 0 || strcmp(key, "tmpfs-mode") == 0)
                return set_tmpfs_number(arena, key, text, m, err);
        else if (strcmp(key, "image-subpath") == 0) {
                m->image_options = mn_arena_alloc(arena, sizeof(*m->image_options));
                m->image_options->subpath = text;
        } else
                return mn_fail(err, MN_INVALID, "unexpected key '%s' in '%s=%s'", key, key, value);
        return MN_OK;
}

static mn_status parse_mount(mn_arena *arena, const char *text, wire_mount *m, mn_err *err) {
        m->type = mn_arena_strdup(arena, "volume");
        if (!*text)
                return mn_fail(err, MN_INVALID, "value is empty");
        for (const char *s = text;; s++) {
                const char *field = pairs_next_field(arena, &s);
                size_t len = strcspn(field, "=");
                mn_status status = set_mount_field(arena, mn_arena_strndup(arena, field, len),
                                                   field[len] ? field + len + 1 : NULL, m, err);
                if (status)
                        return status;
                if (!*s)
                        break;
        }
        if (!m->target)
                return mn_fail(err, MN_INVALID, "target is required");
        if (m->volume_options && strcmp(m->type, "volume") != 0)
                return mn_fail(err, MN_INVALID, "cannot mix 'volume-*' options with mount type '%s'",
                               m->type);
        if (m->bind_options && strcmp(m->type, "bind") != 0)
                return mn_fail(err, MN_INVALID, "cannot mix 'bind-*' options with mount type '%s'", m->type);
        if (m->tmpfs_options && strcmp(m->type, "tmpfs") != 0)
                return mn_fail(err, MN_INVALID, "cannot mix 'tmpfs-*' options with mount type '%s'", m->type);
        if (m->image_options && strcmp(m->type, "image") != 0)
                return mn_fail(err, MN_INVALID, "cannot mix 'image-*' options with mount type '%s'", m->type);
        return MN_OK;
}

mn_status create_check_mount(mn_arena *arena, const char **value, mn_err *err) {
        wire_mount ignored = { 0 };
        return parse_mount(arena, *value, &ignored, err);
}

mn_status create_storage(mn_arena *arena, const create_options *o, wire_container_create *body, mn_err *err) {
        wire_host_config *host = &body->host_config;
        size_t n = mn_strv_len(o->volume), nbinds = 0, nvolumes = 0, nmounts = mn_strv_len(o->mount);
        host->binds = mn_arena_array(arena, n + 1, sizeof(char *));
        body->config.volumes = mn_arena_array(arena, n + 1, sizeof(char *));
        for (size_t i = 0; i < n; i++) {
                mn_status status = add_volume(arena, o->volume[i], body, &nbinds, &nvolumes, err);
                if (status)
                        return status;
        }
        if (!nbinds)
                host->binds = NULL;
        host->mounts.items = nmounts ? mn_arena_array(arena, nmounts, sizeof(*host->mounts.items)) : NULL;
        for (; host->mounts.len < nmounts; host->mounts.len++) {
                mn_status status = parse_mount(arena, o->mount[host->mounts.len],
                                               &host->mounts.items[host->mounts.len], err);
                if (status)
                        return status;
        }
        for (char **t = o->tmpfs; t && *t; t++) {
                size_t len = strcspn(*t, ":");
                mn_str_map_set(&host->tmpfs, arena, mn_arena_strndup(arena, *t, len),
                               (*t)[len] ? *t + len + 1 : "");
        }
        host->volumes_from = o->volumes_from;
        host->volume_driver = (char *) o->volume_driver;
        return MN_OK;
}
