/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The files of a layer as the worker minato-unpack writes them: contents go into numbered files of `data`
 * while the tar streams by, with the metadata they will keep; when all names are known, each file is moved to
 * its place in `tree`. Every name used is one component made by us in a directory made by us; none of the
 * archive is resolved as a path. All functions work in the current directory and return 0 or -errno.
 */

#include "image/tree.h"

typedef struct unpack_files unpack_files;

/* Makes `tree` and `data` in the current directory. */
int unpack_files_new(unpack_files **ret);
void unpack_files_free(unpack_files *files);

/* The next file of the tar (number 1, 2, ...). `inode` is its inode in the tree; NULL for one that does not
   become part of it. `entry` is valid during the call only. */
int unpack_files_begin(unpack_files *files, struct tree_inode *inode, const mn_tar_entry *entry);
int unpack_files_data(unpack_files *files, const void *data, size_t len);
int unpack_files_end(unpack_files *files);

/* How many there were. */
uint32_t unpack_files_count(const unpack_files *files);

/* Builds `tree`, writes the lists `names` and `opaque`, removes what `data` need not keep. */
int unpack_files_place(unpack_files *files, tree *t);
