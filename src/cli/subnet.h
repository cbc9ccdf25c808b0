/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which subnet an address of `network create` belongs to. */

#include <stdbool.h>

/* True when `address` ("10.0.0.1", or a range "10.0.0.0/28") lies in `subnet` ("10.0.0.0/24"); false for
 * anything that is no address. */
bool subnet_contains(const char *address, const char *subnet);
