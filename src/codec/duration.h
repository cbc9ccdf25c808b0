/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Lengths of time and moments as people write and read them: Go's durations, Docker's "2 minutes ago" texts,
 * and what `--since` and `--until` take. */

#include <stdint.h>

#include "base/err.h"

#define MN_DURATION_TEXT_SIZE 48

/* "1h30m", "1.5s", "-2ms", "0": nanoseconds; units ns us ms s m h, each number needs one. -EINVAL otherwise,
 * -ERANGE when it does not fit. */
int mn_duration_parse(const char *text, int64_t *ret_ns);

/* "1h30m0s", "1.5s", "250ms", "0s", as Go prints a duration. */
const char *mn_duration_format(int64_t ns, char buf[MN_DURATION_TEXT_SIZE]);

/* "Less than a second", "About a minute", "3 hours", "2 weeks": go-units' HumanDuration. */
const char *mn_duration_human(int64_t ns, char buf[MN_DURATION_TEXT_SIZE]);

/* A moment: seconds since the epoch with an optional fraction, RFC 3339 also without its end ("2024-05-01",
 * "2024-05-01T10:00", local time where no zone is given), or a Go duration before `now_ns`. Nanoseconds since
 * the epoch; -EINVAL otherwise. */
int mn_moment_parse(const char *text, int64_t now_ns, int64_t *ret_ns);
