/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a worker that reads hostile bytes gives away, step by step. Each returns 0 or -errno. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SANDBOX_CALLS_MAX = 64 };

/* At most `memory` bytes of address space and `descriptors` open files; no processes, no core, no locked
 * memory. */
int sandbox_limit(uint64_t memory, unsigned descriptors);

/* Keeps only these capabilities (bits) and none for what might be executed. May be called again, for fewer.
 */
int sandbox_keep_capabilities(uint64_t kept);

/* Lets Landlock, where the kernel has it, refuse execution and TCP; without `has_files` every access to a
 * file that is not open already, too. */
int sandbox_restrict_access(bool has_files);

/* Lets seccomp, where the kernel has it, end the process at any system call but these, at most
 * SANDBOX_CALLS_MAX. */
int sandbox_filter_calls(const int *allowed, size_t n);
