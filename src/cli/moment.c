/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/moment.h"

#include "base/time.h"
#include "codec/duration.h"

mn_status moment_query(mn_arena *arena, const char *name, const char *text, const char **ret, mn_err *err) {
        int64_t ns;
        *ret = NULL;
        if (!text || !*text)
                return MN_OK;
        if (mn_moment_parse(text, mn_now_ns(), &ns))
                return mn_fail(err, MN_INVALID,
                               "invalid value for \"%s\": failed to parse value as time or duration: \"%s\"",
                               name, text);
        *ret = mn_arena_printf(arena, "%lld.%09lld", (long long) (ns / MN_NS_PER_SEC),
                               (long long) (ns % MN_NS_PER_SEC));
        return MN_OK;
}
