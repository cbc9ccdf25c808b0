/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/programs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/macro.h"

/* The directory of this program; NULL when the kernel does not say. */
static char *own_directory(void) {
        enum { MAX_PATH = 4096 };
        cleanup_free char *path = mn_alloc(MAX_PATH);
        ssize_t n = readlink("/proc/self/exe", path, MAX_PATH - 1);
        char *slash = n > 0 ? strrchr(path, '/') : NULL;
        if (!slash)
                return NULL;
        *slash = '\0';
        return MN_TAKE(path);
}

char *program_path(mn_arena *arena, const char *name) {
        static const char *const folders[] = { ".",        "../shim",   "../runtime", "../init",
                                               "../image", "../worker", "../bin",     "../libexec/minato" };
        cleanup_free char *own = own_directory();
        for (size_t i = 0; own && i < MN_ARRAY_LEN(folders); i++) {
                cleanup_free char *path = mn_asprintf("%s/%s/%s", own, folders[i], name);
                cleanup_free char *real = access(path, X_OK) == 0 ? realpath(path, NULL) : NULL;
                if (real)
                        return mn_arena_strdup(arena, real);
        }
        return mn_arena_printf(arena, "%s/%s", own ? own : "/usr/libexec/minato", name);
}
