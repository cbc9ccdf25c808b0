/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be mounted: Binds, Mounts, Tmpfs and Config.Volumes of a create request as one list. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "base/vec.h"
#include "container/create.h"
#include "container/names.h"
#include "container/tree.h"

typedef MN_VEC(container_mount) mount_vec;

static mn_status set_destination(container_mount *m, const char *path, const char *spec, mn_arena *arena,
                                 mn_err *err) {
        if (!path || *path != '/')
                return mn_fail(err, MN_INVALID,
                               "invalid volume specification: '%s': invalid mount config for type \"%s\": "
                               "invalid mount path: '%s' mount path must be absolute",
                               spec, m->type, path ? path : "");
        m->destination = container_clean_path(arena, path);
        if (strcmp(m->destination, "/") == 0)
                return mn_fail(err, MN_INVALID,
                               "invalid volume specification: '%s': invalid mount config for type \"%s\": "
                               "invalid specification: destination can't be '/'",
                               spec, m->type);
        return MN_OK;
}

/* ---- -v ---- */

/* "ro,z,nocopy,rshared" of a bind. */
static mn_status parse_bind_options(container_mount *m, const char *text, mn_arena *arena, mn_err *err) {
        static const char *const propagation[] = { "private", "rprivate", "shared", "rshared",
                                                   "slave",   "rslave",   NULL };
        static const char *const ignored[] = { "rw",        "z",       "Z", "consistent", "cached",
                                               "delegated", "default", "",  NULL };
        cleanup_strv char **words = mn_strv_split(text, ',');
        for (char **w = words; *w; w++) {
                if (strcmp(*w, "ro") == 0)
                        m->is_writable = false;
                else if (strcmp(*w, "nocopy") == 0)
                        m->has_no_copy = true;
                else if (strcmp(m->type, "bind") == 0 && mn_strv_has((char *const *) propagation, *w))
                        m->propagation = mn_arena_strdup(arena, *w);
                else if (!mn_strv_has((char *const *) ignored, *w))
                        return mn_fail(err, MN_INVALID, "invalid mode: %s", text);
        }
        return MN_OK;
}

static mn_status parse_bind(const char *spec, const char *volume_driver, mn_arena *arena, container_mount *m,
                            mn_err *err) {
        cleanup_strv char **parts = mn_strv_split(spec, ':');
        size_t n = mn_strv_len(parts);
        if (n > 3 || !*parts[0] || (n > 1 && !*parts[1]))
                return mn_fail(err, MN_INVALID, "invalid volume specification: '%s'", spec);
        *m = (container_mount){ .type = (char *) "volume", .is_writable = true, .mode = (char *) "" };
        if (n > 1 && parts[0][0] == '/') {
                m->type = (char *) "bind";
                m->source = container_clean_path(arena, parts[0]);
                m->creates_source = true;
        } else if (n > 1) {
                if (!container_name_is_valid(parts[0]))
                        return mn_fail(
                                err, MN_INVALID,
                                "create %s: \"%s\" includes invalid characters for a local volume name, only "
                                "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
                                "directory, use absolute path",
                                parts[0], parts[0]);
                m->name = mn_arena_strdup(arena, parts[0]);
                if (mn_str_is_empty(volume_driver))
                        m->mode = (char *) "z"; /* what Docker shows; there is no label to change */
        }
        if (strcmp(m->type, "volume") == 0)
                m->driver = mn_arena_strdup(arena, mn_str_is_empty(volume_driver) ? "local" : volume_driver);
        m->is_anonymous = strcmp(m->type, "volume") == 0 && !m->name;
        mn_status status = set_destination(m, n > 1 ? parts[1] : parts[0], spec, arena, err);
        if (!status && n == 3) {
                m->mode = mn_arena_strdup(arena, parts[2]);
                status = parse_bind_options(m, parts[2], arena, err);
        }
        if (!status && strcmp(m->type, "bind") == 0 && !m->propagation)
                m->propagation = (char *) "rprivate";
        return status;
}

/* ---- --mount ---- */

static mn_status wrong_mount(const wire_mount *w, const char *what, mn_err *err) {
        return mn_fail(err, MN_INVALID, "invalid mount config for type \"%s\": %s", w->type ? w->type : "",
                       what);
}

/* Options are for mounts of their own type. */
static mn_status check_exclusive(const wire_mount *w, mn_err *err) {
        const struct {
                const char *type, *field;
                const void *options;
        } all[] = {
                { "bind", "BindOptions", w->bind_options },
                { "volume", "VolumeOptions", w->volume_options },
                { "image", "ImageOptions", w->image_options },
                { "tmpfs", "TmpfsOptions", w->tmpfs_options },
        };
        char what[64];
        for (size_t i = 0; i < MN_ARRAY_LEN(all); i++) {
                if (!all[i].options || mn_str_equal(w->type, all[i].type))
                        continue;
                snprintf(what, sizeof(what), "field %s must not be specified", all[i].field);
                return wrong_mount(w, what, err);
        }
        return MN_OK;
}

/* A relative path that stays below where it begins, by its words alone. */
static mn_status read_subpath(const wire_mount *w, const char *path, mn_arena *arena, char **ret,
                              mn_err *err) {
        cleanup_strv char **parts = mn_strv_split(path ? path : "", '/');
        long depth = path && *path == '/' ? -1 : 0;
        for (char **p = parts; *p && depth >= 0; p++)
                depth += strcmp(*p, "..") == 0 ? -1 : **p && strcmp(*p, ".") != 0;
        *ret = mn_arena_strdup(arena, path);
        return depth < 0 ? wrong_mount(w, "subpath must be a relative path within the volume", err) : MN_OK;
}

static mn_status read_bind_mount(const wire_mount *w, mn_arena *arena, container_mount *m, mn_err *err) {
        if (mn_str_is_empty(w->source))
                return wrong_mount(w, "field Source must not be empty", err);
        if (w->source[0] != '/')
                return wrong_mount(w, "mount path must be absolute", err);
        m->source = container_clean_path(arena, w->source);
        m->propagation = (char *) "rprivate";
        if (w->bind_options) {
                const wire_bind_options *b = w->bind_options;
                if (!mn_str_is_empty(b->propagation))
                        m->propagation = mn_arena_strdup(arena, b->propagation);
                m->is_non_recursive = b->is_non_recursive;
                m->is_ro_non_recursive = b->is_read_only_non_recursive;
                m->creates_source = b->creates_mountpoint;
        }
        return MN_OK;
}

static mn_status read_volume_mount(const wire_mount *w, mn_arena *arena, container_mount *m, mn_err *err) {
        m->name = mn_str_is_empty(w->source) ? NULL : mn_arena_strdup(arena, w->source);
        m->is_anonymous = !m->name;
        m->driver = (char *) "local";
        if (m->name && !container_name_is_valid(m->name))
                return mn_fail(err, MN_INVALID,
                               "create %s: \"%s\" includes invalid characters for a local volume "
                               "name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you "
                               "intended to pass a host directory, use absolute path",
                               m->name, m->name);
        if (!w->volume_options)
                return MN_OK;
        m->has_no_copy = w->volume_options->has_no_copy;
        if (w->volume_options->driver_config && !mn_str_is_empty(w->volume_options->driver_config->name))
                m->driver = mn_arena_strdup(arena, w->volume_options->driver_config->name);
        return read_subpath(w, w->volume_options->subpath, arena, &m->subpath, err);
}

/* Always read-only: there is no layer to write to. */
static mn_status read_image_mount(const wire_mount *w, mn_arena *arena, container_mount *m, mn_err *err) {
        if (mn_str_is_empty(w->source))
                return wrong_mount(w, "field Source must not be empty", err);
        m->name = mn_arena_strdup(arena, w->source);
        m->propagation = (char *) "rprivate";
        m->is_writable = false;
        return read_subpath(w, w->image_options ? w->image_options->subpath : NULL, arena, &m->subpath, err);
}

static mn_status read_tmpfs_mount(const wire_mount *w, mn_arena *arena, container_mount *m, mn_err *err) {
        if (!mn_str_is_empty(w->source))
                return wrong_mount(w, "field Source must not be specified", err);
        const wire_tmpfs_options *t = w->tmpfs_options;
        cleanup_str mn_str options = { 0 };
        if (t && t->size_bytes > 0)
                mn_str_printf(&options, "size=%lld", (long long) t->size_bytes);
        if (t && t->mode)
                mn_str_printf(&options, "%smode=%o", options.len ? "," : "", t->mode & 07777);
        for (size_t i = 0; t && i < t->options.len; i++) {
                char **pair = t->options.items[i];
                if (!pair || !pair[0] || strpbrk(pair[0], ",=") || (pair[1] && strchr(pair[1], ',')))
                        return wrong_mount(w, "invalid option in TmpfsOptions", err);
                mn_str_printf(&options, "%s%s%s%s", options.len ? "," : "", pair[0], pair[1] ? "=" : "",
                              pair[1] ? pair[1] : "");
        }
        m->options = mn_arena_strdup(arena, mn_str_text(&options));
        return MN_OK;
}

static mn_status read_mount(const wire_mount *w, mn_arena *arena, container_mount *m, mn_err *err) {
        *m = (container_mount){ .type = mn_arena_strdup(arena, w->type ? w->type : ""),
                                .mode = (char *) "",
                                .is_writable = !w->is_read_only,
                                .is_from_mounts = true };
        mn_status status = check_exclusive(w, err);
        if (status)
                return status;
        if (mn_str_is_empty(w->target))
                return wrong_mount(w, "field Target must not be empty", err);
        if (w->target[0] != '/')
                return mn_fail(err, MN_INVALID,
                               "invalid mount config for type \"%s\": invalid mount path: '%s' mount "
                               "path must be absolute",
                               m->type, w->target);
        m->destination = container_clean_path(arena, w->target);
        if (strcmp(m->destination, "/") == 0)
                return wrong_mount(w, "invalid specification: destination can't be '/'", err);
        if (strcmp(m->type, "bind") == 0)
                return read_bind_mount(w, arena, m, err);
        if (strcmp(m->type, "volume") == 0)
                return read_volume_mount(w, arena, m, err);
        if (strcmp(m->type, "tmpfs") == 0)
                return read_tmpfs_mount(w, arena, m, err);
        if (strcmp(m->type, "image") == 0)
                return read_image_mount(w, arena, m, err);
        return wrong_mount(w, "mount type unknown", err);
}

/* The words of `--tmpfs PATH:WORDS` that mean something for a tmpfs; those with "=" have a value. */
static mn_status check_tmpfs_words(const char *words, mn_err *err) {
        static const char *const known[] = {
                "defaults",   "ro",       "rw",         "suid",        "nosuid",        "dev",
                "nodev",      "exec",     "noexec",     "sync",        "async",         "dirsync",
                "remount",    "mand",     "nomand",     "atime",       "noatime",       "diratime",
                "nodiratime", "relatime", "norelatime", "strictatime", "nostrictatime", "size=",
                "mode=",      "uid=",     "gid=",       "nr_inodes=",  "nr_blocks=",    "mpol=",
        };
        cleanup_strv char **list = mn_strv_split(words, ',');
        for (char **w = list; *w; w++) {
                bool is_known = !**w;
                for (size_t i = 0; i < MN_ARRAY_LEN(known) && !is_known; i++)
                        is_known = strchr(known[i], '=') ? mn_str_has_prefix(*w, known[i])
                                                         : strcmp(*w, known[i]) == 0;
                if (!is_known)
                        return mn_fail(err, MN_INVALID, "invalid tmpfs option [\"%s\"]", *w);
        }
        return MN_OK;
}

/* ---- together ---- */

static const container_mount *find(const mount_vec *found, const char *destination) {
        for (size_t i = 0; i < found->len; i++)
                if (strcmp(found->items[i].destination, destination) == 0)
                        return &found->items[i];
        return NULL;
}

static mn_status add(mount_vec *found, container_mount m, mn_err *err) {
        if (find(found, m.destination))
                return mn_fail(err, MN_INVALID, "Duplicate mount point: %s", m.destination);
        mn_vec_push(found, m);
        return MN_OK;
}

static mn_status add_all(mount_vec *found, const wire_host_config *host, const wire_container_config *config,
                         mn_arena *arena, mn_err *err) {
        mn_status status = MN_OK;
        container_mount m;
        for (char *const *b = host->binds; b && *b && !status; b++) {
                status = parse_bind(*b, host->volume_driver, arena, &m, err);
                status = status ? status : add(found, m, err);
        }
        for (size_t i = 0; i < host->mounts.len && !status; i++) {
                status = read_mount(&host->mounts.items[i], arena, &m, err);
                status = status ? status : add(found, m, err);
        }
        for (size_t i = 0; i < host->tmpfs.len && !status; i++) {
                const mn_str_pair *t = &host->tmpfs.items[i];
                m = (container_mount){ .type = (char *) "tmpfs", .mode = (char *) "", .is_writable = true };
                m.options = mn_arena_strdup(arena, t->value ? t->value : "");
                status = set_destination(&m, t->key, t->key, arena, err);
                status = status ? status : check_tmpfs_words(m.options, err);
                status = status ? status : add(found, m, err);
        }
        for (char *const *v = config->volumes; v && *v && !status; v++) {
                cleanup_strv char **parts = mn_strv_split(*v, ':');
                m = (container_mount){ .type = (char *) "volume",
                                       .mode = (char *) "",
                                       .driver = (char *) "local",
                                       .is_writable = true,
                                       .is_anonymous = true };
                status = set_destination(&m, parts[0], *v, arena, err);
                if (!status && !find(found, m.destination))
                        mn_vec_push(found, m);
        }
        return status;
}

static int by_destination(const void *a, const void *b) {
        return strcmp(((const container_mount *) a)->destination, ((const container_mount *) b)->destination);
}

mn_status container_parse_mounts(const wire_host_config *host, const wire_container_config *config,
                                 mn_arena *arena, container_mount_list *ret, mn_err *err) {
        mount_vec found = { 0 };
        mn_status status = add_all(&found, host, config, arena, err);
        if (!status) {
                if (found.len)
                        qsort(found.items, found.len, sizeof *found.items, by_destination);
                ret->items = mn_arena_array(arena, found.len + 1, sizeof *ret->items);
                if (found.len)
                        memcpy(ret->items, found.items, found.len * sizeof *found.items);
                ret->len = found.len;
        }
        mn_vec_release(&found);
        return status;
}
