/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Detach keys: "ctrl-p,ctrl-q", "a,ctrl-c", "DEL". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MN_KEYS_MAX = 32 };

/* A sequence of keys, and how far what was typed matches it. */
typedef struct mn_keys {
        uint8_t codes[MN_KEYS_MAX];
        uint8_t len;     /* 0: nothing ever matches */
        uint8_t matched; /* typed so far, held back */
} mn_keys;

/* Reads Docker's syntax: keys separated by commas, each one character, "DEL", or "ctrl-" with one of a-z @ [
   \ ] ^ _. NULL and "" are "ctrl-p,ctrl-q". -EINVAL otherwise; `*ret_bad` (may be NULL) then points at the
   key, of `*ret_len` bytes. */
int mn_keys_parse(const char *text, mn_keys *ret, const char **ret_bad, size_t *ret_len);

/* Takes typed bytes in place: keys that may be the beginning of the sequence are held back, those held back
   that turn out not to be are given first. `out` has room for `len + MN_KEYS_MAX` bytes; `*ret_len` is what
   to pass on. True when the sequence is complete; what was typed after it is dropped. */
bool mn_keys_filter(mn_keys *keys, const uint8_t *typed, size_t len, uint8_t *out, size_t *ret_len);
