/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Properties of a scope as elements of the a(sv) that systemd's manager takes (systemd.resource-control(5)).
 */

#include "oci/runtime_spec.h"
#include "sys/cgroup.h"
#include "sys/dbus.h"

/* Name and type; the value follows. */
void systemd_put_begin(mn_str *body, const char *name, const char *signature);
void systemd_put_bool(mn_str *body, const char *name, bool value);
void systemd_put_u64(mn_str *body, const char *name, uint64_t value);
void systemd_put_text(mn_str *body, const char *name, const char *value);

/* Those that linux.resources (may be NULL) has a word for. MN_INVALID for a value that cannot be read. */
mn_status systemd_put_resources(mn_str *body, const oci_resources *res, const mn_cgroup_host *host,
                                mn_err *err) MN_MUST_USE;

/* DevicePolicy and DeviceAllow, where devices are controlled by v1 lists: there systemd opens all of them
   again when it reloads and was not told otherwise. (On v2 every program must agree, and ours stays.) */
mn_status systemd_put_devices(mn_str *body, const oci_resources *res, const mn_cgroup_host *host,
                              mn_err *err) MN_MUST_USE;

/* Annotations "org.systemd.property.NAME": GVariant text of a boolean, number, string or array of strings; a
   NAME that ends in "Sec" takes seconds and becomes "USec". MN_INVALID names the annotation. */
mn_status systemd_put_annotations(mn_str *body, const mn_str_map *annotations, mn_err *err) MN_MUST_USE;

/* "0-3,7" as systemd's bytes of bits, appended to `ret`. -EINVAL, -ERANGE above 8191. */
int systemd_cpu_mask(const char *list, mn_str *ret);
