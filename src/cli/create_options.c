/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `run` and `create`. */
#include "cli/create.h"

#define SHARED_OPTIONS                                                                                            \
        { "add-host",                                                                                             \
          0,                                                                                                      \
          CLI_LIST,                                                                                               \
          offsetof(create_options, add_host),                                                                     \
          "list",                                                                                                 \
          "Add a custom host-to-IP mapping (host:ip)",                                                            \
          NULL,                                                                                                   \
          0,                                                                                                      \
          create_check_host },                                                                                    \
                { "annotation", 0,                                                                                \
                  CLI_MAP,      offsetof(create_options, annotation),                                             \
                  "map",        "Add an annotation to the container (passed through to the OCI runtime)",         \
                  "map[]" },                                                                                      \
                { "attach",                                                                                       \
                  'a',                                                                                            \
                  CLI_LIST,                                                                                       \
                  offsetof(create_options, attach),                                                               \
                  "list",                                                                                         \
                  "Attach to STDIN, STDOUT or STDERR",                                                            \
                  NULL,                                                                                           \
                  0,                                                                                              \
                  create_check_stream },                                                                          \
                { "blkio-weight",                                                                                 \
                  0,                                                                                              \
                  CLI_UINT16,                                                                                     \
                  offsetof(create_options, blkio_weight),                                                         \
                  "uint16",                                                                                       \
                  "Block IO (relative weight), between 10 and 1000, or 0 to disable",                             \
                  "0" },                                                                                          \
                { "blkio-weight-device",                                                                          \
                  0,                                                                                              \
                  CLI_LIST,                                                                                       \
                  offsetof(create_options, blkio_weight_device),                                                  \
                  "list",                                                                                         \
                  "Block IO weight (relative device weight)",                                                     \
                  "[]" },                                                                                         \
                { "cap-add", 0, CLI_LIST, offsetof(create_options, cap_add), "list", "Add Linux capabilities" },  \
                { "cap-drop", 0,                                                                                  \
                  CLI_LIST,   offsetof(create_options, cap_drop),                                                 \
                  "list",     "Drop Linux capabilities" },                                                        \
                { "cgroup-parent", 0,                                                                             \
                  CLI_STR,         offsetof(create_options, cgroup_parent),                                       \
                  "string",        "Optional parent cgroup for the container" },                                  \
                { "cgroupns",                                                                                     \
                  0,                                                                                              \
                  CLI_STR,                                                                                        \
                  offsetof(create_options, cgroupns),                                                             \
                  "string",                                                                                       \
                  "Cgroup namespace to use (host|private)\n'host':    Run the container in the Docker "           \
                  "host's cgroup namespace\n'private': Run the container in its own private cgroup "              \
                  "namespace\n'':        Use the cgroup namespace as configured by the\n           "              \
                  "default-cgroupns-mode option on the daemon (default)" },                                       \
                { "cidfile", 0,                                                                                   \
                  CLI_STR,   offsetof(create_options, cidfile),                                                   \
                  "string",  "Write the container ID to the file" },                                              \
                { "cpu-count", 0,                                                                                 \
                  CLI_INT,     offsetof(create_options, cpu_count),                                               \
                  "int",       "CPU count (Windows only)" },                                                      \
                { "cpu-percent", 0,                                                                               \
                  CLI_INT,       offsetof(create_options, cpu_percent),                                           \
                  "int",         "CPU percent (Windows only)" },                                                  \
                { "cpu-period", 0,                                                                                \
                  CLI_INT,      offsetof(create_options, cpu_period),                                             \
                  "int",        "Limit CPU CFS (Completely Fair Scheduler) period" },                             \
                { "cpu-quota", 0,                                                                                 \
                  CLI_INT,     offsetof(create_options, cpu_quota),                                               \
                  "int",       "Limit CPU CFS (Completely Fair Scheduler) quota" },                               \
                { "cpu-rt-period", 0,                                                                             \
                  CLI_INT,         offsetof(create_options, cpu_rt_period),                                       \
                  "int",           "Limit CPU real-time period in microseconds" },                                \
                { "cpu-rt-runtime",                                                                               \
                  0,                                                                                              \
                  CLI_INT,                                                                                        \
                  offsetof(create_options, cpu_rt_runtime),                                                       \
                  "int",                                                                                          \
                  "Limit CPU real-time runtime in microseconds" },                                                \
                { "cpu-shares", 'c',                                                                              \
                  CLI_INT,      offsetof(create_options, cpu_shares),                                             \
                  "int",        "CPU shares (relative weight)" },                                                 \
                { "cpus", 0, CLI_CPUS, offsetof(create_options, cpus), "decimal", "Number of CPUs" },             \
                { "cpuset-cpus", 0,                                                                               \
                  CLI_STR,       offsetof(create_options, cpuset_cpus),                                           \
                  "string",      "CPUs in which to allow execution (0-3, 0,1)" },                                 \
                { "cpuset-mems", 0,                                                                               \
                  CLI_STR,       offsetof(create_options, cpuset_mems),                                           \
                  "string",      "MEMs in which to allow execution (0-3, 0,1)" },                                 \
                { "device", 0,                                                                                    \
                  CLI_LIST, offsetof(create_options, device),                                                     \
                  "list",   "Add a host device to the container" },                                               \
                { "device-cgroup-rule",                                                                           \
                  0,                                                                                              \
                  CLI_LIST,                                                                                       \
                  offsetof(create_options, device_cgroup_rule),                                                   \
                  "list",                                                                                         \
                  "Add a rule to the cgroup allowed devices list" },                                              \
                { "device-read-bps",                                                                              \
                  0,                                                                                              \
                  CLI_LIST,                                                                                       \
                  offsetof(create_options, device_read_bps),                                                      \
                  "list",                                                                                         \
                  "Limit read rate (bytes per second) from a device",                                             \
                  "[]" },                                                                                         \
                { "device-read-iops",                                                                             \
                  0,                                                                                              \
                  CLI_LIST,                                                                                       \
                  offsetof(create_options, device_read_iops),                                                     \
                  "list",                                                                                         \
                  "Limit read rate (IO per second) from a device",                                                \
                  "[]" },                                                                                         \
                { "device-write-bps",                                                                             \
                  0,                                                                                              \
                  CLI_LIST,                                                                                       \
                  offsetof(create_options, device_write_bps),                                                     \
                  "list",                                                                                         \
                  "Limit write rate (bytes per second) to a device",                                              \
                  "[]" },                                                                                         \
                { "device-write-iops",                                                                            \
                  0,                                                                                              \
                  CLI_LIST,                                                                                       \
                  offsetof(create_options, device_write_iops),                                                    \
                  "list",                                                                                         \
                  "Limit write rate (IO per second) to a device",                                                 \
                  "[]" },                                                                                         \
                { "disable-content-trust",                                                                        \
                  0,                                                                                              \
                  CLI_BOOL,                                                                                       \
                  offsetof(create_options, disable_content_trust),                                                \
                  NULL,                                                                                           \
                  "Skip image verification",                                                                      \
                  "true",                                                                                         \
                  CLI_DEFAULT_ON },                                                                               \
                { "dns", 0, CLI_LIST, offsetof(create_options, dns), "list", "Set custom DNS servers" },          \
                { "dns-option", 0, CLI_LIST, offsetof(create_options, dns_option), "list", "Set DNS options" },   \
                { "dns-search", 0,                                                                                \
                  CLI_LIST,     offsetof(create_options, dns_search),                                             \
                  "list",       "Set custom DNS search domains" },                                                \
                { "domainname", 0,                                                                                \
                  CLI_STR,      offsetof(create_options, domainname),                                             \
                  "string",     "Container NIS domain name" },                                                    \
                { "entrypoint", 0,                                                                                \
                  CLI_STR,      offsetof(create_options, entrypoint),                                             \
                  "string",     "Overwrite the default ENTRYPOINT of the image" },                                \
                { "env", 'e', CLI_LIST, offsetof(create_options, env), "list", "Set environment variables" },     \
                { "env-file", 0,                                                                                  \
                  CLI_LIST,   offsetof(create_options, env_file),                                                 \
                  "list",     "Read in a file of environment variables" },                                        \
                { "expose", 0,                                                                                    \
                  CLI_LIST, offsetof(create_options, expose),                                                     \
                  "list",   "Expose a port or a range of ports" },                                                \
                { "gpus",        0,                                                                               \
                  CLI_LIST,      offsetof(create_options, gpus),                                                  \
                  "gpu-request", "GPU devices to add to the container ('all' to pass all GPUs)" },                \
                { "group-add", 0,                                                                                 \
                  CLI_LIST,    offsetof(create_options, group_add),                                               \
                  "list",      "Add additional groups to join" },                                                 \
                { "health-cmd", 0,                                                                                \
                  CLI_STR,      offsetof(create_options, health_cmd),                                             \
                  "string",     "Command to run to check health" },                                               \
                { "health-interval",                                                                              \
                  0,                                                                                              \
                  CLI_DURATION,                                                                                   \
                  offsetof(create_options, health_interval),                                                      \
                  "duration",                                                                                     \
                  "Time between running the check (ms|s|m|h)",                                                    \
                  "0s" },                                                                                         \
                { "health-retries",                                                                               \
                  0,                                                                                              \
                  CLI_INT,                                                                                        \
                  offsetof(create_options, health_retries),                                                       \
                  "int",                                                                                          \
                  "Consecutive failures needed to report unhealthy" },                                            \
                { "health-start-interval",                                                                        \
                  0,                                                                                              \
                  CLI_DURATION,                                                                                   \
                  offsetof(create_options, health_start_interval),                                                \
                  "duration",                                                                                     \
                  "Time between running the check during the start period (ms|s|m|h)",                            \
                  "0s" },                                                                                         \
                { "health-start-period",                                                                          \
                  0,                                                                                              \
                  CLI_DURATION,                                                                                   \
                  offsetof(create_options, health_start_period),                                                  \
                  "duration",                                                                                     \
                  "Start period for the container to initialize before starting health-retries countdown "        \
                  "(ms|s|m|h)",                                                                                   \
                  "0s" },                                                                                         \
                { "health-timeout",                                                                               \
                  0,                                                                                              \
                  CLI_DURATION,                                                                                   \
                  offsetof(create_options, health_timeout),                                                       \
                  "duration",                                                                                     \
                  "Maximum time to allow one check to run (ms|s|m|h)",                                            \
                  "0s" },                                                                                         \
                { "help", 0, CLI_BOOL, offsetof(create_options, help), NULL, "Print usage" },                     \
                { "hostname",           'h', CLI_STR, offsetof(create_options, hostname), "string",               \
                  "Container host name" },                                                                        \
                { "init",    0,                                                                                   \
                  CLI_MAYBE, offsetof(create_options, init),                                                      \
                  NULL,      "Run an init inside the container that forwards signals and reaps processes" },      \
                { "interactive", 'i',                                                                             \
                  CLI_BOOL,      offsetof(create_options, interactive),                                           \
                  NULL,          "Keep STDIN open even if not attached" },                                        \
                { "io-maxbandwidth", 0,                                                                           \
                  CLI_BYTES,         offsetof(create_options, io_maxbandwidth),                                   \
                  "bytes",           "Maximum IO bandwidth limit for the system drive (Windows only)" },          \
                { "io-maxiops", 0,                                                                                \
                  CLI_INT,      offsetof(create_options, io_maxiops),                                             \
                  "uint",       "Maximum IOps limit for the system drive (Windows only)" },                       \
                { "ip",     0,                                                                                    \
                  CLI_STR,  offsetof(create_options, ip),                                                         \
                  "string", "IPv4 address (e.g., 172.30.100.104)" },                                              \
                { "ip6",    0,                                                                                    \
                  CLI_STR,  offsetof(create_options, ip6),                                                        \
                  "string", "IPv6 address (e.g., 2001:db8::33)" },                                                \
                { "ipc", 0, CLI_STR, offsetof(create_options, ipc), "string", "IPC mode to use" },                \
                { "isolation", 0,                                                                                 \
                  CLI_STR,     offsetof(create_options, isolation),                                               \
                  "string",    "Container isolation technology" },                                                \
                { "kernel-memory",      0, CLI_BYTES, offsetof(create_options, kernel_memory), "bytes",           \
                  "Kernel memory limit" },                                                                        \
                { "label",  'l',                                                                                  \
                  CLI_LIST, offsetof(create_options, label),                                                      \
                  "list",   "Set meta data on a container" },                                                     \
                { "label-file", 0,                                                                                \
                  CLI_LIST,     offsetof(create_options, label_file),                                             \
                  "list",       "Read in a line delimited file of labels" },                                      \
                { "link", 0, CLI_LIST, offsetof(create_options, link), "list", "Add link to another container" }, \
                { "link-local-ip", 0,                                                                             \
                  CLI_LIST,        offsetof(create_options, link_local_ip),                                       \
                  "list",          "Container IPv4/IPv6 link-local addresses" },                                  \
                { "log-driver", 0,                                                                                \
                  CLI_STR,      offsetof(create_options, log_driver),                                             \
                  "string",     "Logging driver for the container" },                                             \
                { "log-opt", 0, CLI_LIST, offsetof(create_options, log_opt), "list", "Log driver options" },      \
                { "mac-address", 0,                                                                               \
                  CLI_STR,       offsetof(create_options, mac_address),                                           \
                  "string",      "Container MAC address (e.g., 92:d0:c6:0a:29:33)" },                             \
                { "memory", 'm', CLI_BYTES, offsetof(create_options, memory), "bytes", "Memory limit" },          \
                { "memory-reservation", 0, CLI_BYTES, offsetof(create_options, memory_reservation), "bytes",      \
                  "Memory soft limit" },                                                                          \
                { "memory-swap", 0,                                                                               \
                  CLI_SWAP,      offsetof(create_options, memory_swap),                                           \
                  "bytes",       "Swap limit equal to memory plus swap: '-1' to enable unlimited swap" },         \
                { "memory-swappiness",                                                                            \
                  0,                                                                                              \
                  CLI_INT,                                                                                        \
                  offsetof(create_options, memory_swappiness),                                                    \
                  "int",                                                                                          \
                  "Tune container memory swappiness (0 to 100)",                                                  \
                  "-1" },                                                                                         \
                { "mount",  0,                                                                                    \
                  CLI_LIST, offsetof(create_options, mount),                                                      \
                  "mount",  "Attach a filesystem mount to the container" },                                       \
                { "name",   0,                                                                                    \
                  CLI_STR,  offsetof(create_options, name),                                                       \
                  "string", "Assign a name to the container" },                                                   \
                { "network", 0,                                                                                   \
                  CLI_LIST,  offsetof(create_options, network),                                                   \
                  "network", "Connect a container to a network" },                                                \
                { "network-alias", 0,                                                                             \
                  CLI_LIST,        offsetof(create_options, network_alias),                                       \
                  "list",          "Add network-scoped alias for the container" },                                \
                { "no-healthcheck",                                                                               \
                  0,                                                                                              \
                  CLI_BOOL,                                                                                       \
                  offsetof(create_options, no_healthcheck),                                                       \
                  NULL,                                                                                           \
                  "Disable any container-specified HEALTHCHECK" },                                                \
                { "oom-kill-disable",  0, CLI_BOOL, offsetof(create_options, oom_kill_disable), NULL,             \
                  "Disable OOM Killer" },                                                                         \
                { "oom-score-adj", 0,                                                                             \
                  CLI_INT,         offsetof(create_options, oom_score_adj),                                       \
                  "int",           "Tune host's OOM preferences (-1000 to 1000)" },                               \
                { "pid", 0, CLI_STR, offsetof(create_options, pid), "string", "PID namespace to use" },           \
                { "pids-limit", 0,                                                                                \
                  CLI_INT,      offsetof(create_options, pids_limit),                                             \
                  "int",        "Tune container pids limit (set -1 for unlimited)" },                             \
                { "platform", 0,                                                                                  \
                  CLI_STR,    offsetof(create_options, platform),                                                 \
                  "string",   "Set platform if server is multi-platform capable" },                               \
                { "privileged", 0,                                                                                \
                  CLI_BOOL,     offsetof(create_options, privileged),                                             \
                  NULL,         "Give extended privileges to this container" },                                   \
                { "publish", 'p',                                                                                 \
                  CLI_LIST,  offsetof(create_options, publish),                                                   \
                  "list",    "Publish a container's port(s) to the host" },                                       \
                { "publish-all", 'P',                                                                             \
                  CLI_BOOL,      offsetof(create_options, publish_all),                                           \
                  NULL,          "Publish all exposed ports to random ports" },                                   \
                { "pull",       0,                                                                                \
                  CLI_STR,      offsetof(create_options, pull),                                                   \
                  "string",     "Pull image before running (\"always\", \"missing\", \"never\")",                 \
                  "\"missing\"" },                                                                                \
                { "quiet", 'q', CLI_BOOL, offsetof(create_options, quiet), NULL, "Suppress the pull output" },    \
                { "read-only", 0,                                                                                 \
                  CLI_BOOL,    offsetof(create_options, read_only),                                               \
                  NULL,        "Mount the container's root filesystem as read only" },                            \
                { "restart", 0,                                                                                   \
                  CLI_STR,   offsetof(create_options, restart),                                                   \
                  "string",  "Restart policy to apply when a container exits",                                    \
                  "\"no\"" },                                                                                     \
                { "rm",                                                                                           \
                  0,                                                                                              \
                  CLI_BOOL,                                                                                       \
                  offsetof(create_options, rm),                                                                   \
                  NULL,                                                                                           \
                  "Automatically remove the container and its associated anonymous volumes when it exits" },      \
                { "runtime", 0,                                                                                   \
                  CLI_STR,   offsetof(create_options, runtime),                                                   \
                  "string",  "Runtime to use for this container" },                                               \
                { "security-opt",    0, CLI_LIST, offsetof(create_options, security_opt), "list",                 \
                  "Security Options" },                                                                           \
                { "shm-size", 0, CLI_BYTES, offsetof(create_options, shm_size), "bytes", "Size of /dev/shm" },    \
                { "stop-signal", 0,                                                                               \
                  CLI_STR,       offsetof(create_options, stop_signal),                                           \
                  "string",      "Signal to stop the container" },                                                \
                { "stop-timeout", 0,                                                                              \
                  CLI_INT,        offsetof(create_options, stop_timeout),                                         \
                  "int",          "Timeout (in seconds) to stop a container" },                                   \
                { "storage-opt", 0,                                                                               \
                  CLI_LIST,      offsetof(create_options, storage_opt),                                           \
                  "list",        "Storage driver options for the container" },                                    \
                { "sysctl", 0, CLI_MAP, offsetof(create_options, sysctl), "map", "Sysctl options", "map[]" },     \
                { "tmpfs", 0, CLI_LIST, offsetof(create_options, tmpfs), "list", "Mount a tmpfs directory" },     \
                { "tty", 't', CLI_BOOL, offsetof(create_options, tty), NULL, "Allocate a pseudo-TTY" },           \
                { "ulimit",                                                                                       \
                  0,                                                                                              \
                  CLI_LIST,                                                                                       \
                  offsetof(create_options, ulimit),                                                               \
                  "ulimit",                                                                                       \
                  "Ulimit options",                                                                               \
                  "[]",                                                                                           \
                  0,                                                                                              \
                  create_check_ulimit },                                                                          \
                { "use-api-socket",                                                                               \
                  0,                                                                                              \
                  CLI_BOOL,                                                                                       \
                  offsetof(create_options, use_api_socket),                                                       \
                  NULL,                                                                                           \
                  "Bind mount Docker API socket and required auth" },                                             \
                { "user",   'u',                                                                                  \
                  CLI_STR,  offsetof(create_options, user),                                                       \
                  "string", "Username or UID (format: <name|uid>[:<group|gid>])" },                               \
                { "userns", 0, CLI_STR, offsetof(create_options, userns), "string", "User namespace to use" },    \
                { "uts", 0, CLI_STR, offsetof(create_options, uts), "string", "UTS namespace to use" },           \
                { "volume", 'v', CLI_LIST, offsetof(create_options, volume), "list", "Bind mount a volume" },     \
                { "volume-driver", 0,                                                                             \
                  CLI_STR,         offsetof(create_options, volume_driver),                                       \
                  "string",        "Optional volume driver for the container" },                                  \
                { "volumes-from", 0,                                                                              \
                  CLI_LIST,       offsetof(create_options, volumes_from),                                         \
                  "list",         "Mount volumes from the specified container(s)" },                              \
                { "workdir", 'w',                                                                                 \
                  CLI_STR,   offsetof(create_options, workdir),                                                   \
                  "string",  "Working directory inside the container" },                                          \
                { "net",     0,                                                                                   \
                  CLI_LIST,  offsetof(create_options, net),                                                       \
                  "network", "Connect a container to a network",                                                  \
                  NULL,      CLI_HIDDEN },                                                                        \
                { "net-alias", 0,                                                                                 \
                  CLI_LIST,    offsetof(create_options, net_alias),                                               \
                  "list",      "Add network-scoped alias for the container",                                      \
                  NULL,        CLI_HIDDEN },                                                                      \
                { "dns-opt",         0,    CLI_LIST,  offsetof(create_options, dns_opt), "list",                  \
                  "Set DNS options", NULL, CLI_HIDDEN },

const cli_option create_option_table[] = {
        SHARED_OPTIONS{ 0 },
};

const cli_option run_option_table[] = {
        SHARED_OPTIONS{ "detach", 'd', CLI_BOOL, offsetof(create_options, detach), NULL,
                        "Run container in background and print container ID" },
        { "detach-keys", 0, CLI_STR, offsetof(create_options, detach_keys), "string",
          "Override the key sequence for detaching a container" },
        { "sig-proxy", 0, CLI_BOOL, offsetof(create_options, sig_proxy), NULL,
          "Proxy received signals to the process", "true", CLI_DEFAULT_ON },
        { 0 },
};
