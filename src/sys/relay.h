/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Bytes between two connections, both ways, with the end of either direction passed on while the other goes
 * on. Neither side can block the other: a side that does not read stops only its own direction. */

#include <stdbool.h>
#include <sys/types.h>

/* One side: a descriptor to wait for, and how to move bytes without waiting. */
typedef struct mn_relay_end {
        int fd;
        void *arg; /* of the functions; NULL functions: the descriptor is a socket */
        ssize_t (*read)(void *arg, void *buf, size_t len);        /* bytes, 0 at the end, -EAGAIN, -errno */
        ssize_t (*write)(void *arg, const void *buf, size_t len); /* bytes, -EAGAIN, -errno */
        void (*shut)(void *arg);                                  /* says that nothing more will be written */
} mn_relay_end;

typedef struct mn_relay_spec {
        mn_relay_end near, far;
        /* When the far side has ended and everything is delivered: goes on until the near side has ended,
         * too, so that it never sees its connection reset; else returns at once. */
        bool waits_for_near;
} mn_relay_spec;

/* Carries until the far side has ended, or the near one is gone altogether. Blocks; closes nothing. Returns
 * the -errno with which reading the far side failed before its first byte, else 0. */
int mn_relay(const mn_relay_spec *spec);
