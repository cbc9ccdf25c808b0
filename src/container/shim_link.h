/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The daemon's connection to one shim: requests with their replies, and the events it sends.
 *
 * While a container starts, the starting thread alone has the link and reads replies itself; after
 * shim_link_watch the loop reads, and any thread may send requests. Reference counted.
 */

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "loop/loop.h"
#include "wire/shim.h"

typedef struct shim_link shim_link;

/* Called in the loop's thread and must not block. `message` is NULL when the connection has ended: the shim
   is gone. The descriptor (a pidfd, or -1) is the callee's. */
typedef void (*shim_event_fn)(void *arg, const wire_shim_message *message, int fd);

/* Starts the program and gives the other end of its control socket. */
mn_status shim_link_spawn(const char *shim_path, shim_link **ret, mn_err *err) MN_MUST_USE;

/* Connects to a shim an earlier daemon has started. MN_NOT_FOUND when none listens. */
mn_status shim_link_connect(int bundle_fd, shim_link **ret, mn_err *err) MN_MUST_USE;

shim_link *shim_link_ref(shim_link *l);
void shim_link_unref(shim_link *l);
void shim_link_unrefp(shim_link **l);
#define cleanup_shim_link MN_CLEANUP(shim_link_unrefp)

/* The shim's process, and the connection for poll(2) (borrowed). */
pid_t shim_link_pid(const shim_link *l);
int shim_link_fd(const shim_link *l);

/* From now on the loop reads. `fn` is called until it was called with NULL; the caller keeps `arg` alive
   until then. */
void shim_link_watch(shim_link *l, loop *in, shim_event_fn fn, void *arg);

/* Sends a request (its id is set here) with the descriptors and waits for the reply, whose strings go to
   `arena`.
   `*ret_fd` (may be NULL) is the descriptor beside it, -1 without one. An error of the shim's is MN_INTERNAL
   with its text, `ret` is filled all the same (code). MN_UNAVAILABLE when the shim is gone or does not answer
   in time. */
mn_status shim_link_call(shim_link *l, wire_shim_request *request, const int *fds, size_t nfds,
                         int timeout_ms, mn_arena *arena, wire_shim_message *ret, int *ret_fd,
                         mn_err *err) MN_MUST_USE;

/* Sends a request whose reply nobody waits for. */
mn_status shim_link_post(shim_link *l, wire_shim_request *request, const int *fds, size_t nfds,
                         mn_err *err) MN_MUST_USE;

/* Waits until the shim has ended (and reaps it when it is our child); false after `timeout_ms`. */
bool shim_link_wait_gone(shim_link *l, int timeout_ms);

/* Ends the shim by force. */
void shim_link_kill(shim_link *l);
