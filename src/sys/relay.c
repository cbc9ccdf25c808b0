/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/alloc.h"

enum { LANE_SIZE = 64 << 10 };

/* One direction. */
typedef struct lane {
        const mn_relay_end *from, *to;
        size_t begin, end; /* bytes taken in and not passed on yet */
        bool is_ended;     /* the source sends no more */
        bool is_shut;      /* and the sink knows */
        bool has_begun;    /* the source has sent something */
        int error;         /* -errno with which the source ended */
        char buffer[LANE_SIZE];
} lane;

typedef struct relay {
        lane up, down; /* near to far, far to near */
} relay;

static ssize_t read_end(const mn_relay_end *e, void *buf, size_t len) {
        if (e->read)
                return e->read(e->arg, buf, len);
        ssize_t n = recv(e->fd, buf, len, MSG_DONTWAIT);
        return n < 0 ? -errno : n;
}

static ssize_t write_end(const mn_relay_end *e, const void *buf, size_t len) {
        if (e->write)
                return e->write(e->arg, buf, len);
        ssize_t n = send(e->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        return n < 0 ? -errno : n;
}

static void shut_end(const mn_relay_end *e) {
        if (e->shut)
                e->shut(e->arg);
        else
                shutdown(e->fd, SHUT_WR);
}

static bool is_waiting(ssize_t r) {
        return r == -EAGAIN || r == -EINTR;
}

/* Takes in what the source has; true when that was anything. A failure is an end. */
static bool take(lane *l) {
        if (l->begin == l->end)
                l->begin = l->end = 0;
        if (l->is_ended || l->end == LANE_SIZE)
                return false;
        ssize_t n = read_end(l->from, l->buffer + l->end, LANE_SIZE - l->end);
        if (is_waiting(n))
                return false;
        l->end += n > 0 ? (size_t) n : 0;
        l->is_ended = n <= 0;
        l->error = n < 0 ? (int) n : 0;
        l->has_begun = l->has_begun || n > 0;
        return true;
}

/* Passes on what the sink takes; true when that was anything. A sink that takes no more ends the direction:
 * the other one, where it may have said why, goes on. */
static bool give(lane *l) {
        if (l->begin == l->end)
                return false;
        ssize_t n = write_end(l->to, l->buffer + l->begin, l->end - l->begin);
        if (is_waiting(n))
                return false;
        if (n > 0) {
                l->begin += (size_t) n;
        } else {
                l->begin = l->end = 0;
                l->is_ended = l->is_shut = true;
        }
        return true;
}

/* Tells the sink that the source has ended, once everything before that has been passed on. */
static void pass_end(lane *l) {
        if (!l->is_ended || l->is_shut || l->begin < l->end)
                return;
        l->is_shut = true;
        shut_end(l->to);
}

static short wanted_events(const lane *out, const lane *in) {
        return (short) ((!out->is_ended && out->end < LANE_SIZE ? POLLIN : 0) |
                        (in->begin < in->end ? POLLOUT : 0));
}

/* Waits until a side is ready. A near side that is gone altogether says so whatever is asked. */
static void wait_ready(relay *r, bool *is_gone) {
        struct pollfd p[2] = {
                { .fd = *is_gone ? -1 : r->up.from->fd, .events = wanted_events(&r->up, &r->down) },
                { .fd = r->down.from->fd, .events = wanted_events(&r->down, &r->up) },
        };
        if (!p[1].events)
                p[1].fd = -1;
        if (poll(p, 2, -1) > 0 && (p[0].revents & (POLLHUP | POLLERR)))
                *is_gone = true;
}

static bool is_finished(const relay *r, const mn_relay_spec *spec, bool is_gone) {
        if (is_gone && r->up.is_ended && r->up.begin == r->up.end)
                return true;
        if (r->down.error < 0 && !r->down.has_begun)
                return true; /* to be told at once: there is nothing to deliver */
        return r->down.is_shut && (r->up.is_shut || !spec->waits_for_near);
}

int mn_relay(const mn_relay_spec *spec) {
        cleanup_free relay *r = mn_alloc(sizeof(*r));
        bool is_gone = false;
        r->up.from = r->down.to = &spec->near;
        r->up.to = r->down.from = &spec->far;
        while (!is_finished(r, spec, is_gone)) {
                bool has_moved = take(&r->up);
                has_moved = give(&r->up) || has_moved;
                has_moved = take(&r->down) || has_moved;
                has_moved = give(&r->down) || has_moved;
                pass_end(&r->up);
                pass_end(&r->down);
                if (!has_moved)
                        wait_ready(r, &is_gone);
        }
        return r->down.has_begun ? 0 : r->down.error;
}
