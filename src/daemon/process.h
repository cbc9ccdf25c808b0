/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the daemon sets about its own process at start. Everything is best effort. */

void process_prepare(void);
