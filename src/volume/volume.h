/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Volumes of the `local` driver: directories <data root>/volumes/<name>/_data that outlive containers. With
 * the options type, device and o a volume is a mount instead, made when its first container starts and undone
 * after the last one.
 *
 * A container *refers* to a volume from its creation to its removal (which keeps the volume from being
 * removed) and *uses* it while it runs. References are kept in memory; the container module gives them again
 * at start. Thread-safe; only volume_use (mounts, copying) and removal do I/O that may take time, never under
 * the lock that lists and look-ups take.
 */

#include <stdbool.h>

#include "base/err.h"
#include "store/store.h"
#include "wire/filter.h"
#include "wire/volume.h"

typedef struct volume_store volume_store;

/* Called after a change: "create", "destroy", "mount", "unmount". `container_id` is NULL for the first two.
 */
typedef void (*volume_notify_fn)(void *arg, const char *action, const char *name, const char *container_id);

/* Opens the volumes kept in `db`; their directories are below `data_root`. Directories nobody knows are left
   alone and logged. `notify` may be NULL. */
mn_status volume_store_open(store *db, const char *data_root, volume_notify_fn notify, void *notify_arg,
                            volume_store **ret, mn_err *err) MN_MUST_USE;
void volume_store_free(volume_store *vs);

/* Creates a volume, or gives the one that has the name already (same driver). An empty name makes an
   anonymous one. MN_INVALID: bad name or options; MN_NOT_FOUND: no such driver; MN_CONFLICT: the name has
   another driver.
   `*ret` is filled from `arena`. */
mn_status volume_create(volume_store *vs, const wire_volume_create *request, mn_arena *arena,
                        wire_volume *ret, mn_err *err) MN_MUST_USE;

/* MN_NOT_FOUND "get NAME: no such volume". */
mn_status volume_inspect(volume_store *vs, const char *name, mn_arena *arena, wire_volume *ret,
                         mn_err *err) MN_MUST_USE;

/* Filters: dangling, driver, label, name. Sorted by name. `with_usage` adds size and references (walks the
 * trees). */
mn_status volume_list(volume_store *vs, const wire_filters *filters, bool with_usage, mn_arena *arena,
                      wire_volume_list *ret, mn_err *err) MN_MUST_USE;

/* The same for an anonymous volume as a part of something greater: it is entered into `batch`, which the
   caller commits, and `container_id` refers to it already. After the commit volume_create_finish makes its
   directory; where the commit failed, volume_create_undo forgets it. */
mn_status volume_create_in(volume_store *vs, const wire_volume_create *request, const char *container_id,
                           store_batch *batch, mn_arena *arena, wire_volume *ret, mn_err *err) MN_MUST_USE;
void volume_create_finish(volume_store *vs, const char *name);
void volume_create_undo(volume_store *vs, const char *name);

/* MN_CONFLICT "remove NAME: volume is in use - [IDS]"; MN_NOT_FOUND, which `is_forced` turns into success.
   Once the removal is committed it is finished by whichever daemon comes next. */
mn_status volume_remove(volume_store *vs, const char *name, bool is_forced, mn_err *err) MN_MUST_USE;

/* The same as a part of something greater: enters the removal into `batch`, which the caller commits.
   `container_id` (NULL: nobody) may refer to it. Then volume_removal_finish deletes the data; where the
   commit failed, volume_removal_cancel takes it back. */
mn_status volume_removal_begin(volume_store *vs, const char *name, const char *container_id,
                               store_batch *batch, mn_err *err) MN_MUST_USE;
void volume_removal_finish(volume_store *vs, const char *name);
void volume_removal_cancel(volume_store *vs, const char *name);

/* Removes volumes without references: anonymous ones, or all with the filter all=true. Filters: all, label,
 * label!. */
mn_status volume_prune(volume_store *vs, const wire_filters *filters, mn_arena *arena,
                       wire_volume_prune_report *ret, mn_err *err) MN_MUST_USE;

/* The container refers to the volume from now on (idempotent), or no longer. */
mn_status volume_ref(volume_store *vs, const char *name, const char *container_id, mn_err *err) MN_MUST_USE;
void volume_unref(volume_store *vs, const char *name, const char *container_id);

/* A container starts using the volume: mounts it when it needs that, and gives the path to bind (valid until
   volume_unuse), allocated in `arena`. Each call needs its volume_unuse. `is_restored` counts a use that
   began under an earlier daemon. */
mn_status volume_use(volume_store *vs, const char *name, const char *container_id, bool is_restored,
                     mn_arena *arena, char **ret_path, mn_err *err) MN_MUST_USE;
void volume_unuse(volume_store *vs, const char *name, const char *container_id);

/* Fills an empty volume with what the image has at `path` (owner and mode of the directory included); a
   volume that holds anything stays as it is. Everything is resolved inside `rootfs_fd`. Missing in the image:
   nothing to copy. */
mn_status volume_copy_up(volume_store *vs, const char *name, int rootfs_fd, const char *path,
                         mn_err *err) MN_MUST_USE;
