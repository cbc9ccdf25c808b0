/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The files of one log, while its writer may rotate them at any moment: a file is known by its inode, a name
   only says where it is right now. */

#include <stdbool.h>
#include <sys/types.h>

#include "logs/logs.h"

enum { LOGS_FILES_MAX = 1000 };

struct logs_file {
        int fd;
        ino_t inode;
};

/* Opens <path>.<index> (index 0: <path>). fd or -errno. */
int logs_file_open(const char *path, int index, struct logs_file *ret);

/* Opens all files of the log, the newest first, at most LOGS_FILES_MAX; a file that is renamed meanwhile is
   opened once. `*ret` is the caller's (free), the descriptors too. Returns how many, or -errno. */
ssize_t logs_files_open_all(const char *path, struct logs_file **ret);

/* Opens the file the writer went on with after `inode`: 1; 0 when `inode` is still the newest or its
   successor has no name yet; -errno. When `inode` is gone already it is the oldest file there is. */
int logs_file_open_next(const char *path, ino_t inode, struct logs_file *ret);

/* Moves the descriptor's position to the beginning of its last `records` lines, reading backwards in blocks,
   and tells how many lines it found (fewer when the file has fewer). -errno on failure. */
int64_t logs_file_seek_tail(int fd, int64_t records);
