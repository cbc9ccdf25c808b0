/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Container logs: the writer (in the shim) and the reader (in the daemon) of Docker's json-file format, one
 * record per line:
 *
 *     {"log":"hello\n","stream":"stdout","attrs":{"k":"v"},"time":"2026-11-24T00:00:00.123456789Z"}
 *
 * A line of output longer than LOGS_LINE_MAX becomes several records, all but the last without "\n" at the
 * end; what stood before the end of the output likewise. Files rotate: <path> is the newest, <path>.1 the one
 * before ...
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "codec/json.h"

enum {
        LOGS_LINE_MAX = 16 * 1024, /* bytes of output in one record */
};

typedef enum logs_stream { LOGS_STDOUT, LOGS_STDERR } logs_stream;

/* ---- drivers ---- */

/* Where and how a container's log is kept. */
typedef struct logs_config {
        const char *driver;     /* "json-file", "local", "none"; NULL or "" is json-file */
        const char *path;       /* absolute; unused for "none" */
        int64_t max_size_bytes; /* of one file; 0: the driver's default; negative: no limit */
        int max_file;           /* files kept, the current one included; 0: the driver's default */
        mn_str_map attrs;       /* stored with every record */
} logs_config;

/* Reads the options of `--log-driver` and `--log-opt` into `ret` (driver, max_size_bytes, max_file; the
   driver's name is borrowed) and refuses what is unknown or not built. MN_INVALID. */
mn_status logs_config_parse(const char *driver, const mn_str_map *options, logs_config *ret,
                            mn_err *err) MN_MUST_USE;

/* True when the driver's logs can be read back ("none" cannot). */
bool logs_driver_can_read(const char *driver);

/* ---- writer ---- */

typedef struct logs_writer logs_writer;

/* Opens (appends to, or creates with mode 0640) the log. The configuration is copied. MN_INVALID for an
   unknown driver, else the category of what the system said. */
mn_status logs_writer_open(const logs_config *config, logs_writer **ret, mn_err *err) MN_MUST_USE;

/* Takes output as it came from the container, in pieces of any size. Complete lines are in the file when it
   returns (in the page cache: a power cut may lose them), the rest waits for its newline. Blocks only on the
   disk. When the disk refuses, the records are dropped and counted: the container must not stand still for
   its log. */
void logs_write(logs_writer *w, logs_stream stream, const void *bytes, size_t len);

/* The stream ended: what waits for a newline becomes a record. */
void logs_end_stream(logs_writer *w, logs_stream stream);

/* Opens the path anew, after somebody moved or removed the file. 0 or -errno (then the old file is kept). */
int logs_writer_reopen(logs_writer *w);

/* Gives idle memory back to the system; the next write takes it again. */
void logs_writer_trim(logs_writer *w);

/* Records lost because the disk was full or failed. */
uint64_t logs_writer_dropped(const logs_writer *w);

/* Ends both streams and closes. NULL is accepted. */
void logs_writer_close(logs_writer *w);

/* ---- reader ---- */

/* What to read; zero is everything written so far of neither stream. */
typedef struct logs_query {
        bool has_stdout;
        bool has_stderr;
        bool is_follow; /* wait for more at the end */
        bool is_tail; /* only the last `tail` records (counted before the other conditions, as Docker does) */
        int64_t tail; /* 0: none of what is there */
        int64_t since_ns; /* records of this moment or later; 0: all */
        int64_t until_ns; /* records of this moment or earlier; 0: all */
} logs_query;

/* One record. Everything in it is the reader's, valid until the next call. */
typedef struct logs_entry {
        logs_stream stream;
        int64_t time_ns;
        const char *text; /* with its newline when it has one; may hold any byte */
        size_t len;
        mn_str_map attrs;
} logs_entry;

typedef struct logs_reader logs_reader;

/* Starts reading. MN_NOT_IMPLEMENTED for a driver that cannot be read. A log that is not there is an empty
   one. One thread reads; memory is bounded whatever the log holds. */
mn_status logs_reader_open(const logs_config *config, const logs_query *query, logs_reader **ret,
                           mn_err *err) MN_MUST_USE;

/* The next record: 1; 0 at the end; -EAGAIN when following and there is none yet (logs_reader_wait); -errno.
 */
int logs_reader_next(logs_reader *r, logs_entry *ret);

/* Blocks until there may be more, the reader was stopped, `until` has passed, or `other_fd` (a client's
   socket; -1: none) was closed by its other side. True when reading can go on, false for a closed `other_fd`.
 */
bool logs_reader_wait(logs_reader *r, int other_fd);

/* The log will not grow any more (the container ended): a following reader gets what is left and then the
   end. From any thread. */
void logs_reader_stop(logs_reader *r);

void logs_reader_close(logs_reader *r);

/* Appends the record as `docker logs` shows it: time stamp, details ("k=v,k=v"), text. */
void logs_entry_render(const logs_entry *entry, bool has_timestamps, bool has_details, mn_str *out);
