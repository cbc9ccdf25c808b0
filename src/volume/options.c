/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/options.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "base/str.h"
#include "base/strv.h"

enum { MAX_NAME = 255 };

static bool is_alphanumeric(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

mn_status volume_check_name(const char *name, mn_err *err) {
        size_t len = strlen(name);
        if (len == 1)
                return mn_fail(
                        err, MN_INVALID,
                        "volume name is too short, names should be at least two alphanumeric characters");
        bool is_valid = len <= MAX_NAME && is_alphanumeric(name[0]);
        for (const char *p = name; is_valid && *p; p++)
                is_valid = is_alphanumeric(*p) || *p == '_' || *p == '.' || *p == '-';
        if (is_valid)
                return MN_OK;
        return mn_fail(
                err, MN_INVALID,
                "create %s: \"%s\" includes invalid characters for a local volume name, only "
                "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use "
                "absolute path",
                name, name);
}

mn_status volume_check_options(const mn_str_map *options, mn_err *err) {
        static const char *const known[] = { "type", "o", "device", "size" };
        static const struct {
                const char *key, *needs;
        } pairs[] = { { "device", "type" }, { "type", "device" }, { "o", "device" }, { "o", "type" } };
        for (size_t i = 0; i < options->len; i++) {
                bool is_known = false;
                for (size_t k = 0; k < MN_ARRAY_LEN(known); k++)
                        is_known = is_known || strcmp(options->items[i].key, known[k]) == 0;
                if (!is_known)
                        return mn_fail(err, MN_INVALID, "invalid option: \"%s\"", options->items[i].key);
        }
        if (mn_str_map_get(options, "size"))
                return mn_fail(err, MN_INVALID, "quota size requested but no quota support");
        for (size_t i = 0; i < MN_ARRAY_LEN(pairs); i++)
                if (mn_str_map_get(options, pairs[i].key) &&
                    mn_str_is_empty(mn_str_map_get(options, pairs[i].needs)))
                        return mn_fail(err, MN_INVALID, "missing required option: \"%s\"", pairs[i].needs);
        return MN_OK;
}

/* mount(8)'s words for mount(2)'s flags. */
static const struct {
        const char *word;
        unsigned long set, clear;
} flag_words[] = {
        { "defaults", 0, 0 },
        { "ro", MS_RDONLY, 0 },
        { "rw", 0, MS_RDONLY },
        { "suid", 0, MS_NOSUID },
        { "nosuid", MS_NOSUID, 0 },
        { "dev", 0, MS_NODEV },
        { "nodev", MS_NODEV, 0 },
        { "exec", 0, MS_NOEXEC },
        { "noexec", MS_NOEXEC, 0 },
        { "sync", MS_SYNCHRONOUS, 0 },
        { "async", 0, MS_SYNCHRONOUS },
        { "dirsync", MS_DIRSYNC, 0 },
        { "atime", 0, MS_NOATIME },
        { "noatime", MS_NOATIME, 0 },
        { "diratime", 0, MS_NODIRATIME },
        { "nodiratime", MS_NODIRATIME, 0 },
        { "relatime", MS_RELATIME, 0 },
        { "norelatime", 0, MS_RELATIME },
        { "strictatime", MS_STRICTATIME, 0 },
        { "nostrictatime", 0, MS_STRICTATIME },
        { "bind", MS_BIND, 0 },
        { "rbind", MS_BIND | MS_REC, 0 },
        { "private", MS_PRIVATE, 0 },
        { "rprivate", MS_PRIVATE | MS_REC, 0 },
        { "slave", MS_SLAVE, 0 },
        { "rslave", MS_SLAVE | MS_REC, 0 },
        { "shared", MS_SHARED, 0 },
        { "rshared", MS_SHARED | MS_REC, 0 },
};

static const unsigned long propagation_flags = MS_PRIVATE | MS_SLAVE | MS_SHARED;

/* Flags out of the option words; what is no flag is kept for the file system. */
static unsigned long parse_words(const char *words, mn_str *data) {
        unsigned long flags = 0;
        cleanup_strv char **v = mn_strv_split(words, ',');
        for (char **w = v; *w; w++) {
                size_t k = 0;
                while (k < MN_ARRAY_LEN(flag_words) && strcmp(*w, flag_words[k].word) != 0)
                        k++;
                if (k < MN_ARRAY_LEN(flag_words)) {
                        flags = (flags | flag_words[k].set) & ~flag_words[k].clear;
                } else if (**w) {
                        if (data->len)
                                mn_str_add_char(data, ',');
                        mn_str_add(data, *w);
                }
        }
        return flags;
}

mn_status volume_mount(const char *path, const mn_str_map *options, mn_err *err) {
        const char *type = mn_str_map_get(options, "type"), *device = mn_str_map_get(options, "device"),
                   *words = mn_str_map_get(options, "o");
        cleanup_str mn_str data = MN_STR_INIT(4000);
        unsigned long flags = words ? parse_words(words, &data) : 0,
                      propagation = flags & (propagation_flags | MS_REC);
        if (!(flags & MS_BIND))
                propagation &= ~(unsigned long) MS_REC;
        unsigned long first = flags & ~propagation_flags;
        if (mn_str_error(&data) < 0)
                return mn_fail(err, MN_INVALID, "volume option \"o\" is too long");
        if (mount(device, path, type, first, mn_str_text(&data)) < 0)
                return mn_fail_errno(err, -errno,
                                     "failed to mount local volume: mount %s:%s, flags: %#lx, data: %s",
                                     device, path, first, mn_str_text(&data));
        /* mount(2) ignores MS_RDONLY on a bind, and takes propagation only alone. */
        int r = 0;
        if ((flags & MS_BIND) && (flags & MS_RDONLY) && mount(NULL, path, NULL, MS_REMOUNT | first, NULL) < 0)
                r = -errno;
        if (r == 0 && (propagation & propagation_flags) && mount(NULL, path, NULL, propagation, NULL) < 0)
                r = -errno;
        if (r < 0) {
                umount2(path, MNT_DETACH);
                return mn_fail_errno(err, r, "failed to mount local volume at %s", path);
        }
        return MN_OK;
}
