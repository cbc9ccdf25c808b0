/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The daemon's configuration: dockerd's flags and the keys of its daemon.json, described by one table. A key
 * the table does not know is an error, as is a value given both as a flag and in the file. Keys that are
 * understood but not built are an error when they would change what containers may do or how they are
 * reached, else a warning.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/json.h"

/* One --add-runtime NAME=PATH, or a member of "runtimes". */
typedef struct daemon_runtime {
        char *name, *path;
        char **args;
} daemon_runtime;

/* One --default-address-pool base=CIDR,size=N. */
typedef struct daemon_pool {
        char *base;
        int64_t size;
} daemon_pool;

/* One --default-ulimit NAME=SOFT[:HARD]. */
typedef struct daemon_ulimit {
        char *name;
        int64_t soft, hard;
} daemon_ulimit;

typedef struct daemon_config {
        /* the program itself */
        bool validate, prints_help, prints_version, prints_openapi, prints_compatibility, prints_manual;
        char *config_file;
        bool has_config_file; /* named by the user: it must exist */

        /* paths and sockets */
        char *data_root, *exec_root, *pidfile, *group;
        bool has_group;
        char **hosts, **api_names;
        bool tls, tlsverify, insecure_tcp;
        char *tlscacert, *tlscert, *tlskey;
        char *min_api_version;

        /* log of the daemon */
        bool debug, raw_logs;
        char *log_level, *log_format;

        /* containers */
        MN_LIST(daemon_runtime) runtimes;
        char *default_runtime;
        char *log_driver;
        mn_str_map log_opts;
        MN_LIST(daemon_ulimit) default_ulimits;
        char *default_shm_size, *default_ipc_mode, *default_cgroupns_mode, *cgroup_parent, *seccomp_profile;
        char *init_path;
        bool init, no_new_privileges, live_restore, keeps_compressed_layers;
        int64_t default_stop_timeout, shutdown_timeout;
        char **exec_opts;
        bool uses_systemd_cgroup; /* from exec_opts, or what suits this host */

        /* images */
        char *storage_driver;
        char **storage_opts;
        char **registry_mirrors; /* "https://mirror" of docker.io, "quay.io=https://mirror" of another
                                    registry */
        char **insecure_registries, **token_realms;
        char *verification_policy;
        int64_t max_concurrent_downloads, max_concurrent_uploads, max_download_attempts;
        char *http_proxy, *https_proxy, *no_proxy;

        /* networks */
        char *bridge, *bip, *bip6, *fixed_cidr, *fixed_cidr_v6, *default_gateway, *default_gateway_v6, *ip;
        char *resolv_conf;
        int64_t mtu;
        bool ipv6, icc, iptables, ip6tables, ip_forward, ip_masq, userland_proxy;
        char **dns, **dns_opts, **dns_search, **host_gateway_ips;
        MN_LIST(daemon_pool) pools;

        /* the rest */
        char **labels;
        bool experimental;
        char **warnings; /* collected while reading; NULL-terminated, in the arena */
} daemon_config;

/* Reads the command line, then the file it names (or the default one when it exists), and checks everything
 * that can be checked without touching the system. Strings live in `arena`. MN_INVALID in dockerd's words. */
mn_status daemon_config_read(int argc, char **argv, mn_arena *arena, daemon_config *ret,
                             mn_err *err) MN_MUST_USE;

/* Reads the file again for SIGHUP: `ret` is a copy of `old` with the reloadable keys as they are now in the
 * file. `changed` gets a JSON object of the new values, for the log and the event. */
mn_status daemon_config_reload(const daemon_config *old, int argc, char **argv, mn_arena *arena,
                               daemon_config *ret, mn_err *err) MN_MUST_USE;

/* Appends the text of --help. */
void daemon_config_help(mn_str *out);

/* The manual page minatod(8). */
void daemon_config_manual(mn_str *out);
