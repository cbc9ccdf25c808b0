/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/envfile.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/vec.h"
#include "sys/file.h"

enum { MAX_FILE = 16 << 20 };

typedef MN_VEC(char *) values;

static void push(mn_arena *arena, values *v, const char *text) {
        mn_vec_push(v, mn_arena_strdup(arena, text));
}

/* "NAME=value" as it is; a lone name gets our value. */
static mn_status push_env(mn_arena *arena, values *v, const char *text, mn_err *err) {
        if (!*text || *text == '=')
                return mn_fail(err, MN_INVALID, "invalid environment variable: %s", text);
        if (strchr(text, '=')) {
                push(arena, v, text);
                return MN_OK;
        }
        const char *value = getenv(text);
        if (value)
                push(arena, v, mn_arena_printf(arena, "%s=%s", text, value));
        return MN_OK;
}

static mn_status push_line(mn_arena *arena, values *v, const char *line, bool is_env, mn_err *err) {
        const char *equals = strchr(line, '=');
        size_t len = equals ? (size_t) (equals - line) : strlen(line);
        if (memchr(line, ' ', len) || memchr(line, '\t', len))
                return mn_fail(err, MN_INVALID, "variable '%.*s' contains whitespaces", (int) len, line);
        if (!len)
                return mn_fail(err, MN_INVALID, "no variable name on line '%s'", line);
        if (is_env)
                return push_env(arena, v, line, err);
        push(arena, v, line);
        return MN_OK;
}

static mn_status push_file(mn_arena *arena, values *v, const char *name, bool is_env, mn_err *err) {
        char *text = NULL;
        size_t len;
        int r = mn_file_read(AT_FDCWD, name, MAX_FILE, &text, &len);
        cleanup_free char *owned = text;
        if (r < 0)
                return mn_fail(err, mn_status_of_errno(r), "open %s: %s", name, mn_strerror(r));
        char *line = text;
        if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
                line += 3;
        for (char *next; line && *line; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                size_t end = strlen(line);
                if (end && line[end - 1] == '\r')
                        line[end - 1] = '\0';
                line += strspn(line, " \t\v\f");
                if (!*line || *line == '#')
                        continue;
                mn_status status = push_line(arena, v, line, is_env, err);
                if (status)
                        return mn_err_prefix(err, status, "invalid env file (%s)", name);
        }
        return MN_OK;
}

static mn_status collect(mn_arena *arena, char *const *files, char *const *given, bool is_env, char ***ret,
                         mn_err *err) {
        values v = { 0 };
        mn_status status = MN_OK;
        for (; files && *files && !status; files++)
                status = push_file(arena, &v, *files, is_env, err);
        for (; given && *given && !status; given++) {
                if (is_env)
                        status = push_env(arena, &v, *given, err);
                else
                        push(arena, &v, *given);
        }
        *ret = NULL;
        if (!status && v.len) {
                *ret = mn_arena_array(arena, v.len + 1, sizeof(char *));
                memcpy(*ret, v.items, v.len * sizeof(char *));
        }
        mn_vec_release(&v);
        return status;
}

mn_status envfile_collect(mn_arena *arena, char *const *files, char *const *given, char ***ret, mn_err *err) {
        return collect(arena, files, given, true, ret, err);
}

mn_status envfile_collect_labels(mn_arena *arena, char *const *files, char *const *given, char ***ret,
                                 mn_err *err) {
        return collect(arena, files, given, false, ret, err);
}
