/* SPDX-License-Identifier: Apache-2.0 */
/* RegistryConfig of GET /info. */

#include <string.h>

#include "base/strv.h"
#include "image/registry_client.h"

struct index_info {
        char *name;
        char **mirrors;
        bool is_secure, is_official;
};
struct info {
        char **insecure_cidrs;
        MN_KEYED(struct index_info) indexes;
        char **mirrors;
};
static const mn_field index_fields[] = {
        { "Name", &mn_type_str, offsetof(struct index_info, name), 0 },
        { "Mirrors", &mn_type_strv, offsetof(struct index_info, mirrors), MN_EMPTY_NOT_NULL },
        { "Secure", &mn_type_bool, offsetof(struct index_info, is_secure), 0 },
        { "Official", &mn_type_bool, offsetof(struct index_info, is_official), 0 },
        { 0 },
};
static const mn_type index_type = MN_STRUCT(struct index_info, index_fields);
static const mn_type index_map = MN_MAP_OF(&index_type);
static const mn_field info_fields[] = {
        { "InsecureRegistryCIDRs", &mn_type_strv, offsetof(struct info, insecure_cidrs), MN_EMPTY_NOT_NULL },
        { "IndexConfigs", &index_map, offsetof(struct info, indexes), MN_EMPTY_NOT_NULL },
        { "Mirrors", &mn_type_strv, offsetof(struct info, mirrors), MN_EMPTY_NOT_NULL },
        { 0 },
};
static const mn_type info_type = MN_STRUCT(struct info, info_fields);

static struct index_info *index_named(struct info *info, const char *name, mn_arena *arena) {
        for (size_t i = 0; i < info->indexes.len; i++)
                if (strcmp(info->indexes.items[i].key, name) == 0)
                        return &info->indexes.items[i].value;
        size_t i = info->indexes.len++;
        info->indexes.items[i].key = mn_arena_strdup(arena, name);
        info->indexes.items[i].value = (struct index_info){ .name = info->indexes.items[i].key,
                                                            .is_secure = true };
        return &info->indexes.items[i].value;
}

static void add_mirrors(struct index_info *index, char *const *urls, mn_arena *arena) {
        size_t had = mn_strv_len(index->mirrors), n = mn_strv_len(urls);
        char **all = mn_arena_array(arena, had + n + 1, sizeof(*all));
        for (size_t i = 0; i < had; i++)
                all[i] = index->mirrors[i];
        for (size_t i = 0; i < n; i++)
                all[had + i] = mn_arena_strdup(arena, urls[i]);
        index->mirrors = all;
}

void image_registry_info(const image_registry *registry, mn_str *ret_json) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        const image_registry_config *config = registry_settings(registry);
        size_t ninsecure = mn_strv_len(config->insecure_registries), ncidrs = 0;
        struct info info = { 0 };
        info.insecure_cidrs = mn_arena_array(arena, ninsecure + 3, sizeof(char *));
        info.indexes.items = mn_arena_array(arena, ninsecure + config->nmirrors + 1,
                                            sizeof(*info.indexes.items));
        struct index_info *hub = index_named(&info, MN_REFERENCE_DEFAULT_DOMAIN, arena);
        hub->is_official = true;
        for (size_t i = 0; i < ninsecure; i++) {
                if (strchr(config->insecure_registries[i], '/'))
                        info.insecure_cidrs[ncidrs++] = config->insecure_registries[i];
                else
                        index_named(&info, config->insecure_registries[i], arena)->is_secure = false;
        }
        info.insecure_cidrs[ncidrs++] = mn_arena_strdup(arena, "::1/128");
        info.insecure_cidrs[ncidrs] = mn_arena_strdup(arena, "127.0.0.0/8");
        for (size_t i = 0; i < config->nmirrors; i++)
                add_mirrors(index_named(&info, config->mirrors[i].registry, arena), config->mirrors[i].urls,
                            arena);
        info.mirrors = hub->mirrors;
        mn_json_encode(&info_type, &info, 0, ret_json);
}
