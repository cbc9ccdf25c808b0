/* SPDX-License-Identifier: Apache-2.0 */
/* What a create request must have right, how it is completed, what it mounts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strv.h"
#include "container/create.h"
#include "container/engine.h"
#include "container/names.h"
#include "container/spec.h"

static mn_arena *arena;

static int make_arena(void **state) {
        (void) state;
        arena = mn_arena_new();
        return 0;
}

static int free_arena(void **state) {
        (void) state;
        mn_arena_free(arena);
        return 0;
}

static void decode(const char *json, wire_container_create *ret) {
        cleanup_err mn_err err = { 0 };
        if (mn_json_decode_text(&wire_container_create_type, json, strlen(json), NULL, arena,
                                MN_UNKNOWN_REJECT, ret, &err))
                fail_msg("%s: %s", json, mn_err_text(&err));
}

/* ---- names ---- */

static void names(void **state) {
        (void) state;
        assert_true(container_name_is_valid("web"));
        assert_true(container_name_is_valid("0a"));
        assert_true(container_name_is_valid("a_b.c-d"));
        static const char *const wrong[] = { "", "a", "/web", "-web", ".web", "we b", "wéb", "a/b", "a\n" };
        for (size_t i = 0; i < MN_ARRAY_LEN(wrong); i++)
                assert_false(container_name_is_valid(wrong[i]));
        for (unsigned i = 0; i < 200; i++) {
                const char *name = container_name_generate(arena, i % 3);
                assert_true(container_name_is_valid(name));
                assert_non_null(strchr(name, '_'));
        }
}

/* ---- validation ---- */

struct rule {
        const char *json;
        const char *error; /* NULL: fine */
};

static mn_status check(const wire_container_create *c, mn_err *err) {
        mn_status status = container_check_config(&c->config, err);
        if (!status)
                status = container_check_host_config(&c->host_config, &c->config, err);
        return status ? status : container_check_resources(&c->host_config.resources, 2, err);
}

static void validation(void **state) {
        (void) state;
        static const struct rule rules[] = {
                { "{}", NULL },
                { "{\"Hostname\":\"a b\"}", "invalid hostname format: a b" },
                { "{\"Hostname\":\"a\\n1.2.3.4 bank\"}", "invalid hostname format: a\n1.2.3.4 bank" },
                { "{\"WorkingDir\":\"x\"}",
                  "the working directory 'x' is invalid, it needs to be an absolute path" },
                { "{\"Env\":[\"A=1\",\"=x\"]}", "invalid environment variable: =x" },
                { "{\"StopSignal\":\"SIGNOTHING\"}", "invalid signal: SIGNOTHING" },
                { "{\"StopSignal\":\"SIGRTMIN+3\"}", NULL },
                { "{\"Healthcheck\":{\"Interval\":5}}", "Interval in Healthcheck cannot be less than 1ms" },
                { "{\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"sometimes\"}}}",
                  "invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', "
                  "'on-failure', or "
                  "'unless-stopped'" },
                { "{\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"always\",\"MaximumRetryCount\":3}}}",
                  "invalid restart policy: maximum retry count can only be used with 'on-failure'" },
                { "{\"HostConfig\":{\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"always\"}}}",
                  "can't create 'AutoRemove' container with restart policy" },
                { "{\"HostConfig\":{\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"no\"}}}", NULL },
                { "{\"HostConfig\":{\"Memory\":1}}", "Minimum memory limit allowed is 6MB" },
                { "{\"HostConfig\":{\"Memory\":6291456}}", NULL },
                { "{\"HostConfig\":{\"Memory\":-1}}", "Minimum memory limit allowed is 6MB" },
                { "{\"HostConfig\":{\"MemorySwap\":6291456}}",
                  "You should always set the Memory limit when using Memoryswap limit, see usage" },
                { "{\"HostConfig\":{\"NanoCpus\":3000000000}}",
                  "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available" },
                { "{\"HostConfig\":{\"NanoCpus\":2000000000}}", NULL },
                { "{\"HostConfig\":{\"CpusetCpus\":\"0-9223372036854775807\"}}",
                  "Invalid value 0-9223372036854775807 for cpuset cpus" },
                { "{\"HostConfig\":{\"CpusetCpus\":\"0,1\"}}", NULL },
                { "{\"HostConfig\":{\"CpusetCpus\":\"2\"}}",
                  "Requested CPUs are not available - requested 2, available: 0-1" },
                { "{\"HostConfig\":{\"PidMode\":\"private\"}}", "invalid PID mode: private" },
                { "{\"HostConfig\":{\"IpcMode\":\"shareable\"}}", NULL },
                { "{\"HostConfig\":{\"CapAdd\":[\"SYS_ADMIN\",\"cap_net_admin\",\"ALL\"]}}", NULL },
                { "{\"HostConfig\":{\"CapAdd\":[\"SYS_MAGIC\"]}}",
                  "invalid CapAdd: unknown capability: \"CAP_SYS_MAGIC\"" },
                { "{\"HostConfig\":{\"SecurityOpt\":[\"no-new-privileges\",\"seccomp=unconfined\","
                  "\"no-new-privileges:true\",\"systempaths=unconfined\",\"writable-cgroups=true\"]}}",
                  NULL },
                { "{\"HostConfig\":{\"SecurityOpt\":[\"magic=1\"]}}",
                  "invalid --security-opt 1: \"magic=1\"" },
                { "{\"HostConfig\":{\"OomScoreAdj\":1001}}",
                  "Invalid value 1001, range for oom score adj is [-1000, 1000]" },
                { "{\"HostConfig\":{\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":10,\"Hard\":5}]}}",
                  "ulimit soft limit must be less than or equal to hard limit: 10 > 5" },
                { "{\"HostConfig\":{\"Ulimits\":[{\"Name\":\"files\",\"Soft\":1,\"Hard\":5}]}}",
                  "invalid ulimit type: files" },
                { "{\"HostConfig\":{\"NetworkMode\":\"container:x\",\"PublishAllPorts\":true}}",
                  "conflicting options: port publishing and the container type network mode" },
                { "{\"HostConfig\":{\"BlkioWeight\":5}}", "Range of blkio weight is from 10 to 1000" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(rules); i++) {
                wire_container_create c;
                decode(rules[i].json, &c);
                cleanup_err mn_err err = { 0 };
                mn_status status = check(&c, &err);
                if (!rules[i].error != !status)
                        fail_msg("%s: %s", rules[i].json, status ? mn_err_text(&err) : "accepted");
                if (status)
                        assert_string_equal(mn_err_text(&err), rules[i].error);
        }
}

static void sysctls(void **state) {
        (void) state;
        assert_true(container_sysctl_is_allowed("net.ipv4.ip_forward", true, true));
        assert_true(container_sysctl_is_allowed("net.ipv4.conf.eth0/100.forwarding", true, true));
        assert_true(container_sysctl_is_allowed("kernel.shmmax", true, false));
        assert_true(container_sysctl_is_allowed("fs.mqueue.msg_max", true, false));
        static const char *const wrong[] = { "kernel.core_pattern",
                                             "net/../kernel/core_pattern",
                                             "net.ipv4/../../kernel.panic",
                                             "kernel/shmmax",
                                             "vm.swappiness",
                                             "net.ipv4.ip_forward=1+kernel.core_pattern",
                                             "kernel.shmmax\n",
                                             "" };
        for (size_t i = 0; i < MN_ARRAY_LEN(wrong); i++)
                assert_false(container_sysctl_is_allowed(wrong[i], true, true));
        assert_false(container_sysctl_is_allowed("kernel.shmmax", false, true));
        assert_false(container_sysctl_is_allowed("net.core.somaxconn", true, false));
}

static void signals(void **state) {
        (void) state;
        int number;
        assert_int_equal(container_signal_parse("KILL", &number, NULL), MN_OK);
        assert_int_equal(number, 9);
        assert_int_equal(container_signal_parse("sigterm", &number, NULL), MN_OK);
        assert_int_equal(number, 15);
        assert_int_equal(container_signal_parse("64", &number, NULL), MN_OK);
        static const char *const wrong[] = { "0", "65", "-9", "9x", "SIG", "", "RTMIN+31" };
        for (size_t i = 0; i < MN_ARRAY_LEN(wrong); i++)
                assert_int_equal(container_signal_parse(wrong[i], &number, NULL), MN_INVALID);
}

/* ---- merge ---- */

static char **strv(const char *a, const char *b) {
        char **v = mn_arena_array(arena, 3, sizeof *v);
        v[0] = mn_arena_strdup(arena, a);
        v[1] = mn_arena_strdup(arena, b);
        return v;
}

static void merge_takes_what_is_missing(void **state) {
        (void) state;
        oci_image_config image = { .user = mn_arena_strdup(arena, "web"),
                                   .env = strv("PATH=/bin", "A=image"),
                                   .cmd = strv("-x", NULL),
                                   .entrypoint = strv("/entry", NULL),
                                   .exposed_ports = strv("80/tcp", NULL) };
        wire_container_create c;
        decode("{\"Env\":[\"A=own\",\"B\"],\"ExposedPorts\":{\"443/tcp\":{}}}", &c);
        container_merge_config(&c.config, &image, arena);
        assert_string_equal(c.config.user, "web");
        char *joined = mn_strv_join(c.config.env, " ");
        assert_string_equal(joined, "A=own B PATH=/bin");
        free(joined);
        assert_string_equal(c.config.entrypoint[0], "/entry");
        assert_string_equal(c.config.cmd[0], "-x");
        assert_int_equal(mn_strv_len(c.config.exposed_ports), 2);
}

static void merge_keeps_an_own_command(void **state) {
        (void) state;
        oci_image_config image = { .cmd = strv("-x", NULL), .entrypoint = strv("/entry", NULL) };
        wire_container_create c;
        decode("{\"Cmd\":[\"-y\"]}", &c);
        container_merge_config(&c.config, &image, arena);
        assert_string_equal(c.config.entrypoint[0], "/entry");
        assert_string_equal(c.config.cmd[0], "-y");
        decode("{\"Entrypoint\":\"/own\"}", &c);
        container_merge_config(&c.config, &image, arena);
        assert_string_equal(c.config.entrypoint[0], "/own");
        assert_null(c.config.cmd);
        decode("{\"Entrypoint\":[\"\"],\"Cmd\":[\"sh\"]}", &c);
        container_merge_config(&c.config, &image, arena);
        assert_null(c.config.entrypoint);
        assert_string_equal(c.config.cmd[0], "sh");
}

/* ---- mounts ---- */

static mn_status mounts_of(const char *json, container_mount_list *ret, mn_err *err) {
        wire_container_create c;
        decode(json, &c);
        return container_parse_mounts(&c.host_config, &c.config, arena, ret, err);
}

static void mounts(void **state) {
        (void) state;
        container_mount_list m;
        assert_int_equal(mounts_of("{\"Volumes\":{\"/v\":{},\"/data\":{}},\"HostConfig\":{\"Binds\":[\"/host/"
                                   "../h:/data/:ro\","
                                   "\"vol:/a/b/../c:nocopy\",\"/anon\"],\"Tmpfs\":{\"/t\":\"size=1m\"}}}",
                                   &m, NULL),
                         MN_OK);
        assert_int_equal(m.len, 5);
        assert_string_equal(m.items[0].destination, "/a/c");
        assert_string_equal(m.items[0].name, "vol");
        assert_true(m.items[0].has_no_copy);
        assert_string_equal(m.items[1].destination, "/anon");
        assert_true(m.items[1].is_anonymous);
        assert_string_equal(m.items[2].destination, "/data");
        assert_string_equal(m.items[2].source, "/h");
        assert_string_equal(m.items[2].propagation, "rprivate");
        assert_false(m.items[2].is_writable);
        assert_string_equal(m.items[3].type, "tmpfs");
        assert_string_equal(m.items[4].destination, "/v");
}

static void wrong_mounts(void **state) {
        (void) state;
        static const struct rule rules[] = {
                { "{\"HostConfig\":{\"Binds\":[\"/a:/b\",\"c1:/b\"]}}", "Duplicate mount point: /b" },
                { "{\"HostConfig\":{\"Binds\":[\"/a:b\"]}}",
                  "invalid volume specification: '/a:b': invalid mount config for type \"bind\": "
                  "invalid mount path: 'b' mount path must be absolute" },
                { "{\"HostConfig\":{\"Binds\":[\"/a:/\"]}}",
                  "invalid volume specification: '/a:/': invalid mount config for type \"bind\": invalid "
                  "specification: destination can't be '/'" },
                { "{\"HostConfig\":{\"Binds\":[\"/a:/b:c:d\"]}}",
                  "invalid volume specification: '/a:/b:c:d'" },
                { "{\"HostConfig\":{\"Binds\":[\"/a:/b:frozen\"]}}", "invalid mode: frozen" },
                { "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Target\":\"/b\"}]}}",
                  "invalid mount config for type \"bind\": field Source must not be empty" },
                { "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"x\"}]}}",
                  "invalid mount config for type \"volume\": field Target must not be empty" },
                { "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"magic\",\"Target\":\"/x\"}]}}",
                  "invalid mount config for type \"magic\": mount type unknown" },
                { "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"volume\",\"Target\":\"/"
                  "x\",\"VolumeOptions\":{\"Subpath\":"
                  "\"../x\"}}]}}",
                  "invalid mount config for type \"volume\": subpath must be a relative path within the "
                  "volume" },
        };
        for (size_t i = 0; i < MN_ARRAY_LEN(rules); i++) {
                container_mount_list m;
                cleanup_err mn_err err = { 0 };
                assert_int_equal(mounts_of(rules[i].json, &m, &err), MN_INVALID);
                assert_string_equal(mn_err_text(&err), rules[i].error);
        }
}

/* ---- capabilities ---- */

static size_t count_capabilities(const char *json) {
        wire_container_create c;
        decode(json, &c);
        return mn_strv_len(container_capabilities(&c.host_config, false, arena));
}

static void capabilities(void **state) {
        (void) state;
        assert_int_equal(count_capabilities("{}"), 14);
        assert_int_equal(count_capabilities("{\"HostConfig\":{\"CapDrop\":[\"ALL\"]}}"), 0);
        assert_int_equal(count_capabilities("{\"HostConfig\":{\"CapDrop\":[\"ALL\"],\"CapAdd\":[\"KILL\"]}}"),
                         1);
        assert_int_equal(count_capabilities("{\"HostConfig\":{\"CapDrop\":[\"MKNOD\",\"CAP_KILL\"]}}"), 12);
        assert_int_equal(count_capabilities("{\"HostConfig\":{\"CapAdd\":[\"SYS_PTRACE\",\"chown\"]}}"), 15);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_arena, free_arena)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(names),
                TEST(validation),
                TEST(sysctls),
                TEST(signals),
                TEST(merge_takes_what_is_missing),
                TEST(merge_keeps_an_own_command),
                TEST(mounts),
                TEST(wrong_mounts),
                TEST(capabilities),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
