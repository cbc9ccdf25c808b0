/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/systemd_cgroup.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"

/* "a-b.slice" lives in "a.slice": /a.slice/a-b.slice. */
static char *expand_slice(const char *slice) {
        size_t len = strlen(slice);
        if (len < 7 || strcmp(slice + len - 6, ".slice") != 0 || strchr(slice, '/') || *slice == '-')
                return strcmp(slice, "-.slice") == 0 ? mn_strdup("") : NULL;
        cleanup_str mn_str path = MN_STR_INIT(1024);
        size_t name_len = len - 6;
        for (size_t i = 1; i <= name_len; i++) {
                if (i < name_len && slice[i] != '-')
                        continue;
                if (slice[i - 1] == '-')
                        return NULL;
                mn_str_printf(&path, "/%.*s.slice", (int) i, slice);
        }
        return mn_str_error(&path) < 0 ? NULL : mn_str_take(&path);
}

mn_status systemd_cgroup_path(const char *spec, const char *id, char **ret_path, char **ret_unit,
                              mn_err *err) {
        cleanup_free char *copy = spec && *spec ? mn_strdup(spec) : mn_asprintf("system.slice:minato:%s", id);
        char *prefix = strchr(copy, ':'), *name = prefix ? strchr(prefix + 1, ':') : NULL;
        if (!name)
                return mn_fail(err, MN_INVALID,
                               "linux.cgroupsPath: \"%s\" is not of the form \"slice:prefix:name\"", copy);
        *prefix++ = '\0';
        *name++ = '\0';
        cleanup_free char *slice = expand_slice(*copy ? copy : "system.slice");
        if (!slice || !*name || strchr(name, '/') || strchr(prefix, '/'))
                return mn_fail(err, MN_INVALID, "linux.cgroupsPath: \"%s\" has a wrong slice or name", spec);
        *ret_unit = *prefix ? mn_asprintf("%s-%s.scope", prefix, name) : mn_asprintf("%s.scope", name);
        *ret_path = mn_asprintf("%s/%s", slice, *ret_unit);
        return MN_OK;
}

mn_status systemd_cgroup_start(const char *unit, const oci_spec *spec, const mn_cgroup *cg, mn_err *err) {
        (void) spec;
        (void) cg;
        if (faccessat(AT_FDCWD, "/run/systemd/system", F_OK, 0) < 0)
                return mn_fail(err, MN_NOT_IMPLEMENTED,
                               "--systemd-cgroup: systemd is not running on this host (scope \"%s\")", unit);
        return mn_fail(err, MN_NOT_IMPLEMENTED,
                       "--systemd-cgroup: not offered by this runtime yet; use the cgroupfs driver");
}

void systemd_cgroup_stop(const char *unit) {
        (void) unit;
}
