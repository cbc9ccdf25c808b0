/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What OpenSSL's calls on a non-blocking socket mean. Nothing of OpenSSL is called here: one program links
   it, another loads it when it needs it. */

/* A call's result as a -errno. `error`: SSL_get_error() after it; `saved`: errno after it, which was 0
   before. -EAGAIN when it is to be repeated once the socket is ready, 0 at the orderly end of the stream,
   -EPROTO for what OpenSSL's error queue explains, else the system's error. */
int mn_tls_result(int error, int saved);
