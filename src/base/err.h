/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Errors. Low layers (base, sys, codec) return an int: >= 0, or -errno. Everything above returns an mn_status
 * and takes an `mn_err *err` last, which receives the message for the user. `err` may be NULL where nobody
 * reads it.
 */

#include <stdarg.h>

#include "base/macro.h"

/* What kind of failure; the API maps it to a status code, the command line to an exit code. */
typedef enum mn_status {
        MN_OK = 0,
        MN_INVALID,         /* 400: the request is wrong */
        MN_UNAUTHORIZED,    /* 401: credentials are missing or wrong */
        MN_FORBIDDEN,       /* 403: not allowed, whoever asks */
        MN_NOT_FOUND,       /* 404: the named object does not exist */
        MN_CONFLICT,        /* 409: the object's state or name forbids it */
        MN_NOT_MODIFIED,    /* 304: it is so already */
        MN_TOO_LARGE,       /* 413: a limit on size is exceeded */
        MN_INTERNAL,        /* 500: the engine or the system failed */
        MN_NOT_IMPLEMENTED, /* 501: not built, or not possible on this host */
        MN_UNAVAILABLE,     /* 503: not in this state of the engine (swarm, shutting down) */
} mn_status;

/* Holds one message. Zero-initialise; clean up with cleanup_err or mn_err_release. */
typedef struct mn_err {
        char *message; /* lower case, one line; NULL when no error */
} mn_err;

void mn_err_release(mn_err *err);
#define cleanup_err MN_CLEANUP(mn_err_release)

/* Sets the message (replacing an older one) and returns `status`, so that `return mn_fail(...)` reads well.
 */
mn_status mn_fail(mn_err *err, mn_status status, const char *fmt, ...) MN_PRINTF(3, 4);
mn_status mn_vfail(mn_err *err, mn_status status, const char *fmt, va_list ap) MN_PRINTF(3, 0);

/* As mn_fail with ": <text of the errno>" appended; `neg_errno` is a -errno. The status is
 * mn_status_of_errno(). */
mn_status mn_fail_errno(mn_err *err, int neg_errno, const char *fmt, ...) MN_PRINTF(3, 4);

/* Puts "<text>: " before the message that is there, and returns `status` unchanged. */
mn_status mn_err_prefix(mn_err *err, mn_status status, const char *fmt, ...) MN_PRINTF(3, 4);

/* The category of a -errno: ENOENT is not found, EEXIST conflict, EINVAL invalid ..., everything else
 * internal. */
mn_status mn_status_of_errno(int neg_errno);

/* The message, or "unknown error". */
const char *mn_err_text(const mn_err *err);

/* Text of a -errno ("no such file or directory", Go's lower-case wording as Docker prints it); static
 * storage. */
const char *mn_strerror(int neg_errno);
