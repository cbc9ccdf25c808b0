/* SPDX-License-Identifier: Apache-2.0 */
/* Verification policies: whatever is read has requirements, and no accident accepts what it does not say. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "image/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        mn_reference reference;
        policy_requirements r;
        mn_status status = mn_reference_parse("r.example.com/team/app:1", &reference, NULL);
        assert(status == MN_OK);
        if (policy_read((const char *) data, size, &reference, arena, &r, NULL))
                return 0;
        assert(r.len > 0);
        for (size_t i = 0; i < r.len; i++) {
                assert(r.items[i].kind != POLICY_ACCEPT ||
                       strcmp(r.items[i].type, "insecureAcceptAnything") == 0);
                (void) policy_identity_holds(&r.items[i], &reference, "r.example.com/team/app:2");
        }
        return 0;
}
