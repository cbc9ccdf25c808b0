/* SPDX-License-Identifier: Apache-2.0 */
/* What takes as long as a container runs: attach, exec, logs, wait, stats. Attached clients leave the daemon:
 * their socket goes to the container's shim. */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "api/handlers.h"
#include "base/num.h"
#include "base/time.h"
#include "container/container.h"
#include "sys/fd.h"
#include "wire/stdio.h"

#define RAW_STREAM "application/vnd.docker.raw-stream"
#define MULTIPLEXED_STREAM "application/vnd.docker.multiplexed-stream"

enum { MULTIPLEXED_SINCE = 142, EARLY_WAIT_SINCE = 130, LOG_BUFFER = 32 * 1024, STATS_INTERVAL_MS = 1000 };

/* The media type of a container's output; older clients are told "raw" for both forms. */
static const char *stream_type(const api_call *c, bool is_tty) {
        return is_tty || c->version < MULTIPLEXED_SINCE ? RAW_STREAM : MULTIPLEXED_STREAM;
}

/* Hijacked connections that were not upgraded always say "raw", as Docker has it. */
static const char *hijack_type(const api_call *c, bool is_tty) {
        return c->head->is_upgrade ? stream_type(c, is_tty) : RAW_STREAM;
}

/* ---- logs ---- */

/* Where log records go: a chunked stream, or the client's socket before it is handed to the shim. */
typedef struct log_sink {
        api_call *call;
        int fd; /* -1: the stream */
        bool is_framed, has_timestamps, has_details;
        mn_str buffer;
} log_sink;

static int sink_flush(log_sink *sink) {
        int r = 0;
        if (sink->buffer.len && sink->fd >= 0)
                r = http_hijacked_write(sink->call->request, sink->fd, sink->buffer.data, sink->buffer.len);
        else if (sink->buffer.len)
                r = http_stream_write(sink->call->request, sink->buffer.data, sink->buffer.len);
        mn_str_truncate(&sink->buffer, 0);
        return r;
}

static int sink_add(log_sink *sink, const logs_entry *entry) {
        uint8_t header[WIRE_STDIO_HEADER_SIZE] = { 0 };
        size_t start = sink->buffer.len;
        if (sink->is_framed)
                mn_str_add_len(&sink->buffer, header, sizeof(header));
        size_t text = sink->buffer.len;
        logs_entry_render(entry, sink->has_timestamps, sink->has_details, &sink->buffer);
        if (sink->is_framed) {
                wire_stdio_put_header(header, entry->stream == LOGS_STDERR ? WIRE_STDERR : WIRE_STDOUT,
                                      (uint32_t) (sink->buffer.len - text));
                memcpy(sink->buffer.data + start, header, sizeof(header));
        }
        return sink->buffer.len >= LOG_BUFFER ? sink_flush(sink) : 0;
}

/* Copies records until the log or the client ends. */
static void copy_log(logs_reader *reader, log_sink *sink) {
        int client_fd = http_request_client_fd(sink->call->request), r = 0;
        while (r >= 0) {
                logs_entry entry;
                r = logs_reader_next(reader, &entry);
                if (r == 1) {
                        r = sink_add(sink, &entry);
                } else if (r == -EAGAIN) {
                        r = sink_flush(sink);
                        if (r == 0 && !logs_reader_wait(reader, client_fd))
                                break;
                } else {
                        break;
                }
        }
        (void) sink_flush(sink);
        mn_str_release(&sink->buffer);
}

/* `tail`: "all", "" and what is no number mean everything, as with Docker. */
static void read_tail(const api_call *c, logs_query *query) {
        const char *tail = api_param(c, "tail");
        query->is_tail = tail && mn_parse_i64(tail, 0, INT64_MAX, &query->tail) == 0;
}

static mn_status read_moment(const api_call *c, const char *name, int64_t *ret_ns, mn_err *err) {
        if (wire_time_parse(api_param(c, name), mn_now_ns(), ret_ns) < 0)
                return mn_fail(err, MN_INVALID, "invalid value for \"%s\": \"%s\"", name, api_param(c, name));
        return MN_OK;
}

mn_status api_container_logs(api_call *c, mn_err *err) {
        container_logs *logs;
        bool is_tty;
        logs_query query = {
                .has_stdout = api_param_bool(c, "stdout"),
                .has_stderr = api_param_bool(c, "stderr"),
                .is_follow = api_param_bool(c, "follow"),
        };
        if (!query.has_stdout && !query.has_stderr)
                return mn_fail(err, MN_INVALID, "Bad parameters: you must choose at least one stream");
        read_tail(c, &query);
        mn_status s = read_moment(c, "since", &query.since_ns, err);
        if (s == MN_OK)
                s = read_moment(c, "until", &query.until_ns, err);
        if (s == MN_OK)
                s = container_logs_open(c->engine->containers, c->vars[0], &query, &logs, &is_tty, err);
        if (s != MN_OK)
                return s;
        log_sink sink = {
                .call = c,
                .fd = -1,
                .is_framed = !is_tty,
                .has_timestamps = api_param_bool(c, "timestamps"),
                .has_details = api_param_bool(c, "details"),
        };
        if (http_stream_begin(c->request, 200, stream_type(c, is_tty)) == 0)
                copy_log(container_logs_reader(logs), &sink);
        container_logs_close(logs);
        return MN_OK;
}

/* ---- attach ---- */

/* `logs=1`: what the container wrote so far comes first. */
static void replay_log(api_call *c, const container_attach_spec *spec, int fd) {
        container_logs *logs;
        bool is_tty;
        logs_query query = { .has_stdout = spec->has_stdout, .has_stderr = spec->has_stderr };
        if (container_logs_open(c->engine->containers, c->vars[0], &query, &logs, &is_tty, NULL) != MN_OK)
                return;
        log_sink sink = { .call = c, .fd = fd, .is_framed = spec->is_framed };
        copy_log(container_logs_reader(logs), &sink);
        container_logs_close(logs);
}

/* Some clients read the answer's head through a buffer and then the bare socket (Docker's SDK for Python):
 * output that came together with the head would be lost to them. The command starts when the head has been
 * read; the kernel tells how much of it has not, but sends no event. A client that does not read delays only
 * itself. */
static void await_head_read(int fd) {
        enum { FIRST_NS = 20 * 1000, LAST_NS = MN_NS_PER_MS, MOST_NS = 200 * MN_NS_PER_MS };
        int64_t end = mn_monotonic_ns() + MOST_NS;
        struct timespec step = { .tv_nsec = FIRST_NS };
        int unread;
        while (ioctl(fd, SIOCOUTQ, &unread) == 0 && unread > 0 && mn_monotonic_ns() < end) {
                clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
                step.tv_nsec = MN_MIN(step.tv_nsec * 2, (long) LAST_NS);
        }
}

mn_status api_container_attach(api_call *c, mn_err *err) {
        bool is_tty;
        int fd;
        struct container *container;
        const char *keys = api_param(c, "detachKeys");
        mn_status s = container_attach_begin(c->engine->containers, c->vars[0], keys, &container, &is_tty,
                                             err);
        if (s != MN_OK)
                return s;
        container_attach_spec spec = {
                .has_stdin = api_param_bool(c, "stdin"),
                .has_stdout = api_param_bool(c, "stdout"),
                .has_stderr = api_param_bool(c, "stderr"),
                .is_framed = !is_tty,
                .detach_keys = keys,
        };
        if (http_request_hijack(c->request, hijack_type(c, is_tty), &fd) < 0) {
                container_attach_cancel(container);
                return MN_OK; /* the client has gone */
        }
        if (api_param_bool(c, "logs")) {
                await_head_read(fd);
                replay_log(c, &spec, fd);
        }
        if (!api_param_bool(c, "stream")) {
                container_attach_cancel(container);
                mn_close(fd);
                return MN_OK;
        }
        return container_attach(container, &spec, fd, err);
}

/* Docker's way of attaching from a browser: the bytes of all streams in binary frames. The daemon carries
   them, so such a session ends with it. */
mn_status api_container_attach_ws(api_call *c, mn_err *err) {
        bool is_tty;
        int fd;
        const char *keys = api_param(c, "detachKeys");
        struct container *container;
        mn_status s = container_attach_begin(c->engine->containers, c->vars[0], keys, &container, &is_tty,
                                             err);
        if (s != MN_OK)
                return s;
        s = http_request_hijack_websocket(c->request, &fd, err);
        if (s != MN_OK || fd < 0) {
                container_attach_cancel(container);
                return s;
        }
        container_attach_spec spec = {
                .has_stdin = api_param_bool(c, "stdin"),
                .has_stdout = api_param_bool(c, "stdout"),
                .has_stderr = api_param_bool(c, "stderr"),
                .detach_keys = keys,
        };
        if (api_param_bool(c, "logs"))
                replay_log(c, &spec, fd);
        if (!api_param_bool(c, "stream")) {
                container_attach_cancel(container);
                mn_close(fd);
                return MN_OK;
        }
        return container_attach(container, &spec, fd, err);
}

/* ---- exec ---- */

mn_status api_exec_create(api_call *c, mn_err *err) {
        char id[MN_ID_SIZE];
        mn_status s = container_exec_create(c->engine->containers, c->vars[0], c->body, id, err);
        wire_exec_create_response response = { .id = id };
        return s == MN_OK ? api_reply(c, &response) : s;
}

mn_status api_exec_start(api_call *c, mn_err *err) {
        bool is_tty;
        int fd;
        const wire_exec_start *request = c->body;
        mn_status s = container_exec_check(c->engine->containers, c->vars[0], request, &is_tty, err);
        if (s != MN_OK)
                return s;
        if (request->is_detached) {
                s = container_exec_start(c->engine->containers, c->vars[0], request, -1, err);
                return s == MN_OK ? api_reply_empty(c) : s;
        }
        if (http_request_hijack(c->request, hijack_type(c, is_tty), &fd) < 0)
                return MN_OK;
        await_head_read(fd);
        return container_exec_start(c->engine->containers, c->vars[0], request, fd, err);
}

mn_status api_exec_resize(api_call *c, mn_err *err) {
        int height, width;
        mn_status s = api_read_size(c, &height, &width, err);
        if (s == MN_OK)
                s = container_exec_resize(c->engine->containers, c->vars[0], height, width, err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

mn_status api_exec_inspect(api_call *c, mn_err *err) {
        wire_exec_inspect exec = { 0 };
        mn_status s = container_exec_inspect(c->engine->containers, c->vars[0], c->arena, &exec, err);
        return s == MN_OK ? api_reply(c, &exec) : s;
}

/* ---- wait ---- */

/* The head goes out before the container may end: `docker run` starts the container only when it has seen it.
 */
static mn_status finish_wait(api_call *c, container_wait *wait, mn_err *err) {
        wire_container_wait_response response = { 0 };
        cleanup_str mn_str text = { 0 };
        if (c->version >= EARLY_WAIT_SINCE && http_stream_begin(c->request, 200, "application/json") < 0)
                return MN_OK;
        mn_status s = container_wait_finish(wait, http_request_client_fd(c->request), c->arena, &response,
                                            err);
        if (s != MN_OK)
                return http_request_is_client_gone(c->request) ? MN_OK : s;
        if (c->version < EARLY_WAIT_SINCE)
                return api_reply(c, &response);
        mn_json_encode(c->route->response, &response, c->version, &text);
        mn_str_add_char(&text, '\n');
        (void) http_stream_write(c->request, text.data, text.len);
        return MN_OK;
}

mn_status api_container_wait(api_call *c, mn_err *err) {
        container_wait_condition condition;
        container_wait *wait;
        mn_status s = container_wait_condition_parse(api_param(c, "condition"), &condition, err);
        if (s == MN_OK)
                s = container_wait_begin(c->engine->containers, c->vars[0], condition, &wait, err);
        if (s != MN_OK)
                return s;
        s = finish_wait(c, wait, err);
        container_wait_free(wait);
        return s;
}

/* ---- stats ---- */

/* True after a second, false when the client left before. */
static bool sleep_interval(const api_call *c) {
        struct pollfd p = { .fd = http_request_client_fd(c->request), .events = POLLRDHUP };
        return poll(&p, 1, STATS_INTERVAL_MS) == 0;
}

static bool send_stats(api_call *c, const wire_stats *stats) {
        cleanup_str mn_str text = { 0 };
        mn_json_encode(&wire_stats_type, stats, c->version, &text);
        mn_str_add_char(&text, '\n');
        return api_stream_json(c, "application/json", text.data, text.len);
}

/* One sample a second, each with the one before it. The two latest live in an arena each. */
static void stream_stats(api_call *c, mn_arena *arena, wire_stats previous) {
        wire_stats stats;
        while (sleep_interval(c)) {
                mn_arena *next = mn_arena_new();
                stats = (wire_stats){ 0 };
                bool goes_on = container_stats(c->engine->containers, c->vars[0], &previous, next, &stats,
                                               NULL) == MN_OK &&
                               send_stats(c, &stats);
                mn_arena_free(arena);
                arena = next;
                previous = stats;
                if (!goes_on)
                        break;
        }
        mn_arena_free(arena);
}

mn_status api_container_stats(api_call *c, mn_err *err) {
        wire_stats first = { 0 }, second = { 0 };
        bool is_stream = api_param_bool_or(c, "stream", true), is_one_shot = api_param_bool(c, "one-shot");
        if (is_stream && is_one_shot)
                return mn_fail(err, MN_INVALID, "cannot have stream=true and one-shot=true");
        mn_arena *arena = mn_arena_new();
        mn_status s = container_stats(c->engine->containers, c->vars[0], NULL, arena, &first, err);
        if (s == MN_OK && is_stream) {
                if (http_stream_begin(c->request, 200, "application/json") == 0)
                        stream_stats(c, arena, first);
                else
                        mn_arena_free(arena);
                return MN_OK;
        }
        if (s == MN_OK && !is_one_shot && sleep_interval(c)) {
                s = container_stats(c->engine->containers, c->vars[0], &first, arena, &second, err);
                first = second;
        }
        if (s == MN_OK)
                s = api_reply(c, &first);
        mn_arena_free(arena);
        return s;
}
