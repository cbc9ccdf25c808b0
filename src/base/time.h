/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Times are nanoseconds in int64_t: since the epoch (`_ns` of mn_now_ns) or since boot (mn_monotonic_ns). */

#include <stddef.h>
#include <stdint.h>

#define MN_NS_PER_SEC INT64_C(1000000000)
#define MN_NS_PER_MS INT64_C(1000000)

/* Go's zero time, as Docker prints a moment that has not come: "0001-01-01T00:00:00Z". */
#define MN_TIME_ZERO_TEXT "0001-01-01T00:00:00Z"
/* The epoch itself, as reproducible builds date their images: 0 means "no time", so it is kept one nanosecond
   later, by mn_time_parse, and printed without that, by mn_time_format. */
#define MN_TIME_EPOCH INT64_C(1)
#define MN_TIME_TEXT_SIZE 40

int64_t mn_now_ns(void);
int64_t mn_monotonic_ns(void);

/* RFC 3339 with nanoseconds in UTC, trailing zeros of the fraction cut as Go does; 0 gives MN_TIME_ZERO_TEXT.
 */
const char *mn_time_format(int64_t ns, char buf[MN_TIME_TEXT_SIZE]);

/* Nine digits of fraction always (log lines). */
const char *mn_time_format_nano(int64_t ns, char buf[MN_TIME_TEXT_SIZE]);

/* RFC 3339, any offset, fraction of up to nine digits. -EINVAL otherwise. Go's zero time gives 0. */
int mn_time_parse(const char *s, int64_t *ret_ns);
