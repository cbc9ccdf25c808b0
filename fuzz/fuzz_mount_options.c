/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a mount, one a line: what is to be set is not to be cleared, the access times are one choice,
   and what is no option of ours goes to the file system. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "runtime/mount_options.h"
#include "sys/mountfd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_known(const char *name) {
        for (const char *const *known = mount_options_names(); *known; known++)
                if (strcmp(*known, name) == 0)
                        return true;
        return false;
}

static void check(const mount_options *o, char **options) {
        if ((o->set & o->clear & ~(uint64_t) MN_MOUNT_ATIME_MASK) ||
            (o->recursive_set & o->recursive_clear & ~(uint64_t) MN_MOUNT_ATIME_MASK))
                abort();
        uint64_t atime = o->set & MN_MOUNT_ATIME_MASK;
        if (atime && atime != MN_MOUNT_NOATIME && atime != MN_MOUNT_STRICTATIME)
                abort();
        for (char **name = options; name && *name; name++)
                if (**name && !is_known(*name) && !strstr(mn_str_text(&o->data), *name))
                        abort();
        mount_options_flags(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        cleanup_free char *text = mn_strndup((const char *) data, size);
        char *save = NULL;
        char **options = NULL;
        size_t count = 0;
        for (char *line = strtok_r(text, "\n", &save); line && count < 200;
             line = strtok_r(NULL, "\n", &save), count++)
                mn_strv_add(&options, line);
        static char destination[] = "/x", type[] = "tmpfs";
        oci_mount mount = { .destination = destination, .type = type, .options = options };
        mount_options o;
        if (mount_options_parse(&o, &mount, NULL) == MN_OK)
                check(&o, options);
        mount_options_release(&o);
        mn_strv_free(options);
        return 0;
}
