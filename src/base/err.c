/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"

void mn_err_release(mn_err *err) {
        mn_freep(&err->message);
        err->message = NULL;
}

mn_status mn_vfail(mn_err *err, mn_status status, const char *fmt, va_list ap) {
        if (err) {
                char *message = mn_vasprintf(fmt,
                                             ap); /* before the release: an argument may be the old message */
                mn_err_release(err);
                err->message = message;
        }
        return status;
}

mn_status mn_fail(mn_err *err, mn_status status, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        mn_vfail(err, status, fmt, ap);
        va_end(ap);
        return status;
}

mn_status mn_fail_errno(mn_err *err, int neg_errno, const char *fmt, ...) {
        mn_status status = mn_status_of_errno(neg_errno);
        if (!err)
                return status;
        va_list ap;
        va_start(ap, fmt);
        cleanup_free char *text = mn_vasprintf(fmt, ap);
        va_end(ap);
        return mn_fail(err, status, "%s: %s", text, mn_strerror(neg_errno));
}

mn_status mn_err_prefix(mn_err *err, mn_status status, const char *fmt, ...) {
        if (!err)
                return status;
        va_list ap;
        va_start(ap, fmt);
        cleanup_free char *text = mn_vasprintf(fmt, ap);
        va_end(ap);
        return mn_fail(err, status, "%s: %s", text, mn_err_text(err));
}

mn_status mn_status_of_errno(int neg_errno) {
        switch (-neg_errno) {
        case ENOENT:
                return MN_NOT_FOUND;
        case EEXIST:
        case EBUSY:
                return MN_CONFLICT;
        case EINVAL:
        case EILSEQ:
        case EBADMSG:
                return MN_INVALID;
        case EFBIG:
        case EMSGSIZE:
                return MN_TOO_LARGE;
        case ENOSYS:
        case EOPNOTSUPP:
                return MN_NOT_IMPLEMENTED;
        default:
                return MN_INTERNAL;
        }
}

const char *mn_err_text(const mn_err *err) {
        return err && err->message ? err->message : "unknown error";
}

const char *mn_strerror(int neg_errno) {
        static _Thread_local char buf[128];
        /* Thread-safe in the C libraries we build with; strerror_r differs between them. */
        strncpy(buf, strerror(neg_errno < 0 ? -neg_errno : neg_errno), sizeof(buf) - 1);
        buf[sizeof(buf) - 1] = '\0';
        /* Go, and so Docker, prints these in lower case unless they begin with an abbreviation ("RPC ...").
         */
        if (isupper((unsigned char) buf[0]) && !isupper((unsigned char) buf[1]))
                buf[0] = (char) tolower((unsigned char) buf[0]);
        return buf;
}
