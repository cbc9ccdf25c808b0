/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The shims a former daemon has left, and the taking over of their containers. All are asked at once; one
 * that does not answer in time (somebody has stopped it, say) holds nobody up: its container is taken for
 * running, and it is listened to when it answers.
 */

#include "container/engine.h"

/* Shims that were asked how they do. */
typedef struct roll_call {
        container **all;
        size_t len;
        shim_link **links; /* of `all`; NULL: none listens */
        bool *is_ready;    /* it said something, or there is none */
        bool *is_done;
        int64_t deadline_ns;
} roll_call;

/* Asks the shims of these containers, which the caller keeps. Does not wait. */
void roll_call_begin(roll_call *r, container **all, size_t len);
/* The next container whose shim has answered (or has none), in the end those whose shims are silent. Waits
   until the common deadline at most. False after the last. */
bool roll_call_next(roll_call *r, size_t *ret_index, bool *ret_is_silent);
void roll_call_end(roll_call *r);

/* Looks for who works in the bundle, `link` first (NULL: none is known), until somebody was taken over (true)
   or nobody is there. */
bool container_find_shim(container *c, int bundle_fd, shim_link *link);

/* Takes the container of a silent shim for running when its first process is there; false when it is not, and
   the shim was killed. */
bool container_take_over_silent(container *c, int bundle_fd, shim_link *link);

/* The exit file, when the shim has written one. */
bool container_read_exit(int bundle_fd, wire_shim_exit *ret);
