/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * libcurl, loaded when the first registry is spoken to: it brings thirty libraries, 9 MiB and 10 ms, which a
 * daemon that only runs containers does not pay. Include this instead of <curl/curl.h>; the calls look the
 * same.
 */

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#undef curl_easy_setopt
#undef curl_easy_getinfo

/* What is used of the library; the types are those of its header. */
#define CURL_LIBRARY_FUNCTIONS(X)                                                                            \
        X(curl_easy_cleanup)                                                                                 \
        X(curl_easy_getinfo)                                                                                 \
        X(curl_easy_init)                                                                                    \
        X(curl_easy_perform)                                                                                 \
        X(curl_easy_reset)                                                                                   \
        X(curl_easy_setopt)                                                                                  \
        X(curl_easy_strerror)                                                                                \
        X(curl_free)                                                                                         \
        X(curl_getdate)                                                                                      \
        X(curl_global_init)                                                                                  \
        X(curl_slist_append)                                                                                 \
        X(curl_slist_free_all)                                                                               \
        X(curl_url)                                                                                          \
        X(curl_url_cleanup)                                                                                  \
        X(curl_url_get)                                                                                      \
        X(curl_url_set)

struct curl_library {
#define X(name) __typeof__(&name) name##_fn;
        CURL_LIBRARY_FUNCTIONS(X)
#undef X
};

/* The loaded library. Ends the program when it cannot be loaded: the package depends on it. */
const struct curl_library *curl_library(void) __attribute__((returns_nonnull));

#define curl_easy_cleanup curl_library()->curl_easy_cleanup_fn
#define curl_easy_getinfo curl_library()->curl_easy_getinfo_fn
#define curl_easy_init curl_library()->curl_easy_init_fn
#define curl_easy_perform curl_library()->curl_easy_perform_fn
#define curl_easy_reset curl_library()->curl_easy_reset_fn
#define curl_easy_setopt curl_library()->curl_easy_setopt_fn
#define curl_easy_strerror curl_library()->curl_easy_strerror_fn
#define curl_free curl_library()->curl_free_fn
#define curl_getdate curl_library()->curl_getdate_fn
#define curl_global_init curl_library()->curl_global_init_fn
#define curl_slist_append curl_library()->curl_slist_append_fn
#define curl_slist_free_all curl_library()->curl_slist_free_all_fn
#define curl_url curl_library()->curl_url_fn
#define curl_url_cleanup curl_library()->curl_url_cleanup_fn
#define curl_url_get curl_library()->curl_url_get_fn
#define curl_url_set curl_library()->curl_url_set_fn
