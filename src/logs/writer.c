/* SPDX-License-Identifier: Apache-2.0 */
/* Writes records and rotates files. One thread, one buffer: records of a piece of output are put together and
   written with one system call. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/time.h"
#include "logs/driver.h"
#include "logs/logs.h"
#include "logs/record.h"
#include "sys/fd.h"

enum {
        OUT_SIZE = 256 * 1024,
        SUFFIX_MAX = 96 * 1024, /* stream, attributes and time */
        NUM_STREAMS = 2,
        COPY_BLOCK = 16,
};

static const char prefix[] = "{\"log\":\"";

/* What is left of a stream's output until its newline comes. */
struct pending {
        char *bytes; /* LOGS_LINE_MAX of them */
        size_t len;
};

struct logs_writer {
        char *path;
        int fd; /* -1: driver "none" */
        int64_t size;
        int64_t max_size; /* INT64_MAX: no limit */
        int max_file;
        uint64_t dropped;
        uint64_t buffered; /* records in `out` */
        bool is_compact;   /* lines of the driver "local" */
        struct pending pending[NUM_STREAMS];
        char *suffix[NUM_STREAMS]; /* ","stream":"stdout","attrs":{...},"time":" ; compact: the attributes */
        mn_str tail[NUM_STREAMS];  /* suffix + the current time + "\"}\n" ; compact: the head */
        size_t tail_len[NUM_STREAMS]; /* of the text in it; padding for copy_blocks follows */
        char *memory;                 /* one mapping: the pending lines and `out` */
        char *out;
        size_t out_len;
};

/* ---- file ---- */

static int open_file(logs_writer *w, int extra_flags) {
        int fd = open(w->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | extra_flags, 0640);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0) {
                int error = errno;
                mn_close(fd);
                return -error;
        }
        if (!S_ISREG(st.st_mode)) {
                mn_close(fd);
                return -EINVAL;
        }
        mn_close(w->fd);
        w->fd = fd;
        w->size = st.st_size;
        return 0;
}

/* A writer that died in the middle of a record leaves half a line: end it, so that only that record is lost.
 */
static void end_torn_record(logs_writer *w) {
        if (w->size == 0)
                return;
        cleanup_close int fd = open(w->path, O_RDONLY | O_CLOEXEC);
        char last = '\n';
        if (fd >= 0 && pread(fd, &last, 1, w->size - 1) == 1 && last != '\n' && write(w->fd, "\n", 1) == 1)
                w->size++;
}

/* <path> becomes <path>.1, that <path>.2 ...; the oldest falls out. With one file it is emptied instead. A
   reader that has the old file open goes on reading it. */
static void rotate(logs_writer *w) {
        if (w->max_file < 2) {
                if (ftruncate(w->fd, 0) == 0)
                        w->size = 0;
                return;
        }
        /* The oldest is removed rather than renamed over: replacing a file makes ext4 write the new one to
           the disk at once, and what is thrown away a moment later need not get there. */
        cleanup_free char *oldest = mn_asprintf("%s.%d", w->path, w->max_file - 1);
        unlink(oldest);
        for (int i = w->max_file - 1; i > 0; i--) {
                cleanup_free char *from = i == 1 ? mn_strdup(w->path) : mn_asprintf("%s.%d", w->path, i - 1);
                cleanup_free char *to = mn_asprintf("%s.%d", w->path, i);
                rename(from, to);
        }
        /* When no new file can be made, the old one is written on: over its size, but nothing is lost. */
        if (open_file(w, 0) < 0)
                w->size = 0;
}

/* ---- records ---- */

static void flush(logs_writer *w) {
        size_t done = 0;
        while (done < w->out_len) {
                ssize_t n = write(w->fd, w->out + done, w->out_len - done);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        break;
                done += (size_t) n;
        }
        if (done < w->out_len) {
                /* Take back what was written of it, a torn record is worse than none. */
                if (done && ftruncate(w->fd, w->size) < 0)
                        w->size += (int64_t) done;
                w->dropped += w->buffered;
        } else {
                w->size += (int64_t) done;
        }
        w->out_len = 0;
        w->buffered = 0;
}

/* Copies whole blocks, up to one more than `len` needs: for a few dozen bytes faster than a call of memcpy().
 */
static void copy_blocks(char *to, const char *from, size_t len) {
        for (size_t i = 0; i < len; i += COPY_BLOCK)
                memcpy(to + i, from + i, COPY_BLOCK);
}

static char *put_json(const logs_writer *w, char *to, logs_stream stream, const char *text, size_t len,
                      bool has_newline) {
        memcpy(to, prefix, sizeof(prefix) - 1);
        to = logs_escape(to + sizeof(prefix) - 1, text, len);
        if (has_newline) {
                memcpy(to, "\\n", 2);
                to += 2;
        }
        copy_blocks(to, w->tail[stream].data, w->tail_len[stream]);
        return to + w->tail_len[stream];
}

static char *put_compact(const logs_writer *w, char *to, logs_stream stream, const char *text, size_t len,
                         bool has_newline) {
        copy_blocks(to, w->tail[stream].data, w->tail_len[stream]);
        if (!has_newline)
                *to -= 'a' - 'A';
        to += w->tail_len[stream];
        memcpy(to, text, len);
        to[len] = '\n';
        return to + len + 1;
}

/* Appends one record. Its place in the buffer is certain: flush leaves room for the longest. */
static void add_record(logs_writer *w, logs_stream stream, const char *text, size_t len, bool has_newline) {
        char *to = w->out + w->out_len;
        to = w->is_compact ? put_compact(w, to, stream, text, len, has_newline)
                           : put_json(w, to, stream, text, len, has_newline);
        w->out_len = (size_t) (to - w->out);
        w->buffered++;
        bool is_full = w->size + (int64_t) w->out_len >= w->max_size;
        if (is_full || w->out_len > OUT_SIZE - LOGS_ESCAPED_MAX - SUFFIX_MAX)
                flush(w);
        if (is_full && w->size >= w->max_size)
                rotate(w);
}

/* All records of one call carry the moment of the call. */
static void stamp(logs_writer *w, logs_stream stream) {
        char text[MN_TIME_TEXT_SIZE];
        mn_str *tail = &w->tail[stream];
        mn_str_truncate(tail, 0);
        if (w->is_compact) {
                logs_compact_head(tail, stream, mn_now_ns(), w->suffix[stream]);
        } else {
                mn_str_add(tail, w->suffix[stream]);
                mn_str_add(tail, mn_time_format(mn_now_ns(), text));
                mn_str_add(tail, "\"}\n");
        }
        w->tail_len[stream] = tail->len;
        mn_str_add_len(tail, (const char[COPY_BLOCK]){ 0 }, COPY_BLOCK);
}

/* Completes the pending line with the beginning of the new bytes; how many it took. */
static size_t continue_pending(logs_writer *w, logs_stream stream, const char *p, size_t len) {
        struct pending *pending = &w->pending[stream];
        size_t room = MN_MIN(LOGS_LINE_MAX - pending->len, len);
        const char *newline = logs_find_newline(p, room);
        size_t n = newline ? (size_t) (newline - p) : room;
        memcpy(pending->bytes + pending->len, p, n);
        pending->len += n;
        if (newline || pending->len == LOGS_LINE_MAX) {
                add_record(w, stream, pending->bytes, pending->len, newline != NULL);
                pending->len = 0;
        }
        return n + (newline != NULL);
}

void logs_write(logs_writer *w, logs_stream stream, const void *bytes, size_t len) {
        if (w->fd < 0 || len == 0)
                return;
        struct pending *pending = &w->pending[stream];
        const char *p = bytes, *end = p + len;
        stamp(w, stream);
        if (pending->len)
                p += continue_pending(w, stream, p, len);
        while (p < end) {
                size_t window = MN_MIN((size_t) (end - p), (size_t) LOGS_LINE_MAX);
                const char *newline = logs_find_newline(p, window);
                if (!newline && window < LOGS_LINE_MAX)
                        break;
                size_t n = newline ? (size_t) (newline - p) : window;
                add_record(w, stream, p, n, newline != NULL);
                p += n + (newline != NULL);
        }
        if (p < end) {
                pending->len = (size_t) (end - p);
                memcpy(pending->bytes, p, pending->len);
        }
        flush(w);
}

void logs_end_stream(logs_writer *w, logs_stream stream) {
        struct pending *pending = &w->pending[stream];
        if (w->fd < 0 || pending->len == 0)
                return;
        stamp(w, stream);
        add_record(w, stream, pending->bytes, pending->len, false);
        pending->len = 0;
        flush(w);
}

/* ---- life ---- */

static void make_suffixes(logs_writer *w, const mn_str_map *attrs) {
        static const char *const names[NUM_STREAMS] = { "stdout", "stderr" };
        for (int i = 0; i < NUM_STREAMS; i++) {
                cleanup_str mn_str s = MN_STR_INIT(0);
                if (w->is_compact) {
                        if (attrs->len)
                                mn_json_encode(&mn_type_str_map, attrs, 0, &s);
                        w->suffix[i] = mn_strdup(mn_str_text(&s));
                        continue;
                }
                mn_str_printf(&s, "\",\"stream\":\"%s\"", names[i]);
                if (attrs->len) {
                        mn_str_add(&s, ",\"attrs\":");
                        mn_json_encode(&mn_type_str_map, attrs, 0, &s);
                }
                mn_str_add(&s, ",\"time\":\"");
                w->suffix[i] = mn_str_take(&s);
        }
}

mn_status logs_writer_open(const logs_config *config, logs_writer **ret, mn_err *err) {
        const struct logs_driver *driver = logs_driver_find(config->driver);
        if (!driver)
                return mn_fail(err, MN_INVALID, "logger: no log driver named '%s' is registered",
                               config->driver);
        logs_writer *w = mn_alloc(sizeof(*w));
        w->fd = -1;
        if (!driver->has_file) {
                *ret = w;
                return MN_OK;
        }
        w->path = mn_strdup(config->path);
        w->is_compact = driver->is_compact;
        int64_t max_size = config->max_size_bytes ? config->max_size_bytes : driver->default_max_size;
        w->max_size = max_size > 0 ? max_size : INT64_MAX;
        w->max_file = config->max_file > 0 ? config->max_file : driver->default_max_file;
        make_suffixes(w, &config->attrs);
        int r = strlen(w->suffix[0]) + MN_TIME_TEXT_SIZE > SUFFIX_MAX ? -E2BIG : open_file(w, 0);
        if (!r) {
                w->memory = mmap(NULL, NUM_STREAMS * LOGS_LINE_MAX + OUT_SIZE, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                r = w->memory == MAP_FAILED ? -errno : 0;
        }
        if (r) {
                w->memory = NULL;
                logs_writer_close(w);
                return mn_fail_errno(err, r, "open log '%s'", config->path);
        }
        for (int i = 0; i < NUM_STREAMS; i++)
                w->pending[i].bytes = w->memory + i * LOGS_LINE_MAX;
        w->out = w->memory + NUM_STREAMS * LOGS_LINE_MAX;
        end_torn_record(w);
        *ret = w;
        return MN_OK;
}

int logs_writer_reopen(logs_writer *w) {
        return w->fd < 0 ? 0 : open_file(w, 0);
}

void logs_writer_trim(logs_writer *w) {
        if (!w->memory)
                return;
        madvise(w->out, OUT_SIZE, MADV_DONTNEED);
        for (int i = 0; i < NUM_STREAMS; i++)
                if (w->pending[i].len == 0)
                        madvise(w->pending[i].bytes, LOGS_LINE_MAX, MADV_DONTNEED);
}

uint64_t logs_writer_dropped(const logs_writer *w) {
        return w->dropped;
}

void logs_writer_close(logs_writer *w) {
        if (!w)
                return;
        for (int i = 0; i < NUM_STREAMS; i++) {
                logs_end_stream(w, (logs_stream) i);
                free(w->suffix[i]);
                mn_str_release(&w->tail[i]);
        }
        if (w->memory)
                munmap(w->memory, NUM_STREAMS * LOGS_LINE_MAX + OUT_SIZE);
        mn_close(w->fd);
        free(w->path);
        free(w);
}
