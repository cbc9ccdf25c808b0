/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Image references by the grammar of distribution/reference, with Docker's normalisation:
 *
 *     busybox                  -> docker.io / library/busybox
 *     me/app:1                 -> docker.io / me/app : 1
 *     localhost:5000/app@sha256:... -> localhost:5000 / app @ sha256:...
 *
 * The parts are bounded by the grammar, so a reference is a plain value: copy it freely, nothing to release.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum {
        MN_REFERENCE_NAME_MAX = 255, /* domain, slash and path */
        MN_REFERENCE_TAG_MAX = 128,
        MN_DIGEST_TEXT_MAX = 7 + 128, /* "sha512:" and its hex digits */
        MN_REFERENCE_TEXT_SIZE = 784, /* all parts at their longest, separators and the NUL */
};

#define MN_REFERENCE_DEFAULT_DOMAIN "docker.io"
#define MN_REFERENCE_DEFAULT_TAG "latest"

typedef struct mn_reference {
        char domain[MN_REFERENCE_NAME_MAX + 1]; /* "docker.io", "localhost:5000", "[::1]:5000"; never empty */
        char path[MN_REFERENCE_NAME_MAX + 1];   /* "library/busybox"; never empty */
        char tag[MN_REFERENCE_TAG_MAX + 1];     /* "" when none */
        char digest[MN_DIGEST_TEXT_MAX + 1];    /* "sha256:<64 hex>", "sha512:<128 hex>"; "" when none */
} mn_reference;

/* Parses and normalises a name a user wrote; no tag is added. MN_INVALID with Docker's words: "invalid
   reference format", "invalid reference format: repository name (library/Foo) must be lowercase", "invalid
   repository name
   (<64 hex>), cannot specify 64-byte hexadecimal strings", ... `*ret` is untouched on failure. */
mn_status mn_reference_parse(const char *text, mn_reference *ret, mn_err *err) MN_MUST_USE;

/* As mn_reference_parse, but a bare digest ("sha256:<hex>") or 64 hex digits are an image id: `*ret` then has
   only `digest` set (domain and path empty). For everything that takes "name or id"; shorter ids are the
   store's matter (mn_id_is_prefix). */
mn_status mn_reference_parse_any(const char *text, mn_reference *ret, mn_err *err) MN_MUST_USE;

/* Gives a reference with neither tag nor digest the tag "latest". */
void mn_reference_add_default_tag(mn_reference *ref);

/* Replaces tag or digest by `tag_or_digest` as the `tag` parameter of the API means it ("1.2" or
   "sha256:..."); a tag beside a digest is dropped. MN_INVALID "invalid tag format" or as a digest. */
mn_status mn_reference_set_tag_or_digest(mn_reference *ref, const char *tag_or_digest,
                                         mn_err *err) MN_MUST_USE;

/* Full text: "docker.io/library/busybox", with :tag and @digest where set. Returns `buf`. */
const char *mn_reference_name(const mn_reference *ref, char buf[MN_REFERENCE_TEXT_SIZE]);
const char *mn_reference_text(const mn_reference *ref, char buf[MN_REFERENCE_TEXT_SIZE]);

/* The same as users write and see it: "busybox", "me/app:1", "localhost:5000/app@sha256:...". */
const char *mn_reference_familiar_name(const mn_reference *ref, char buf[MN_REFERENCE_TEXT_SIZE]);
const char *mn_reference_familiar(const mn_reference *ref, char buf[MN_REFERENCE_TEXT_SIZE]);

/* True when the shell pattern ("busybox", "*:1.?", "me/app") matches the familiar text or the familiar name;
   a '*' does not cross a slash. This is the image filter `reference`. */
bool mn_reference_matches(const mn_reference *ref, const char *pattern);

/* Same domain and path; tag and digest do not matter. */
bool mn_reference_same_repository(const mn_reference *a, const mn_reference *b);

/* True for a tag by the grammar: [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}. */
bool mn_reference_is_tag(const char *text);

/* True for "sha256:" and 64, or "sha512:" and 128 lower-case hex digits; nothing else,
   NULL included, is a digest here. */
bool mn_digest_text_is_valid(const char *text);
