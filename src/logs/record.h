/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One record of a log file: text to line and back. */

#include "base/arena.h"
#include "logs/logs.h"

enum {
        /* The longest text escaped: six bytes for each of its own. */
        LOGS_ESCAPED_MAX = 6 * LOGS_LINE_MAX,
        /* A longer line of a log file is not a record. */
        LOGS_RECORD_MAX = 1024 * 1024,
};

/* Writes `text` as the inside of a JSON string the way Docker's json-file does ('<', '>' and '&' as \u00XX,
   bytes that are not UTF-8 as \ufffd) and returns where it ended. `to` has room for 6 * len + 16 bytes. */
char *logs_escape(char *to, const char *text, size_t len);

/* The first newline, or NULL. What memchr() does, at the same speed with every C library. */
const char *logs_find_newline(const char *text, size_t len);

/*
 * A line of the driver "local": no more than a record needs, for a reader that need not be Docker's.
 *
 *     stream, one letter: 'o' or 'e' when the text ended with a newline, 'O' or 'E' when it did not (yet)
 *     the moment in nanoseconds, LOGS_COMPACT_DIGITS digits to the base 64, the first one highest
 *     ' ', or '=', the length of the attributes' JSON in LOGS_COMPACT_LENGTH hexadecimal digits, and that
 * JSON the text, byte for byte
 */
enum { LOGS_COMPACT_DIGITS = 11, LOGS_COMPACT_LENGTH = 5 };

/* Appends all of it but the text, for a text that ends with a newline. `attrs` is "" or JSON. */
void logs_compact_head(mn_str *out, logs_stream stream, int64_t time_ns, const char *attrs);

/* As logs_record_decode for such a line. */
bool logs_compact_decode(const char *line, size_t len, mn_arena *arena, logs_entry *ret);

/* Reads one line of a file, of either driver (without its newline); texts go to `arena`. False when it is not
 * a record. */
bool logs_record_decode(const char *line, size_t len, mn_arena *arena, logs_entry *ret);
