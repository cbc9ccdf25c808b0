# SPDX-License-Identifier: Apache-2.0
"""Containers that share an IPC namespace share /dev/shm, too; tests/twin compares words and effects with Docker."""
import os

import pytest

from harness import daemon as daemons
from harness import leaks
from harness.client import frames


def ok(answer, *statuses):
    assert answer.status in (statuses or (200, 201, 204)), answer.body
    return answer


def create(daemon, mode=None, version="", **host):
    body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "StopSignal": "KILL",
            "HostConfig": {"NetworkMode": "none", **({"IpcMode": mode} if mode else {}), **host}}
    return ok(daemon.request("POST", f"{version}/containers/create", body)).json()["Id"]


def start(daemon, *args, **more):
    container = create(daemon, *args, **more)
    ok(daemon.request("POST", f"/containers/{container}/start"))
    return container


def mode_of(daemon, container):
    return ok(daemon.request("GET", f"/containers/{container}/json")).json()["HostConfig"]["IpcMode"]


def sh(daemon, container, command):
    made = ok(daemon.request("POST", f"/containers/{container}/exec", {"Cmd": ["sh", "-c", command], "AttachStdout": True}))
    return b"".join(t for _, t in frames(ok(daemon.request("POST", f"/exec/{made.json()['Id']}/start", {})).body)).decode().strip()


def refused(daemon, donor):
    container = create(daemon, f"container:{donor}")
    answer = daemon.request("POST", f"/containers/{container}/start")
    hint = f"container {donor}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)"
    assert (answer.status, answer.json()["message"]) == (400, f"failed to join IPC namespace: {hint}"), answer.body
    assert not (daemon.exec / "containers" / container).exists()


def test_who_lets_others_in(daemon):
    refused(daemon, start(daemon))
    refused(daemon, start(daemon, "private"))
    refused(daemon, start(daemon, "none"))
    refused(daemon, start(daemon, "shareable", Tmpfs={"/dev/shm": ""}))


def test_a_chain_outlives_its_first(daemon):
    before = leaks.look(daemon)
    first = start(daemon, "shareable", ShmSize=1 << 20)
    second = start(daemon, f"container:{first}")
    sh(daemon, first, "echo one >/dev/shm/a")
    assert sh(daemon, second, "cat /dev/shm/a; df -k /dev/shm | tail -1 | awk '{print $2}'").split() == ["one", "1024"]
    assert len({sh(daemon, c, "readlink /proc/self/ns/ipc") for c in (first, second)}) == 1
    daemon.kill()
    daemon.start()
    ok(daemon.request("DELETE", f"/containers/{first}", query={"force": "1"}))
    third = start(daemon, f"container:{second}")
    sh(daemon, third, "echo three >/dev/shm/b")
    assert sh(daemon, second, "cat /dev/shm/a /dev/shm/b").split() == ["one", "three"]
    assert set(sh(daemon, third, "grep ' /dev/shm ' /proc/mounts").split()[3].split(",")) > {"rw", "nosuid", "nodev", "noexec"}
    for container in (second, third):
        ok(daemon.request("DELETE", f"/containers/{container}", query={"force": "1"}))
    leaks.assert_none(daemon, before, [first, second, third])


def test_the_namespace_of_the_host(daemon):
    """One that joins a container with the host's namespace has the host's /dev/shm, and so has who joins that one."""
    first = start(daemon, "host")
    second = start(daemon, f"container:{first}")
    third = start(daemon, f"container:{second}")
    inode = str(os.stat("/dev/shm").st_ino), str(os.stat("/dev/shm").st_dev)
    for container in (first, second, third):
        assert tuple(sh(daemon, container, "stat -c '%i %d' /dev/shm").split()) == inode


def test_an_end_takes_it_away(daemon):
    """A second run begins with nothing, a start that fails leaves nothing."""
    before = leaks.look(daemon)
    container = start(daemon, "shareable")
    sh(daemon, container, "touch /dev/shm/a")
    ok(daemon.request("POST", f"/containers/{container}/restart"))
    assert sh(daemon, container, "ls /dev/shm") == ""
    ok(daemon.request("POST", f"/containers/{container}/stop"))
    ok(daemon.request("DELETE", f"/containers/{container}"))
    leaks.assert_none(daemon, before, [container])


@pytest.mark.parametrize("arguments, version, mode", [
    ([], "", "private"), (["--default-ipc-mode", "shareable"], "", "shareable"), (["--default-ipc-mode", "private"], "", "private"),
    ([], "/v1.39", "shareable"), ([], "/v1.40", "private"),
])
def test_the_default(arguments, version, mode):
    with daemons.Daemon(*arguments) as daemon:
        ok(daemon.request("POST", "/images/load", daemons.starter_image().read_bytes()))
        container = start(daemon, version=version)
        assert mode_of(daemon, container) == mode
        assert mode_of(daemon, start(daemon, "private")) == "private"
        if mode == "private":
            refused(daemon, container)
        else:
            start(daemon, f"container:{container}")
