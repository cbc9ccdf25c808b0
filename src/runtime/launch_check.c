/* SPDX-License-Identifier: Apache-2.0 */
/* The bundle is read, and what cannot be done is refused before anything is made. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>

#include "base/str.h"
#include "runtime/hooks.h"
#include "runtime/idmap.h"
#include "runtime/launch.h"
#include "runtime/net_devices.h"
#include "runtime/resctrl.h"
#include "runtime/rootfs.h"
#include "runtime/sysctls.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { MAX_CONFIG = 8 << 20, MAX_MOUNTS = 8192 };

static mn_status load_bundle(launch *l, mn_err *err) {
        const char *bundle = l->options->bundle ? l->options->bundle : ".";
        l->bundle_fd = openat(AT_FDCWD, bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (l->bundle_fd < 0)
                return mn_fail_errno(err, -errno, "bundle \"%s\"", bundle);
        l->bundle = realpath(bundle, NULL);
        int r = mn_file_read(l->bundle_fd, CONTAINER_CONFIG_FILE, MAX_CONFIG, &l->config_text,
                             &l->config_len);
        if (r < 0)
                return mn_fail_errno(err, r, "JSON specification file config.json in \"%s\"", bundle);
        return oci_spec_parse(l->config_text, l->config_len, l->arena, &l->spec, err);
}

static mn_status check_namespaces(const launch *l, mn_err *err) {
        const oci_spec *spec = l->spec;
        if (l->namespaces.borrows_mounts && (l->namespaces.create_flags & CLONE_NEWUSER))
                return mn_fail(err, MN_INVALID,
                               "linux.namespaces: a new user namespace may not enter a mount namespace that "
                               "is not its own");
        if ((spec->hostname && *spec->hostname) || (spec->domainname && *spec->domainname))
                if (!namespace_is_own(&l->namespaces, CLONE_NEWUTS))
                        return mn_fail(err, MN_INVALID, "hostname: needs a uts namespace of its own");
        return MN_OK;
}

static mn_status check_console(const launch *l, mn_err *err) {
        bool wants_console = l->spec->process->terminal;
        if (l->options->console_socket && !wants_console)
                return mn_fail(err, MN_INVALID,
                               "cannot use console socket if runc will not detach or allocate tty");
        if (wants_console && !l->options->console_socket && (l->waits_for_start || l->options->is_detached))
                return mn_fail(err, MN_INVALID,
                               "cannot allocate tty if runc will detach without setting console socket");
        return MN_OK;
}

static mn_status check_linux(const launch *l, mn_err *err) {
        const oci_linux *linux_ = l->spec->linux_;
        if (!linux_)
                return MN_OK;
        mn_status st = MN_OK;
        if (linux_->mount_label && *linux_->mount_label)
                st = rootfs_check_context(linux_->mount_label, "linux.mountLabel", err);
        if (st == MN_OK)
                st = resctrl_check(linux_->intel_rdt, err);
        return st == MN_OK ? net_devices_check(linux_, &l->namespaces, err) : st;
}

/* 1.MINOR.PATCH, and what may come behind it. */
static bool is_supported_version(const char *version) {
        static const char digits[] = "0123456789";
        if (!mn_str_has_prefix(version, "1."))
                return false;
        const char *minor = version + 2, *patch = minor + strspn(minor, digits);
        const char *end = patch + (*patch == '.' ? 1 + strspn(patch + 1, digits) : 0);
        return patch > minor && end > patch + 1 && strchr("-+", *end);
}

static mn_status check_spec(const launch *l, mn_err *err) {
        const oci_spec *spec = l->spec;
        unsigned long propagation;
        if (!is_supported_version(spec->oci_version))
                return mn_fail(err, MN_INVALID, "ociVersion: \"%s\" is not supported, only 1.x",
                               spec->oci_version);
        if (!spec->process)
                return mn_fail(err, MN_INVALID, "process: missing");
        if (!spec->root || !*spec->root->path)
                return mn_fail(err, MN_INVALID, "root: missing");
        if (spec->mounts.len > MAX_MOUNTS)
                return mn_fail(err, MN_INVALID, "mounts: more than %d", MAX_MOUNTS);
        mn_status st = check_namespaces(l, err);
        if (st == MN_OK)
                st = check_console(l, err);
        if (st == MN_OK)
                st = check_linux(l, err);
        if (st == MN_OK)
                st = hooks_check(spec->hooks, err);
        if (st == MN_OK)
                st = rootfs_propagation(spec, &propagation, err);
        return st == MN_OK ? idmap_check(spec, &l->namespaces, err) : st;
}

mn_status launch_load(launch *l, mn_err *err) {
        mn_status st = load_bundle(l, err);
        if (st == MN_OK)
                st = namespace_plan_init(&l->namespaces, l->spec, err);
        if (st == MN_OK)
                st = check_spec(l, err);
        return st == MN_OK ? sysctls_check(l->spec, &l->namespaces, err) : st;
}
