/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The options that `run` and `create` share, and the request they make of them. */

#include "cli/cli.h"
#include "cli/limits.h"
#include "wire/container.h"

typedef struct create_options {
        char **add_host;
        char **annotation;
        char **attach;
        char **blkio_weight_device;
        char **cap_add;
        char **cap_drop;
        const char *cgroup_parent;
        const char *cgroupns;
        const char *cidfile;
        int64_t *cpu_count;
        int64_t *cpu_percent;
        char **device;
        char **device_cgroup_rule;
        char **device_read_bps;
        char **device_read_iops;
        char **device_write_bps;
        char **device_write_iops;
        bool disable_content_trust;
        char **dns;
        char **dns_option;
        char **dns_search;
        const char *domainname;
        const char *entrypoint;
        char **env;
        char **env_file;
        char **expose;
        char **gpus;
        char **group_add;
        const char *health_cmd;
        int64_t *health_interval;
        int64_t *health_retries;
        int64_t *health_start_interval;
        int64_t *health_start_period;
        int64_t *health_timeout;
        bool help;
        const char *hostname;
        bool *init;
        bool interactive;
        int64_t *io_maxbandwidth;
        int64_t *io_maxiops;
        const char *ip;
        const char *ip6;
        const char *ipc;
        const char *isolation;
        int64_t *kernel_memory;
        char **label;
        char **label_file;
        char **link;
        char **link_local_ip;
        const char *log_driver;
        char **log_opt;
        const char *mac_address;
        int64_t *memory_swappiness;
        char **mount;
        const char *name;
        char **network;
        char **network_alias;
        bool no_healthcheck;
        bool oom_kill_disable;
        int64_t *oom_score_adj;
        const char *pid;
        const char *platform;
        bool privileged;
        char **publish;
        bool publish_all;
        const char *pull;
        bool quiet;
        bool read_only;
        const char *restart;
        bool rm;
        const char *runtime;
        char **security_opt;
        int64_t *shm_size;
        const char *stop_signal;
        int64_t *stop_timeout;
        char **storage_opt;
        char **sysctl;
        char **tmpfs;
        bool tty;
        char **ulimit;
        bool use_api_socket;
        const char *user;
        const char *userns;
        const char *uts;
        char **volume;
        const char *volume_driver;
        char **volumes_from;
        const char *workdir;
        limit_options limits;
        char **net;
        char **net_alias;
        char **dns_opt;
        bool detach; /* run only, as the next two */
        const char *detach_keys;
        bool sig_proxy;
} create_options;

/* The options of `run`; those of `create` are the same without the first three. */
extern const cli_option run_option_table[];
enum { CREATE_FIRST_OPTION = 3 };

/* Checks of single values while parsing. */
mn_status create_check_ulimit(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_weight(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_rate(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_operations(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_mount(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_host(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_stream(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_env(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_label(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_dns(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_sysctl(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_device_rule(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_gpus(mn_arena *arena, const char **value, mn_err *err);
mn_status create_check_network(mn_arena *arena, const char **value, mn_err *err);

/* Length of the name in "host:ip" or "host=ip"; 0 when it is neither. */
size_t create_host_length(const char *text);

/* A request ready to be sent, and what the caller needs to know beside it. */
typedef struct create_request {
        wire_container_create body;
        bool shows_stdout, shows_stderr, has_stdin;
        const mn_json *credentials; /* registries' "auths" for the container's config.json; NULL: none */
} create_request;

/* Makes the request from options and arguments (image, command). Everything lives in the arena of `c`.
 * MN_INVALID for a value that cannot be sent, MN_NOT_IMPLEMENTED for an option that neither engine nor
 * command line has. */
mn_status create_build(cli *c, const create_options *o, char **args, create_request *ret,
                       mn_err *err) MN_MUST_USE;

/* Creates the container, pulling the image first when it is missing and --pull allows. `*ret_id` is in the
 * arena. */
mn_status create_container(cli *c, const create_options *o, const create_request *request,
                           const char **ret_id, mn_err *err) MN_MUST_USE;

/* Prints a failure of run or create, with the hint where to read on; returns `code`. */
int create_report(const cli *c, const mn_err *err, int code);
