/* SPDX-License-Identifier: Apache-2.0 */
/* POST /containers/{id}/wait. A wait is registered with its container before the client is told that it
   waits, so an end in between is not missed. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "container/engine.h"
#include "sys/fd.h"

struct container_wait {
        container *c; /* a reference */
        container_wait_condition condition;
        int fd; /* readable when it is over */

        /* State lock. */
        struct container_wait *next;
        bool is_over;
        int32_t exit_code;
        char *error;
};

mn_status container_wait_condition_parse(const char *text, container_wait_condition *ret, mn_err *err) {
        static const struct {
                const char *text;
                container_wait_condition condition;
        } known[] = {
                { "", CONTAINER_WAIT_NOT_RUNNING },
                { "not-running", CONTAINER_WAIT_NOT_RUNNING },
                { "next-exit", CONTAINER_WAIT_NEXT_EXIT },
                { "removed", CONTAINER_WAIT_REMOVED },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(known); i++)
                if (strcmp(text ? text : "", known[i].text) == 0) {
                        *ret = known[i].condition;
                        return MN_OK;
                }
        return mn_fail(err, MN_INVALID, "invalid condition: \"%s\"", text);
}

/* State lock held. */
static void end_wait(container_wait *w) {
        uint64_t one = 1;
        if (w->is_over)
                return;
        w->is_over = true;
        w->exit_code = w->c->state.exit_code;
        if (w->condition != CONTAINER_WAIT_REMOVED && !mn_str_is_empty(w->c->state.error))
                w->error = mn_strdup(w->c->state.error);
        ssize_t ignored = write(w->fd, &one, sizeof(one)); /* cannot fail: it was zero */
        (void) ignored;
}

void container_waits_exited(container *c) {
        for (container_wait *w = c->waits; w; w = w->next)
                if (w->condition != CONTAINER_WAIT_REMOVED)
                        end_wait(w);
}

void container_waits_removed(container *c) {
        for (container_wait *w = c->waits; w; w = w->next)
                end_wait(w);
}

mn_status container_wait_begin(container_engine *e, const char *name, container_wait_condition condition,
                               container_wait **ret, mn_err *err) {
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0)
                return mn_fail_errno(err, -errno, "cannot wait");
        ENGINE_LOCKED(e);
        container *c;
        mn_status st = container_find_locked(e, name, &c, err);
        if (st) {
                mn_close(fd);
                return st;
        }
        container_wait *w = mn_alloc(sizeof(*w));
        *w = (container_wait){ .c = container_ref(c), .condition = condition, .fd = fd, .next = c->waits };
        c->waits = w;
        bool runs = container_is_running(c) || c->state.status == CONTAINER_RESTARTING;
        if (c->is_removed || (condition == CONTAINER_WAIT_NOT_RUNNING && !runs))
                end_wait(w);
        *ret = w;
        return MN_OK;
}

mn_status container_wait_finish(container_wait *w, int other_fd, mn_arena *arena,
                                wire_container_wait_response *ret, mn_err *err) {
        struct pollfd fds[] = { { .fd = w->fd, .events = POLLIN }, { .fd = other_fd, .events = POLLRDHUP } };
        while (poll(fds, MN_ARRAY_LEN(fds), -1) < 0)
                if (errno != EINTR)
                        return mn_fail_errno(err, -errno, "cannot wait");
        if (!fds[0].revents)
                return mn_fail(err, MN_UNAVAILABLE, "the client has gone");
        ENGINE_LOCKED(w->c->engine);
        *ret = (wire_container_wait_response){ .status_code = w->exit_code };
        /* Who waits for the removal is told about the removal, not how the container fared. */
        if (w->error && w->condition != CONTAINER_WAIT_REMOVED) {
                ret->error = mn_arena_alloc(arena, sizeof(*ret->error));
                ret->error->message = mn_arena_strdup(arena, w->error);
        }
        return MN_OK;
}

void container_wait_free(container_wait *w) {
        if (!w)
                return;
        engine_lock(w->c->engine);
        for (container_wait **at = &w->c->waits; *at; at = &(*at)->next)
                if (*at == w) {
                        *at = w->next;
                        break;
                }
        engine_unlock(w->c->engine);
        container_unref(w->c);
        mn_close(w->fd);
        mn_freep(&w->error);
        mn_freep(&w);
}
