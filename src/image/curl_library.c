/* SPDX-License-Identifier: Apache-2.0 */
#include "image/curl_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"

static struct curl_library library;

/* The symbol of a function of that name. */
static void *find(void *handle, const char *name) {
        void *symbol = handle ? dlsym(handle, name) : NULL;
        if (!symbol) {
                mn_log(MN_LOG_FATAL, "libcurl cannot be used", " error=\"%s\"", dlerror());
                abort();
        }
        return symbol;
}

static void load(void) {
        void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
#define X(name) library.name##_fn = (__typeof__(library.name##_fn)) find(handle, #name);
        CURL_LIBRARY_FUNCTIONS(X)
#undef X
}

const struct curl_library *curl_library(void) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_once(&once, load);
        return &library;
}
