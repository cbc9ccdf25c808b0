# SPDX-License-Identifier: Apache-2.0
"""What a container can see and do, compared with Debian's Docker fact by fact. A fact that differs must be in DIFFERENCES, with
the reason, and the reason must be a good one; an entry nothing needs any more fails the suite, too."""
import os
import pathlib
import re

import pytest

CURRENT_PROFILE = "Docker's current seccomp profile; Debian's Docker 20.10 has an older one"
STRICTER_MASK = "the empty directory that hides it has nosuid, nodev and noexec, too"
HOST_NULL = "the host's /dev/null hides it, not the image's (CVE-2025-31133)"
PRIVATE_CGROUPS = "the cgroup namespace is private on cgroup v1, too: a container does not learn its path on the host"

# pattern of "<fact>: <ours> | <Docker's>" -> reason
DIFFERENCES = {
    r"cgroup \d+: \d+:.*:/ \| ": PRIVATE_CGROUPS,
    r"namespace cgroup: own \| host": PRIVATE_CGROUPS,
    r"mount (/proc/(acpi|asound|scsi)|/sys/firmware): tmpfs ro,nosuid,nodev,noexec,relatime \| tmpfs ro,relatime": STRICTER_MASK,
    r"mount /proc/(keys|timer_list|kcore|sched_debug|latency_stats|timer_stats): devtmpfs rw,relatime \| tmpfs rw,nosuid": HOST_NULL,
    r"mount /proc/interrupts: devtmpfs rw,relatime \| absent": "Docker masks it since 2025",
    r"path /proc/interrupts: type 20000 .* \| type 100000 ": "Docker masks it since 2025",
    r"mount /sys/fs/cgroup: tmpfs ro,.* \| tmpfs rw,": "nobody writes between the hierarchies",
    r"path /sys/fs/cgroup: type 40000 read ok full write EROFS \| .* write (ok|EACCES)": "nobody writes between the hierarchies",
    r"mount /sys/fs/cgroup/freezer: absent \| cgroup ro,": "on a hybrid host freezing goes through cgroup v2",
    r"mount /sys/fs/cgroup/unified: cgroup2 ro,.* \| absent": "a hybrid host's v2 hierarchy is the container's as well",
    r"socket (38|40): EPERM \| E": "AF_ALG and AF_VSOCK: " + CURRENT_PROFILE,
    r"syscall (io_uring_setup|io_uring_enter|io_uring_register): EPERM \| E": "refused since 2023: " + CURRENT_PROFILE,
    r"syscall (name_to_handle_at|process_vm_readv|process_vm_writev|pkey_\w+): E(INVAL|SRCH|FAULT) \| EPERM": CURRENT_PROFILE,
    r"syscall (set_mempolicy_home_node|45[0-9]|46[0-6]): \w+ \| ENOSYS": CURRENT_PROFILE,
}
RUNS = {
    "default": [],
    "user": ["-u", "1000:1000", "--group-add", "2000"],
    "sys_admin": ["--cap-add", "SYS_ADMIN"],
    "no_capabilities": ["--cap-drop", "ALL"],
    "unconfined": ["--security-opt", "seccomp=unconfined"],
    "no_new_privileges": ["--security-opt", "no-new-privileges"],
    "read_only": ["--read-only", "--tmpfs", "/tmp"],
    "paths_unconfined": ["--security-opt", "systempaths=unconfined"],
    "host_network": ["--network", "host"],
    "host_pid": ["--pid", "host"],
    "host_ipc_uts": ["--ipc", "host", "--uts", "host"],
    "no_ipc": ["--ipc", "none"],
    "limits": ["-m", "64m", "--pids-limit", "50", "--ulimit", "nofile=100:200", "--shm-size", "8m", "-w", "/tmp", "-e", "A=b"],
    "sysctl": ["--sysctl", "net.ipv4.ip_unprivileged_port_start=80"],
}
WITH_CALLS = {"default", "user", "sys_admin", "unconfined", "no_capabilities"}
used = set()


def system_calls():
    """Numbers to names, from the system's header."""
    header = pathlib.Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read_text()
    return {number: name for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", header)}


NAMES = system_calls()


def plain(found):
    """Facts without what is another in every container."""
    result = {}
    for key, value in found.items():
        kind, _, rest = key.partition(" ")
        if kind == "syscall":
            key = f"syscall {NAMES.get(rest, rest)}"
        if kind == "namespace":
            value = "host" if value == os.readlink(f"/proc/self/ns/{rest}") else "own"
        if kind == "status" and rest == "NSpid":
            value = str(len(value.split()))
        result[re.sub(r"(HOSTNAME=)[0-9a-f]{12}$", r"\1ID", key)] = re.sub(r"[0-9a-f]{64}", "ID", value)
    return result


def compare(ours, docker):
    unexpected = []
    ours, docker = plain(ours), plain(docker)
    for key in sorted(ours.keys() | docker.keys()):
        a, b = ours.get(key, "absent"), docker.get(key, "absent")
        line = f"{key}: {a} | {b}"
        pattern = next((p for p in DIFFERENCES if re.match(p, line)), None) if a != b else None
        used.add(pattern)
        if a != b and not pattern:
            unexpected.append(line)
    assert not unexpected, "\n".join(["fact: ours | Docker's", *unexpected])


@pytest.mark.parametrize("name", RUNS)
def test_a_container_is_as_dockers(ours, docker, name):
    with_calls = name in WITH_CALLS
    compare(ours.probe(*RUNS[name], calls=with_calls), docker.probe(*RUNS[name], calls=with_calls))


@pytest.mark.parametrize("options", [[], ["-u", "1000"], ["-w", "/tmp", "-e", "A=b"]], ids=["default", "user", "directory"])
def test_an_exec_is_as_dockers(ours, docker, options):
    compare(ours.probe_exec(*options), docker.probe_exec(*options))


def test_every_difference_is_needed(ours, docker):
    assert used.issuperset(DIFFERENCES), sorted(set(DIFFERENCES) - used)


def test_privileged(ours):
    """Docker cannot start one here when root lacks a capability; so this says by itself what must hold."""
    found = plain(ours.probe("--privileged"))
    bounding = int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("CapBnd")), 16)
    assert int(found["status CapEff"], 16) == bounding and found["status Seccomp"] == "0"
    assert int(found["status CapInh"], 16) == int(found["status CapAmb"], 16) == 0
    assert "mount /proc/keys" not in found and "mount /sys/firmware" not in found
    assert not found["mount /sys"].startswith("sysfs ro") and found["device c 1:1"].startswith("mknod ok open passed")
