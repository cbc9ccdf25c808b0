/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Random identifiers and hexadecimal. */

#include <stdbool.h>
#include <stddef.h>

#define MN_ID_LEN 64
#define MN_ID_SIZE (MN_ID_LEN + 1)
#define MN_SHORT_ID_LEN 12

/* 64 lower-case hex digits of randomness whose first 12 are not all decimal (they serve as host names). */
void mn_id_generate(char id[MN_ID_SIZE]);

/* Fills `len` bytes with randomness; ends the program when the system cannot give any. */
void mn_random(void *buf, size_t len);

/* True when `s` is 1 to 64 lower-case hex digits. */
bool mn_id_is_prefix(const char *s);

/* Writes 2*len hex digits and a NUL. */
void mn_hex_encode(const void *bytes, size_t len, char *out);

/* Decodes exactly 2*len lower-case hex digits; -EINVAL otherwise. */
int mn_hex_decode(const char *hex, void *out, size_t len);
