/* SPDX-License-Identifier: Apache-2.0 */
#include "events/events.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/time.h"

static void publish(events_bus *bus, const char *type, const char *action, const char *id, const char *name,
                    const char *image) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        mn_str_map attributes = { 0 };
        mn_str_map_set(&attributes, arena, "name", name);
        if (image)
                mn_str_map_set(&attributes, arena, "image", image);
        events_publish(bus, type, action, id, &attributes);
}

static bool is_readable(const events_subscription *s) {
        struct pollfd p = { events_subscription_fd(s), POLLIN, 0 };
        return poll(&p, 1, 0) == 1;
}

/* The actions still queued, joined with spaces. */
static const char *drain(events_subscription *s) {
        static char text[4096];
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_event e;
        text[0] = '\0';
        while (events_next(s, arena, &e) == 1) {
                strncat(text, e.action, sizeof(text) - strlen(text) - 2);
                strncat(text, " ", sizeof(text) - strlen(text) - 1);
        }
        return text;
}

static events_subscription *subscribe(events_bus *bus, int64_t since_ns, const char *key, const char *value) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_filters filters = { 0 };
        if (key)
                wire_filters_add(&filters, arena, key, value);
        return events_subscribe(bus, since_ns, 0, &filters);
}

static void delivers_in_order_and_replays_the_past(void **state) {
        (void) state;
        events_bus *bus = events_bus_new();
        publish(bus, "container", "create", "aaa", "web", "busybox");
        events_subscription *late = subscribe(bus, 0, NULL, NULL), *past = subscribe(bus, 1, NULL, NULL);
        assert_false(is_readable(late));
        publish(bus, "container", "start", "aaa", "web", "busybox");
        assert_true(is_readable(late));
        assert_string_equal(drain(late), "start ");
        assert_false(is_readable(late));
        assert_string_equal(drain(past), "create start ");
        events_unsubscribe(late);
        events_unsubscribe(past);
        events_bus_free(bus);
}

static void filters_as_docker_does(void **state) {
        (void) state;
        static const struct {
                const char *key, *value, *expected;
        } cases[] = {
                { "type", "network", "connect " },
                { "event", "die", "die " },
                { "event", "exec_start", "exec_start: ls " },
                { "container", "web", "create exec_start: ls die " },
                { "container", "aaa", "create exec_start: ls die " },
                { "image", "busybox", "create exec_start: ls die tag " },
                { "image", "busybox:latest", "create exec_start: ls die tag " },
                { "image", "busy", "" },
                { "label", "name=web", "create exec_start: ls die " },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                events_bus *bus = events_bus_new();
                events_subscription *s = subscribe(bus, 0, cases[i].key, cases[i].value);
                publish(bus, "container", "create", "aaab", "web", "busybox:latest");
                publish(bus, "container", "exec_start: ls", "aaab", "web", "busybox:latest");
                publish(bus, "container", "die", "aaab", "web", "busybox:latest");
                publish(bus, "image", "tag", "sha256:1234", "busybox:latest", NULL);
                publish(bus, "network", "connect", "nnn", "bridge", NULL);
                assert_string_equal(drain(s), cases[i].expected);
                events_unsubscribe(s);
                events_bus_free(bus);
        }
}

static void a_reader_that_does_not_read_loses_its_subscription(void **state) {
        (void) state;
        events_bus *bus = events_bus_new();
        events_subscription *s = subscribe(bus, 0, NULL, NULL);
        for (int i = 0; i < EVENTS_QUEUE + 10; i++)
                publish(bus, "volume", "create", "v", "v", NULL);
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_event e;
        int delivered = 0, r;
        while ((r = events_next(s, arena, &e)) == 1)
                delivered++;
        assert_int_equal(delivered, EVENTS_QUEUE);
        assert_int_equal(r, -ENOBUFS);
        events_unsubscribe(s);
        events_bus_free(bus);
}

static void the_end_of_the_bus_wakes_readers(void **state) {
        (void) state;
        events_bus *bus = events_bus_new();
        events_subscription *s = subscribe(bus, 0, NULL, NULL);
        events_bus_free(bus);
        assert_true(is_readable(s));
        cleanup_arena mn_arena *arena = mn_arena_new();
        wire_event e;
        assert_int_equal(events_next(s, arena, &e), -ESHUTDOWN);
        events_unsubscribe(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(delivers_in_order_and_replays_the_past),
                cmocka_unit_test(filters_as_docker_does),
                cmocka_unit_test(a_reader_that_does_not_read_loses_its_subscription),
                cmocka_unit_test(the_end_of_the_bus_wakes_readers),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
