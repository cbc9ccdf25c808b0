/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A container's files as the container sees them, for copying in and out. Of a running container that is its
 * own root with everything mounted in it; of a stopped one its root file system, and its volumes and bind
 * mounts when the path lies below one of them. Every path is resolved inside, by descriptor (sys/path.h):
 * links lead where they lead in the container, never to the host.
 */

#include "container/engine.h"

typedef struct container_tree {
        int root_fd;            /* O_PATH */
        char *path;             /* below root_fd; absolute and clean, in the arena */
        bool is_read_only;      /* the container may not write there */
        container_operation op; /* held for a stopped container: it must not start meanwhile */
        container *c;
        char *volume; /* in use until the end; NULL */
} container_tree;

/* Opens the tree that holds `path` (relative ones start at "/"). `is_for_writing` makes the writable layer
 * writable. */
mn_status container_tree_open(container_engine *e, const char *name, const char *path, bool is_for_writing,
                              mn_arena *arena, container_tree *ret, mn_err *err) MN_MUST_USE;
void container_tree_close(container_tree *t);
#define cleanup_tree MN_CLEANUP(container_tree_close)

/* "/a/b" of any spelling: "a//b/../b/." gives "/a/b"; "" gives "/". */
char *container_clean_path(mn_arena *arena, const char *path);

/* Fills the stat of t->path, the link itself when it is one (unless the path as asked for ended in '/').
   MN_NOT_FOUND "Could not find the file PATH in container NAME". */
mn_status container_tree_stat(const container_tree *t, const char *asked, mn_arena *arena,
                              wire_path_stat *ret, mn_err *err) MN_MUST_USE;
