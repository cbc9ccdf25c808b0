/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/mounttable.h"

#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/num.h"
#include "base/str.h"
#include "base/vec.h"
#include "sys/file.h"

enum { MAX_MOUNTINFO = 16 << 20 };

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw": fields at fixed places up to the
   optional ones, which end with "-", and three more. */
static bool read_line(char *line, mn_mount_row *ret) {
        enum { ID, PARENT, DEVICE, ROOT, PATH, OPTIONS, FIXED };
        const char *fixed[FIXED] = { 0 }, *type = NULL, *field;
        *ret = (mn_mount_row){ 0 };
        for (size_t i = 0; i < FIXED; i++)
                fixed[i] = strsep(&line, " ");
        while ((field = strsep(&line, " ")) && strcmp(field, "-") != 0) {
                ret->is_shared = ret->is_shared || mn_str_has_prefix(field, "shared:");
                ret->is_slave = ret->is_slave || mn_str_has_prefix(field, "master:");
        }
        type = strsep(&line, " ");
        (void) strsep(&line, " "); /* the source */
        if (!line || mn_parse_u64(fixed[ID], UINT64_MAX, &ret->id) < 0)
                return false;
        ret->path = fixed[PATH];
        ret->type = type;
        ret->super_options = line;
        return true;
}

static void take_text(char *text, mn_mount_table *ret) {
        MN_VEC(mn_mount_row) rows = { 0 };
        char *rest = text;
        mn_mount_row row;
        for (char *line; (line = strsep(&rest, "\n"));)
                if (read_line(line, &row))
                        mn_vec_push(&rows, row);
        *ret = (mn_mount_table){ .text = text, .rows = rows.items, .len = rows.len };
}

int mn_mount_table_read(mn_mount_table *ret) {
        char *text = NULL;
        int r = mn_file_read(AT_FDCWD, "/proc/self/mountinfo", MAX_MOUNTINFO, &text, NULL);
        *ret = (mn_mount_table){ 0 };
        if (r >= 0)
                take_text(text, ret);
        return r;
}

void mn_mount_table_parse(const char *text, mn_mount_table *ret) {
        take_text(mn_strdup(text), ret);
}

void mn_mount_table_release(mn_mount_table *table) {
        mn_freep(&table->rows);
        mn_freep(&table->text);
        table->len = 0;
}
