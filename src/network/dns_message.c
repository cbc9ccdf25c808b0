/* SPDX-License-Identifier: Apache-2.0 */
#include "network/dns_message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/num.h"

#define FLAG_RESPONSE 0x80
#define FLAG_OPCODE 0x78
#define FLAG_TRUNCATED 0x02
#define FLAG_RECURSION_DESIRED 0x01
#define FLAG_RECURSION_AVAILABLE 0x80
#define OPT_SIZE 11
#define MAX_TEXT 253 /* 255 bytes in a message */
#define OUR_UDP_SIZE 4096

static uint16_t get16(const uint8_t *p) {
        return (uint16_t) (p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned value) {
        p[0] = (uint8_t) (value >> 8);
        p[1] = (uint8_t) value;
}

/* ---- reading ---- */

/* The question's name: labels without compression. Fills the text form; offset behind it, or 0. */
static size_t parse_name(const uint8_t *message, size_t len, struct dns_query *q) {
        size_t pos = DNS_HEADER_SIZE, text = 0;
        q->is_text = true;
        while (pos < len && message[pos]) {
                size_t label = message[pos++];
                if (label > 63 || label > len - pos || text + label + 1 > MAX_TEXT)
                        return 0;
                if (text)
                        q->name[text++] = '.';
                for (size_t i = 0; i < label; i++) {
                        uint8_t c = message[pos++];
                        if (c <= ' ' || c >= 0x7f || c == '.' || c == '\\')
                                q->is_text = false;
                        q->name[text++] = (char) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
                }
        }
        q->name[text] = '\0';
        return pos < len ? pos + 1 : 0;
}

int dns_query_parse(const uint8_t *message, size_t len, struct dns_query *ret) {
        if (len < DNS_HEADER_SIZE || len > DNS_MAX_MESSAGE)
                return -EINVAL;
        bool is_query = !(message[2] & (FLAG_RESPONSE | FLAG_OPCODE | FLAG_TRUNCATED));
        if (!is_query || get16(message + 4) != 1 || get16(message + 6) != 0)
                return -EINVAL;
        *ret = (struct dns_query){ .message = message, .len = len, .id = get16(message), .udp_size = 512 };
        size_t pos = parse_name(message, len, ret);
        if (!pos || len - pos < 4)
                return -EINVAL;
        ret->type = get16(message + pos);
        ret->class = get16(message + pos + 2);
        ret->question_end = pos + 4;
        const uint8_t *opt = message + ret->question_end;
        if (len - ret->question_end >= OPT_SIZE && opt[0] == 0 && get16(opt + 1) == DNS_TYPE_OPT) {
                ret->has_edns = true;
                if (get16(opt + 3) > ret->udp_size)
                        ret->udp_size = get16(opt + 3);
        }
        return 0;
}

bool dns_response_matches(const struct dns_query *query, const uint8_t *response, size_t len) {
        if (len < query->question_end || !(response[2] & FLAG_RESPONSE) || get16(response + 4) != 1)
                return false;
        /* Some resolvers change the case of the name. Label lengths are below the letters, so they compare
         * too. */
        for (size_t i = DNS_HEADER_SIZE; i < query->question_end; i++) {
                uint8_t a = response[i], b = query->message[i];
                a = a >= 'A' && a <= 'Z' ? a | 0x20 : a;
                b = b >= 'A' && b <= 'Z' ? b | 0x20 : b;
                if (a != b)
                        return false;
        }
        return true;
}

unsigned dns_response_code(const uint8_t *response) {
        return response[3] & 15;
}

/* ---- writing ---- */

void dns_response_begin(struct dns_response *r, const struct dns_query *query, unsigned code, uint8_t *out,
                        size_t max) {
        *r = (struct dns_response){ .out = out,
                                    .max = max - OPT_SIZE,
                                    .len = query->question_end,
                                    .question_end = query->question_end,
                                    .has_edns = query->has_edns };
        memcpy(out, query->message, query->question_end);
        out[2] = FLAG_RESPONSE | (query->message[2] & FLAG_RECURSION_DESIRED);
        out[3] = (uint8_t) (FLAG_RECURSION_AVAILABLE | code);
        memset(out + 4, 0, DNS_HEADER_SIZE - 4);
        put16(out + 4, 1);
}

/* Room for a record's data with its head written; NULL when it does not fit. */
static uint8_t *add_record(struct dns_response *r, uint16_t type, uint32_t ttl_s, size_t data_len) {
        size_t need = 12 + data_len;
        if (r->is_truncated || r->max < r->len || need > r->max - r->len) {
                r->is_truncated = true;
                return NULL;
        }
        uint8_t *p = r->out + r->len;
        put16(p, 0xc000 | DNS_HEADER_SIZE); /* the question's name */
        put16(p + 2, type);
        put16(p + 4, DNS_CLASS_IN);
        put16(p + 6, ttl_s >> 16);
        put16(p + 8, ttl_s & 0xffff);
        put16(p + 10, (unsigned) data_len);
        r->len += need;
        r->answers++;
        return p + 12;
}

void dns_response_add_address(struct dns_response *r, const mn_net_address *address, uint32_t ttl_s) {
        bool is_v4 = address->family == AF_INET;
        size_t size = is_v4 ? 4 : 16;
        uint8_t *data = add_record(r, is_v4 ? DNS_TYPE_A : DNS_TYPE_AAAA, ttl_s, size);
        if (data)
                memcpy(data, address->bytes, size);
}

void dns_response_add_name(struct dns_response *r, const char *name, uint32_t ttl_s) {
        uint8_t encoded[DNS_NAME_SIZE];
        size_t len = 0;
        while (*name) {
                size_t label = strcspn(name, ".");
                if (!label || label > 63 || len + label + 2 > sizeof(encoded))
                        return;
                encoded[len++] = (uint8_t) label;
                memcpy(encoded + len, name, label);
                len += label;
                name += label + (name[label] == '.');
        }
        encoded[len++] = 0;
        uint8_t *data = add_record(r, DNS_TYPE_PTR, ttl_s, len);
        if (data)
                memcpy(data, encoded, len);
}

size_t dns_response_end(struct dns_response *r) {
        if (r->is_truncated) {
                r->out[2] |= FLAG_TRUNCATED;
                r->len = r->question_end;
                r->answers = 0;
        }
        put16(r->out + 6, r->answers);
        if (r->has_edns) {
                uint8_t *opt = r->out + r->len;
                memset(opt, 0, OPT_SIZE);
                put16(opt + 1, DNS_TYPE_OPT);
                put16(opt + 3, OUR_UDP_SIZE);
                put16(r->out + 10, 1);
                r->len += OPT_SIZE;
        }
        return r->len;
}

/* ---- reverse names ---- */

static int reverse_v4(const char *name, size_t len, mn_net_address *ret) {
        mn_net_address a = { .family = AF_INET, .prefix_len = 32 };
        for (int i = 3; i >= 0; i--) {
                char part[4];
                size_t n = 0;
                while (n < len && name[n] != '.')
                        n++;
                int value;
                if (!n || n > 3)
                        return -EINVAL;
                memcpy(part, name, n);
                part[n] = '\0';
                if (mn_parse_int(part, 0, 255, &value) < 0)
                        return -EINVAL;
                a.bytes[i] = (uint8_t) value;
                bool is_last = n == len;
                if (is_last != (i == 0))
                        return -EINVAL;
                name += n + 1;
                len -= is_last ? len : n + 1;
        }
        *ret = a;
        return 0;
}

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int reverse_v6(const char *name, size_t len, mn_net_address *ret) {
        mn_net_address a = { .family = AF_INET6, .prefix_len = 128 };
        if (len != 63)
                return -EINVAL;
        for (size_t i = 0; i < 32; i++) {
                int value = hex_value(name[2 * i]);
                if (value < 0 || (i < 31 && name[2 * i + 1] != '.'))
                        return -EINVAL;
                a.bytes[15 - i / 2] |= (uint8_t) (i % 2 ? value << 4 : value);
        }
        *ret = a;
        return 0;
}

int dns_reverse_parse(const char *name, mn_net_address *ret) {
        static const char v4[] = ".in-addr.arpa", v6[] = ".ip6.arpa";
        size_t len = strlen(name);
        if (len > sizeof(v4) - 1 && strcmp(name + len - (sizeof(v4) - 1), v4) == 0)
                return reverse_v4(name, len - (sizeof(v4) - 1), ret);
        if (len > sizeof(v6) - 1 && strcmp(name + len - (sizeof(v6) - 1), v6) == 0)
                return reverse_v6(name, len - (sizeof(v6) - 1), ret);
        return -EINVAL;
}
