/* SPDX-License-Identifier: Apache-2.0 */
/* features: what this runtime offers, as the specification's document. */
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "oci/seccomp_profile.h"
#include "runtime/commands.h"
#include "runtime/mount_options.h"
#include "runtime/namespaces.h"
#include "runtime/seccomp_program.h"
#include "sys/fd.h"

enum { MAX_OUTPUT = 1 << 20 };

static const option_row no_options[] = { { 0 } };

static void add_list(mn_str *out, const char *name, const char *const *list) {
        mn_str_printf(out, "\"%s\":[", name);
        for (size_t i = 0; list[i]; i++) {
                mn_str_add(out, i ? "," : "");
                mn_json_add_str(out, list[i]);
        }
        mn_str_add(out, "]");
}

static void add_linux(mn_str *out) {
        const char *namespaces[NAMESPACE_KINDS + 1] = { NULL },
                                                 *capabilities[OCI_CAPABILITY_COUNT + 1] = { NULL };
        for (int i = 0; i < NAMESPACE_KINDS; i++)
                namespaces[i] = namespace_kinds[i].type;
        for (int i = 0; i < OCI_CAPABILITY_COUNT; i++)
                capabilities[i] = oci_capability_name(i);
        mn_str_add(out, "\"linux\":{");
        add_list(out, "namespaces", namespaces);
        mn_str_add(out, ",");
        add_list(out, "capabilities", capabilities);
        mn_str_add(
                out,
                ",\"cgroup\":{\"v1\":true,\"v2\":true,\"systemd\":false,\"systemdUser\":false,\"rdma\":true},"
                "\"seccomp\":{\"enabled\":true,");
        add_list(out, "actions", seccomp_action_names);
        mn_str_add(out, ",");
        add_list(out, "operators", seccomp_operator_names);
        mn_str_add(out, ",");
        add_list(out, "archs", seccomp_arch_names);
        mn_str_add(out, ",");
        add_list(out, "knownFlags", seccomp_flag_names);
        mn_str_add(out, ",");
        add_list(out, "supportedFlags", seccomp_flag_names);
        mn_str_add(out,
                   "},\"apparmor\":{\"enabled\":true},\"selinux\":{\"enabled\":true},\"intelRdt\":{"
                   "\"enabled\":true,\"schemata\":true,\"monitoring\":true},"
                   "\"mountExtensions\":{\"idmap\":{\"enabled\":true}},\"netDevices\":{\"enabled\":true}}");
}

static mn_status features(runtime_context *rt, const void *options, int argc, char **argv, int *ret_code,
                          mn_err *err) {
        (void) rt;
        (void) options;
        (void) argc;
        (void) argv;
        (void) ret_code;
        static const char *const hooks[] = {
                "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
                NULL
        };
        cleanup_str mn_str out = MN_STR_INIT(MAX_OUTPUT);
        mn_str_add(&out, "{\"ociVersionMin\":\"" OCI_VERSION_MIN "\",\"ociVersionMax\":\"" OCI_VERSION "\",");
        add_list(&out, "hooks", hooks);
        mn_str_add(&out, ",");
        add_list(&out, "mountOptions", mount_options_names());
        mn_str_add(&out, ",");
        add_linux(&out);
        mn_str_add(&out, ",\"potentiallyUnsafeConfigAnnotations\":[\"" OCI_ANNOTATION_SECCOMP
                         "\",\"" OCI_ANNOTATION_CGROUP
                         "\"],\"annotations\":{\"io.minato.runtime.version\":\"" MINATO_VERSION "\"}}\n");
        int r = mn_write_all(STDOUT_FILENO, mn_str_text(&out), out.len);
        return r < 0 ? mn_fail_errno(err, r, "writing") : MN_OK;
}

const command command_features = { "features", "",      "print what this runtime offers", no_options, 1, 0, 0,
                                   false,      features };
