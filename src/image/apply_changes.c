/* SPDX-License-Identifier: Apache-2.0 */
/* `--change`: Dockerfile instructions applied to an image's configuration. */

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/strv.h"
#include "codec/duration.h"
#include "image/change_words.h"
#include "image/image.h"

/* The configuration while it is changed. */
struct change {
        oci_image_config *config;
        mn_arena *arena;
        bool has_cmd; /* a CMD came before: an ENTRYPOINT leaves it */
};

static const char *lookup(void *arg, const char *name) {
        const struct change *c = arg;
        size_t len = strlen(name);
        for (char **entry = c->config->env; entry && *entry; entry++)
                if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=')
                        return *entry + len + 1;
        return NULL;
}

static mn_status expand(struct change *c, const char *word, char **ret, mn_err *err) {
        return change_expand(word, lookup, c, c->arena, ret, err);
}

/* Appends to a NULL-terminated array in the arena unless it is there. */
static void add_once(struct change *c, char ***list, char *value) {
        if (mn_strv_has(*list, value))
                return;
        size_t n = mn_strv_len(*list);
        char **longer = mn_arena_array(c->arena, n + 2, sizeof(*longer));
        for (size_t i = 0; i < n; i++)
                longer[i] = (*list)[i];
        longer[n] = value;
        *list = longer;
}

/* ---- one function per instruction ---- */

/* The exec form, or the shell form run by the image's shell. */
static char **command_of(struct change *c, const char *text) {
        static const char *const usual[] = { "/bin/sh", "-c", NULL };
        char **list;
        if (change_json_array(text, c->arena, &list))
                return list;
        bool has_own = mn_strv_len(c->config->shell) > 0;
        const char *const *shell = has_own ? (const char *const *) c->config->shell : usual;
        size_t n = has_own ? mn_strv_len(c->config->shell) : 2;
        list = mn_arena_array(c->arena, n + 2, sizeof(*list));
        for (size_t i = 0; i < n; i++)
                list[i] = mn_arena_strdup(c->arena, shell[i]);
        list[n] = mn_arena_strdup(c->arena, text);
        return list;
}

static mn_status change_cmd(struct change *c, const char *text, mn_err *err) {
        (void) err;
        c->config->cmd = command_of(c, text);
        c->has_cmd = true;
        return MN_OK;
}

static mn_status change_entrypoint(struct change *c, const char *text, mn_err *err) {
        (void) err;
        c->config->entrypoint = *text ? command_of(c, text) : NULL;
        if (!c->has_cmd)
                c->config->cmd = NULL;
        return MN_OK;
}

static mn_status change_env(struct change *c, const char *text, mn_err *err) {
        char **pairs = NULL;
        mn_status status = change_pairs("ENV", text, lookup, c, c->arena, &pairs, err);
        for (char **pair = pairs; !status && pair[0]; pair += 2) {
                char *entry = mn_arena_printf(c->arena, "%s=%s", pair[0], pair[1]);
                char **old = c->config->env;
                size_t len = strlen(pair[0]) + 1;
                while (old && *old && strncmp(*old, entry, len) != 0)
                        old++;
                if (old && *old)
                        *old = entry;
                else
                        add_once(c, &c->config->env, entry);
        }
        return status;
}

static mn_status change_label(struct change *c, const char *text, mn_err *err) {
        char **pairs = NULL;
        mn_status status = change_pairs("LABEL", text, lookup, c, c->arena, &pairs, err);
        for (char **pair = pairs; !status && pair[0]; pair += 2)
                mn_str_map_set(&c->config->labels, c->arena, pair[0], pair[1]);
        return status;
}

/* "80", "80/udp", "8000-8010/tcp". */
static mn_status expose_one(struct change *c, const char *text, mn_err *err) {
        cleanup_strv char **parts = mn_strv_split(text, '/');
        const char *protocol = parts[1] ? parts[1] : "tcp";
        cleanup_strv char **ports = mn_strv_split(parts[0], '-');
        int first, last;
        bool is_known = strcasecmp(protocol, "tcp") == 0 || strcasecmp(protocol, "udp") == 0 ||
                        strcasecmp(protocol, "sctp") == 0;
        if (!is_known)
                return mn_fail(err, MN_INVALID, "invalid proto: %s", protocol);
        if (mn_parse_int(ports[0], 1, 65535, &first) < 0 ||
            mn_parse_int(ports[1] ? ports[1] : ports[0], first, 65535, &last) < 0 || (ports[1] && ports[2]))
                return mn_fail(err, MN_INVALID, "invalid containerPort: %s", text);
        for (int port = first; port <= last; port++) {
                char *entry = mn_arena_printf(c->arena, "%d/%s", port, protocol);
                for (char *p = entry; *p; p++)
                        *p = (char) tolower((unsigned char) *p);
                add_once(c, &c->config->exposed_ports, entry);
        }
        return MN_OK;
}

static mn_status change_expose(struct change *c, const char *text, mn_err *err) {
        mn_status status = MN_OK;
        for (char **word = change_split(text, c->arena); *word && !status; word++) {
                char *port;
                status = expand(c, *word, &port, err);
                if (!status)
                        status = expose_one(c, port, err);
        }
        return status;
}

static mn_status change_on_build(struct change *c, const char *text, mn_err *err) {
        cleanup_free char *first = mn_strndup(text, strcspn(text, " \t"));
        if (strcasecmp(first, "ONBUILD") == 0)
                return mn_fail(err, MN_INVALID, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
        if (strcasecmp(first, "FROM") == 0 || strcasecmp(first, "MAINTAINER") == 0)
                return mn_fail(err, MN_INVALID, "%s isn't allowed as an ONBUILD trigger", first);
        add_once(c, &c->config->on_build, mn_arena_strdup(c->arena, text));
        return MN_OK;
}

static mn_status change_stop_signal(struct change *c, const char *text, mn_err *err) {
        return expand(c, text, &c->config->stop_signal, err);
}

static mn_status change_user(struct change *c, const char *text, mn_err *err) {
        return expand(c, text, &c->config->user, err);
}

static mn_status change_working_dir(struct change *c, const char *text, mn_err *err) {
        char *path;
        mn_status status = expand(c, text, &path, err);
        if (status)
                return status;
        const char *old = mn_str_is_empty(c->config->working_dir) ? "/" : c->config->working_dir;
        bool is_root = strcmp(old, "/") == 0;
        c->config->working_dir = path[0] == '/'
                                         ? path
                                         : mn_arena_printf(c->arena, "%s/%s", is_root ? "" : old, path);
        return MN_OK;
}

static mn_status change_volume(struct change *c, const char *text, mn_err *err) {
        char **words;
        if (!change_json_array(text, c->arena, &words))
                words = change_split(text, c->arena);
        if (!words[0])
                return mn_fail(err, MN_INVALID, "VOLUME requires at least one argument");
        mn_status status = MN_OK;
        for (; *words && !status; words++) {
                char *path;
                status = expand(c, *words, &path, err);
                if (!status && !*path)
                        status = mn_fail(err, MN_INVALID, "VOLUME specified can not be an empty string");
                if (!status)
                        add_once(c, &c->config->volumes, path);
        }
        return status;
}

static mn_status change_shell(struct change *c, const char *text, mn_err *err) {
        char **list;
        if (!change_json_array(text, c->arena, &list) || !list[0])
                return mn_fail(err, MN_INVALID, "SHELL requires the arguments to be in JSON form");
        c->config->shell = list;
        return MN_OK;
}

static mn_status health_option(oci_healthcheck *h, const char *word, mn_err *err) {
        const struct {
                const char *name;
                int64_t *value;
        } durations[] = { { "--interval=", &h->interval },
                          { "--timeout=", &h->timeout },
                          { "--start-period=", &h->start_period },
                          { "--start-interval=", &h->start_interval } };
        for (size_t i = 0; i < MN_ARRAY_LEN(durations); i++) {
                if (!mn_str_has_prefix(word, durations[i].name))
                        continue;
                const char *text = word + strlen(durations[i].name);
                if (mn_duration_parse(text, durations[i].value) < 0 || *durations[i].value < 0)
                        return mn_fail(err, MN_INVALID, "invalid duration \"%s\"", text);
                return MN_OK;
        }
        if (mn_str_has_prefix(word, "--retries=") && mn_parse_int(word + 10, 0, INT32_MAX, &h->retries) == 0)
                return MN_OK;
        return mn_fail(err, MN_INVALID, "Unknown flag: %s", word);
}

static mn_status change_healthcheck(struct change *c, const char *text, mn_err *err) {
        oci_healthcheck *h = mn_arena_alloc(c->arena, sizeof(*h));
        char **words = change_split(text, c->arena);
        mn_status status = MN_OK;
        for (; *words && mn_str_has_prefix(*words, "--"); words++)
                if ((status = health_option(h, *words, err)))
                        return status;
        const char *kind = *words ? *words : "";
        char **test = NULL;
        if (strcasecmp(kind, "NONE") == 0) {
                add_once(c, &test, mn_arena_strdup(c->arena, "NONE"));
        } else if (strcasecmp(kind, "CMD") == 0) {
                const char *command = strstr(text, kind) + strlen(kind);
                command += strspn(command, " \t");
                char **list;
                bool is_exec = change_json_array(command, c->arena, &list);
                if (!*command || (is_exec && !list[0]))
                        return mn_fail(err, MN_INVALID, "Missing command after HEALTHCHECK CMD");
                size_t n = is_exec ? mn_strv_len(list) : 1;
                test = mn_arena_array(c->arena, n + 2, sizeof(*test));
                test[0] = mn_arena_strdup(c->arena, is_exec ? "CMD" : "CMD-SHELL");
                for (size_t i = 0; i < n; i++)
                        test[i + 1] = is_exec ? list[i] : mn_arena_strdup(c->arena, command);
        } else {
                return mn_fail(err, MN_INVALID, "Unknown type \"%s\" in HEALTHCHECK (try CMD)", kind);
        }
        h->test = test;
        c->config->healthcheck = h;
        return MN_OK;
}

/* ---- dispatch ---- */

static const struct {
        const char *name;
        mn_status (*apply)(struct change *c, const char *text, mn_err *err);
        bool can_be_empty;
} instructions[] = {
        { "CMD", change_cmd, true },
        { "ENTRYPOINT", change_entrypoint, true },
        { "ENV", change_env, false },
        { "EXPOSE", change_expose, false },
        { "HEALTHCHECK", change_healthcheck, false },
        { "LABEL", change_label, false },
        { "ONBUILD", change_on_build, false },
        { "SHELL", change_shell, false },
        { "STOPSIGNAL", change_stop_signal, false },
        { "USER", change_user, false },
        { "VOLUME", change_volume, false },
        { "WORKDIR", change_working_dir, false },
};

static bool is_dockerfile_only(const char *name) {
        static const char *const others[] = { "FROM", "RUN", "ADD", "COPY", "ARG", "MAINTAINER" };
        for (size_t i = 0; i < MN_ARRAY_LEN(others); i++)
                if (strcasecmp(name, others[i]) == 0)
                        return true;
        return false;
}

static mn_status apply_one(struct change *c, const char *line, mn_err *err) {
        line += strspn(line, " \t");
        size_t len = strcspn(line, " \t");
        cleanup_free char *name = mn_strndup(line, len),
                          *text = mn_strdup(line + len + strspn(line + len, " \t"));
        for (size_t end = strlen(text); end && isspace((unsigned char) text[end - 1]); end--)
                text[end - 1] = '\0';
        for (size_t i = 0; i < MN_ARRAY_LEN(instructions); i++) {
                if (strcasecmp(name, instructions[i].name) != 0)
                        continue;
                if (!*text && !instructions[i].can_be_empty)
                        return mn_fail(err, MN_INVALID, "%s requires at least one argument",
                                       instructions[i].name);
                return instructions[i].apply(c, text, err);
        }
        if (is_dockerfile_only(name))
                return mn_fail(err, MN_INVALID, "%s is not a valid change command", name);
        return mn_fail(err, MN_INVALID, "dockerfile parse error on line 1: unknown instruction: %s", name);
}

mn_status image_apply_changes(oci_image_config *config, char *const *changes, mn_arena *arena, mn_err *err) {
        struct change c = { .config = config, .arena = arena };
        mn_status status = MN_OK;
        for (char *const *change = changes; change && *change && !status; change++) {
                cleanup_strv char **lines = mn_strv_split(*change, '\n');
                for (char **line = lines; *line && !status; line++)
                        if ((*line)[strspn(*line, " \t\r")] && **line != '#')
                                status = apply_one(&c, *line, err);
        }
        return status;
}
