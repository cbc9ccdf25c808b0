/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci/seccomp_profile.h"

/* The specification wants a warning, not an error, for what the kernel does not know. */
static uint64_t parse_list(char **list, const char *field, const runtime_context *rt) {
        uint64_t mask = 0;
        for (char **name = list; name && *name; name++) {
                int number = oci_capability_number(*name);
                if (number < 0 || strncmp(*name, "CAP_", 4) != 0)
                        runtime_warn(rt, "process.capabilities.%s: unknown capability \"%s\" is left out",
                                     field, *name);
                else
                        mask |= UINT64_C(1) << number;
        }
        return mask;
}

/* What we have ourselves and so can hand on. */
static uint64_t own_permitted(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { 0 };
        if (syscall(SYS_capget, &header, data) < 0)
                return 0;
        return data[0].permitted | (uint64_t) data[1].permitted << 32;
}

void capability_sets_parse(const oci_capabilities *caps, bool has_user_namespace, const runtime_context *rt,
                           capability_sets *ret) {
        *ret = (capability_sets){ 0 };
        if (!caps)
                return;
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
        uint64_t own = has_user_namespace ? UINT64_MAX : own_permitted(), dropped = 0;
        for (size_t i = 0; i < MN_ARRAY_LEN(sets); i++) {
                *sets[i].mask = parse_list(sets[i].list, sets[i].field, rt);
                dropped |= *sets[i].mask & ~own;
                *sets[i].mask &= own;
        }
        for (int i = 0; i < OCI_CAPABILITY_COUNT; i++)
                if (dropped & UINT64_C(1) << i)
                        runtime_warn(rt, "process.capabilities: %s is not ours to give and is left out",
                                     oci_capability_name(i));
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
