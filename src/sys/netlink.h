/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Netlink: messages built into one bounded buffer, and the exchange with the kernel. The one place that
 * writes attribute headers: an attribute or a nest longer than its 16-bit length field can tell makes the
 * builder fail, and it stays failed, so that no data of a user ever becomes a message of its own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

#define MN_NL_MAX_DEPTH 8

/* One or more messages that go to the kernel in one write. Zero-initialise; clean up with cleanup_nl. */
typedef struct mn_nl {
        uint8_t *data;
        size_t len;
        size_t cap;
        size_t max;     /* most bytes; 0 means 1 MiB */
        size_t message; /* offset of the message being built */
        bool has_message;
        size_t nests[MN_NL_MAX_DEPTH]; /* offsets of open nested attributes */
        unsigned depth;
        uint32_t seq; /* of the message being built */
        int error;    /* first error of the builder, -errno */
} mn_nl;

void mn_nl_release(mn_nl *nl);
#define cleanup_nl MN_CLEANUP(mn_nl_release)

/* Begins a message (ending the one before) with the family's fixed header. NLM_F_REQUEST is added. */
void mn_nl_begin(mn_nl *nl, uint16_t type, uint16_t flags, const void *header, size_t header_len);

/* Appends an attribute. */
void mn_nl_put(mn_nl *nl, uint16_t type, const void *data, size_t len);
void mn_nl_put_u8(mn_nl *nl, uint16_t type, uint8_t value);
void mn_nl_put_u16(mn_nl *nl, uint16_t type, uint16_t value);
void mn_nl_put_u32(mn_nl *nl, uint16_t type, uint32_t value);
void mn_nl_put_be32(mn_nl *nl, uint16_t type, uint32_t value);   /* value in host order */
void mn_nl_put_str(mn_nl *nl, uint16_t type, const char *value); /* with its NUL */

/* Begins and ends a nested attribute; mn_nl_nest_raw leaves NLA_F_NESTED away and starts it with `header`
   (VETH_INFO_PEER has a struct there). */
void mn_nl_nest(mn_nl *nl, uint16_t type);
void mn_nl_nest_raw(mn_nl *nl, uint16_t type, const void *header, size_t header_len);
void mn_nl_nest_end(mn_nl *nl);

/* A socket of this protocol (NETLINK_ROUTE, ...), bound, in the thread's network namespace; fd or -errno. */
int mn_nl_open(int protocol);

/* Sees one answer: message type, its payload after the fixed header of `nlmsghdr`. Non-zero ends the exchange
   with that value. */
typedef int (*mn_nl_answer_fn)(void *arg, uint16_t type, const void *payload, size_t len);

/* Sends what was built and reads until the last message is acknowledged (NLM_F_ACK is added to it unless it
   is a dump). Nothing built is nothing to send. Returns 0 or the first error: of the builder, the socket, or
   -errno as the kernel answered any of the messages. `fn` may be NULL. */
int mn_nl_exchange(int fd, mn_nl *nl, mn_nl_answer_fn fn, void *arg);

/* For batches of the packet filter, which take effect as a whole: the acknowledgement is expected of message
   `ack_seq` (the last one of a batch gets none). */
int mn_nl_exchange_batch(int fd, mn_nl *nl, uint32_t ack_seq);

/* ---- reading ---- */

/* One attribute of a received message. */
typedef struct mn_nl_attr {
        uint16_t type; /* flags removed */
        const void *data;
        size_t len;
} mn_nl_attr;

/* Walks attributes: `*pos` starts at 0; false at the end or where the rest is malformed. */
bool mn_nl_next(const void *attrs, size_t len, size_t *pos, mn_nl_attr *ret);

/* Fills `ret[type]` for types below `count` (others are skipped); absent ones have data == NULL. */
void mn_nl_parse(const void *attrs, size_t len, mn_nl_attr *ret, size_t count);

/* Value of an integer attribute; 0 when it is absent or too short. */
uint32_t mn_nl_u32(const mn_nl_attr *attr);
