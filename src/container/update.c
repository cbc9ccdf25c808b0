/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a container's record: its name, its limits. */

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "container/create.h"
#include "container/engine.h"
#include "container/links.h"
#include "container/names.h"
#include "container/spec.h"

/* ---- a record that may be changed ---- */

struct edit {
        mn_arena *arena;
        container_record *record;
};

static struct edit begin_edit(container *c) {
        struct edit x = { .arena = mn_arena_new() };
        x.record = mn_arena_alloc(x.arena, sizeof *x.record);
        mn_json_copy(&container_record_type, c->record, x.arena, x.record); /* the operation lock is enough */
        return x;
}

/* Stores and installs the changed record, or drops it. */
static mn_status finish_edit(container *c, struct edit *x, mn_status status, mn_err *err) {
        if (!status)
                status = store_put(c->engine->options.store, CONTAINER_KIND, c->id, &container_record_type,
                                   x->record, STORE_DURABLE, err);
        if (status)
                mn_arena_free(x->arena);
        else
                container_set_record(c, x->arena, x->record);
        return status;
}

/* ---- rename ---- */

static mn_status reserve(container_engine *e, const char *name, mn_err *err) {
        ENGINE_LOCKED(e);
        const container *other = mn_map_get(e->by_name, name);
        if (mn_map_has(e->by_name, name))
                return mn_fail(err, MN_CONFLICT,
                               "Error when allocating new name: Conflict. The container name \"/%s\" is "
                               "already in use "
                               "by container \"%s\". You have to remove (or rename) that container to be "
                               "able to reuse "
                               "that name.",
                               name, other ? other->id : "");
        mn_map_set(e->by_name, name, NULL);
        return MN_OK;
}

mn_status container_rename(container_engine *e, const char *name, const char *new_name, mn_err *err) {
        if (!mn_str_is_empty(new_name) && *new_name == '/')
                new_name++;
        if (mn_str_is_empty(new_name))
                return mn_fail(err, MN_INVALID, "Neither old nor new names may be empty");
        cleanup_operation container_operation op = { 0 };
        mn_status status = container_operate(e, name, &op, err);
        if (status)
                return status;
        if (!container_name_is_valid(new_name))
                return mn_fail(err, MN_INVALID,
                               "Error when allocating new name: Invalid container name (%s), only "
                               "[a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                               new_name);
        container *c = op.c;
        cleanup_free char *old = mn_strdup(c->record->name);
        if (strcmp(old, new_name) == 0)
                return mn_fail(err, MN_INVALID,
                               "Renaming a container with the same name as its current name");
        status = reserve(e, new_name, err);
        if (status)
                return status;
        struct edit x = begin_edit(c);
        x.record->name = mn_arena_strdup(x.arena, new_name);
        status = finish_edit(c, &x, MN_OK, err);
        engine_lock(e);
        if (status) {
                mn_map_remove(e->by_name, new_name);
        } else {
                mn_map_remove(e->by_name, old);
                mn_map_set(e->by_name, new_name, c);
        }
        engine_unlock(e);
        if (status)
                return status;
        if (c->has_sandbox)
                network_sandbox_rename(e->options.networks, c->id, new_name);
        cleanup_free char *old_name = mn_asprintf("/%s", old);
        container_event(c, "rename", "oldName", old_name, NULL);
        return MN_OK;
}

/* ---- links ---- */

mn_status container_unlink(container_engine *e, const char *name, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        const char *slash = strrchr(name, '/');
        cleanup_container container *target = NULL;
        cleanup_operation container_operation op = { 0 };
        char *parent = slash ? mn_arena_strndup(arena, name, (size_t) (slash - name)) : NULL;
        mn_status status = container_operate(e, parent ? parent : name, &op, err);
        if (!status && !parent)
                return mn_fail(err, MN_INTERNAL,
                               "Conflict, cannot remove the default link name of the container");
        char *child = status ? NULL : container_links_target(op.c->record, slash + 1, arena);
        if (!child || container_find(e, child, &target, err))
                return mn_fail(err, MN_NOT_FOUND, "No such container: %s", name);
        struct edit x = begin_edit(op.c);
        container_links_drop(x.record, slash + 1, x.arena);
        return finish_edit(op.c, &x, MN_OK, err);
}

/* ---- update ---- */

#define TAKE_NUMBER(field)                                                                                   \
        if (from->field)                                                                                     \
        to->field = from->field
#define TAKE_TEXT(field)                                                                                     \
        if (!mn_str_is_empty(from->field))                                                                   \
        to->field = mn_arena_strdup(arena, from->field)
#define TAKE_LIST(field)                                                                                     \
        if (from->field.len)                                                                                 \
        to->field = from->field

/* What the request names replaces what was; the rest stays. */
static void merge_resources(wire_resources *to, const wire_resources *from, mn_arena *arena) {
        TAKE_NUMBER(cpu_shares);
        TAKE_NUMBER(nano_cpus);
        TAKE_NUMBER(cpu_period_us);
        TAKE_NUMBER(cpu_quota_us);
        TAKE_NUMBER(cpu_realtime_period_us);
        TAKE_NUMBER(cpu_realtime_runtime_us);
        TAKE_TEXT(cpuset_cpus);
        TAKE_TEXT(cpuset_mems);
        TAKE_NUMBER(blkio_weight);
        TAKE_LIST(blkio_weight_device);
        TAKE_LIST(blkio_device_read_bps);
        TAKE_LIST(blkio_device_write_bps);
        TAKE_LIST(blkio_device_read_iops);
        TAKE_LIST(blkio_device_write_iops);
        TAKE_NUMBER(memory_reservation_bytes);
        TAKE_NUMBER(memory_swap_bytes);
        TAKE_NUMBER(pids_limit);
        if (from->memory_bytes && !from->memory_swap_bytes && to->memory_swap_bytes > 0 &&
            to->memory_swap_bytes < from->memory_bytes)
                to->memory_swap_bytes = from->memory_bytes;
        TAKE_NUMBER(memory_bytes);
}

static mn_status check_conflicts(const wire_resources *now, const wire_resources *wish, mn_err *err) {
        if (now->nano_cpus && wish->cpu_period_us)
                return mn_fail(
                        err, MN_CONFLICT,
                        "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set");
        if (now->nano_cpus && wish->cpu_quota_us)
                return mn_fail(
                        err, MN_CONFLICT,
                        "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
        if ((now->cpu_quota_us || now->cpu_period_us) && wish->nano_cpus)
                return mn_fail(err, MN_CONFLICT,
                               "Conflicting options: Nano CPUs cannot be updated as CPU %s has "
                               "already been set",
                               now->cpu_quota_us ? "Quota" : "Period");
        return MN_OK;
}

mn_status container_apply_resources(container *c, const wire_resources *r, mn_err *err) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        oci_resources resources = { 0 };
        mn_status status = container_spec_resources(r, arena, &resources, err);
        if (status)
                return status;
        cleanup_str mn_str text = { 0 };
        mn_json_encode(&oci_resources_type, &resources, 0, &text);
        char *args[] = { (char *) "update", (char *) "--resources", (char *) "-", NULL };
        status = container_runtime_command(c, args, &text, err);
        return status && container_check_running(c, NULL) ? MN_OK
                                                          : status; /* ended meanwhile: for the next start */
}

mn_status container_update(container_engine *e, const char *name, const wire_container_update *request,
                           mn_arena *arena, wire_container_update_response *ret, mn_err *err) {
        cleanup_operation container_operation op = { 0 };
        mn_status status = container_operate(e, name, &op, err);
        if (status)
                return status;
        container *c = op.c;
        struct edit x = begin_edit(c);
        wire_host_config *host = &x.record->host_config;
        status = container_check_restart_policy(&request->restart_policy, err);
        bool sets_policy = !mn_str_is_empty(request->restart_policy.name);
        if (!status && sets_policy && host->is_auto_remove && strcmp(request->restart_policy.name, "no"))
                status = mn_fail(
                        err, MN_INVALID,
                        "Restart policy cannot be updated because AutoRemove is enabled for the container");
        if (!status)
                status = check_conflicts(&host->resources, &request->resources, err);
        if (!status) {
                merge_resources(&host->resources, &request->resources, x.arena);
                status = container_check_resources(&host->resources, sysconf(_SC_NPROCESSORS_ONLN), err);
        }
        if (sets_policy) {
                host->restart_policy.name = mn_arena_strdup(x.arena, request->restart_policy.name);
                host->restart_policy.maximum_retry_count = request->restart_policy.maximum_retry_count;
        }
        if (!status && container_check_running(c, NULL) == MN_OK)
                status = container_apply_resources(c, &host->resources, err);
        /* The lists of the request live in the caller's arena: a copy of the whole goes into the record's
         * own. */
        struct edit own = { .arena = mn_arena_new() };
        own.record = mn_arena_alloc(own.arena, sizeof *own.record);
        mn_json_copy(&container_record_type, x.record, own.arena, own.record);
        mn_arena_free(x.arena);
        status = finish_edit(c, &own, status, err);
        container_bundle_end_command(c);
        if (!status) {
                ret->warnings = mn_arena_array(arena, 2, sizeof(char *));
                if (request->resources.kernel_memory_bytes > 0)
                        ret->warnings[0] = mn_arena_strdup(arena, CONTAINER_NO_KERNEL_MEMORY);
                container_event(c, "update", NULL);
        }
        return status;
}
