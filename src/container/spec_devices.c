/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: device nodes and the device cgroup's rules. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "base/vec.h"
#include "container/create.h"
#include "container/spec.h"
#include "container/tree.h"
#include "sys/fd.h"

enum { DEVICES_MAX = 4096, DEPTH_MAX = 8 };

typedef MN_VEC(oci_device) device_vec;
typedef MN_VEC(oci_device_rule) rule_vec;

struct devices {
        mn_arena *arena;
        device_vec nodes;
        rule_vec rules;
};

static int64_t *number(mn_arena *arena, int64_t value) {
        int64_t *p = mn_arena_alloc(arena, sizeof *p);
        *p = value;
        return p;
}

static void add_rule(struct devices *d, bool allow, const char *type, int64_t major, int64_t minor,
                     const char *access) {
        oci_device_rule rule = { .allow = allow,
                                 .type = mn_arena_strdup(d->arena, type),
                                 .major = major < 0 ? NULL : number(d->arena, major),
                                 .minor = minor < 0 ? NULL : number(d->arena, minor),
                                 .access = mn_arena_strdup(d->arena, access) };
        mn_vec_push(&d->rules, rule);
}

static void add_node(struct devices *d, const struct stat *st, const char *path, const char *access) {
        const char *type = S_ISBLK(st->st_mode) ? "b" : "c";
        oci_device node = { .path = mn_arena_strdup(d->arena, path),
                            .type = mn_arena_strdup(d->arena, type),
                            .major = major(st->st_rdev),
                            .minor = minor(st->st_rdev) };
        node.file_mode = mn_arena_alloc(d->arena, sizeof(uint32_t));
        node.uid = mn_arena_alloc(d->arena, sizeof(uint32_t));
        node.gid = mn_arena_alloc(d->arena, sizeof(uint32_t));
        *node.file_mode = st->st_mode & 07777;
        *node.uid = st->st_uid;
        *node.gid = st->st_gid;
        mn_vec_push(&d->nodes, node);
        if (access)
                add_rule(d, true, type, node.major, node.minor, access);
}

static bool is_skipped(const char *name) {
        static const char *const names[] = { "pts", "shm",  "fd",          "mqueue", "console", ".",
                                             "..",  ".lxc", ".lxd-mounts", ".udev",  NULL };
        return mn_strv_has((char *const *) names, name);
}

/* Every device node below the host directory, at the same place below `target`. */
static void add_tree(struct devices *d, int dirfd, const char *target, const char *access, int depth) {
        DIR *dir = depth < DEPTH_MAX ? fdopendir(dirfd) : NULL;
        if (!dir) {
                mn_close(dirfd);
                return;
        }
        for (struct dirent *e; (e = readdir(dir)) && d->nodes.len < DEVICES_MAX;) {
                struct stat st;
                if (is_skipped(e->d_name) || fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                char *path = mn_arena_printf(d->arena, "%s/%s", target, e->d_name);
                if (S_ISDIR(st.st_mode)) {
                        int sub = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                        if (sub >= 0)
                                add_tree(d, sub, path, access, depth + 1);
                } else if (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode)) {
                        add_node(d, &st, path, access);
                }
        }
        closedir(dir);
}

/* --device HOST[:CONTAINER[:rwm]]: a node, or a directory of them. */
static mn_status add_mapping(struct devices *d, const wire_device_mapping *m, mn_err *err) {
        const char *host = m->path_on_host ? m->path_on_host : "";
        const char *access = mn_str_is_empty(m->cgroup_permissions) ? "rwm" : m->cgroup_permissions;
        char *target = container_clean_path(
                d->arena, mn_str_is_empty(m->path_in_container) ? host : m->path_in_container);
        struct stat st;
        if (*host != '/' || stat(host, &st) < 0)
                return mn_fail(err, MN_INVALID,
                               "error gathering device information while adding custom device \"%s\": %s",
                               host, *host == '/' ? mn_strerror(-errno) : "no such file or directory");
        if (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode)) {
                add_node(d, &st, target, access);
                return MN_OK;
        }
        if (!S_ISDIR(st.st_mode))
                return mn_fail(err, MN_INVALID,
                               "error gathering device information while adding custom device \"%s\": not a "
                               "device node",
                               host);
        int fd = open(host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
                add_tree(d, fd, target, access, 0);
        return MN_OK;
}

/* Copies what of `accepted` stands at `*at` and the byte `end` after it, and moves behind both; false
 * otherwise. */
static bool take_word(const char **at, const char *accepted, char end, char *word, size_t size) {
        size_t len = strspn(*at, accepted);
        if (!len || len >= size || (*at)[len] != end)
                return false;
        memcpy(word, *at, len);
        word[len] = '\0';
        *at += len + (end != '\0');
        return true;
}

/* "c 1:3 rwm" with '*' for any number. */
static mn_status add_text_rule(struct devices *d, const char *text, mn_err *err) {
        char type[2], numbers[2][16], access[4];
        int64_t value[2] = { -1, -1 };
        const char *at = text;
        bool is_right = take_word(&at, "acb", ' ', type, sizeof(type)) &&
                        take_word(&at, "0123456789*", ':', numbers[0], sizeof(numbers[0])) &&
                        take_word(&at, "0123456789*", ' ', numbers[1], sizeof(numbers[1])) &&
                        take_word(&at, "rwm", '\0', access, sizeof(access));
        for (int i = 0; is_right && i < 2; i++)
                if (strcmp(numbers[i], "*") != 0)
                        is_right = mn_parse_i64(numbers[i], 0, UINT32_MAX, &value[i]) == 0;
        if (!is_right)
                return mn_fail(err, MN_INVALID, "invalid device cgroup rule format: '%s'", text);
        add_rule(d, true, type, value[0], value[1], access);
        return MN_OK;
}

static mn_status collect(struct devices *d, const wire_host_config *host, mn_err *err) {
        if (host->is_privileged) {
                add_rule(d, true, "a", -1, -1, "rwm");
                int fd = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd >= 0)
                        add_tree(d, fd, "/dev", NULL, 0);
        } else {
                static const int nodes[][2] = { { 1, 3 }, { 1, 5 }, { 1, 8 }, { 1, 9 }, { 5, 0 }, { 5, 1 } };
                add_rule(d, false, "a", -1, -1, "rwm");
                for (size_t i = 0; i < MN_ARRAY_LEN(nodes); i++)
                        add_rule(d, true, "c", nodes[i][0], nodes[i][1], "rwm");
        }
        mn_status status = MN_OK;
        for (size_t i = 0; i < host->resources.devices.len && !status; i++)
                status = add_mapping(d, &host->resources.devices.items[i], err);
        for (char *const *r = host->resources.device_cgroup_rules; r && *r && !status; r++)
                status = add_text_rule(d, *r, err);
        return status;
}

mn_status container_spec_devices(const container_spec_input *in, mn_arena *arena, oci_spec *spec,
                                 mn_err *err) {
        struct devices d = { .arena = arena };
        mn_status status = collect(&d, &in->record->host_config, err);
        oci_linux *l = spec->linux_;
        l->devices.items = mn_arena_array(arena, d.nodes.len + 1, sizeof *l->devices.items);
        l->resources->devices.items = mn_arena_array(arena, d.rules.len + 1,
                                                     sizeof *l->resources->devices.items);
        if (d.nodes.len)
                memcpy(l->devices.items, d.nodes.items, d.nodes.len * sizeof *d.nodes.items);
        memcpy(l->resources->devices.items, d.rules.items, d.rules.len * sizeof *d.rules.items);
        l->devices.len = d.nodes.len;
        l->resources->devices.len = d.rules.len;
        mn_vec_release(&d.nodes);
        mn_vec_release(&d.rules);
        return status;
}
