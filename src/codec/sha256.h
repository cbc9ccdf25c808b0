/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* SHA-256 of a short text (FIPS 180-4), for programs that must not link OpenSSL: the command line names a
 * context's directory by it. Content is digested with codec/digest.h, which uses the processor's
 * instructions. */

#include <stddef.h>

enum { MN_SHA256_TEXT_SIZE = 65 };

/* 64 small hexadecimal digits. Returns `text`. */
const char *mn_sha256_text(const void *data, size_t len, char text[MN_SHA256_TEXT_SIZE]);
