/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec_process.h"

#include <fcntl.h>
#include <string.h>

#include "base/num.h"
#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "sys/file.h"

enum { MAX_PROCESS = 8 << 20 };

static mn_status read_process_file(const char *path, mn_arena *arena, oci_process **ret, mn_err *err) {
        cleanup_free char *text = NULL;
        size_t len;
        int r = mn_file_read(AT_FDCWD, path, MAX_PROCESS, &text, &len);
        if (r < 0)
                return mn_fail_errno(err, r, "--process: \"%s\"", path);
        *ret = mn_arena_alloc(arena, sizeof(**ret));
        mn_status st = mn_json_decode_text(&oci_process_type, text, len, NULL, arena, MN_UNKNOWN_IGNORE, *ret,
                                           err);
        return st ? mn_err_prefix(err, st, "--process") : MN_OK;
}

static mn_status parse_user(const char *text, oci_user *user, mn_err *err) {
        const char *colon = strchr(text, ':');
        cleanup_free char *uid_text = colon ? mn_strndup(text, (size_t) (colon - text)) : mn_strdup(text);
        uint64_t uid, gid = user->gid;
        if (mn_parse_u64(uid_text, UINT32_MAX - 1, &uid) < 0 ||
            (colon && mn_parse_u64(colon + 1, UINT32_MAX - 1, &gid) < 0))
                return mn_fail(err, MN_INVALID, "--user: \"%s\" is not UID[:GID]", text);
        user->uid = (uint32_t) uid;
        user->gid = (uint32_t) gid;
        return MN_OK;
}

static char **with_added(mn_arena *arena, char **list, char **more) {
        size_t len = mn_strv_len(list), added = mn_strv_len(more);
        char **all = mn_arena_array(arena, len + added + 1, sizeof(char *));
        if (len)
                memcpy(all, list, len * sizeof(char *));
        if (added)
                memcpy(all + len, more, added * sizeof(char *));
        return all;
}

static void add_capabilities(mn_arena *arena, oci_process *p, char **names) {
        if (!names)
                return;
        oci_capabilities *c = mn_arena_alloc(arena, sizeof(*c));
        if (p->capabilities)
                *c = *p->capabilities;
        c->bounding = with_added(arena, c->bounding, names);
        c->effective = with_added(arena, c->effective, names);
        c->permitted = with_added(arena, c->permitted, names);
        p->capabilities = c;
}

static mn_status set_groups(const exec_options *o, mn_arena *arena, oci_user *user, mn_err *err) {
        size_t groups = mn_strv_len(o->additional_gids);
        if (groups)
                user->additional_gids.items = mn_arena_array(arena, groups, sizeof(uint32_t));
        user->additional_gids.len = groups ? groups : user->additional_gids.len;
        for (size_t i = 0; i < groups; i++) {
                uint64_t gid;
                if (mn_parse_u64(o->additional_gids[i], UINT32_MAX - 1, &gid) < 0)
                        return mn_fail(err, MN_INVALID, "--additional-gids: \"%s\" is not a group id",
                                       o->additional_gids[i]);
                user->additional_gids.items[i] = (uint32_t) gid;
        }
        return MN_OK;
}

mn_status exec_process(const exec_options *o, char **argv, const oci_spec *spec, mn_arena *arena,
                       oci_process **ret, mn_err *err) {
        if (o->process_file)
                return read_process_file(o->process_file, arena, ret, err);
        if (!*argv)
                return mn_fail(err, MN_INVALID, "exec: process args cannot be empty");
        oci_process *p = *ret = mn_arena_alloc(arena, sizeof(*p));
        *p = *spec->process;
        p->args = argv;
        p->terminal = o->has_tty;
        p->console_size = NULL;
        p->env = with_added(arena, p->env, o->env);
        p->cwd = o->cwd ? o->cwd : p->cwd;
        p->no_new_privileges |= o->has_no_new_privs;
        p->apparmor_profile = o->apparmor ? o->apparmor : p->apparmor_profile;
        p->selinux_label = o->process_label ? o->process_label : p->selinux_label;
        add_capabilities(arena, p, o->caps);
        mn_status st = set_groups(o, arena, &p->user, err);
        return st == MN_OK && o->user ? parse_user(o->user, &p->user, err) : st;
}
