/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is worth another try, and when. */

#include "image/registry_client.h"

/* True when the same request may succeed later: no answer, 408, 429, 5xx. */
bool registry_is_transient(const registry_response *response);

/* Milliseconds to wait before try number `attempt` (1: the first repetition): doubling, with jitter, and at
   least what Retry-After asks for, up to two minutes. */
int registry_retry_delay_ms(const image_registry *registry, int attempt, const registry_response *response);
