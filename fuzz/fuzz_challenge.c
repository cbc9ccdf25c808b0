/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate headers: a bearer challenge that is used has a realm. */

#include <assert.h>
#include <stdint.h>

#include "base/alloc.h"
#include "image/registry_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_free char *text = mn_strndup((const char *) data, size);
        registry_challenge c;
        registry_challenge_parse(text, arena, &c);
        assert(c.scheme != REGISTRY_AUTH_BEARER || *c.realm);
        assert(c.realm && c.service && c.scope);
        return 0;
}
