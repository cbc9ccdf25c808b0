/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Platforms: "linux/amd64", "linux/arm/v7". */

#include <stdbool.h>

#include "base/err.h"

enum { IMAGE_PLATFORM_PART_SIZE = 32, IMAGE_PLATFORM_TEXT_SIZE = 3 * 32 };

/* A plain value; parts are lower case, `variant` "" when there is none. */
typedef struct image_platform {
        char os[IMAGE_PLATFORM_PART_SIZE];
        char architecture[IMAGE_PLATFORM_PART_SIZE];
        char variant[IMAGE_PLATFORM_PART_SIZE];
} image_platform;

/* This machine's. */
void image_platform_host(image_platform *ret);

/* Parses "os/arch[/variant]", "os" or "arch", normalising as containerd does (x86_64 is amd64, aarch64 is
   arm64, arm64/v8 is arm64, arm is arm/v7); what is missing comes from the host. NULL or "" is the host.
   MN_INVALID with Docker's words. */
mn_status image_platform_parse(const char *text, image_platform *ret, mn_err *err) MN_MUST_USE;

/* Normalises parts read from a manifest or a config; any may be NULL. */
void image_platform_set(const char *os, const char *architecture, const char *variant, image_platform *ret);

/* How well `offered` serves who wants `wanted`: 0 not at all, more is better, the same platform is best. */
int image_platform_fit(const image_platform *wanted, const image_platform *offered);

/* "linux/arm/v7". Returns buf. */
const char *image_platform_text(const image_platform *platform, char buf[IMAGE_PLATFORM_TEXT_SIZE]);
