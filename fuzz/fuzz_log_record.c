/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a log file: whatever is decoded is no longer than its line, and what the writer escapes comes
 * back. */
#include <stdlib.h>
#include <string.h>

#include "logs/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        mn_arena *arena = mn_arena_new();
        logs_entry entry;
        if (logs_record_decode((const char *) data, size, arena, &entry) && entry.len > size)
                abort();
        if (size <= LOGS_LINE_MAX) {
                static const char head[] = "{\"log\":\"",
                                  tail[] = "\",\"stream\":\"stderr\",\"time\":\"2026-01-01T00:00:00Z\"}";
                char *line = malloc(6 * size + 16 + sizeof(head) + sizeof(tail));
                memcpy(line, head, sizeof(head) - 1);
                char *end = logs_escape(line + sizeof(head) - 1, (const char *) data, size);
                memcpy(end, tail, sizeof(tail) - 1);
                if (!logs_record_decode(line, (size_t) (end - line) + sizeof(tail) - 1, arena, &entry))
                        abort();
                free(line);
        }
        if (size <= LOGS_LINE_MAX && !memchr(data, '\n', size)) {
                mn_str line = MN_STR_INIT(0);
                logs_compact_head(&line, LOGS_STDERR, 1, "{\"a\":\"b\"}");
                mn_str_add_len(&line, data, size);
                if (!logs_record_decode(line.data, line.len, arena, &entry) || entry.len != size + 1 ||
                    memcmp(entry.text, data, size) != 0)
                        abort();
                mn_str_release(&line);
        }
        mn_arena_free(arena);
        return 0;
}
