/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/subnet.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/macro.h"
#include "base/num.h"

/* Reads "address[/bits]"; the number of address bytes (4, 16), 0 for anything else. */
static int parse(const char *text, unsigned char bytes[16], int *ret_bits) {
        char address[64] = "";
        size_t len = strcspn(text, "/");
        if (len >= sizeof(address))
                return 0;
        memcpy(address, text, len);
        int size = inet_pton(AF_INET, address, bytes) == 1    ? 4
                   : inet_pton(AF_INET6, address, bytes) == 1 ? 16
                                                              : 0;
        *ret_bits = size * 8;
        if (text[len] && mn_parse_int(text + len + 1, 0, size * 8, ret_bits))
                return 0;
        return size;
}

bool subnet_contains(const char *address, const char *subnet) {
        unsigned char a[16], s[16];
        int bits, ignored;
        int size = parse(subnet, s, &bits);
        if (!size || parse(address, a, &ignored) != size)
                return false;
        for (int i = 0; i < bits; i++)
                if ((a[i / 8] ^ s[i / 8]) & (0x80 >> i % 8))
                        return false;
        return true;
}
