/* SPDX-License-Identifier: Apache-2.0 */
/* spec: a configuration to start from. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "oci/seccomp_profile.h"
#include "runtime/commands.h"
#include "runtime/container.h"
#include "sys/fd.h"
#include "sys/file.h"

enum { MAX_OUTPUT = 1 << 20 };

typedef struct spec_options {
        char *bundle;
        bool is_rootless;
        bool has_seccomp;
} spec_options;

static const option_row spec_options_table[] = {
        { "bundle", 'b', OPTION_STRING, offsetof(spec_options, bundle),
          "DIR  where to write config.json (.)" },
        { "rootless", 0, OPTION_FLAG, offsetof(spec_options, is_rootless), "for a user without privileges" },
        { "seccomp-default", 0, OPTION_FLAG, offsetof(spec_options, has_seccomp),
          "with the default seccomp profile" },
        { 0 },
};

/* The parts that never differ. */
static const char head[] =
        "{\"ociVersion\":\"" OCI_VERSION "\",\"process\":{\"terminal\":false,\"user\":{\"uid\":0,\"gid\":0},"
        "\"args\":[\"sh\"],\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/"
        "bin\",\"TERM=xterm\"],"
        "\"cwd\":\"/\",\"capabilities\":{"
        "\"bounding\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
        "\"effective\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
        "\"permitted\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]},"
        "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],\"noNewPrivileges\":true},"
        "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"minato\",\"mounts\":["
        "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
        "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
        "\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
        "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
        "\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\"";
static const char mounts_tail[] =
        "]},{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"
        "{\"destination\":\"/dev/"
        "mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},";
static const char sysfs_mount[] =
        "{\"destination\":\"/"
        "sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
        "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}],";
static const char sysfs_bind[] = "{\"destination\":\"/sys\",\"type\":\"none\",\"source\":\"/"
                                 "sys\",\"options\":[\"rbind\",\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}],";
static const char linux_privileged[] =
        "\"linux\":{\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]},\"namespaces\":["
        "{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
        "{\"type\":\"mount\"},{\"type\":\"cgroup\"}],";
static const char linux_tail[] =
        "\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\",\"/proc/"
        "latency_stats\","
        "\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\",\"/sys/firmware\",\"/proc/scsi\"],"
        "\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]";

static void add_rootless(mn_str *out) {
        mn_str_printf(out,
                      "\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":%u,\"size\":1}],"
                      "\"gidMappings\":[{\"containerID\":0,\"hostID\":%u,\"size\":1}],\"namespaces\":["
                      "{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},{"
                      "\"type\":\"cgroup\"},"
                      "{\"type\":\"user\"}],",
                      (unsigned) geteuid(), (unsigned) getegid());
}

static void add_seccomp(mn_str *out) {
        mn_arena *arena = mn_arena_new();
        oci_seccomp profile;
        uint64_t caps = UINT64_C(1) << oci_capability_number("CAP_AUDIT_WRITE") |
                        UINT64_C(1) << oci_capability_number("CAP_KILL") |
                        UINT64_C(1) << oci_capability_number("CAP_NET_BIND_SERVICE");
        oci_seccomp_default(&(oci_seccomp_context){ .capabilities = caps }, arena, &profile);
        mn_str_add(out, ",\"seccomp\":");
        mn_json_encode(&oci_seccomp_type, &profile, 0, out);
        mn_arena_free(arena);
}

static mn_status spec(runtime_context *rt, const void *options, int argc, char **argv, int *ret_code,
                      mn_err *err) {
        (void) rt;
        (void) argc;
        (void) argv;
        (void) ret_code;
        const spec_options *o = options;
        cleanup_str mn_str out = MN_STR_INIT(MAX_OUTPUT);
        mn_str_add(&out, head);
        mn_str_add(&out, o->is_rootless ? "" : ",\"gid=5\"");
        mn_str_add(&out, mounts_tail);
        mn_str_add(&out, o->is_rootless ? sysfs_bind : sysfs_mount);
        if (o->is_rootless)
                add_rootless(&out);
        else
                mn_str_add(&out, linux_privileged);
        mn_str_add(&out, linux_tail);
        if (o->has_seccomp)
                add_seccomp(&out);
        mn_str_add(&out, "}}\n");
        const char *bundle = o->bundle ? o->bundle : ".";
        cleanup_close int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = dir < 0 ? -ENOENT : mn_file_create(dir, CONTAINER_CONFIG_FILE, out.data, out.len, 0644);
        return r < 0 ? mn_fail_errno(err, r, "writing config.json to \"%s\"", bundle) : MN_OK;
}

const command command_spec = {
        "spec", "",  "write a config.json to start from", spec_options_table, sizeof(spec_options), 0, 0,
        false,  spec
};
