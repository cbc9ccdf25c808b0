/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The inside of the volume module, and what a crash finds:
 *
 *   create   the directory is made, then the document committed; an empty directory that nobody knows goes
 *            when the store is opened, and a missing one (a power cut took it) is made
 *   remove   one commit takes the document away and notes a removal (kind volume-removal), then the
 *            directory goes, then the note; volume_store_open finishes what is noted
 */

#include <pthread.h>

#include "base/map.h"
#include "volume/volume.h"

#define VOLUME_KIND "volume"
#define VOLUME_REMOVAL_KIND "volume-removal"

/* One volume. `document` and the name never change; the rest is guarded by the store's lock. */
struct volume {
        mn_arena *arena;
        wire_volume document; /* as stored: without Mountpoint and UsageData */
        mn_map *refs;         /* container id -> nothing */
        mn_map *uses;         /* container id -> number of uses, as a pointer */
        bool is_being_removed;
};

struct volume_store {
        store *db;
        char *dir; /* <data root>/volumes */
        volume_notify_fn notify;
        void *notify_arg;
        pthread_mutex_t lock;       /* the map and what is in the volumes; held for memory work only */
        pthread_mutex_t mount_lock; /* serialises mounting and unmounting; taken before `lock` */
        mn_map *volumes;            /* name -> struct volume */
};

/* With the lock held; NULL also for one that is being removed. */
struct volume *volume_find(volume_store *vs, const char *name);
void volume_notify(volume_store *vs, const char *action, const char *name, const char *container_id);
mn_status volume_not_found(const char *name, mn_err *err);
/* True when it is a mount (options type, device, o) and no directory. */
bool volume_has_mount(const struct volume *v);

/* Deletes what is noted as removed, and the note. False when the directory does not go. */
bool volume_finish_removal(volume_store *vs, const char *name);
