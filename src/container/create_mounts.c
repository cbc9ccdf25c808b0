/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of a container that is being created: sources looked at, volumes made, images pinned. */

#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "container/engine.h"

static mn_status check_bind_source(const container_mount *m, mn_err *err) {
        if (m->creates_source || access(m->source, F_OK) == 0)
                return MN_OK;
        return mn_fail(err, MN_INVALID,
                       "invalid mount config for type \"bind\": bind source path does not exist: %s",
                       m->source);
}

static const wire_mount *mount_request_of(const container_record *r, const container_mount *m) {
        for (size_t i = 0; m->is_from_mounts && i < r->host_config.mounts.len; i++)
                if (mn_str_equal(r->host_config.mounts.items[i].target, m->destination))
                        return &r->host_config.mounts.items[i];
        return NULL;
}

/* An anonymous volume is part of the container's own commit; one with a name is an object of its own. */
static mn_status make_volume(volume_store *volumes, container_record *r, container_mount *m,
                             store_batch *batch, mn_arena *arena, mn_err *err) {
        wire_volume_create request = { .name = m->name, .driver = m->driver };
        const wire_mount *w = mount_request_of(r, m);
        if (w && w->volume_options) {
                request.labels = w->volume_options->labels;
                if (w->volume_options->driver_config)
                        request.driver_opts = w->volume_options->driver_config->options;
        }
        wire_volume volume;
        bool has_name = !mn_str_is_empty(m->name);
        mn_status status = has_name ? volume_create(volumes, &request, arena, &volume, err)
                                    : volume_create_in(volumes, &request, r->id, batch, arena, &volume, err);
        if (status)
                return status;
        m->name = volume.name;
        return has_name ? volume_ref(volumes, m->name, r->id, err) : MN_OK;
}

/* By its id when it comes from another container: the name may be another image's by now. */
static mn_status pin_image(image_store *images, container_mount *m, mn_arena *arena, mn_err *err) {
        char id[IMAGE_ID_SIZE];
        const char *name = mn_str_is_empty(m->image_id) ? m->name : m->image_id;
        mn_status status = image_pin(images, name, NULL, id, err);
        if (!status)
                m->image_id = mn_arena_strdup(arena, id);
        return status;
}

mn_status container_make_mounts(container_engine *e, container_record *r, store_batch *batch, mn_arena *arena,
                                size_t *done, mn_err *err) {
        mn_status status = MN_OK;
        for (; *done < r->mounts.len && !status; *done += !status) {
                container_mount *m = &r->mounts.items[*done];
                if (strcmp(m->type, "bind") == 0)
                        status = check_bind_source(m, err);
                else if (strcmp(m->type, "volume") == 0)
                        status = make_volume(e->options.volumes, r, m, batch, arena, err);
                else if (strcmp(m->type, "image") == 0)
                        status = pin_image(e->options.images, m, arena, err);
        }
        return status;
}

static bool is_volume(const container_mount *m) {
        return strcmp(m->type, "volume") == 0;
}

void container_undo_mounts(container_engine *e, const container_record *r, size_t done) {
        for (size_t i = 0; i < done; i++) {
                const container_mount *m = &r->mounts.items[i];
                if (is_volume(m) && m->is_anonymous)
                        volume_create_undo(e->options.volumes, m->name);
                else if (is_volume(m))
                        volume_unref(e->options.volumes, m->name, r->id);
        }
}

void container_unpin_images(container_engine *e, const container_record *r, size_t done) {
        for (size_t i = 0; i < done; i++)
                if (strcmp(r->mounts.items[i].type, "image") == 0)
                        image_unpin(e->options.images, r->mounts.items[i].image_id);
}

void container_finish_mounts(container_engine *e, const container_record *r) {
        for (size_t i = 0; i < r->mounts.len; i++) {
                const container_mount *m = &r->mounts.items[i];
                if (is_volume(m) && m->is_anonymous)
                        volume_create_finish(e->options.volumes, m->name);
        }
}
