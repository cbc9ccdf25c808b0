/* SPDX-License-Identifier: Apache-2.0 */
#include "image/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "base/alloc.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "sys/path.h"

enum { OPTIONS_MAX = 4095 }; /* a page, what mount(2) reads */

int overlay_begin(overlay_maker *o, mount_space *space, bool is_string) {
        *o = (overlay_maker){ .space = space,
                              .is_string = is_string,
                              .context = is_string ? -1 : mn_fs_open("overlay"),
                              .lower = MN_STR_INIT(OPTIONS_MAX),
                              .rest = MN_STR_INIT(OPTIONS_MAX) };
        return is_string ? 0 : MN_MIN(0, o->context);
}

void overlay_release(overlay_maker *o) {
        mn_close(o->context);
        for (size_t i = 0; i < o->n_kept; i++)
                mn_close(o->kept[i]);
        free(o->kept);
        mn_str_release(&o->lower);
        mn_str_release(&o->rest);
}

/* ---- in one string ---- */

/* A name of the directory that lasts until the string is used, relative to the folder of descriptors: the
   shorter, the more layers a page has room for. */
static int keep(overlay_maker *o, int fd) {
        int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (own < 0)
                return -errno;
        o->kept = mn_realloc(o->kept, (o->n_kept + 1) * sizeof(*o->kept));
        o->kept[o->n_kept++] = own;
        return own;
}

static int mount_string(overlay_maker *o, bool is_readonly) {
        cleanup_str mn_str options = MN_STR_INIT(OPTIONS_MAX);
        mn_str_printf(&options, "lowerdir=%s%s", mn_str_text(&o->lower), mn_str_text(&o->rest));
        if (mn_str_error(&o->lower) || mn_str_error(&options))
                return -E2BIG;
        return mount_space_make(o->space, "overlay", "/proc/self/fd", is_readonly ? MS_RDONLY : 0,
                                mn_str_text(&options));
}

/* ---- one by one ---- */

/* Kernels before 6.13 take only paths. */
static int set_dir(overlay_maker *o, const char *key, int fd) {
        int r = o->space ? -EINVAL : mn_fs_set_fd(o->context, key, fd);
        if (r != -EINVAL && r != -EBADF)
                return r;
        char path[32];
        return mn_fs_set(o->context, key, mn_fd_path(fd, path));
}

/* ---- both ---- */

int overlay_add_lower(overlay_maker *o, int fd) {
        if (!o->is_string)
                return set_dir(o, "lowerdir+", fd);
        int own = keep(o, fd);
        if (own >= 0)
                mn_str_printf(&o->lower, "%s%d", o->lower.len ? ":" : "", own);
        return own;
}

int overlay_set_writable(overlay_maker *o, int upper_fd, int work_fd, bool is_volatile) {
        if (!o->is_string) {
                int r = set_dir(o, "upperdir", upper_fd);
                if (r >= 0)
                        r = set_dir(o, "workdir", work_fd);
                return r < 0 || !is_volatile ? r : mn_fs_set(o->context, "volatile", NULL);
        }
        int upper = keep(o, upper_fd), work = upper < 0 ? upper : keep(o, work_fd);
        if (work >= 0)
                mn_str_printf(&o->rest, ",upperdir=%d,workdir=%d%s", upper, work,
                              is_volatile ? ",volatile" : "");
        return work;
}

int overlay_mount(overlay_maker *o, bool is_readonly) {
        if (o->is_string)
                return mount_string(o, is_readonly);
        return mn_fs_mount(o->context, is_readonly ? MN_MOUNT_RDONLY : 0);
}

const char *overlay_message(const overlay_maker *o, char *buf, size_t size) {
        if (!o->is_string)
                return mn_fs_message(o->context, buf, size);
        *buf = '\0';
        return buf;
}
