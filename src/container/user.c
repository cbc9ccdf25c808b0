/* SPDX-License-Identifier: Apache-2.0 */
#include "container/user.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/str.h"
#include "base/vec.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/path.h"

enum { FILE_MAX = 10 << 20, GROUPS_MAX = 65536 };
#define ID_MAX UINT64_C(4294967294) /* (uid_t) -1 means "leave it" to the kernel */

/* One line of passwd or group: up to seven fields, borrowed from a copy of the line. */
struct line {
        char *fields[7];
        size_t len;
};

/* The next line, split in place; false at the end. Over-long lists of fields keep the first seven. */
static bool next_line(char **text, struct line *ret) {
        while (*text && **text) {
                char *start = *text, *end = strchr(start, '\n');
                *text = end ? end + 1 : NULL;
                if (end)
                        *end = 0;
                if (!*start || *start == '#')
                        continue;
                *ret = (struct line){ 0 };
                for (char *p = start; p && ret->len < MN_ARRAY_LEN(ret->fields);) {
                        ret->fields[ret->len++] = p;
                        p = strchr(p, ':');
                        if (p)
                                *p++ = 0;
                }
                return true;
        }
        return false;
}

static bool is_number(const char *s) {
        return *s && s[strspn(s, "0123456789")] == 0;
}

static mn_status parse_id(const char *text, uint32_t *ret, mn_err *err) {
        uint64_t value;
        if (mn_parse_u64(text, ID_MAX, &value) < 0)
                return mn_fail(err, MN_INVALID, "uids and gids must be in range 0-%llu",
                               (unsigned long long) ID_MAX);
        *ret = (uint32_t) value;
        return MN_OK;
}

static bool id_of(const struct line *l, size_t field, uint32_t *ret) {
        uint64_t value;
        if (l->len <= field || mn_parse_u64(l->fields[field], ID_MAX, &value) < 0)
                return false;
        *ret = (uint32_t) value;
        return true;
}

/* What is found in passwd: by name, or by number. */
struct passwd_entry {
        char *name;
        uint32_t uid, gid;
        char *home;
};

static bool find_passwd(char *text, const char *name, const uint32_t *uid, struct passwd_entry *ret) {
        struct line l;
        while (next_line(&text, &l)) {
                struct passwd_entry e = { .name = l.fields[0], .home = l.len > 5 ? l.fields[5] : NULL };
                if (!id_of(&l, 2, &e.uid) || !id_of(&l, 3, &e.gid))
                        continue;
                if (uid ? e.uid == *uid : strcmp(e.name, name) == 0) {
                        *ret = e;
                        return true;
                }
        }
        return false;
}

static bool find_group(const char *group_file, const char *name, uint32_t *ret) {
        cleanup_free char *copy = mn_strdup(group_file);
        char *text = copy;
        struct line l;
        while (next_line(&text, &l))
                if (strcmp(l.fields[0], name) == 0 && id_of(&l, 2, ret))
                        return true;
        return false;
}

static mn_status group_id(const char *group_file, const char *text, uint32_t *ret, mn_err *err) {
        if (is_number(text))
                return parse_id(text, ret, err);
        if (!find_group(group_file, text, ret))
                return mn_fail(err, MN_INVALID, "unable to find group %s: no matching entries in group file",
                               text);
        return MN_OK;
}

typedef MN_VEC(uint32_t) id_vec;

static void add_id(id_vec *ids, uint32_t id) {
        for (size_t i = 0; i < ids->len; i++)
                if (ids->items[i] == id)
                        return;
        if (ids->len < GROUPS_MAX)
                mn_vec_push(ids, id);
}

/* Groups that list `name` as a member. */
static void add_memberships(id_vec *ids, const char *group_file, const char *name) {
        cleanup_free char *copy = mn_strdup(group_file);
        char *text = copy;
        struct line l;
        while (next_line(&text, &l)) {
                uint32_t gid;
                if (l.len < 4 || !id_of(&l, 2, &gid))
                        continue;
                char *rest = NULL;
                for (char *m = strtok_r(l.fields[3], ",", &rest); m; m = strtok_r(NULL, ",", &rest))
                        if (strcmp(m, name) == 0)
                                add_id(ids, gid);
        }
}

static mn_status add_groups(id_vec *ids, const char *group_file, char *const *groups, mn_err *err) {
        for (; groups && *groups; groups++) {
                uint32_t gid;
                mn_status status = group_id(group_file, *groups, &gid, err);
                if (status)
                        return status;
                add_id(ids, gid);
        }
        return MN_OK;
}

mn_status container_user_find(const char *passwd, const char *group, const char *user,
                              char *const *extra_groups, mn_arena *arena, container_user *ret, mn_err *err) {
        const char *colon = strchr(user, ':');
        char *name = mn_arena_strndup(arena, user, colon ? (size_t) (colon - user) : strlen(user));
        const char *group_name = colon ? colon + 1 : "";
        if (strchr(group_name, ':'))
                return mn_fail(err, MN_INVALID, "invalid user \"%s\"", user);

        uint32_t uid = 0;
        bool is_by_number = !*name || is_number(name);
        mn_status status = *name && is_by_number ? parse_id(name, &uid, err) : MN_OK;
        if (status)
                return status;
        struct passwd_entry entry = { 0 };
        bool is_found = find_passwd(mn_arena_strdup(arena, passwd), name, is_by_number ? &uid : NULL, &entry);
        if (!is_found && !is_by_number)
                return mn_fail(err, MN_INVALID, "unable to find user %s: no matching entries in passwd file",
                               name);
        ret->uid = is_found ? entry.uid : uid;
        ret->gid = is_found ? entry.gid : 0;
        ret->home = is_found && entry.home && *entry.home == '/' ? entry.home : "/";

        id_vec ids = { 0 };
        if (*group_name)
                status = group_id(group, group_name, &ret->gid, err);
        else if (is_found)
                add_memberships(&ids, group, entry.name);
        if (!status)
                status = add_groups(&ids, group, extra_groups, err);
        ret->groups.items = mn_arena_array(arena, ids.len + 1, sizeof(uint32_t));
        ret->groups.len = ids.len;
        if (ids.len)
                memcpy(ret->groups.items, ids.items, ids.len * sizeof(uint32_t));
        mn_vec_release(&ids);
        return status;
}

/* The file's text, "" when it is missing, no regular file, or too large: an image without names. Never
   blocks: the type is known before anything is opened for reading. */
static char *read_database(int rootfs_fd, const char *path) {
        cleanup_close int place = mn_open_in_root(rootfs_fd, path, O_PATH, 0);
        struct stat st;
        char name[32], *text = NULL;
        size_t len;
        if (place < 0 || fstat(place, &st) < 0 || !S_ISREG(st.st_mode))
                return mn_strdup("");
        cleanup_close int fd = open(mn_fd_path(place, name), O_RDONLY | O_CLOEXEC);
        if (fd < 0 || mn_file_read_fd(fd, FILE_MAX, &text, &len) < 0)
                return mn_strdup("");
        return text;
}

mn_status container_user_lookup(int rootfs_fd, const char *user, char *const *extra_groups, mn_arena *arena,
                                container_user *ret, mn_err *err) {
        cleanup_free char *passwd = read_database(rootfs_fd, "etc/passwd");
        cleanup_free char *group = read_database(rootfs_fd, "etc/group");
        return container_user_find(passwd, group, user ? user : "", extra_groups, arena, ret, err);
}
