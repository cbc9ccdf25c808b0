/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Does an event pass the filters of GET /events? Docker's rules: daemon/events/filter.go of moby, in our own
 * words. */

#include <stdbool.h>

#include "wire/event.h"
#include "wire/filter.h"

bool events_match(const wire_event *event, const wire_filters *filters);
