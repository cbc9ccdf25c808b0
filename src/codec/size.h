/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sizes as people write and read them, with the rules of Docker's go-units. */

#include <stdint.h>

#include "base/err.h"

#define MN_SIZE_TEXT_SIZE 32

/* "512m", "1.5GiB", "64 kb", "1024": bytes, units are powers of 1024 (b k m g t p). MN_INVALID "invalid size:
 * 'x'" or "invalid suffix: 'x'". Never negative. */
mn_status mn_size_parse(const char *text, int64_t *ret_bytes, mn_err *err) MN_MUST_USE;

/* "1.24MB": powers of 1000, `precision` significant digits (Docker uses 3 in tables, 4 elsewhere). */
const char *mn_size_human(double bytes, int precision, char buf[MN_SIZE_TEXT_SIZE]);

/* "1.2MiB": powers of 1024, 4 significant digits. */
const char *mn_size_binary(double bytes, char buf[MN_SIZE_TEXT_SIZE]);
