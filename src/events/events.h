/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Events: what happened to the engine's objects, for whoever listens. A bus keeps the latest events in a ring
 * (for `since`) and hands new ones to its subscriptions, each with a bounded queue: who does not read loses
 * the subscription, never the engine's memory. All functions may be called from any thread; none blocks.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "wire/event.h"
#include "wire/filter.h"

enum { EVENTS_RING = 256, EVENTS_QUEUE = 1024 };

typedef struct events_bus events_bus;
typedef struct events_subscription events_subscription;

events_bus *events_bus_new(void) __attribute__((returns_nonnull));

/* Ends all subscriptions first (events_next then gives -ESHUTDOWN). Subscriptions still held stay valid to
 * free. */
void events_bus_free(events_bus *bus);

/* Publishes an event of now. Attributes are copied; NULL means none. `type` and `action` in Docker's words.
 */
void events_publish(events_bus *bus, const char *type, const char *action, const char *actor_id,
                    const mn_str_map *attributes);

/* Ends every subscription: the daemon is going down. */
void events_bus_shut_down(events_bus *bus);

/* Listens. Past events not older than `since_ns` (0: none) come first; none later than `until_ns` (0: no end)
   comes at all. `filters` is copied. Never NULL. */
events_subscription *events_subscribe(events_bus *bus, int64_t since_ns, int64_t until_ns,
                                      const wire_filters *filters) __attribute__((returns_nonnull));
void events_unsubscribe(events_subscription *s);

/* Readable while events_next has something to say; for poll together with the client's socket. */
int events_subscription_fd(const events_subscription *s);

/* Takes the next event: 1 and a copy in `arena`; 0 when there is none now; -ESHUTDOWN at the end of the bus;
   -ENOBUFS when events were lost because nobody read. */
int events_next(events_subscription *s, mn_arena *arena, wire_event *ret);
