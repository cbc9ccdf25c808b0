/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The mounts of our namespace, as /proc/self/mountinfo has them. Names are as it writes them: blanks are
   "\040". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

/* One line; the strings are parts of the table's text. */
typedef struct mn_mount_row {
        uint64_t id;
        const char *path;          /* where it is mounted */
        const char *type;          /* of the file system: "cgroup2" */
        const char *super_options; /* of the file system, not of this mount */
        bool is_shared;            /* its mounts propagate to its peers */
        bool is_slave;             /* a master's mounts propagate to it */
} mn_mount_row;

typedef struct mn_mount_table {
        char *text;
        mn_mount_row *rows; /* in the order of the kernel's list */
        size_t len;
} mn_mount_table;

/* Reads all; lines that have no such form are left out. -errno. */
int mn_mount_table_read(mn_mount_table *ret);
/* The same from a text of that form, which is copied. */
void mn_mount_table_parse(const char *text, mn_mount_table *ret);
void mn_mount_table_release(mn_mount_table *table);
#define cleanup_mount_table MN_CLEANUP(mn_mount_table_release)
