/* SPDX-License-Identifier: Apache-2.0 */
#include "network/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

static size_t byte_count(const mn_net_address *a) {
        return a->family == AF_INET ? 4 : 16;
}

unsigned network_address_bits(const mn_net_address *a) {
        return a->family == AF_INET ? 32 : 128;
}

/* ---- text ---- */

int network_address_parse(const char *text, mn_net_address *ret) {
        mn_net_address a = { .family = AF_INET, .prefix_len = 32 };
        if (!text)
                return -EINVAL;
        if (inet_pton(AF_INET, text, a.bytes) != 1) {
                a = (mn_net_address){ .family = AF_INET6, .prefix_len = 128 };
                if (inet_pton(AF_INET6, text, a.bytes) != 1)
                        return -EINVAL;
        }
        *ret = a;
        return 0;
}

int network_cidr_parse(const char *text, mn_net_address *ret) {
        char address[NETWORK_ADDRESS_TEXT_SIZE];
        const char *slash = text ? strchr(text, '/') : NULL;
        if (!slash || (size_t) (slash - text) >= sizeof(address))
                return -EINVAL;
        memcpy(address, text, (size_t) (slash - text));
        address[slash - text] = '\0';
        mn_net_address a;
        int prefix_len;
        if (network_address_parse(address, &a) < 0 ||
            mn_parse_int(slash + 1, 0, (int) network_address_bits(&a), &prefix_len) < 0)
                return -EINVAL;
        a.prefix_len = (uint8_t) prefix_len;
        *ret = a;
        return 0;
}

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int network_mac_parse(const char *text, uint8_t ret[MN_MAC_LEN]) {
        uint8_t mac[MN_MAC_LEN];
        if (!text || strlen(text) != 17)
                return -EINVAL;
        for (size_t i = 0; i < MN_MAC_LEN; i++) {
                int high = hex_digit(text[i * 3]), low = hex_digit(text[i * 3 + 1]);
                char separator = text[i * 3 + 2];
                bool is_separated = i + 1 == MN_MAC_LEN ? separator == '\0'
                                                        : separator == ':' || separator == '-';
                if (high < 0 || low < 0 || !is_separated)
                        return -EINVAL;
                mac[i] = (uint8_t) (high << 4 | low);
        }
        memcpy(ret, mac, sizeof(mac));
        return 0;
}

const char *network_mac_format(const uint8_t mac[MN_MAC_LEN], char buf[18]) {
        snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
        return buf;
}

const char *network_address_format(const mn_net_address *a, char buf[NETWORK_ADDRESS_TEXT_SIZE]) {
        inet_ntop(a->family, a->bytes, buf, NETWORK_ADDRESS_TEXT_SIZE);
        return buf;
}

const char *network_cidr_format(const mn_net_address *a, char buf[NETWORK_ADDRESS_TEXT_SIZE]) {
        char address[INET6_ADDRSTRLEN];
        inet_ntop(a->family, a->bytes, address, sizeof(address));
        snprintf(buf, NETWORK_ADDRESS_TEXT_SIZE, "%s/%u", address, a->prefix_len);
        return buf;
}

/* ---- subnets ---- */

mn_net_address network_subnet_of(const mn_net_address *a) {
        mn_net_address subnet = *a;
        for (unsigned bit = a->prefix_len; bit < network_address_bits(a); bit++)
                subnet.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
        return subnet;
}

mn_net_address network_subnet_last(const mn_net_address *subnet) {
        mn_net_address last = *subnet;
        for (unsigned bit = subnet->prefix_len; bit < network_address_bits(subnet); bit++)
                last.bytes[bit / 8] |= (uint8_t) (0x80 >> bit % 8);
        return last;
}

int network_address_compare(const mn_net_address *a, const mn_net_address *b) {
        if (a->family != b->family)
                return a->family < b->family ? -1 : 1;
        return memcmp(a->bytes, b->bytes, byte_count(a));
}

bool network_address_equal(const mn_net_address *a, const mn_net_address *b) {
        return network_address_compare(a, b) == 0;
}

bool network_subnet_contains(const mn_net_address *subnet, const mn_net_address *address) {
        if (subnet->family != address->family || address->prefix_len < subnet->prefix_len)
                return false;
        mn_net_address cut = *address;
        cut.prefix_len = subnet->prefix_len;
        mn_net_address left = network_subnet_of(&cut), right = network_subnet_of(subnet);
        return network_address_equal(&left, &right);
}

bool network_subnets_overlap(const mn_net_address *a, const mn_net_address *b) {
        return a->prefix_len <= b->prefix_len ? network_subnet_contains(a, b) : network_subnet_contains(b, a);
}

bool network_address_is_loopback(const mn_net_address *a) {
        static const uint8_t v6[16] = { [15] = 1 };
        return a->family == AF_INET ? a->bytes[0] == 127 : memcmp(a->bytes, v6, sizeof(v6)) == 0;
}

bool network_address_is_any(const mn_net_address *a) {
        static const uint8_t zero[16];
        return memcmp(a->bytes, zero, byte_count(a)) == 0;
}

/* ---- arithmetic ---- */

int network_address_add(mn_net_address *a, uint64_t count) {
        mn_net_address sum = *a;
        unsigned carry = 0;
        for (size_t i = byte_count(a); i-- > 0;) {
                unsigned value = sum.bytes[i] + (unsigned) (count & 0xff) + carry;
                sum.bytes[i] = (uint8_t) value;
                carry = value >> 8;
                count >>= 8;
        }
        if (carry || count)
                return -ERANGE;
        *a = sum;
        return 0;
}

uint64_t network_address_distance(const mn_net_address *a, const mn_net_address *base) {
        uint64_t distance = 0;
        unsigned borrow = 0;
        if (a->family != base->family || network_address_compare(a, base) < 0)
                return UINT64_MAX;
        size_t count = byte_count(a);
        for (size_t i = 0; i < count; i++) {
                size_t at = count - 1 - i;
                unsigned value = 0x100u + a->bytes[at] - base->bytes[at] - borrow;
                borrow = value < 0x100;
                if (i < 8)
                        distance |= (uint64_t) (value & 0xff) << (8 * i);
                else if (value & 0xff)
                        return UINT64_MAX;
        }
        return distance;
}

uint64_t network_subnet_size(const mn_net_address *subnet) {
        unsigned host_bits = network_address_bits(subnet) - subnet->prefix_len;
        return host_bits >= 64 ? UINT64_MAX : UINT64_C(1) << host_bits;
}
