/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Runs a filter as the kernel would: the instructions our compiler emits, and no others. For tests and
   fuzzing; anything out of the ordinary ends the program. */

#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/seccomp_program.h"

static inline uint32_t interpret(const seccomp_program *p, const struct seccomp_data *data,
                                 unsigned *ret_steps) {
        uint32_t a = 0;
        *ret_steps = 0;
        for (size_t pc = 0; pc < p->len; pc++, (*ret_steps)++) {
                const struct sock_filter *i = &p->code[pc];
                switch (i->code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        if (i->k % 4 || i->k >= sizeof(*data))
                                abort();
                        memcpy(&a, (const char *) data + i->k, sizeof(a));
                        break;
                case BPF_ALU | BPF_AND | BPF_K:
                        a &= i->k;
                        break;
                case BPF_JMP | BPF_JA:
                        pc += i->k;
                        break;
                case BPF_JMP | BPF_JEQ | BPF_K:
                        pc += a == i->k ? i->jt : i->jf;
                        break;
                case BPF_JMP | BPF_JGE | BPF_K:
                        pc += a >= i->k ? i->jt : i->jf;
                        break;
                case BPF_JMP | BPF_JGT | BPF_K:
                        pc += a > i->k ? i->jt : i->jf;
                        break;
                case BPF_RET | BPF_K:
                        return i->k;
                default:
                        abort();
                }
        }
        abort();
}
