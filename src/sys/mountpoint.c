/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/str.h"
#include "base/strv.h"
#include "sys/file.h"

enum { MAX_MOUNTINFO = 16 << 20 };

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw" */
static void read_line(char *line, mn_mount_point *ret) {
        static const size_t mount_point = 4, first_optional = 6;
        cleanup_strv char **fields = mn_strv_split(line, ' ');
        size_t n = mn_strv_len(fields);
        for (size_t i = first_optional; i < n && strcmp(fields[i], "-") != 0; i++) {
                ret->is_shared = ret->is_shared || mn_str_has_prefix(fields[i], "shared:");
                ret->is_slave = ret->is_slave || mn_str_has_prefix(fields[i], "master:");
        }
        if (n > mount_point)
                ret->path = mn_strdup(fields[mount_point]);
}

int mn_mount_point_of(const char *path, mn_mount_point *ret) {
        struct statx st;
        if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) < 0)
                return -errno;
        if (!(st.stx_mask & STATX_MNT_ID))
                return -EOPNOTSUPP;
        cleanup_free char *text = NULL;
        int r = mn_file_read(AT_FDCWD, "/proc/self/mountinfo", MAX_MOUNTINFO, &text, NULL);
        if (r < 0)
                return r;
        char id[24];
        int len = snprintf(id, sizeof(id), "%llu ", (unsigned long long) st.stx_mnt_id);
        *ret = (mn_mount_point){ 0 };
        char *rest = text;
        for (char *line; !ret->path && (line = strsep(&rest, "\n"));)
                if (strncmp(line, id, (size_t) len) == 0)
                        read_line(line, ret);
        return ret->path ? 0 : -ENOENT;
}

void mn_mount_point_release(mn_mount_point *point) {
        mn_freep(&point->path);
}
