/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry_retry.h"

#include <time.h>

#include "base/alloc.h"
#include "base/id.h"
#include "base/num.h"
#include "image/curl_library.h"

enum { RETRY_DELAY_MAX_MS = 30000, RETRY_AFTER_MAX_S = 120 };

bool registry_is_transient(const registry_response *response) {
        if (response->failure == REGISTRY_FAILURE_CONNECT || response->failure == REGISTRY_FAILURE_TRANSFER)
                return true;
        int status = response->failure ? 0 : response->status;
        return status == 408 || status == 429 || (status >= 500 && status != 501);
}

static int retry_after_s(const registry_response *response) {
        const char *value = response ? registry_response_header(response, "retry-after") : NULL;
        int64_t seconds = 0;
        if (!value)
                return 0;
        if (mn_parse_i64(value, 0, INT64_MAX, &seconds) < 0) {
                time_t when = curl_getdate(value, NULL);
                seconds = when < 0 ? 0 : when - time(NULL);
        }
        if (seconds < 0)
                return 0;
        return (int) MN_MIN(seconds, (int64_t) RETRY_AFTER_MAX_S);
}

int registry_retry_delay_ms(const image_registry *registry, int attempt, const registry_response *response) {
        int delay_ms = registry_settings(registry)->retry_delay_ms;
        for (int k = 1; k < attempt && delay_ms < RETRY_DELAY_MAX_MS; k++)
                delay_ms *= 2;
        delay_ms = MN_MIN(delay_ms, (int) RETRY_DELAY_MAX_MS);
        uint32_t noise;
        mn_random(&noise, sizeof(noise));
        delay_ms += (int) (noise % (uint32_t) (delay_ms / 4 + 1));
        return MN_MAX(delay_ms, retry_after_s(response) * 1000);
}
