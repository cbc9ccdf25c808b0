/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/tlsresult.h"

#include <errno.h>
#include <openssl/ssl.h>

int mn_tls_result(int error, int saved) {
        switch (error) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
                return -EAGAIN;
        case SSL_ERROR_ZERO_RETURN:
                return 0;
        case SSL_ERROR_SYSCALL:
                return saved ? -saved : -ECONNRESET;
        default:
                return -EPROTO;
        }
}
