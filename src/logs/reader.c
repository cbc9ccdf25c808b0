/* SPDX-License-Identifier: Apache-2.0 */
/* Reads records through rotated files, from a given record on, and follows the newest file. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/time.h"
#include "logs/driver.h"
#include "logs/files.h"
#include "logs/logs.h"
#include "logs/record.h"
#include "sys/fd.h"

enum {
        BUFFER_FIRST = 64 * 1024,
        POLL_MS = 200, /* how often to look when the kernel cannot tell us (no inotify instance left) */
};

struct logs_reader {
        char *path;
        logs_query query;
        struct logs_file *older; /* opened and not yet read, the newest first */
        size_t num_older;
        struct logs_file file; /* being read; fd -1: none yet */
        int notify_fd;         /* inotify; -1 when not following or not to be had */
        int stop_fd;           /* eventfd, readable once stopped */
        bool is_stopped;
        bool is_over;
        char *buffer; /* bytes read and not yet parsed: [begin, end) */
        size_t cap, begin, end;
        bool is_skipping; /* inside a line longer than a record may be */
        mn_arena *arena;  /* of the current record */
};

/* ---- opening ---- */

/* Positions every file so that together they hold the last `tail` records; files before them are dropped. */
static int seek_tail(logs_reader *r) {
        int64_t wanted = r->query.tail;
        size_t used = 0;
        for (; used < r->num_older && wanted > 0; used++) {
                int64_t found = logs_file_seek_tail(r->older[used].fd, wanted);
                if (found < 0)
                        return (int) found;
                wanted -= found;
        }
        if (used == 0 && r->num_older) { /* --tail 0: the newest from its end on */
                if (lseek(r->older[0].fd, 0, SEEK_END) < 0)
                        return -errno;
                used = 1;
        }
        for (size_t i = used; i < r->num_older; i++)
                mn_close(r->older[i].fd);
        r->num_older = used;
        return 0;
}

/* Files that were last written before `since` hold nothing of interest. */
static void drop_before_since(logs_reader *r) {
        for (; r->num_older > 1; r->num_older--) {
                struct stat st;
                int fd = r->older[r->num_older - 1].fd;
                if (fstat(fd, &st) < 0 ||
                    st.st_mtim.tv_sec * MN_NS_PER_SEC + st.st_mtim.tv_nsec >= r->query.since_ns)
                        return;
                mn_close(fd);
        }
}

static void watch(logs_reader *r) {
        r->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (r->notify_fd < 0)
                return;
        cleanup_free char *folder = mn_strdup(r->path);
        char *slash = strrchr(folder, '/');
        if (slash)
                slash[slash == folder] = '\0';
        /* The folder's watch tells of writes, of rotation and of the log's first appearance. */
        if (inotify_add_watch(r->notify_fd, slash ? folder : ".", IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
                r->notify_fd = mn_close(r->notify_fd);
}

mn_status logs_reader_open(const logs_config *config, const logs_query *query, logs_reader **ret,
                           mn_err *err) {
        if (!logs_driver_can_read(config->driver))
                return mn_fail(err, MN_NOT_IMPLEMENTED, "configured logging driver does not support reading");
        logs_reader *r = mn_alloc(sizeof(*r));
        r->path = mn_strdup(config->path);
        r->query = *query;
        r->file.fd = r->notify_fd = -1;
        r->arena = mn_arena_new();
        r->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (query->is_follow)
                watch(r);
        ssize_t n = r->stop_fd < 0 ? -errno : logs_files_open_all(r->path, &r->older);
        if (n >= 0) {
                r->num_older = (size_t) n;
                n = query->is_tail ? seek_tail(r) : 0;
        }
        if (n < 0) {
                logs_reader_close(r);
                return mn_fail_errno(err, (int) n, "open log '%s'", config->path);
        }
        if (query->since_ns && !query->is_tail)
                drop_before_since(r);
        *ret = r;
        return MN_OK;
}

void logs_reader_close(logs_reader *r) {
        if (!r)
                return;
        for (size_t i = 0; i < r->num_older; i++)
                mn_close(r->older[i].fd);
        free(r->older);
        mn_close(r->file.fd);
        mn_close(r->notify_fd);
        mn_close(r->stop_fd);
        mn_arena_free(r->arena);
        free(r->buffer);
        free(r->path);
        free(r);
}

/* ---- files ---- */

static void begin_file(logs_reader *r, struct logs_file file) {
        mn_close(r->file.fd);
        r->file = file;
        r->begin = r->end = 0;
        r->is_skipping = false;
}

/* Finds the file that comes after the one being read and keeps it as the next older one: 1 when there is one.
   The writer may have added to the current file until it rotated, so that one is read once more before. */
static int find_next(logs_reader *r) {
        struct logs_file *next = NULL;
        ssize_t n;
        if (r->file.fd < 0) { /* there was no log before; by now it may even have been rotated */
                n = logs_files_open_all(r->path, &next);
        } else {
                next = mn_alloc(sizeof(*next));
                n = logs_file_open_next(r->path, r->file.inode, next);
        }
        if (n <= 0) {
                free(next);
                return (int) n;
        }
        free(r->older);
        r->older = next;
        r->num_older = (size_t) n;
        return 1;
}

/* The current file is read to its end: 1 when reading can go on, 0 when not (now), or -errno. */
static int advance(logs_reader *r) {
        if (r->num_older) {
                begin_file(r, r->older[--r->num_older]);
                return 1;
        }
        return r->query.is_follow ? find_next(r) : 0;
}

/* With max-file=1 the writer empties the file: begin again. */
static bool was_truncated(logs_reader *r) {
        struct stat st;
        off_t at = lseek(r->file.fd, 0, SEEK_CUR);
        if (!r->query.is_follow || fstat(r->file.fd, &st) < 0 || at < 0 || st.st_size >= at)
                return false;
        lseek(r->file.fd, 0, SEEK_SET);
        r->begin = r->end = 0;
        r->is_skipping = false;
        return true;
}

/* Reads more of the current file behind what is buffered. Bytes, 0 at its end, -errno. */
static ssize_t fill(logs_reader *r) {
        if (r->begin == r->end)
                r->begin = r->end = 0;
        if (r->end == r->cap && r->begin) {
                memmove(r->buffer, r->buffer + r->begin, r->end - r->begin);
                r->end -= r->begin;
                r->begin = 0;
        }
        if (r->end == r->cap) {
                if (r->cap >= LOGS_RECORD_MAX) { /* not a record: drop it up to its newline */
                        r->is_skipping = true;
                        r->end = 0;
                } else {
                        r->cap = r->cap ? r->cap * 2 : BUFFER_FIRST;
                        r->buffer = mn_realloc(r->buffer, r->cap);
                }
        }
        ssize_t n;
        do
                n = read(r->file.fd, r->buffer + r->end, r->cap - r->end);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        r->end += (size_t) n;
        return n;
}

/* ---- records ---- */

/* The next line of the current file, without its newline: 1; 0 at the end of the file; -errno. */
static int next_line(logs_reader *r, const char **ret, size_t *ret_len) {
        size_t scanned = 0; /* from begin on, known to hold no newline */
        if (r->file.fd < 0)
                return 0;
        for (;;) {
                size_t left = r->end - r->begin;
                char *newline = left > scanned ? memchr(r->buffer + r->begin + scanned, '\n', left - scanned)
                                               : NULL;
                if (newline) {
                        *ret = r->buffer + r->begin;
                        *ret_len = (size_t) (newline - *ret);
                        r->begin += *ret_len + 1;
                        if (!r->is_skipping)
                                return 1;
                        r->is_skipping = false;
                        scanned = 0;
                        continue;
                }
                scanned = left;
                ssize_t n = fill(r);
                if (n <= 0)
                        return (int) n;
                if (r->end - r->begin < scanned)
                        scanned = 0;
        }
}

static bool is_wanted(logs_reader *r, const logs_entry *entry) {
        if (r->query.until_ns && entry->time_ns > r->query.until_ns) {
                r->is_over = true;
                return false;
        }
        return entry->time_ns >= r->query.since_ns &&
               (entry->stream == LOGS_STDOUT ? r->query.has_stdout : r->query.has_stderr);
}

/* As logs_reader_next within the current file: 0 at its end. */
static int next_in_file(logs_reader *r, logs_entry *ret) {
        const char *line;
        size_t len;
        int n;
        while (!r->is_over && (n = next_line(r, &line, &len)) != 0) {
                if (n < 0)
                        return n;
                if (mn_arena_used(r->arena)) {
                        mn_arena_free(r->arena);
                        r->arena = mn_arena_new();
                }
                logs_entry entry;
                if (logs_record_decode(line, len, r->arena, &entry) && is_wanted(r, &entry)) {
                        *ret = entry;
                        return 1;
                }
        }
        return 0;
}

static void note_stop(logs_reader *r) {
        eventfd_t value;
        if (!r->is_stopped && eventfd_read(r->stop_fd, &value) == 0)
                r->is_stopped = true;
}

int logs_reader_next(logs_reader *r, logs_entry *ret) {
        /* Seen before the last look at the files: what was written until the stop is then certainly read. */
        note_stop(r);
        for (;;) {
                int n = next_in_file(r, ret);
                if (n != 0 || r->is_over)
                        return n;
                if (r->file.fd >= 0 && was_truncated(r))
                        continue;
                n = advance(r);
                if (n < 0)
                        return n;
                if (n > 0)
                        continue;
                if (!r->query.is_follow || r->is_stopped)
                        return 0;
                if (r->query.until_ns && mn_now_ns() > r->query.until_ns)
                        return 0;
                return -EAGAIN;
        }
}

bool logs_reader_wait(logs_reader *r, int other_fd) {
        int timeout = r->notify_fd < 0 ? POLL_MS : -1;
        if (r->query.until_ns) {
                int64_t left_ms = MN_MAX((r->query.until_ns - mn_now_ns()) / MN_NS_PER_MS + 1, (int64_t) 0);
                timeout = timeout < 0 || left_ms < timeout ? (int) MN_MIN(left_ms, (int64_t) 3600 * 1000)
                                                           : timeout;
        }
        struct pollfd fds[] = {
                { .fd = r->notify_fd, .events = POLLIN },
                { .fd = r->is_stopped ? -1 : r->stop_fd, .events = POLLIN },
                { .fd = other_fd, .events = POLLRDHUP },
        };
        while (poll(fds, MN_ARRAY_LEN(fds), timeout) < 0 && errno == EINTR)
                ;
        if (fds[0].revents) {
                char events[4096];
                while (read(r->notify_fd, events, sizeof(events)) > 0)
                        ;
        }
        return fds[2].revents == 0;
}

void logs_reader_stop(logs_reader *r) {
        eventfd_write(r->stop_fd, 1);
}
