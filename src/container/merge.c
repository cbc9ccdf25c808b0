/* SPDX-License-Identifier: Apache-2.0 */
/* A request's Config completed by the image's. */

#include <string.h>

#include "base/str.h"
#include "base/strv.h"
#include "container/create.h"

static char **copy_strv(char *const *v, mn_arena *arena) {
        if (!v)
                return NULL;
        size_t n = mn_strv_len(v);
        char **copy = mn_arena_array(arena, n + 1, sizeof *copy);
        for (size_t i = 0; i < n; i++)
                copy[i] = mn_arena_strdup(arena, v[i]);
        return copy;
}

static char **append(char **v, const char *s, mn_arena *arena) {
        size_t n = mn_strv_len(v);
        char **longer = mn_arena_array(arena, n + 2, sizeof *longer);
        for (size_t i = 0; i < n; i++)
                longer[i] = v[i];
        longer[n] = mn_arena_strdup(arena, s);
        return longer;
}

static char **unite(char **own, char *const *image, mn_arena *arena) {
        for (; image && *image; image++)
                if (!mn_strv_has(own, *image))
                        own = append(own, *image, arena);
        return own;
}

static bool has_variable(char *const *env, const char *entry) {
        size_t len = strcspn(entry, "=");
        for (; env && *env; env++)
                if (strcspn(*env, "=") == len && strncmp(*env, entry, len) == 0)
                        return true;
        return false;
}

/* The request's variables, then the image's of other names. */
static char **merge_env(char **own, char *const *image, mn_arena *arena) {
        char **merged = mn_arena_array(arena, mn_strv_len(own) + mn_strv_len(image) + 1, sizeof *merged);
        size_t n = 0;
        for (size_t i = 0; own && own[i]; i++)
                merged[n++] = own[i];
        for (; image && *image; image++)
                if (!has_variable(own, *image))
                        merged[n++] = mn_arena_strdup(arena, *image);
        return merged;
}

static void merge_command(wire_container_config *config, const oci_image_config *image, mn_arena *arena) {
        if (!config->entrypoint) {
                if (!config->cmd || !config->cmd[0]) {
                        config->cmd = copy_strv(image->cmd, arena);
                        config->has_escaped_args = image->args_escaped;
                }
                config->entrypoint = copy_strv(image->entrypoint, arena);
        } else if (config->entrypoint[0] && !*config->entrypoint[0] && !config->entrypoint[1]) {
                config->entrypoint = NULL; /* --entrypoint "" takes the image's away */
        }
}

static void merge_healthcheck(wire_container_config *config, const oci_image_config *image, mn_arena *arena) {
        const oci_healthcheck *h = image->healthcheck;
        if (!h)
                return;
        if (!config->healthcheck)
                config->healthcheck = mn_arena_alloc(arena, sizeof *config->healthcheck);
        wire_health_config *own = config->healthcheck;
        if (!own->test || !own->test[0])
                own->test = copy_strv(h->test, arena);
        own->interval_ns = own->interval_ns ? own->interval_ns : h->interval;
        own->timeout_ns = own->timeout_ns ? own->timeout_ns : h->timeout;
        own->start_period_ns = own->start_period_ns ? own->start_period_ns : h->start_period;
        own->start_interval_ns = own->start_interval_ns ? own->start_interval_ns : h->start_interval;
        own->retries = own->retries ? own->retries : h->retries;
}

static char *choose(char *own, const char *image, mn_arena *arena) {
        return mn_str_is_empty(own) && image ? mn_arena_strdup(arena, image) : own;
}

void container_merge_config(wire_container_config *config, const oci_image_config *image, mn_arena *arena) {
        config->user = choose(config->user, image->user, arena);
        config->working_dir = choose(config->working_dir, image->working_dir, arena);
        config->stop_signal = choose(config->stop_signal, image->stop_signal, arena);
        config->exposed_ports = unite(config->exposed_ports, image->exposed_ports, arena);
        config->volumes = unite(config->volumes, image->volumes, arena);
        config->env = merge_env(config->env, image->env, arena);
        for (size_t i = 0; i < image->labels.len; i++)
                if (!mn_str_map_get(&config->labels, image->labels.items[i].key))
                        mn_str_map_set(&config->labels, arena, image->labels.items[i].key,
                                       image->labels.items[i].value);
        if (!config->shell)
                config->shell = copy_strv(image->shell, arena);
        if (!config->on_build)
                config->on_build = copy_strv(image->on_build, arena);
        merge_command(config, image, arena);
        merge_healthcheck(config, image, arena);
}
