/* SPDX-License-Identifier: Apache-2.0 */
#include "events/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/time.h"
#include "events/match.h"
#include "sys/fd.h"

/* Immutable once published; shared by the ring and the queues. */
struct event {
        atomic_size_t refs;
        mn_arena *arena;
        wire_event message;
};

struct events_subscription {
        events_bus *bus; /* held by a reference */
        events_subscription *next;
        mn_arena *arena;
        wire_filters filters;
        int64_t until_ns;
        struct event **queue; /* grows up to EVENTS_QUEUE */
        size_t first, len, cap;
        int fd;
        int error; /* what events_next says when the queue is empty */
};

struct events_bus {
        pthread_mutex_t lock; /* guards everything here and the inside of every subscription */
        size_t refs;          /* the owner's and one per subscription; the last one frees */
        struct event *ring[EVENTS_RING];
        size_t published;
        events_subscription *subscriptions;
        bool is_shut_down;
};

static void event_unref(struct event *e) {
        if (e && atomic_fetch_sub(&e->refs, 1) == 1) {
                mn_arena_free(e->arena);
                free(e);
        }
}

static struct event *event_ref(struct event *e) {
        atomic_fetch_add(&e->refs, 1);
        return e;
}

events_bus *events_bus_new(void) {
        events_bus *bus = mn_alloc(sizeof(*bus));
        pthread_mutex_init(&bus->lock, NULL);
        bus->refs = 1;
        return bus;
}

/* With the lock held; releases it. */
static void bus_unref_unlock(events_bus *bus) {
        bool is_last = --bus->refs == 0;
        pthread_mutex_unlock(&bus->lock);
        if (!is_last)
                return;
        for (size_t i = 0; i < EVENTS_RING; i++)
                event_unref(bus->ring[i]);
        pthread_mutex_destroy(&bus->lock);
        free(bus);
}

static void wake(const events_subscription *s) {
        uint64_t one = 1;
        ssize_t ignored = write(s->fd, &one, sizeof(one));
        (void) ignored; /* it can only fail when it is readable already */
}

void events_bus_shut_down(events_bus *bus) {
        pthread_mutex_lock(&bus->lock);
        bus->is_shut_down = true;
        for (events_subscription *s = bus->subscriptions; s; s = s->next) {
                s->error = -ESHUTDOWN;
                wake(s);
        }
        pthread_mutex_unlock(&bus->lock);
}

void events_bus_free(events_bus *bus) {
        if (!bus)
                return;
        events_bus_shut_down(bus);
        pthread_mutex_lock(&bus->lock);
        bus_unref_unlock(bus);
}

static struct event *event_new(const char *type, const char *action, const char *actor_id,
                               const mn_str_map *attributes) {
        struct event *e = mn_alloc(sizeof(*e));
        mn_arena *arena = e->arena = mn_arena_new();
        wire_event *m = &e->message;
        atomic_init(&e->refs, 1);
        m->type = mn_arena_strdup(arena, type);
        m->action = mn_arena_strdup(arena, action);
        m->actor.id = mn_arena_strdup(arena, actor_id);
        if (attributes)
                mn_json_copy(&mn_type_str_map, attributes, arena, &m->actor.attributes);
        m->scope = mn_arena_strdup(arena, "local");
        m->time_nano = mn_now_ns();
        m->time = m->time_nano / MN_NS_PER_SEC;
        bool is_container = mn_str_equal(type, "container");
        if (is_container || mn_str_equal(type, "image")) {
                m->status = m->action;
                m->id = m->actor.id;
                m->from = mn_arena_strdup(arena, is_container ? mn_str_map_get(&m->actor.attributes, "image")
                                                              : NULL);
        }
        return e;
}

/* With the lock held. */
static void enqueue(events_subscription *s, struct event *e) {
        if (s->error || !events_match(&e->message, &s->filters) ||
            (s->until_ns && e->message.time_nano > s->until_ns))
                return;
        if (s->len == EVENTS_QUEUE) {
                s->error = -ENOBUFS;
                return;
        }
        if (s->len == s->cap) {
                size_t cap = s->cap ? s->cap * 2 : 16;
                struct event **queue = mn_alloc_array(cap, sizeof(*queue));
                for (size_t i = 0; i < s->len; i++)
                        queue[i] = s->queue[(s->first + i) % s->cap];
                free(s->queue);
                s->queue = queue;
                s->cap = cap;
                s->first = 0;
        }
        s->queue[(s->first + s->len++) % s->cap] = event_ref(e);
        wake(s);
}

void events_publish(events_bus *bus, const char *type, const char *action, const char *actor_id,
                    const mn_str_map *attributes) {
        struct event *e = event_new(type, action, actor_id, attributes);
        pthread_mutex_lock(&bus->lock);
        for (events_subscription *s = bus->subscriptions; s; s = s->next)
                enqueue(s, e);
        struct event **slot = &bus->ring[bus->published++ % EVENTS_RING], *old = *slot;
        *slot = e;
        pthread_mutex_unlock(&bus->lock);
        event_unref(old);
}

static void copy_filters(events_subscription *s, const wire_filters *filters) {
        for (size_t i = 0; filters && i < filters->len; i++)
                for (char **v = filters->items[i].values; v && *v; v++)
                        wire_filters_add(&s->filters, s->arena, filters->items[i].key, *v);
}

events_subscription *events_subscribe(events_bus *bus, int64_t since_ns, int64_t until_ns,
                                      const wire_filters *filters) {
        events_subscription *s = mn_alloc(sizeof(*s));
        s->bus = bus;
        s->arena = mn_arena_new();
        s->until_ns = until_ns;
        s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        copy_filters(s, filters);
        pthread_mutex_lock(&bus->lock);
        bus->refs++;
        if (bus->is_shut_down || s->fd < 0)
                s->error = bus->is_shut_down ? -ESHUTDOWN : -EMFILE;
        size_t kept = MN_MIN(bus->published, (size_t) EVENTS_RING);
        for (size_t i = bus->published - kept; since_ns && i < bus->published; i++) {
                struct event *e = bus->ring[i % EVENTS_RING];
                if (e->message.time_nano >= since_ns)
                        enqueue(s, e);
        }
        s->next = bus->subscriptions;
        bus->subscriptions = s;
        pthread_mutex_unlock(&bus->lock);
        return s;
}

void events_unsubscribe(events_subscription *s) {
        if (!s)
                return;
        events_bus *bus = s->bus;
        pthread_mutex_lock(&bus->lock);
        for (events_subscription **at = &bus->subscriptions; *at; at = &(*at)->next)
                if (*at == s) {
                        *at = s->next;
                        break;
                }
        bus_unref_unlock(bus);
        for (size_t i = 0; i < s->len; i++)
                event_unref(s->queue[(s->first + i) % s->cap]);
        free(s->queue);
        mn_arena_free(s->arena);
        mn_close(s->fd);
        free(s);
}

int events_subscription_fd(const events_subscription *s) {
        return s->fd;
}

int events_next(events_subscription *s, mn_arena *arena, wire_event *ret) {
        pthread_mutex_lock(&s->bus->lock);
        struct event *e = NULL;
        int result = s->error;
        if (s->len) {
                e = s->queue[s->first];
                s->first = (s->first + 1) % s->cap;
                s->len--;
                result = 1;
        } else if (!result) {
                uint64_t count;
                ssize_t ignored = read(s->fd, &count, sizeof(count)); /* not readable until the next event */
                (void) ignored;
        }
        pthread_mutex_unlock(&s->bus->lock);
        if (e) {
                mn_json_copy(&wire_event_type, &e->message, arena, ret);
                event_unref(e);
        }
        return result;
}
