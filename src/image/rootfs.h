/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Overlays of layers, for the files that implement image/image.h. */

#include "image/store_private.h"

struct rootfs_overlay {
        char **layers; /* diff ids, lowest first; NULL-terminated */
        int upper_fd;  /* -1: read-only, no writable layer */
        int work_fd;
        bool is_readonly;
        bool is_volatile;
        int userns_fd; /* <= 0: owners as they are */
};

/* Mounts the layers: a detached mount. */
mn_status rootfs_mount_layers(image_store *images, const struct rootfs_overlay *spec, int *ret_fd,
                              mn_err *err) MN_MUST_USE;

/* The image's layers in the arena, with room for one more at the end. */
mn_status rootfs_layers(image_store *images, const char *image_id, mn_arena *arena, char ***ret,
                        mn_err *err) MN_MUST_USE;
