/* SPDX-License-Identifier: Apache-2.0 */
/* A container's question to the name server: parsed, answered into a buffer of the size the client takes, and
 * compared with itself as a resolver's response. */
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "base/alloc.h"
#include "network/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        struct dns_query q;
        struct dns_response r;
        mn_net_address address = { .family = AF_INET, .bytes = { 10, 0, 0, 1 } };
        if (dns_query_parse(data, len, &q) < 0)
                return 0;
        assert(strlen(q.name) < DNS_NAME_SIZE && q.question_end <= len && q.udp_size >= 512);
        (void) dns_reverse_parse(q.name, &address);
        cleanup_free uint8_t *out = mn_alloc(q.udp_size);
        dns_response_begin(&r, &q, DNS_NOERROR, out, q.udp_size);
        for (size_t i = 0; i < len % 64; i++)
                dns_response_add_address(&r, &address, 600);
        dns_response_add_name(&r, q.name, 600);
        size_t out_len = dns_response_end(&r);
        assert(out_len <= q.udp_size && dns_response_matches(&q, out, out_len));
        (void) dns_response_matches(&q, data, len);
        return 0;
}
