/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names and numbers of system calls. */

#include <stddef.h>
#include <stdint.h>

/* Columns of the table. */
typedef enum syscall_arch {
        SYSCALL_X86_64,
        SYSCALL_X86,
        SYSCALL_AARCH64,
        SYSCALL_ARM,
        SYSCALL_ARCHES
} syscall_arch;

typedef struct syscall_row {
        const char *name;
        int32_t numbers[SYSCALL_ARCHES]; /* -1: not on this one */
} syscall_row;

/* The row of a name, or NULL. */
const syscall_row *syscall_find(const char *name);

/* The same, but looks just behind `before` (NULL: nowhere) first: profiles list their calls in the table's
 * order. */
const syscall_row *syscall_find_after(const syscall_row *before, const char *name);

/* All rows, sorted by name. */
const syscall_row *syscall_rows(size_t *ret_len);
