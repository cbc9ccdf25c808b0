# SPDX-License-Identifier: Apache-2.0
"""Shims that were stopped (SIGSTOP) when a daemon takes over: they hold nobody up, their containers go on, and they are heard of
when they go on themselves."""
import os
import signal
import time

import pytest

from harness import leaks
from harness.client import frames
from harness.wait import until

STOPPED = 3


def ok(answer, *statuses):
    assert answer.status in (statuses or (200, 201, 204)), answer.body
    return answer


def start(daemon, *cmd, **host):
    body = {"Image": "busybox", "Cmd": list(cmd) or ["sleep", "1000"], "StopSignal": "KILL", "HostConfig": host}
    container = ok(daemon.request("POST", "/containers/create", body)).json()["Id"]
    ok(daemon.request("POST", f"/containers/{container}/start"))
    return container


def inspect(daemon, container):
    return ok(daemon.request("GET", f"/containers/{container}/json")).json()


def shim_of(daemon, container):
    pid = inspect(daemon, container)["State"]["Pid"]
    return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])


def execute(daemon, container, *cmd):
    """Its output, or the message that it was not started."""
    made = ok(daemon.request("POST", f"/containers/{container}/exec", {"Cmd": list(cmd), "AttachStdout": True}))
    body = ok(daemon.request("POST", f"/exec/{made.json()['Id']}/start", {})).body
    return body if b"does not answer" in body else b"".join(text for _, text in frames(body))


@pytest.fixture
def stop_shim(daemon):
    """Stops the shim of a container; all go on in the end."""
    stopped = []

    def stop(container):
        shim = shim_of(daemon, container)
        os.kill(shim, signal.SIGSTOP)
        until(lambda: open(f"/proc/{shim}/stat").read().rsplit(")", 1)[1].split()[0] == "T")
        stopped.append(shim)
        return shim

    yield stop
    for shim in stopped:
        try:
            os.kill(shim, signal.SIGCONT)
        except ProcessLookupError:
            pass


def test_some_among_others(daemon, stop_shim):
    before = leaks.look(daemon)
    containers = [start(daemon, NetworkMode="bridge" if i % 2 else "none") for i in range(2 * STOPPED)]
    looks = [inspect(daemon, c) for c in containers]
    shims = [stop_shim(c) for c in containers[::2] + containers[1:2]]
    daemon.kill()
    daemon.start()  # within the harness's limit, which is less than what one silent shim took
    for container, look in zip(containers, looks):
        found = inspect(daemon, container)
        assert found["State"]["Running"] and found["State"]["Pid"] == look["State"]["Pid"]
        assert found["NetworkSettings"]["Networks"] == look["NetworkSettings"]["Networks"]
    assert daemon.log_text().count("a shim does not answer, its container is taken for running") == len(shims)
    for container in containers[3::2]:
        assert execute(daemon, container, "echo", "hello") == b"hello\n"
    for container in containers[::2] + containers[1:2]:
        assert f"the shim of container {container} does not answer".encode() in execute(daemon, container, "true")
        assert daemon.request("POST", f"/containers/{container}/resize", query={"h": "1", "w": "1"}).status == 503
    address = looks[1]["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    assert b" 0% packet loss" in execute(daemon, containers[3], "ping", "-c", "1", "-W", "5", address)
    for shim in shims:
        os.kill(shim, signal.SIGCONT)
    for container, look in zip(containers, looks):
        until(lambda: execute(daemon, container, "echo", "hello") == b"hello\n")
        assert inspect(daemon, container)["State"]["StartedAt"] == look["State"]["StartedAt"]
    for container in containers:
        ok(daemon.request("POST", f"/containers/{container}/stop"))
        assert inspect(daemon, container)["State"]["ExitCode"] == 137
        ok(daemon.request("DELETE", f"/containers/{container}"))
    leaks.assert_none(daemon, before, containers)


def test_an_end_during_the_silence(daemon, stop_shim):
    container = start(daemon, "sh", "-c", "trap 'exit 42' TERM; while :; do sleep 0.1; done", NetworkMode="none")
    pid = inspect(daemon, container)["State"]["Pid"]
    shim = stop_shim(container)
    daemon.kill()
    daemon.start()
    os.kill(pid, signal.SIGTERM)
    until(lambda: open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "Z")
    assert inspect(daemon, container)["State"]["Running"], "nobody has said how it ended"
    os.kill(shim, signal.SIGCONT)
    state = until(lambda: (s := inspect(daemon, container)["State"])["Status"] == "exited" and s)
    assert state["ExitCode"] == 42
    ok(daemon.request("POST", f"/containers/{container}/start"))
    assert execute(daemon, container, "echo", "again") == b"again\n"


def test_an_end_before_the_take_over(daemon, stop_shim):
    container = start(daemon, "sh", "-c", "trap 'exit 42' TERM; while :; do sleep 0.1; done", NetworkMode="none")
    pid = inspect(daemon, container)["State"]["Pid"]
    shim = stop_shim(container)
    daemon.kill()
    os.kill(pid, signal.SIGTERM)
    daemon.start()
    os.kill(shim, signal.SIGCONT)
    state = until(lambda: (s := inspect(daemon, container)["State"])["Status"] == "exited" and s)
    assert state["ExitCode"] == 42


def test_the_next_daemon_asks_again(daemon, stop_shim):
    container = start(daemon, NetworkMode="none")
    shim = stop_shim(container)
    for _ in range(2):
        daemon.kill()
        daemon.start()
    assert daemon.terminate() == 0
    daemon.start()
    os.kill(shim, signal.SIGCONT)
    until(lambda: execute(daemon, container, "echo", "hello") == b"hello\n")


@pytest.mark.parametrize("policy, status", [("no", "exited"), ("always", "running")])
def test_a_silent_one_is_killed(daemon, stop_shim, policy, status):
    container = start(daemon, NetworkMode="none", RestartPolicy={"Name": policy})
    pid = inspect(daemon, container)["State"]["Pid"]
    shim = stop_shim(container)
    daemon.kill()
    daemon.start()
    os.kill(shim, signal.SIGKILL)
    state = until(lambda: (s := inspect(daemon, container)["State"])["Status"] == status and s["Pid"] != pid and s)
    assert status == "running" or state["ExitCode"] == 137
    until(lambda: not os.path.exists(f"/proc/{pid}") or "Z" in open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1][:3])
