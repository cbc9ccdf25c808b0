/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mount_options.h"

#include <string.h>
#include <sys/mount.h>

#include "sys/mountfd.h"

enum { MAX_DATA = 4096 };

/* What an option does. */
typedef enum effect {
        SET,
        CLEAR,
        TIME, /* one of the access-time choices */
        SUPER_SET,
        SUPER_CLEAR,
        PROPAGATION,
        SPECIAL,
} effect;

enum special { BIND, RBIND, REMOUNT, COPY_UP, IDMAP, RIDMAP, NOFOLLOW, NOTHING };

typedef struct option {
        const char *name;
        effect effect;
        uint64_t value;
        bool is_recursive;
} option;

static const option options[] = {
        { "async", SUPER_CLEAR, MS_SYNCHRONOUS, false },
        { "atime", CLEAR, MN_MOUNT_ATIME_MASK, false },
        { "bind", SPECIAL, BIND, false },
        { "defaults", SPECIAL, NOTHING, false },
        { "dest-nofollow", SPECIAL, NOFOLLOW, false },
        { "dev", CLEAR, MN_MOUNT_NODEV, false },
        { "diratime", CLEAR, MN_MOUNT_NODIRATIME, false },
        { "dirsync", SUPER_SET, MS_DIRSYNC, false },
        { "exec", CLEAR, MN_MOUNT_NOEXEC, false },
        { "idmap", SPECIAL, IDMAP, false },
        { "iversion", SUPER_SET, MS_I_VERSION, false },
        { "lazytime", SUPER_SET, MS_LAZYTIME, false },
        { "loud", SUPER_CLEAR, MS_SILENT, false },
        { "mand", SUPER_SET, MS_MANDLOCK, false },
        { "noatime", TIME, MN_MOUNT_NOATIME, false },
        { "nodev", SET, MN_MOUNT_NODEV, false },
        { "nodiratime", SET, MN_MOUNT_NODIRATIME, false },
        { "noexec", SET, MN_MOUNT_NOEXEC, false },
        { "noiversion", SUPER_CLEAR, MS_I_VERSION, false },
        { "nolazytime", SUPER_CLEAR, MS_LAZYTIME, false },
        { "nomand", SUPER_CLEAR, MS_MANDLOCK, false },
        { "norelatime", CLEAR, MN_MOUNT_ATIME_MASK, false },
        { "nostrictatime", CLEAR, MN_MOUNT_ATIME_MASK, false },
        { "nosuid", SET, MN_MOUNT_NOSUID, false },
        { "nosymfollow", SET, MN_MOUNT_NOSYMFOLLOW, false },
        { "private", PROPAGATION, MS_PRIVATE, false },
        { "ratime", CLEAR, MN_MOUNT_ATIME_MASK, true },
        { "rbind", SPECIAL, RBIND, false },
        { "rdev", CLEAR, MN_MOUNT_NODEV, true },
        { "rdiratime", CLEAR, MN_MOUNT_NODIRATIME, true },
        { "relatime", TIME, MN_MOUNT_RELATIME, false },
        { "remount", SPECIAL, REMOUNT, false },
        { "rexec", CLEAR, MN_MOUNT_NOEXEC, true },
        { "ridmap", SPECIAL, RIDMAP, false },
        { "rnoatime", TIME, MN_MOUNT_NOATIME, true },
        { "rnodev", SET, MN_MOUNT_NODEV, true },
        { "rnodiratime", SET, MN_MOUNT_NODIRATIME, true },
        { "rnoexec", SET, MN_MOUNT_NOEXEC, true },
        { "rnorelatime", CLEAR, MN_MOUNT_ATIME_MASK, true },
        { "rnostrictatime", CLEAR, MN_MOUNT_ATIME_MASK, true },
        { "rnosuid", SET, MN_MOUNT_NOSUID, true },
        { "rnosymfollow", SET, MN_MOUNT_NOSYMFOLLOW, true },
        { "ro", SET, MN_MOUNT_RDONLY, false },
        { "rprivate", PROPAGATION, MS_PRIVATE, true },
        { "rrelatime", TIME, MN_MOUNT_RELATIME, true },
        { "rro", SET, MN_MOUNT_RDONLY, true },
        { "rrw", CLEAR, MN_MOUNT_RDONLY, true },
        { "rshared", PROPAGATION, MS_SHARED, true },
        { "rslave", PROPAGATION, MS_SLAVE, true },
        { "rstrictatime", TIME, MN_MOUNT_STRICTATIME, true },
        { "rsuid", CLEAR, MN_MOUNT_NOSUID, true },
        { "rsymfollow", CLEAR, MN_MOUNT_NOSYMFOLLOW, true },
        { "runbindable", PROPAGATION, MS_UNBINDABLE, true },
        { "rw", CLEAR, MN_MOUNT_RDONLY, false },
        { "shared", PROPAGATION, MS_SHARED, false },
        { "silent", SUPER_SET, MS_SILENT, false },
        { "slave", PROPAGATION, MS_SLAVE, false },
        { "strictatime", TIME, MN_MOUNT_STRICTATIME, false },
        { "suid", CLEAR, MN_MOUNT_NOSUID, false },
        { "symfollow", CLEAR, MN_MOUNT_NOSYMFOLLOW, false },
        { "sync", SUPER_SET, MS_SYNCHRONOUS, false },
        { "tmpcopyup", SPECIAL, COPY_UP, false },
        { "unbindable", PROPAGATION, MS_UNBINDABLE, false },
};

const char *const *mount_options_names(void) {
        static const char *names[MN_ARRAY_LEN(options) + 1];
        for (size_t i = 0; i < MN_ARRAY_LEN(options); i++)
                names[i] = options[i].name;
        return names;
}

static void apply_special(mount_options *o, uint64_t special) {
        switch ((enum special) special) {
        case BIND:
        case RBIND:
                o->is_bind = true;
                o->is_recursive |= special == RBIND;
                break;
        case REMOUNT:
                o->is_remount = true;
                break;
        case COPY_UP:
                o->has_copy_up = true;
                break;
        case IDMAP:
        case RIDMAP:
                o->is_idmapped = true;
                o->is_idmap_recursive |= special == RIDMAP;
                break;
        case NOFOLLOW:
                o->is_nofollow = true;
                break;
        case NOTHING:
                break;
        }
}

/* The last of two options that contradict each other wins, as with mount(8). */
static void change(uint64_t *set, uint64_t *clear, uint64_t to_set, uint64_t to_clear) {
        *set = (*set & ~to_clear) | to_set;
        *clear = (*clear & ~to_set) | to_clear;
}

static void apply(mount_options *o, const option *opt) {
        uint64_t *set = opt->is_recursive ? &o->recursive_set : &o->set;
        uint64_t *clear = opt->is_recursive ? &o->recursive_clear : &o->clear;
        switch (opt->effect) {
        case SET:
                change(set, clear, opt->value, 0);
                break;
        case CLEAR:
                change(set, clear, 0, opt->value);
                break;
        case TIME:
                change(set, clear, 0, MN_MOUNT_ATIME_MASK);
                *set |= opt->value;
                break;
        case SUPER_SET:
                o->super_flags |= (unsigned long) opt->value;
                break;
        case SUPER_CLEAR:
                o->super_flags &= ~(unsigned long) opt->value;
                break;
        case PROPAGATION:
                o->propagation = opt->value;
                o->is_propagation_recursive = opt->is_recursive;
                break;
        case SPECIAL:
                apply_special(o, opt->value);
                break;
        }
}

static const option *find_option(const char *name) {
        size_t low = 0, high = MN_ARRAY_LEN(options);
        while (low < high) {
                size_t middle = (low + high) / 2;
                int order = strcmp(name, options[middle].name);
                if (order == 0)
                        return &options[middle];
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

mn_status mount_options_parse(mount_options *ret, const oci_mount *mount, mn_err *err) {
        *ret = (mount_options){ .data = MN_STR_INIT(MAX_DATA - 1) };
        for (char **name = mount->options; name && *name; name++) {
                const option *opt = find_option(*name);
                if (opt) {
                        apply(ret, opt);
                        continue;
                }
                if (ret->data.len)
                        mn_str_add_char(&ret->data, ',');
                mn_str_add(&ret->data, *name);
        }
        if (mount->type && strcmp(mount->type, "bind") == 0)
                ret->is_bind = true;
        if (mount->uid_mappings.len || mount->gid_mappings.len)
                ret->is_idmapped = true;
        return mn_str_error(&ret->data) < 0
                       ? mn_fail(err, MN_INVALID, "options: longer than %d bytes", MAX_DATA)
                       : MN_OK;
}

void mount_options_release(mount_options *o) {
        mn_str_release(&o->data);
}

unsigned long mount_options_flags(const mount_options *o) {
        unsigned long flags = o->super_flags;
        flags |= o->set & MN_MOUNT_RDONLY ? MS_RDONLY : 0;
        flags |= o->set & MN_MOUNT_NOSUID ? MS_NOSUID : 0;
        flags |= o->set & MN_MOUNT_NODEV ? MS_NODEV : 0;
        flags |= o->set & MN_MOUNT_NOEXEC ? MS_NOEXEC : 0;
        flags |= o->set & MN_MOUNT_NODIRATIME ? MS_NODIRATIME : 0;
        flags |= o->set & MN_MOUNT_NOSYMFOLLOW ? 256UL : 0; /* MS_NOSYMFOLLOW */
        uint64_t atime = o->set & MN_MOUNT_ATIME_MASK;
        return flags | (atime == MN_MOUNT_NOATIME       ? MS_NOATIME
                        : atime == MN_MOUNT_STRICTATIME ? MS_STRICTATIME
                                                        : 0);
}
