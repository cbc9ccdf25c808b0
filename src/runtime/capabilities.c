/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci/seccomp_profile.h"

static mn_status parse_list(char **list, const char *field, uint64_t *ret, mn_err *err) {
        uint64_t mask = 0;
        for (char **name = list; name && *name; name++) {
                int number = oci_capability_number(*name);
                if (number < 0 || strncmp(*name, "CAP_", 4) != 0)
                        return mn_fail(err, MN_INVALID, "process.capabilities.%s: unknown capability \"%s\"",
                                       field, *name);
                mask |= UINT64_C(1) << number;
        }
        *ret = mask;
        return MN_OK;
}

/* What we have ourselves and so can hand on. */
static uint64_t own_permitted(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { 0 };
        if (syscall(SYS_capget, &header, data) < 0)
                return 0;
        return data[0].permitted | (uint64_t) data[1].permitted << 32;
}

mn_status capability_sets_parse(const oci_capabilities *caps, bool has_user_namespace, capability_sets *ret,
                                uint64_t *ret_dropped, mn_err *err) {
        *ret = (capability_sets){ 0 };
        *ret_dropped = 0;
        if (!caps)
                return MN_OK;
        const struct {
                char **list;
                const char *field;
                uint64_t *mask;
        } sets[] = {
                { caps->bounding, "bounding", &ret->bounding },
                { caps->effective, "effective", &ret->effective },
                { caps->inheritable, "inheritable", &ret->inheritable },
                { caps->permitted, "permitted", &ret->permitted },
                { caps->ambient, "ambient", &ret->ambient },
        };
        uint64_t own = has_user_namespace ? UINT64_MAX : own_permitted();
        for (size_t i = 0; i < MN_ARRAY_LEN(sets); i++) {
                mn_status st = parse_list(sets[i].list, sets[i].field, sets[i].mask, err);
                if (st)
                        return st;
                *ret_dropped |= *sets[i].mask & ~own;
                *sets[i].mask &= own;
        }
        return MN_OK;
}

int capability_bound(uint64_t keep) {
        for (unsigned i = 0; i < 64; i++) {
                if (keep & (UINT64_C(1) << i))
                        continue;
                if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
                        return errno == EINVAL ? 0 : -errno; /* EINVAL: past the kernel's last one */
        }
        return 0;
}

int capability_set(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = {
                { .effective = (uint32_t) effective,
                  .permitted = (uint32_t) permitted,
                  .inheritable = (uint32_t) inheritable },
                { .effective = (uint32_t) (effective >> 32),
                  .permitted = (uint32_t) (permitted >> 32),
                  .inheritable = (uint32_t) (inheritable >> 32) },
        };
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int capability_raise_ambient(uint64_t ambient) {
        for (unsigned i = 0; i < 64; i++)
                if ((ambient & (UINT64_C(1) << i)) &&
                    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0 && errno != EPERM &&
                    errno != EINVAL)
                        return -errno;
        return 0;
}
