/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Pulling an image, for `pull` and for `run` and `create` of a missing one. */

#include "cli/cli.h"

typedef struct pull_spec {
        const char *image;    /* "busybox", "busybox:1.36", "busybox@sha256:..." */
        const char *platform; /* NULL: the daemon's */
        bool has_all_tags;
        bool is_verified; /* refuse what no key of the daemon's policy has signed */
        int fd;           /* progress goes there; negative: nowhere */
} pull_spec;

/* Pulls with the stored credentials of the image's registry. */
mn_status pull_image(cli *c, const pull_spec *spec, mn_err *err) MN_MUST_USE;
