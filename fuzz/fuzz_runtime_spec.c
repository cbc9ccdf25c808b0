/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, and what is made of it before anything is started: the mounts' options, the namespaces' kinds,
   the seccomp program, which must never be longer than announced nor jump out of itself. */

#include <linux/filter.h>
#include <stdlib.h>

#include "runtime/mount_options.h"
#include "runtime/seccomp_program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_program(const seccomp_program *program) {
        for (size_t i = 0; i < program->len; i++) {
                const struct sock_filter *insn = &program->code[i];
                size_t farthest = insn->jt > insn->jf ? insn->jt : insn->jf;
                if (BPF_CLASS(insn->code) != BPF_JMP)
                        continue;
                if (i + 1 + (BPF_OP(insn->code) == BPF_JA ? insn->k : farthest) >= program->len)
                        abort();
        }
        if (program->len && BPF_CLASS(program->code[program->len - 1].code) != BPF_RET)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        oci_spec *spec;
        if (oci_spec_parse((const char *) data, size, arena, &spec, NULL))
                return 0;
        for (size_t i = 0; i < spec->mounts.len; i++) {
                mount_options options;
                if (mount_options_parse(&options, &spec->mounts.items[i], NULL) == MN_OK)
                        mount_options_flags(&options);
                mount_options_release(&options);
        }
        seccomp_program program;
        if (spec->linux_ && spec->linux_->seccomp &&
            seccomp_compile(spec->linux_->seccomp, arena, &program, NULL) == MN_OK)
                check_program(&program);
        return 0;
}
