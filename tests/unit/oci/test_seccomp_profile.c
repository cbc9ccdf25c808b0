/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/seccomp_profile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/strv.h"

static const uint64_t docker_default = 0xa80425fb;

static const oci_seccomp_rule *find(const oci_seccomp *s, const char *name, size_t *count) {
        const oci_seccomp_rule *found = NULL;
        *count = 0;
        for (size_t i = 0; i < s->syscalls.len; i++)
                if (mn_strv_has(s->syscalls.items[i].names, name)) {
                        found = found ? found : &s->syscalls.items[i];
                        (*count)++;
                }
        return found;
}

static size_t unconditional_names(const oci_seccomp *s) {
        return mn_strv_len(s->syscalls.items[0].names);
}

static void equals_docker_for_default_capabilities(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        oci_seccomp s;
        size_t count;
        oci_seccomp_default(&(oci_seccomp_context){ .capabilities = docker_default, .arch = "amd64" }, arena,
                            &s);
        assert_int_equal(unconditional_names(&s), 361);
        assert_string_equal(s.architectures[0], "SCMP_ARCH_X86_64");
        static const char *const refused[] = { "mount",          "unshare",           "bpf",
                                               "io_uring_setup", "userfaultfd",       "keyctl",
                                               "kexec_load",     "open_by_handle_at", "init_module",
                                               "swapon",         "perf_event_open",   "iopl" };
        for (size_t i = 0; i < MN_ARRAY_LEN(refused); i++)
                assert_null(find(&s, refused[i], &count));
        static const char *const allowed[] = {
                "ptrace", "chroot", "arch_prctl", "modify_ldt", "name_to_handle_at", "execve"
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(allowed); i++)
                assert_string_equal(find(&s, allowed[i], &count)->action, "SCMP_ACT_ALLOW");
        assert_int_equal(*find(&s, "clone3", &count)->errno_ret, ENOSYS);
        const oci_seccomp_rule *clone = find(&s, "clone", &count);
        assert_int_equal(count, 1);
        assert_true(clone->args.items[0].value == 0x7e020000);
        find(&s, "socket", &count);
        assert_int_equal(count, 3);
        find(&s, "personality", &count);
        assert_int_equal(count, 5);
}

static void opens_with_capabilities(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        oci_seccomp s;
        size_t count;
        uint64_t all = (UINT64_C(1) << OCI_CAPABILITY_COUNT) - 1;
        oci_seccomp_default(&(oci_seccomp_context){ .capabilities = all, .arch = "amd64" }, arena, &s);
        assert_string_equal(find(&s, "clone3", &count)->action, "SCMP_ACT_ALLOW");
        assert_int_equal(find(&s, "clone", &count)->args.len, 0);
        assert_non_null(find(&s, "mount", &count));
        oci_seccomp_default(&(oci_seccomp_context){ .capabilities = 0, .arch = "s390x" }, arena, &s);
        assert_null(find(&s, "chroot", &count));
        assert_int_equal(find(&s, "clone", &count)->args.items[0].index, 1);
        assert_null(find(&s, "arch_prctl", &count));
}

static mn_status parse(mn_arena *arena, const char *text, oci_seccomp *s, mn_err *err) {
        oci_seccomp_context c = {
                .capabilities = docker_default, .arch = "amd64", .kernel_major = 5, .kernel_minor = 10
        };
        return oci_seccomp_from_profile(text, strlen(text), &c, arena, s, err);
}

static void reads_docker_profiles(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_err mn_err err = { 0 };
        oci_seccomp s;
        size_t count;
        static const char text[] =
                "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
                "\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\"]"
                "}],"
                "\"syscalls\":[{\"name\":\"one\",\"action\":\"SCMP_ACT_ALLOW\"},"
                "{\"names\":[\"new\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"5.11\"}},"
                "{\"names\":[\"old\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"4.8\"}},"
                "{\"names\":[\"admin\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_SYS_"
                "ADMIN\"]}},"
                "{\"names\":[\"noadmin\"],\"action\":\"SCMP_ACT_ALLOW\",\"excludes\":{\"caps\":[\"CAP_SYS_"
                "ADMIN\"]}},"
                "{\"names\":[\"arm\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"arm64\"]}}]}";
        assert_int_equal(parse(arena, text, &s, &err), MN_OK);
        assert_int_equal(*s.default_errno_ret, 38);
        assert_string_equal(s.architectures[1], "SCMP_ARCH_X86");
        assert_non_null(find(&s, "one", &count));
        assert_null(find(&s, "new", &count));
        assert_non_null(find(&s, "old", &count));
        assert_null(find(&s, "admin", &count));
        assert_non_null(find(&s, "noadmin", &count));
        assert_null(find(&s, "arm", &count));
}

static void refuses_contradictions(void **state) {
        (void) state;
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "{", "decoding seccomp profile failed: invalid JSON at byte 1: expected a member name" },
                { "{}", "decoding seccomp profile failed: defaultAction: required field is missing" },
                { "{\"defaultAction\":1}",
                  "decoding seccomp profile failed: defaultAction: expected string, got number" },
                { "{\"defaultAction\":\"a\",\"syscalls\":[{\"name\":\"a\",\"names\":[\"b\"],\"action\":\"x\"}"
                  "]}",
                  "'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'" },
                { "{\"defaultAction\":\"a\",\"architectures\":[\"x\"],\"archMap\":[{}]}",
                  "'architectures' and 'archMap' were specified in the seccomp profile, use either "
                  "'architectures' or "
                  "'archMap'" },
                { "{\"defaultAction\":\"a\",\"syscalls\":[{\"names\":[\"b\"],\"action\":\"x\",\"includes\":{"
                  "\"minKernel\":\"x\"}}]}",
                  "decoding seccomp profile failed: invalid kernel version" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                cleanup_err mn_err err = { 0 };
                oci_seccomp s;
                assert_int_equal(parse(arena, cases[i].text, &s, &err), MN_INVALID);
                assert_string_equal(err.message, cases[i].message);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(equals_docker_for_default_capabilities),
                cmocka_unit_test(opens_with_capabilities),
                cmocka_unit_test(reads_docker_profiles),
                cmocka_unit_test(refuses_contradictions),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
