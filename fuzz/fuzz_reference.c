/* SPDX-License-Identifier: Apache-2.0 */
/* Image references: what parses must print, be read back as the same and contain nothing a path could be hurt
 * by. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        cleanup_free char *text = mn_strndup((const char *) data, size);
        mn_reference ref, again;
        char full[MN_REFERENCE_TEXT_SIZE], familiar[MN_REFERENCE_TEXT_SIZE], second[MN_REFERENCE_TEXT_SIZE];
        if (mn_reference_parse(text, &ref, NULL))
                return 0;
        mn_reference_text(&ref, full);
        mn_reference_familiar(&ref, familiar);
        assert(!strstr(full, "..") && !strstr(full, "//") && full[0] != '/');
        assert(strlen(ref.domain) + 1 + strlen(ref.path) <= MN_REFERENCE_NAME_MAX);
        mn_status status = mn_reference_parse(familiar, &again, NULL);
        assert(status == MN_OK && strcmp(mn_reference_text(&again, second), full) == 0);
        return 0;
}
