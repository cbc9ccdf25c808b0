/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An overlay being made of directories behind descriptors, by what the kernel can: of detached mounts (Linux
 * 6.15), of mounts of the caller's namespace one by one (6.8), or of all of them in one string for mount(2),
 * which every kernel takes. The last two on the thread of the store's mount namespace. Functions return >= 0
 * or -errno.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "image/mount_space.h"

typedef struct overlay_maker {
        mount_space *space; /* borrowed; NULL: layers are detached mounts */
        bool is_string;
        int context;  /* of the new mount API; -1 with a string */
        mn_str lower; /* with a string: numbers of descriptors, the top one first */
        mn_str rest;  /* with a string: the other options */
        int *kept;    /* with a string: the descriptors, until it is mounted */
        size_t n_kept;
} overlay_maker;

/* Begins one; `overlay_release` in any case. */
int overlay_begin(overlay_maker *o, mount_space *space, bool is_string);
void overlay_release(overlay_maker *o);
#define cleanup_overlay MN_CLEANUP(overlay_release)

/* Adds a layer below those added before. */
int overlay_add_lower(overlay_maker *o, int fd);

/* Sets the directories that changes go to: on mounts of the namespace the overlay is made in. */
int overlay_set_writable(overlay_maker *o, int upper_fd, int work_fd, bool is_volatile);

/* The overlay as a detached mount. */
int overlay_mount(overlay_maker *o, bool is_readonly);

/* What the kernel said about a failure, for error texts; "" when nothing. */
const char *overlay_message(const overlay_maker *o, char *buf, size_t size);
