/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The instructions of a filter, written from the last one to the first: a jump leads forward, so what it
 * leads to is there already, at a known distance, and equal ends are written once. Only instructions are used
 * that the kernel follows when it works out which calls are always allowed (loads, jumps, AND, return).
 */

#include <linux/filter.h>

#include "runtime/seccomp_rules.h"

enum { SECCOMP_MAX_PROGRAM = 4096 };

/* Numbers from `start` up to the next range: one outcome, or cases to ask. */
typedef struct seccomp_range {
        uint32_t start;
        uint32_t action;
        const seccomp_case *cases; /* asked first; NULL: none */
} seccomp_range;

enum { SECCOMP_MAX_RETURNS = 16, SECCOMP_MAX_BLOCKS = 32 };

/* Zero-initialise. A place in the program is the number of instructions from it to the end. */
typedef struct seccomp_emitter {
        struct sock_filter code[SECCOMP_MAX_PROGRAM]; /* filled from its end */
        size_t len;                                   /* may exceed SECCOMP_MAX_PROGRAM: too long */
        struct {
                uint32_t action;
                size_t at;
        } returns[SECCOMP_MAX_RETURNS]; /* the nearest of each */
        size_t return_count;
        struct {
                const seccomp_range *range;
                size_t at;
        } blocks[SECCOMP_MAX_BLOCKS]; /* cases written already */
        size_t block_count;
        mn_arena *arena;
} seccomp_emitter;

/* The end with this action. */
size_t seccomp_emit_return(seccomp_emitter *e, uint32_t action);

/* Loads 32 bits of struct seccomp_data, and goes on with what was written last. */
size_t seccomp_emit_load(seccomp_emitter *e, size_t offset);

/* "if (loaded OP k) goto yes; else goto no"; `op` is BPF_JEQ, BPF_JGE or BPF_JGT. */
size_t seccomp_emit_jump(seccomp_emitter *e, uint16_t op, uint32_t k, size_t yes, size_t no);

/* Finds the range of the loaded number; `ranges` live as long as the emitter. */
size_t seccomp_emit_tree(seccomp_emitter *e, const seccomp_range *ranges, size_t count);
