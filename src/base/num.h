/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Numbers from outside: the one parser, with bounds. Plain decimal digits, an optional '-', nothing else. */

#include <stdbool.h>
#include <stdint.h>

/* 0; -EINVAL when `s` is not a plain decimal number; -ERANGE when it is outside [min, max]. */
int mn_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret);
int mn_parse_u64(const char *s, uint64_t max, uint64_t *ret);
int mn_parse_int(const char *s, int min, int max, int *ret);

/* Octal without prefix ("0755" and "755" are the same). */
int mn_parse_octal(const char *s, uint32_t max, uint32_t *ret);

/* "1", "t", "true", "TRUE", "True", "0", "f", "false" ... as Go's strconv.ParseBool; -EINVAL otherwise. */
int mn_parse_bool(const char *s, bool *ret);
