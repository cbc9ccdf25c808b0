/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fd.h"

#define DEFAULT_MAX ((size_t) 1 << 20)
#define RECEIVE_SIZE ((size_t) 64 << 10)

void mn_nl_release(mn_nl *nl) {
        mn_freep(&nl->data);
        *nl = (mn_nl){ 0 };
}

/* ---- building ---- */

static void fail(mn_nl *nl, int error) {
        if (!nl->error)
                nl->error = error;
}

/* Room for `len` bytes, padded with zeros to a multiple of four; NULL once failed. */
static void *grow(mn_nl *nl, size_t len) {
        size_t padded = NLMSG_ALIGN(len);
        size_t max = nl->max ? nl->max : DEFAULT_MAX;
        if (nl->error)
                return NULL;
        if (padded < len || nl->len + padded > max) {
                fail(nl, -EMSGSIZE);
                return NULL;
        }
        if (nl->len + padded > nl->cap) {
                nl->cap = MN_MAX(nl->cap * 2, nl->len + padded + 1024);
                nl->data = mn_realloc(nl->data, nl->cap);
        }
        void *room = nl->data + nl->len;
        memset(room, 0, padded);
        nl->len += padded;
        return room;
}

static void end_message(mn_nl *nl) {
        if (!nl->has_message || nl->error)
                return;
        if (nl->depth) {
                fail(nl, -EINVAL);
                return;
        }
        uint32_t len = (uint32_t) (nl->len - nl->message);
        memcpy(nl->data + nl->message, &len, sizeof(len));
        nl->has_message = false;
}

void mn_nl_begin(mn_nl *nl, uint16_t type, uint16_t flags, const void *header, size_t header_len) {
        end_message(nl);
        struct nlmsghdr head = { .nlmsg_type = type,
                                 .nlmsg_flags = flags | NLM_F_REQUEST,
                                 .nlmsg_seq = ++nl->seq };
        size_t at = nl->len;
        void *room = grow(nl, sizeof(head));
        if (!room)
                return;
        memcpy(room, &head, sizeof(head));
        nl->message = at;
        nl->has_message = true;
        if (header_len && (room = grow(nl, header_len)))
                memcpy(room, header, header_len);
}

static void *put_head(mn_nl *nl, uint16_t type, size_t len) {
        if (len > UINT16_MAX - NLA_HDRLEN) {
                fail(nl, -EMSGSIZE);
                return NULL;
        }
        uint8_t *room = grow(nl, NLA_HDRLEN + len);
        if (!room)
                return NULL;
        struct nlattr head = { .nla_len = (uint16_t) (NLA_HDRLEN + len), .nla_type = type };
        memcpy(room, &head, sizeof(head));
        return room + NLA_HDRLEN;
}

void mn_nl_put(mn_nl *nl, uint16_t type, const void *data, size_t len) {
        void *room = put_head(nl, type, len);
        if (room && len)
                memcpy(room, data, len);
}

void mn_nl_put_u8(mn_nl *nl, uint16_t type, uint8_t value) {
        mn_nl_put(nl, type, &value, sizeof(value));
}

void mn_nl_put_u16(mn_nl *nl, uint16_t type, uint16_t value) {
        mn_nl_put(nl, type, &value, sizeof(value));
}

void mn_nl_put_u32(mn_nl *nl, uint16_t type, uint32_t value) {
        mn_nl_put(nl, type, &value, sizeof(value));
}

void mn_nl_put_be32(mn_nl *nl, uint16_t type, uint32_t value) {
        mn_nl_put_u32(nl, type, htonl(value));
}

void mn_nl_put_str(mn_nl *nl, uint16_t type, const char *value) {
        mn_nl_put(nl, type, value, strlen(value) + 1);
}

static void nest(mn_nl *nl, uint16_t type, const void *header, size_t header_len) {
        if (nl->depth == MN_NL_MAX_DEPTH) {
                fail(nl, -EMSGSIZE);
                return;
        }
        size_t at = nl->len;
        void *room = put_head(nl, type, header_len);
        if (!room)
                return;
        if (header_len)
                memcpy(room, header, header_len);
        nl->nests[nl->depth++] = at;
}

void mn_nl_nest(mn_nl *nl, uint16_t type) {
        nest(nl, type | NLA_F_NESTED, NULL, 0);
}

void mn_nl_nest_raw(mn_nl *nl, uint16_t type, const void *header, size_t header_len) {
        nest(nl, type, header, header_len);
}

void mn_nl_nest_end(mn_nl *nl) {
        if (nl->error)
                return;
        if (!nl->depth) {
                fail(nl, -EINVAL);
                return;
        }
        size_t at = nl->nests[--nl->depth];
        size_t len = nl->len - at;
        if (len > UINT16_MAX) {
                fail(nl, -EMSGSIZE);
                return;
        }
        uint16_t short_len = (uint16_t) len;
        memcpy(nl->data + at, &short_len, sizeof(short_len));
}

/* ---- exchange ---- */

int mn_nl_open(int protocol) {
        cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
        if (fd < 0)
                return -errno;
        int one = 1;
        setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
        struct sockaddr_nl address = { .nl_family = AF_NETLINK };
        if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return MN_TAKE_FD(fd);
}

static int send_all(int fd, const mn_nl *nl) {
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        /* A datagram larger than the send buffer is refused; large batches are rare, so ask only then. */
        if (nl->len > 100000) {
                int size = (int) nl->len * 2;
                if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        }
        ssize_t n;
        do
                n = sendto(fd, nl->data, nl->len, 0, (struct sockaddr *) &kernel, sizeof(kernel));
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

struct answers {
        uint32_t ack_seq;
        mn_nl_answer_fn fn;
        void *arg;
        int error;     /* first one */
        bool is_batch; /* refused as a whole, it is answered with the number of its first message */
        bool is_done;
};

static void see_answer(struct answers *a, const struct nlmsghdr *head, const uint8_t *payload, size_t len) {
        if (head->nlmsg_type == NLMSG_ERROR || head->nlmsg_type == NLMSG_DONE) {
                int error = 0;
                if (len >= sizeof(error))
                        memcpy(&error, payload, sizeof(error));
                if (error < 0 && !a->error)
                        a->error = error;
                bool is_refusal = a->is_batch && error < 0 && head->nlmsg_seq == 1;
                if (head->nlmsg_seq == a->ack_seq || is_refusal)
                        a->is_done = true;
        } else if (head->nlmsg_type >= NLMSG_MIN_TYPE && a->fn && !a->error) {
                a->error = a->fn(a->arg, head->nlmsg_type, payload, len);
        }
}

static void see_datagram(struct answers *a, const uint8_t *data, size_t len) {
        size_t pos = 0;
        while (len - pos >= sizeof(struct nlmsghdr)) {
                struct nlmsghdr head;
                memcpy(&head, data + pos, sizeof(head));
                if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > len - pos)
                        return;
                see_answer(a, &head, data + pos + NLMSG_HDRLEN, head.nlmsg_len - NLMSG_HDRLEN);
                size_t step = NLMSG_ALIGN(head.nlmsg_len);
                if (step > len - pos)
                        return;
                pos += step;
        }
}

static int receive(int fd, struct answers *a) {
        cleanup_free uint8_t *buffer = mn_alloc(RECEIVE_SIZE);
        while (!a->is_done) {
                ssize_t n = recv(fd, buffer, RECEIVE_SIZE, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                see_datagram(a, buffer, (size_t) n);
        }
        return a->error;
}

static int exchange(int fd, mn_nl *nl, struct answers *answers) {
        end_message(nl);
        if (nl->error)
                return nl->error;
        if (!nl->len)
                return 0;
        int r = send_all(fd, nl);
        return r < 0 ? r : receive(fd, answers);
}

int mn_nl_exchange_batch(int fd, mn_nl *nl, uint32_t ack_seq) {
        struct answers answers = { .ack_seq = ack_seq, .is_batch = true };
        return exchange(fd, nl, &answers);
}

int mn_nl_exchange(int fd, mn_nl *nl, mn_nl_answer_fn fn, void *arg) {
        if (nl->has_message && !nl->error) {
                struct nlmsghdr head;
                memcpy(&head, nl->data + nl->message, sizeof(head));
                if ((head.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
                        head.nlmsg_flags |= NLM_F_ACK;
                memcpy(nl->data + nl->message, &head, sizeof(head));
        }
        struct answers answers = { .ack_seq = nl->seq, .fn = fn, .arg = arg };
        return exchange(fd, nl, &answers);
}

/* ---- reading ---- */

bool mn_nl_next(const void *attrs, size_t len, size_t *pos, mn_nl_attr *ret) {
        const uint8_t *data = attrs;
        if (*pos > len || len - *pos < NLA_HDRLEN)
                return false;
        struct nlattr head;
        memcpy(&head, data + *pos, sizeof(head));
        if (head.nla_len < NLA_HDRLEN || head.nla_len > len - *pos)
                return false;
        *ret = (mn_nl_attr){ .type = head.nla_type & NLA_TYPE_MASK,
                             .data = data + *pos + NLA_HDRLEN,
                             .len = head.nla_len - (size_t) NLA_HDRLEN };
        *pos += NLA_ALIGN(head.nla_len);
        return true;
}

void mn_nl_parse(const void *attrs, size_t len, mn_nl_attr *ret, size_t count) {
        memset(ret, 0, count * sizeof(*ret));
        size_t pos = 0;
        mn_nl_attr attr;
        while (mn_nl_next(attrs, len, &pos, &attr))
                if (attr.type < count)
                        ret[attr.type] = attr;
}

uint32_t mn_nl_u32(const mn_nl_attr *attr) {
        uint32_t value = 0;
        if (attr->data && attr->len >= sizeof(value))
                memcpy(&value, attr->data, sizeof(value));
        return value;
}
