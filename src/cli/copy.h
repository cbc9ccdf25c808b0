/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files between a container and this machine (cp). */

#include "cli/cli.h"

typedef struct copy_spec {
        const char *container, *path; /* in the container */
        const char *local;            /* here; "-" is a tar stream on standard input or output */
        bool keeps_owner;             /* --archive */
        bool follows_link;            /* of the source itself */
} copy_spec;

/* What HEAD /containers/{id}/archive says about a path. */
typedef struct copy_stat {
        bool exists, is_dir, is_link;
        const char *name, *link_target;
} copy_stat;

/* `*ret_bytes` is the length of the tar stream that carried the files. */
mn_status copy_from_container(cli *c, const copy_spec *spec, int64_t *ret_bytes, mn_err *err) MN_MUST_USE;
mn_status copy_to_container(cli *c, const copy_spec *spec, int64_t *ret_bytes, mn_err *err) MN_MUST_USE;

/* Asks about a path; a missing one is no failure. */
mn_status copy_stat_path(cli *c, const char *container, const char *path, copy_stat *ret,
                         mn_err *err) MN_MUST_USE;

/* Reads the header that carries a stat. */
mn_status copy_parse_stat(cli *c, const char *header, copy_stat *ret, mn_err *err) MN_MUST_USE;

/* Last component of a path, and what is before it; "dir/." has the component ".". Both in the arena. */
const char *copy_base(mn_arena *arena, const char *path);
const char *copy_parent(mn_arena *arena, const char *path);
