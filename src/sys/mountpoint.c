/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "sys/mounttable.h"

int mn_mount_point_of(const char *path, mn_mount_point *ret) {
        struct statx st;
        if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) < 0)
                return -errno;
        if (!(st.stx_mask & STATX_MNT_ID))
                return -EOPNOTSUPP;
        cleanup_mount_table mn_mount_table table = { 0 };
        int r = mn_mount_table_read(&table);
        if (r < 0)
                return r;
        for (size_t i = 0; i < table.len; i++) {
                const mn_mount_row *row = &table.rows[i];
                if (row->id != st.stx_mnt_id)
                        continue;
                *ret = (mn_mount_point){ mn_strdup(row->path), row->is_shared, row->is_slave };
                return 0;
        }
        return -ENOENT;
}

void mn_mount_point_release(mn_mount_point *point) {
        mn_freep(&point->path);
}
