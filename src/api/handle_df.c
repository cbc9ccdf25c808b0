/* SPDX-License-Identifier: Apache-2.0 */
/* GET /system/df. */
#include <string.h>

#include "api/handlers.h"
#include "container/container.h"
#include "wire/disk_usage.h"

static bool is_wanted(char *const *types, const char *type) {
        if (!types[0])
                return true;
        for (; *types; types++) {
                if (strcmp(*types, type) == 0)
                        return true;
        }
        return false;
}

static mn_status check_types(char *const *types, mn_err *err) {
        static const char *const known[] = { "container", "image", "volume", "build-cache" };
        for (; *types; types++) {
                bool is_known = false;
                for (size_t i = 0; i < MN_ARRAY_LEN(known); i++)
                        is_known = is_known || strcmp(*types, known[i]) == 0;
                if (!is_known)
                        return mn_fail(err, MN_INVALID, "unknown object type: %s", *types);
        }
        return MN_OK;
}

static mn_status measure_images(api_call *c, bool has_items, wire_disk_usage *usage, mn_err *err) {
        image_usage sums;
        wire_images_usage *u = mn_arena_alloc(c->arena, sizeof(*u));
        image_list_spec spec = { .has_shared_size = true, .has_containers = true };
        mn_status s = image_list(c->engine->images, &spec, c->arena, &usage->images, err);
        if (s != MN_OK)
                return s;
        image_disk_usage(c->engine->images, &sums);
        *u = (wire_images_usage){
                .active_count = sums.active_count,
                .total_count = sums.total_count,
                .reclaimable = sums.reclaimable,
                .total_size = sums.layers_size,
        };
        if (has_items)
                u->items = usage->images;
        usage->layers_size = sums.layers_size;
        usage->image_usage = u;
        return MN_OK;
}

static mn_status measure_containers(api_call *c, bool has_items, wire_disk_usage *usage, mn_err *err) {
        wire_containers_usage *u = mn_arena_alloc(c->arena, sizeof(*u));
        container_list_spec spec = { .is_all = true, .has_size = true, .has_disk_usage = true };
        mn_status s = container_list(c->engine->containers, &spec, c->arena, &usage->containers, err);
        for (size_t i = 0; s == MN_OK && i < usage->containers.len; i++) {
                const wire_container_summary *container = &usage->containers.items[i];
                bool is_active = strcmp(container->state, "running") == 0 ||
                                 strcmp(container->state, "paused") == 0 ||
                                 strcmp(container->state, "restarting") == 0;
                u->active_count += is_active;
                u->total_size += container->size_rw;
                u->reclaimable += is_active ? 0 : container->size_rw;
        }
        u->total_count = (int64_t) usage->containers.len;
        if (has_items)
                u->items = usage->containers;
        usage->container_usage = u;
        return s;
}

static mn_status measure_volumes(api_call *c, bool has_items, wire_disk_usage *usage, mn_err *err) {
        static const wire_filters none;
        wire_volume_list list = { 0 };
        wire_volumes_usage *u = mn_arena_alloc(c->arena, sizeof(*u));
        mn_status s = volume_list(c->engine->volumes, &none, true, c->arena, &list, err);
        for (size_t i = 0; s == MN_OK && i < list.volumes.len; i++) {
                const wire_volume_usage *data = list.volumes.items[i].usage;
                if (!data)
                        continue;
                int64_t size = data->size > 0 ? data->size : 0;
                u->active_count += data->ref_count > 0;
                u->total_size += size;
                u->reclaimable += data->ref_count > 0 ? 0 : size;
        }
        usage->volumes = list.volumes;
        u->total_count = (int64_t) list.volumes.len;
        if (has_items)
                u->items = list.volumes;
        usage->volume_usage = u;
        return s;
}

mn_status api_disk_usage(api_call *c, mn_err *err) {
        wire_disk_usage usage = { 0 };
        char **types = api_param_list(c, "type");
        bool has_items = api_param_bool(c, "verbose");
        mn_status s = check_types(types, err);
        if (s == MN_OK && is_wanted(types, "image"))
                s = measure_images(c, has_items, &usage, err);
        if (s == MN_OK && is_wanted(types, "container"))
                s = measure_containers(c, has_items, &usage, err);
        if (s == MN_OK && is_wanted(types, "volume"))
                s = measure_volumes(c, has_items, &usage, err);
        if (is_wanted(types, "build-cache"))
                usage.build_cache_usage = mn_arena_alloc(c->arena, sizeof(wire_build_cache_usage));
        return s == MN_OK ? api_reply(c, &usage) : s;
}
