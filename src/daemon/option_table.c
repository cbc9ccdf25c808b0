/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/option.h"

#include <string.h>

#define AT(member) offsetof(daemon_config, member)
#define ROW(flag, letter, key, kind, member, reload, help)                                                   \
        { flag, letter, key, kind, AT(member), OPTION_BUILT, reload, help }
#define FLAG(name, letter, kind, member, help) ROW(name, letter, NULL, kind, member, false, help)
#define BOTH(name, kind, member, help) ROW(name, 0, name, kind, member, false, help)
#define RELOAD(name, kind, member, help) ROW(name, 0, name, kind, member, true, help)
#define IGNORED(name, help)                                                                                  \
        { name, 0, name, OPTION_ANY, 0, OPTION_IGNORED, true, help }
#define MISSING(name, help)                                                                                  \
        { name, 0, name, OPTION_ANY, 0, OPTION_MISSING, false, help }

const option daemon_options[] = {
        FLAG("help", 0, OPTION_BOOL, prints_help, "Print usage"),
        FLAG("version", 'v', OPTION_BOOL, prints_version, "Print version information and quit"),
        FLAG("print-openapi", 0, OPTION_BOOL, prints_openapi,
             "Print the OpenAPI description of the API and quit"),
        FLAG("print-compatibility", 0, OPTION_BOOL, prints_compatibility,
             "Print the table of operations and quit"),
        FLAG("print-manual", 0, OPTION_BOOL, prints_manual, "Print the manual page and quit"),
        FLAG("validate", 0, OPTION_BOOL, validate, "Validate the configuration and exit"),
        FLAG("config-file", 0, OPTION_STR, config_file, "Daemon configuration file"),

        /* paths and sockets */
        BOTH("data-root", OPTION_STR, data_root, "Root directory of persistent state"),
        ROW("exec-root", 0, "exec-root", OPTION_STR, exec_root, false, "Root directory of run time state"),
        ROW("pidfile", 'p', "pidfile", OPTION_STR, pidfile, false, "Path of the daemon's PID file"),
        ROW("host", 'H', "hosts", OPTION_LIST, hosts, false,
            "Daemon socket(s) to listen on: unix://, tcp://, fd://"),
        ROW("group", 'G', "group", OPTION_STR, group, false, "Group of the unix socket"),
        ROW("api-name", 0, "api-names", OPTION_LIST, api_names, false,
            "Further host name TCP clients may use"),
        BOTH("tls", OPTION_BOOL, tls, "Use TLS; implied by --tlsverify"),
        BOTH("tlsverify", OPTION_BOOL, tlsverify, "Use TLS and verify the client"),
        BOTH("tlscacert", OPTION_STR, tlscacert, "Trust client certificates signed only by this CA"),
        BOTH("tlscert", OPTION_STR, tlscert, "Path of the TLS certificate file"),
        BOTH("tlskey", OPTION_STR, tlskey, "Path of the TLS key file"),
        FLAG("insecure-tcp", 0, OPTION_BOOL, insecure_tcp,
             "Allow tcp:// on reachable addresses without client certificates"),
        ROW(NULL, 0, "min-api-version", OPTION_STR, min_api_version, false, ""),

        /* log of the daemon */
        ROW("debug", 'D', "debug", OPTION_BOOL, debug, true, "Enable debug mode"),
        ROW("log-level", 'l', "log-level", OPTION_STR, log_level, false,
            "Logging level: debug, info, warn, error, fatal"),
        BOTH("log-format", OPTION_STR, log_format, "Logging format: text or json"),
        BOTH("raw-logs", OPTION_BOOL, raw_logs, "Full timestamps without colors (always so)"),

        /* containers */
        ROW("add-runtime", 0, "runtimes", OPTION_RUNTIME, runtimes, true,
            "Register an OCI runtime: NAME=PATH"),
        RELOAD("default-runtime", OPTION_STR, default_runtime, "Default OCI runtime for containers"),
        BOTH("log-driver", OPTION_STR, log_driver, "Default driver for container logs"),
        ROW("log-opt", 0, "log-opts", OPTION_MAP, log_opts, false, "Default log driver options: KEY=VALUE"),
        ROW("default-ulimit", 0, "default-ulimits", OPTION_ULIMIT, default_ulimits, false,
            "Default ulimits for containers: NAME=SOFT[:HARD]"),
        BOTH("default-shm-size", OPTION_STR, default_shm_size, "Default shm size for containers"),
        BOTH("default-ipc-mode", OPTION_STR, default_ipc_mode, "Default IPC mode: shareable or private"),
        BOTH("default-cgroupns-mode", OPTION_STR, default_cgroupns_mode,
             "Default cgroup namespace: host or private"),
        BOTH("cgroup-parent", OPTION_STR, cgroup_parent, "Parent cgroup for all containers"),
        BOTH("seccomp-profile", OPTION_STR, seccomp_profile,
             "Seccomp profile: builtin, unconfined or a file"),
        BOTH("init", OPTION_BOOL, init, "Run an init in containers by default"),
        BOTH("init-path", OPTION_STR, init_path, "Path of the init binary"),
        BOTH("no-new-privileges", OPTION_BOOL, no_new_privileges, "Set no-new-privileges for new containers"),
        RELOAD("live-restore", OPTION_BOOL, live_restore,
               "Containers live on when the daemon ends (here always; false stops them on SIGTERM)"),
        RELOAD("default-stop-timeout", OPTION_INT, default_stop_timeout, "Seconds before a stop kills"),
        RELOAD("shutdown-timeout", OPTION_INT, shutdown_timeout, "Seconds for requests to end on shutdown"),
        ROW("exec-opt", 0, "exec-opts", OPTION_LIST, exec_opts, false,
            "Runtime options (native.cgroupdriver=...)"),

        /* images */
        ROW("storage-driver", 's', "storage-driver", OPTION_STR, storage_driver, false,
            "Storage driver to use"),
        ROW("storage-opt", 0, "storage-opts", OPTION_LIST, storage_opts, false, "Storage driver options"),
        RELOAD("keep-compressed-layers", OPTION_BOOL, keeps_compressed_layers,
               "Keep the compressed form of layers that come, so that they leave with their digests"),
        ROW("registry-mirror", 0, "registry-mirrors", OPTION_LIST, registry_mirrors, true,
            "Mirror to ask first: URL (of docker.io) or REGISTRY=URL"),
        ROW("registry-token-realm", 0, "registry-token-realms", OPTION_LIST, token_realms, false,
            "Host of a token service that may see credentials of another host's registry"),
        BOTH("verification-policy", OPTION_STR, verification_policy,
             "Policy file (containers policy.json) that says whose images may be pulled"),
        ROW("insecure-registry", 0, "insecure-registries", OPTION_LIST, insecure_registries, true,
            "Registry to speak to without verified TLS"),
        RELOAD("max-concurrent-downloads", OPTION_INT, max_concurrent_downloads,
               "Concurrent downloads per pull"),
        RELOAD("max-concurrent-uploads", OPTION_INT, max_concurrent_uploads, "Concurrent uploads per push"),
        RELOAD("max-download-attempts", OPTION_INT, max_download_attempts, "Download attempts per pull"),
        FLAG("http-proxy", 0, OPTION_STR, http_proxy, "HTTP proxy for registries"),
        FLAG("https-proxy", 0, OPTION_STR, https_proxy, "HTTPS proxy for registries"),
        FLAG("no-proxy", 0, OPTION_STR, no_proxy, "Hosts that bypass the proxy"),
        ROW(NULL, 0, "proxies", OPTION_PROXIES, http_proxy, false, ""),

        /* networks */
        ROW("bridge", 'b', "bridge", OPTION_STR, bridge, false,
            "Attach containers to this bridge (none: no network)"),
        BOTH("bip", OPTION_STR, bip, "IPv4 address of the default bridge, as CIDR"),
        BOTH("bip6", OPTION_STR, bip6, "IPv6 address of the default bridge, as CIDR"),
        BOTH("fixed-cidr", OPTION_STR, fixed_cidr, "IPv4 subnet for fixed addresses"),
        BOTH("fixed-cidr-v6", OPTION_STR, fixed_cidr_v6, "IPv6 subnet for fixed addresses"),
        BOTH("default-gateway", OPTION_STR, default_gateway,
             "Default gateway IPv4 address of the default bridge"),
        BOTH("default-gateway-v6", OPTION_STR, default_gateway_v6, "Default gateway IPv6 address"),
        BOTH("ip", OPTION_STR, ip, "Host address for published ports"),
        BOTH("resolv-conf", OPTION_STR, resolv_conf, "File to read the host's resolvers from"),
        BOTH("mtu", OPTION_INT, mtu, "MTU of the default bridge"),
        BOTH("ipv6", OPTION_BOOL, ipv6, "Enable IPv6 on the default bridge"),
        BOTH("icc", OPTION_BOOL, icc, "Containers on the default bridge reach each other"),
        BOTH("iptables", OPTION_BOOL, iptables, "Add packet filter rules"),
        BOTH("ip6tables", OPTION_BOOL, ip6tables, "Add IPv6 packet filter rules"),
        BOTH("ip-forward", OPTION_BOOL, ip_forward, "Enable IP forwarding"),
        BOTH("ip-masq", OPTION_BOOL, ip_masq, "Masquerade addresses of containers"),
        BOTH("userland-proxy", OPTION_BOOL, userland_proxy, "Accepted; there is no proxy process"),
        BOTH("dns", OPTION_LIST, dns, "DNS server to use"),
        ROW("dns-opt", 0, "dns-opts", OPTION_LIST, dns_opts, false, "DNS option to use"),
        BOTH("dns-search", OPTION_LIST, dns_search, "DNS search domain to use"),
        ROW("host-gateway-ip", 0, "host-gateway-ips", OPTION_LIST, host_gateway_ips, false,
            "What host-gateway means in --add-host"),
        ROW(NULL, 0, "host-gateway-ip", OPTION_LIST, host_gateway_ips, false, ""),
        ROW("default-address-pool", 0, "default-address-pools", OPTION_POOL, pools, false,
            "Pool for networks: base=CIDR,size=N"),

        /* the rest */
        ROW("label", 0, "labels", OPTION_LIST, labels, true, "Label of the daemon: KEY=VALUE"),
        BOTH("experimental", OPTION_BOOL, experimental, "Accepted; there are no experimental features"),

        /* without meaning here */
        IGNORED("containerd", "no containerd is used"),
        IGNORED("containerd-namespace", "no containerd is used"),
        IGNORED("containerd-plugins-namespace", "no containerd is used"),
        IGNORED("cri-containerd", "no containerd is used"),
        IGNORED("userland-proxy-path", "there is no proxy process"),
        IGNORED("allow-nondistributable-artifacts", "Docker ignores it, too"),
        IGNORED("firewall-backend", "always nftables"),
        IGNORED("swarm-default-advertise-addr", "there is no swarm"),
        IGNORED("swarm-raft-heartbeat-tick", "there is no swarm"),
        IGNORED("swarm-raft-election-tick", "there is no swarm"),
        IGNORED("network-control-plane-mtu", "there is no swarm"),
        IGNORED("network-diagnostic-port", "there is no swarm"),
        IGNORED("node-generic-resources", "there is no swarm"),
        IGNORED("features", "Docker's feature switches do not exist here"),
        IGNORED("builder", "images cannot be built yet"),

        /* not built */
        MISSING("authorization-plugin", "authorization plugins"),
        { NULL, 0, "authorization-plugins", OPTION_ANY, 0, OPTION_MISSING, false, "authorization plugins" },
        MISSING("userns-remap", "user namespaces for all containers"),
        MISSING("selinux-enabled", "SELinux"),
        MISSING("rootless", "rootless mode"),
        MISSING("metrics-addr", "the metrics listener"),
        MISSING("cpu-rt-period", "real-time scheduling for all containers"),
        MISSING("cpu-rt-runtime", "real-time scheduling for all containers"),
        MISSING("cdi-spec-dirs", "CDI devices"),
        { "cdi-spec-dir", 0, NULL, OPTION_ANY, 0, OPTION_MISSING, false, "CDI devices" },
        MISSING("nri-opts", "NRI plugins"),
        MISSING("default-network-opts", "default options of networks"),
        { "default-network-opt", 0, NULL, OPTION_ANY, 0, OPTION_MISSING, false,
          "default options of networks" },
        MISSING("allow-direct-routing", "direct routing to containers"),
        MISSING("bridge-accept-fwmark", "accepting packets by mark"),
        MISSING("ip-forward-no-drop", "keeping the host's forward policy"),
};
const size_t daemon_noptions = MN_ARRAY_LEN(daemon_options);

const option *option_by_flag(const char *name, size_t len) {
        for (size_t i = 0; i < daemon_noptions; i++) {
                const char *flag = daemon_options[i].flag;
                if (flag && strlen(flag) == len && strncmp(flag, name, len) == 0)
                        return &daemon_options[i];
        }
        return NULL;
}

const option *option_by_key(const char *key) {
        for (size_t i = 0; i < daemon_noptions; i++) {
                if (daemon_options[i].key && strcmp(daemon_options[i].key, key) == 0)
                        return &daemon_options[i];
        }
        return NULL;
}
