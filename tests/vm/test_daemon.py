# SPDX-License-Identifier: Apache-2.0
"""The daemon on pure cgroup v2 under systemd. Run by tests/vm/run in the virtual machine only."""
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness.client import frames  # noqa: E402
from harness.daemon import Daemon, program, starter_image  # noqa: E402

CGROUP = pathlib.Path("/sys/fs/cgroup")


def start_daemon(*args):
    tempfile.tempdir = os.environ["MINATO_VM_DATA"]
    daemon = Daemon(*args)
    try:
        daemon.start(wait=False).wait_ready(60)
        answer = daemon.request("POST", "/images/load", starter_image().read_bytes(), timeout=60)
        assert answer.status == 200, answer.body
    except BaseException:
        daemon.close()
        raise
    return daemon


@pytest.fixture(scope="module")
def daemon():
    running = start_daemon()
    yield running
    running.close()


class Machine:
    """Containers without a network on one daemon."""

    def __init__(self, daemon):
        self.daemon = daemon

    def __call__(self, method, path, body=None, status=None, **more):
        answer = self.daemon.request(method, path, body, timeout=60, **more)
        assert status is None or answer.status == status, (method, path, answer.status, answer.body)
        return answer

    def run(self, *cmd, host=None, **config):
        body = {"Image": "busybox", "Cmd": list(cmd), "HostConfig": {"NetworkMode": "none", **(host or {})}, **config}
        container = self("POST", "/containers/create", body, 201).json()["Id"]
        self("POST", f"/containers/{container}/start", status=204)
        return container

    def state(self, container):
        return self("GET", f"/containers/{container}/json", status=200).json()["State"]

    def wait(self, container):
        return self("POST", f"/containers/{container}/wait", status=200).lines()[0]["StatusCode"]

    def logs(self, container):
        answer = self("GET", f"/containers/{container}/logs", query={"stdout": "1", "stderr": "1"}, status=200)
        return b"".join(data for _, data in frames(answer.body)).decode()

    def cgroup(self, container):
        text = pathlib.Path(f"/proc/{self.state(container)['Pid']}/cgroup").read_text()
        return CGROUP / text.removeprefix("0::/").strip()

    def stats(self, container):
        return self("GET", f"/containers/{container}/stats", query={"stream": "0", "one-shot": "1"}, status=200).json()


@pytest.fixture
def machine(daemon):
    yield Machine(daemon)
    daemon.remove_containers()
    assert not list((CGROUP / "system.slice").glob("minato-*.scope"))


def test_daemon_uses_systemd_here(machine):
    info = machine("GET", "/info", status=200).json()
    assert (info["CgroupDriver"], info["CgroupVersion"]) == ("systemd", "2")
    assert info["MemoryLimit"] and info["SwapLimit"] and info["CpuCfsQuota"] and info["CPUSet"] and info["PidsLimit"]


def test_daemon_limits_exec_stats_update(machine):
    container = machine.run("sleep", "1000", host={"Memory": 64 << 20, "MemorySwap": 96 << 20, "NanoCpus": 500000000, "CpuShares": 512,
                                                   "PidsLimit": 40, "CpusetCpus": "0", "MemoryReservation": 32 << 20})
    cgroup = machine.cgroup(container)
    assert cgroup == CGROUP / f"system.slice/minato-{container}.scope"

    def files(*names):
        return [(cgroup / name).read_text().strip() for name in names]
    assert files("memory.max", "memory.swap.max", "memory.low", "cpu.max", "cpu.weight", "pids.max", "cpuset.cpus") == \
        [str(64 << 20), str(32 << 20), str(32 << 20), "50000 100000", "20", "40", "0"]
    execution = machine("POST", f"/containers/{container}/exec", {"Cmd": ["cat", "/proc/self/cgroup", "/sys/fs/cgroup/pids.max"],
                                                                 "AttachStdout": True}, 201).json()["Id"]
    output = machine("POST", f"/exec/{execution}/start", {"Detach": False}, 200).body
    assert b"0::/\n" in output and b"40\n" in output
    stats = machine.stats(container)
    assert stats["memory_stats"]["limit"] == 64 << 20 and 0 < stats["memory_stats"]["usage"] < 64 << 20
    assert "anon" in stats["memory_stats"]["stats"] and "max_usage" not in stats["memory_stats"]
    assert stats["pids_stats"] == {"current": 1, "limit": 40}
    assert stats["cpu_stats"]["cpu_usage"]["total_usage"] > 0 and "percpu_usage" not in stats["cpu_stats"]["cpu_usage"]
    machine("POST", f"/containers/{container}/update", {"Memory": 80 << 20, "MemorySwap": 80 << 20, "PidsLimit": 50, "NanoCpus": 1000000000}, 200)
    assert files("memory.max", "memory.swap.max", "pids.max", "cpu.max") == [str(80 << 20), "0", "50", "100000 100000"]
    shown = subprocess.run(["systemctl", "show", "--value", "-p", "MemoryMax", f"minato-{container}.scope"], capture_output=True, text=True)
    assert shown.stdout.strip() == str(80 << 20)


def test_daemon_pause_and_kill(machine):
    container = machine.run("sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done")
    machine("POST", f"/containers/{container}/pause", status=204)
    assert (machine.cgroup(container) / "cgroup.freeze").read_text() == "1\n"
    machine("POST", f"/containers/{container}/unpause", status=204)
    machine("POST", f"/containers/{container}/kill", query={"signal": "TERM"}, status=204)
    assert machine.wait(container) == 3
    machine("POST", f"/containers/{container}/start", status=204)  # the scope's name is free again
    machine("POST", f"/containers/{container}/kill", status=204)
    assert machine.wait(container) == 137


def test_daemon_out_of_memory(machine):
    since = str(int(time.time()))
    container = machine.run("sh", "-c", "sleep 1; dd if=/dev/zero of=/dev/null bs=64M count=1; sleep 1; exit 3", host={"Memory": 16 << 20, "MemorySwap": 16 << 20})
    assert machine.wait(container) == 3
    assert machine.state(container)["OOMKilled"]
    events = machine("GET", "/events", query={"since": since, "until": str(int(time.time()) + 1), "filters": json.dumps({"event": ["oom"]})}, status=200)
    assert [row["Actor"]["ID"] for row in events.lines()] == [container]


def test_daemon_out_of_memory_of_the_first_process(machine):
    """Systemd takes the scope away, and the kernel's count with it, as soon as it is empty."""
    script = "usleep 200000; exec dd if=/dev/zero of=/dev/null bs=64M count=1"
    for _ in range(6):
        container = machine.run("sh", "-c", script, host={"Memory": 16 << 20, "MemorySwap": 16 << 20})
        assert machine.wait(container) == 137
        assert machine.state(container)["OOMKilled"]
    container = machine.run("sleep", "1000", host={"Memory": 16 << 20})
    machine("POST", f"/containers/{container}/kill", status=204)
    assert machine.wait(container) == 137 and not machine.state(container)["OOMKilled"]


def test_daemon_cgroup_parents(machine):
    container = machine.run("sleep", "1000", host={"CgroupParent": "vm-boxes.slice"})
    assert machine.cgroup(container) == CGROUP / f"vm.slice/vm-boxes.slice/minato-{container}.scope"
    for parent in ("/plain", "a/b.slice", ".slice", "x"):
        refused = machine("POST", "/containers/create", {"Image": "busybox", "HostConfig": {"CgroupParent": parent}}, 400)
        assert 'should be a valid slice named as "xxx.slice"' in refused.message


def test_daemon_with_files_instead():
    running = start_daemon("--exec-opt", "native.cgroupdriver=cgroupfs")
    try:
        machine = Machine(running)
        assert machine("GET", "/info", status=200).json()["CgroupDriver"] == "cgroupfs"
        container = machine.run("sleep", "1000", host={"Memory": 64 << 20})
        assert machine.cgroup(container) == CGROUP / f"minato/{container}"
        assert (CGROUP / f"minato/{container}/memory.max").read_text().strip() == str(64 << 20)
    finally:
        running.close()


CHANGES = """set -e
mkdir -p /new/sub; echo data > /new/file; ln /new/file /new/sub/hard; ln -s ../file /new/sub/soft; chmod 4711 /new/file
chown 7:8 /new; rm /etc/group; mkdir /etc/kept; dd if=/dev/zero of=/new/holes bs=1 count=1 seek=1000000 2>/dev/null; mknod /new/null c 1 3"""
LOOK = """stat -c '%a %h %u' /new/file /new/sub/hard; cat /new/sub/soft; stat -c '%u:%g' /new; ls /etc/group 2>/dev/null; ls -d /etc/kept
wc -c < /new/holes; stat -c '%F %t:%T' /new/null"""
SEEN = "4711 2 0\n4711 2 0\ndata\n7:8\n/etc/kept\n1000001\ncharacter special file 1:3\n"


def test_daemon_keeps_images_as_this_kernel_can(machine):
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    info = machine("GET", "/info", status=200).json()
    assert (info["Driver"], info["DriverStatus"]) == ("erofs", [
        ["Layers read from", "files" if release >= (6, 12) else "loop devices"],
        ["Layer mounts", "in a mount namespace of the daemon" + ("" if release >= (6, 8) else ", named in one string")]])
    keep_images(machine)


def test_daemon_keeps_images_in_directories():
    running = start_daemon("--storage-driver", "unpack")
    try:
        keep_images(Machine(running))
    finally:
        running.close()


def keep_images(machine):
    """Loaded, run, committed, saved and loaded again: the same bytes each time."""
    changed = machine.run("sh", "-c", CHANGES)
    assert machine.wait(changed) == 0, machine.logs(changed)
    machine("POST", "/commit", {"Cmd": ["true"]}, 201, query={"container": changed, "repo": "kept", "tag": "1"})
    saved = machine("GET", "/images/kept:1/get", status=200).body
    blobs = 0
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        for member in archive:
            if member.isfile() and member.name.startswith("blobs/sha256/"):
                assert hashlib.sha256(archive.extractfile(member).read()).hexdigest() == member.name[len("blobs/sha256/"):]
                blobs += 1
    assert blobs >= 4  # two layers, configuration and manifest
    machine.daemon.remove_containers()
    for turn in range(2):
        container = machine.run("sh", "-c", LOOK, Image="kept:1")
        assert machine.wait(container) == 0 and machine.logs(container) == SEEN
        machine.daemon.remove_containers()
        machine("DELETE", "/images/kept:1", status=200)
        machine("POST", "/images/load", saved, 200)
        assert machine("GET", "/images/kept:1/get", status=200).body == saved
    machine("DELETE", "/images/kept:1", status=200)
    assert machine("POST", "/system/check", query={"data": "1"}, status=200).json()["Findings"] == []


@pytest.mark.skipif(not os.path.exists("/sys/fs/selinux/class/process"), reason="no SELinux here")
def test_daemon_selinux_options(machine):
    """As Docker without --selinux-enabled, which is refused: labels are taken and change nothing."""
    own = pathlib.Path("/proc/self/attr/current").read_text()
    for option in ("label=disable", "label=type:svirt_t", "label=level:s0:c1,c2"):
        container = machine.run("cat", "/proc/self/attr/current", host={"SecurityOpt": [option]})
        assert machine.wait(container) == 0 and machine.logs(container) == own
        assert not machine("GET", f"/containers/{container}/json", status=200).json()["ProcessLabel"]
    assert "name=selinux" not in machine("GET", "/info", status=200).json()["SecurityOptions"]
    refused = subprocess.run([program("minatod"), "--selinux-enabled", "--data-root", "/tmp/a", "--exec-root", "/tmp/b"], capture_output=True, text=True)
    assert refused.returncode != 0 and "SELinux" in refused.stderr


@pytest.mark.skipif(not os.path.isdir("/sys/kernel/security/apparmor"), reason="no AppArmor here")
def test_daemon_apparmor(machine):
    """As Docker: the default profile is loaded and applied, other profiles on request, none to a privileged container."""
    look = ("sh", "-c", "cat /proc/self/attr/current; mount -t tmpfs none /tmp 2>/dev/null && echo mounted; "
                        "(echo 1 > /proc/sys/kernel/shmmni) 2>/dev/null && echo shm; (echo x > /proc/sys/kernel/hostname) 2>/dev/null && echo name; "
                        "(echo > /proc/self/comm) && echo own; kill -0 1 && echo signal")
    options = {"CapAdd": ["SYS_ADMIN"], "SecurityOpt": ["systempaths=unconfined"]}
    assert "name=apparmor" in machine("GET", "/info", status=200).json()["SecurityOptions"]
    container = machine.run(*look, host=options)
    machine.wait(container)
    assert machine.logs(container) == "docker-default (enforce)\nshm\nown\nsignal\n"
    assert machine("GET", f"/containers/{container}/json", status=200).json()["AppArmorProfile"] == "docker-default"
    unconfined = machine.run(*look, host={**options, "SecurityOpt": [*options["SecurityOpt"], "apparmor=unconfined"]})
    machine.wait(unconfined)
    assert machine.logs(unconfined) == "unconfined\nmounted\nshm\nname\nown\nsignal\n"
    running = machine.run("sleep", "1000")
    execution = machine("POST", f"/containers/{running}/exec", {"Cmd": ["cat", "/proc/self/attr/current"], "AttachStdout": True}, 201).json()["Id"]
    assert b"docker-default (enforce)\n" in machine("POST", f"/exec/{execution}/start", {"Detach": False}, 200).body
    machine("POST", f"/containers/{running}/kill", status=204)  # a signal from outside, where nothing is confined
    assert machine.wait(running) == 137
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": "none", "SecurityOpt": ["apparmor=no-such-profile"]}}
    unknown = machine("POST", "/containers/create", body, 201).json()["Id"]
    assert 'process.apparmorProfile: "no-such-profile"' in machine("POST", f"/containers/{unknown}/start").message
