/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "api/handlers.h"
#include "base/time.h"
#include "events/events.h"

/* How the messages of the stream are framed. */
typedef struct framing {
        const char *content_type;
        const char *before, *after;
} framing;

/* The client chooses by its Accept header; what Docker sends when it says nothing is JSON, one per line. */
static framing choose_framing(const api_call *c) {
        static const struct {
                const char *media_type;
                framing f;
        } table[] = {
                { "application/json-seq", { "application/json-seq", "\x1e", "\n" } },
                { "application/x-ndjson", { "application/x-ndjson", "", "\n" } },
                { "application/jsonl", { "application/jsonl", "", "\n" } },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(table); i++) {
                if (mn_http_header_has_token(c->head, "Accept", table[i].media_type))
                        return table[i].f;
        }
        return (framing){ "application/json", "", "\n" };
}

static bool send_event(api_call *c, const framing *f, const wire_event *event) {
        cleanup_str mn_str text = { 0 };
        mn_str_add(&text, f->before);
        mn_json_encode(&wire_event_type, event, c->version, &text);
        mn_str_add(&text, f->after);
        return http_stream_write(c->request, text.data, text.len) == 0;
}

/* Sends what is queued. 0 to go on, negative when the stream is over. */
static int send_queued(api_call *c, const framing *f, events_subscription *subscription) {
        for (;;) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                wire_event event = { 0 };
                int r = events_next(subscription, arena, &event);
                if (r <= 0)
                        return r;
                if (!send_event(c, f, &event))
                        return -EPIPE;
        }
}

/* Milliseconds from now to the moment, at least 0; -1 for no moment. */
static int until_ms(int64_t until_ns) {
        int64_t left = (until_ns - mn_now_ns()) / MN_NS_PER_MS;
        return until_ns == 0 ? -1 : left < 0 ? 0 : left > INT32_MAX / 2 ? INT32_MAX / 2 : (int) left + 1;
}

static void follow(api_call *c, const framing *f, events_subscription *subscription, int64_t until_ns) {
        for (;;) {
                if (send_queued(c, f, subscription) < 0 || (until_ns && mn_now_ns() >= until_ns))
                        return;
                struct pollfd p[2] = {
                        { .fd = events_subscription_fd(subscription), .events = POLLIN },
                        { .fd = http_request_client_fd(c->request), .events = POLLRDHUP },
                };
                if (poll(p, 2, until_ms(until_ns)) < 0 && errno != EINTR)
                        return;
                if (p[1].revents)
                        return;
        }
}

mn_status api_events(api_call *c, mn_err *err) {
        wire_filters filters;
        int64_t since_ns, until_ns;
        if (wire_time_parse(api_param(c, "since"), mn_now_ns(), &since_ns) < 0)
                return mn_fail(err, MN_INVALID, "invalid value for \"since\": \"%s\"", api_param(c, "since"));
        if (wire_time_parse(api_param(c, "until"), mn_now_ns(), &until_ns) < 0)
                return mn_fail(err, MN_INVALID, "invalid value for \"until\": \"%s\"", api_param(c, "until"));
        if (since_ns && until_ns && since_ns > until_ns)
                return mn_fail(err, MN_INVALID, "`since` time (%lld) cannot be after `until` time (%lld)",
                               (long long) (since_ns / MN_NS_PER_SEC),
                               (long long) (until_ns / MN_NS_PER_SEC));
        mn_status s = api_filters(c, NULL, &filters, err);
        if (s != MN_OK)
                return s;
        framing f = choose_framing(c);
        events_subscription *subscription = events_subscribe(c->engine->events, since_ns, until_ns, &filters);
        if (http_stream_begin(c->request, 200, f.content_type) == 0)
                follow(c, &f, subscription, until_ns);
        events_unsubscribe(subscription);
        return MN_OK;
}

void api_publish_prune(const api_call *c, const char *type, uint64_t reclaimed) {
        char number[24];
        snprintf(number, sizeof(number), "%llu", (unsigned long long) reclaimed);
        mn_str_pair pair = { (char *) "reclaimed", number };
        events_publish(c->engine->events, type, "prune", "", &(mn_str_map){ &pair, 1 });
}
