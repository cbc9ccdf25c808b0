/* SPDX-License-Identifier: Apache-2.0 */
/* state.json of a container: what is accepted says the same when it is written and read again. */

#include <stdlib.h>

#include "base/str.h"
#include "runtime/container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(const container_record *record, mn_str *ret) {
        container_record_print(record, ret);
        if (mn_str_error(ret) < 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        container_record record = { 0 }, again = { 0 };
        if (container_record_parse((const char *) data, size, arena, &record, NULL))
                return 0;
        cleanup_str mn_str first = MN_STR_INIT(64 << 20), second = MN_STR_INIT(64 << 20);
        print(&record, &first);
        if (container_record_parse(mn_str_text(&first), first.len, arena, &again, NULL))
                abort();
        print(&again, &second);
        if (first.len != second.len || !mn_str_equal(mn_str_text(&first), mn_str_text(&second)))
                abort();
        oci_state state = container_oci_state(&record, CONTAINER_RUNNING, NULL);
        if (state.pid != record.pid || container_check_id(record.id, NULL) == MN_INTERNAL)
                abort();
        return 0;
}
