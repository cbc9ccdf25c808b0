/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* DNS messages (RFC 1035, EDNS of RFC 6891) as far as a small server needs them: one question in, addresses
   or names out. Input is a container's and not trusted. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/link.h"

#define DNS_MAX_MESSAGE 65535
#define DNS_HEADER_SIZE 12
#define DNS_NAME_SIZE 256

enum {
        DNS_TYPE_A = 1,
        DNS_TYPE_PTR = 12,
        DNS_TYPE_AAAA = 28,
        DNS_TYPE_OPT = 41,
        DNS_TYPE_ANY = 255,
        DNS_CLASS_IN = 1
};
enum {
        DNS_NOERROR = 0,
        DNS_FORMERR = 1,
        DNS_SERVFAIL = 2,
        DNS_NXDOMAIN = 3,
        DNS_NOTIMP = 4,
        DNS_REFUSED = 5
};

/* A query with exactly one question. `message` is borrowed. */
struct dns_query {
        const uint8_t *message;
        size_t len;
        size_t question_end; /* offset behind the question */
        uint16_t id;
        uint16_t type;
        uint16_t class;
        uint16_t udp_size; /* largest UDP response the client takes */
        bool has_edns;
        bool is_text;             /* the name has a text form without escapes */
        char name[DNS_NAME_SIZE]; /* lower case, no dot at the end; "" for the root */
};

/* 0; -EINVAL for what is not a standard query with one question (drop it). */
int dns_query_parse(const uint8_t *message, size_t len, struct dns_query *ret);

/* Whether `response` (of at least a header) belongs to the query: a response to the same question. */
bool dns_response_matches(const struct dns_query *query, const uint8_t *response, size_t len);

/* The response code of a message of at least a header. */
unsigned dns_response_code(const uint8_t *response);

/* A response being built into `out`. An answer that does not fit makes it truncated (TC, no answers). */
struct dns_response {
        uint8_t *out;
        size_t max;
        size_t len;
        size_t question_end;
        uint16_t answers;
        bool is_truncated;
        bool has_edns;
};

/* Begins with the query's header and question; `max` is at least 512 and more than the question. */
void dns_response_begin(struct dns_response *r, const struct dns_query *query, unsigned code, uint8_t *out,
                        size_t max);
/* A or AAAA, by the address's family. */
void dns_response_add_address(struct dns_response *r, const mn_net_address *address, uint32_t ttl_s);
/* PTR to a name in text form. */
void dns_response_add_name(struct dns_response *r, const char *name, uint32_t ttl_s);
/* Ends it; length of the message. */
size_t dns_response_end(struct dns_response *r);

/* The address a reverse name ("2.0.17.172.in-addr.arpa", "....ip6.arpa") stands for; -EINVAL for others. */
int dns_reverse_parse(const char *name, mn_net_address *ret);
