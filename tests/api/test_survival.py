# SPDX-License-Identifier: Apache-2.0
"""The daemon is killed (SIGKILL) and started again, at bad moments. What it acknowledged must hold, containers must not
notice, and nothing may be left behind."""
import json
import os
import pathlib
import random
import re
import signal
import threading
import time

import pytest

from harness import daemon as daemons
from harness import leaks
from harness.client import frames
from harness.wait import until

SEED = 20260724


class Host:
    """A daemon with the starter image, and short words for what the tests do to it."""

    def __init__(self, daemon):
        self.daemon = daemon
        assert daemon.request("POST", "/images/load", daemons.starter_image().read_bytes(), timeout=60).status == 200

    def create(self, *cmd, name=None, host=None, **config):
        body = {"Image": "busybox", "Cmd": list(cmd), "HostConfig": {"NetworkMode": "none", **(host or {})}, **config}
        answer = self.daemon.request("POST", "/containers/create", body, query={"name": name} if name else None)
        assert answer.status == 201, answer.body
        return answer.json()["Id"]

    def run(self, *cmd, **more):
        container = self.create(*cmd, **more)
        answer = self.daemon.request("POST", f"/containers/{container}/start")
        assert answer.status == 204, answer.body
        return container

    def state(self, container):
        answer = self.daemon.request("GET", f"/containers/{container}/json")
        assert answer.status == 200, answer.body
        return answer.json()["State"]

    def logs(self, container):
        answer = self.daemon.request("GET", f"/containers/{container}/logs", query={"stdout": "1"})
        return b"".join(text for _, text in frames(answer.body))

    def wait_for(self, container, condition):
        until(lambda: condition(self.state(container)))
        return self.state(container)

    def crash(self):
        self.daemon.kill()
        self.daemon.start()

    def die_until_ended(self, container):
        """The daemon is dead until the container has ended and its shim said so."""
        pid = self.state(container)["Pid"]
        self.daemon.kill()
        until(lambda: not is_alive(pid) and (self.daemon.exec / "containers" / container / "exit").exists())
        self.daemon.start()


@pytest.fixture
def host(fresh):
    return Host(fresh)


COUNT = "i=0; while :; do echo $i; i=$((i+1)); usleep 2000; done"


def test_a_running_container_does_not_notice(host):
    container = host.run("sh", "-c", COUNT, name="counter")
    before = host.state(container)
    log = host.daemon.data / "containers" / container / f"{container}-json.log"
    for _ in range(3):
        host.daemon.kill()
        size = log.stat().st_size
        until(lambda: log.stat().st_size > size)
        host.daemon.start()
        after = host.state(container)
        assert (after["Running"], after["Pid"], after["StartedAt"]) == (True, before["Pid"], before["StartedAt"])
    written = len(host.logs(container).split())
    until(lambda: len(host.logs(container).split()) > written + 100)
    assert host.daemon.request("POST", f"/containers/{container}/stop", query={"t": "0"}).status == 204
    numbers = [int(n) for n in host.logs(container).split()]
    assert numbers == list(range(len(numbers))) and len(numbers) > written + 100, "the log has a gap"
    assert host.state(container)["ExitCode"] == 137


@pytest.mark.parametrize("code", [0, 7, 137])
def test_an_end_while_the_daemon_is_away_is_known_exactly(host, code):
    container = host.run("sh", "-c", f"sleep 0.3; echo last; exit {code}")
    host.die_until_ended(container)
    state = host.wait_for(container, lambda s: not s["Running"])
    assert (state["Status"], state["ExitCode"], state["Pid"], state["OOMKilled"]) == ("exited", code, 0, False)
    assert re.match(r"20\d\d-", state["FinishedAt"]) and state["FinishedAt"] > state["StartedAt"]
    assert host.logs(container) == b"last\n"


def test_a_restart_policy_is_kept_while_the_daemon_is_away(host):
    container = host.run("sh", "-c", "echo run; sleep 0.3; exit 1", host={"RestartPolicy": {"Name": "always"}})
    host.die_until_ended(container)
    until(lambda: host.logs(container).count(b"run\n") >= 2)


def test_auto_remove_while_the_daemon_is_away(host):
    container = host.run("sleep", "0.3", host={"AutoRemove": True})
    host.die_until_ended(container)
    until(lambda: host.daemon.request("GET", f"/containers/{container}/json").status == 404)


def test_everything_works_on_a_container_of_an_earlier_daemon(host):
    container = host.run("sh", "-c", "trap 'exit 3' TERM; while :; do usleep 10000; done", name="old")
    host.crash()
    request = host.daemon.request
    exec_id = request("POST", "/containers/old/exec", {"Cmd": ["sh", "-c", "exit 5"], "AttachStdout": True}).json()["Id"]
    with host.daemon.connect() as connection:
        stream = connection.upgrade("POST", f"/exec/{exec_id}/start", {"Detach": False})
        assert stream.status == 101
        assert stream.sock.recv(10) == b""
    assert request("GET", f"/exec/{exec_id}/json").json()["ExitCode"] == 5
    assert request("POST", "/containers/old/pause").status == 204
    host.crash()
    assert host.state(container)["Status"] == "paused"
    assert request("POST", "/containers/old/unpause").status == 204
    assert request("POST", "/containers/old/stop").status == 204
    assert host.state(container)["ExitCode"] == 3
    assert request("POST", "/containers/old/start").status == 204
    assert host.state(container)["Running"]


def test_an_exec_session_ends_while_the_daemon_is_away(host):
    container = host.run("sleep", "100")
    exec_id = host.daemon.request("POST", f"/containers/{container}/exec", {"Cmd": ["sleep", "0.3"]}).json()["Id"]
    assert host.daemon.request("POST", f"/exec/{exec_id}/start", {"Detach": True}).status == 200
    pid = host.daemon.request("GET", f"/exec/{exec_id}/json").json()["Pid"]
    host.daemon.kill()
    until(lambda: not is_alive(pid))
    host.daemon.start()
    assert host.daemon.request("GET", f"/exec/{exec_id}/json").json()["ExitCode"] == 0
    assert host.state(container)["Running"]


def test_exec_sessions_are_known_to_the_next_daemon(host):
    container, ask = host.run("sleep", "1000"), host.daemon.request

    def session(*cmd, **more):
        return ask("POST", f"/containers/{container}/exec", {"Cmd": list(cmd), "AttachStdout": True, **more}).json()["Id"]

    ended, running, waiting = session("sh", "-c", "exit 7"), session("sleep", "1000", Tty=True), session("sh", "-c", "exit 8", User="1:1")
    for one in (ended, running):
        assert ask("POST", f"/exec/{one}/start", {"Detach": True, "Tty": one == running}).status == 200
    until(lambda: ask("GET", f"/exec/{ended}/json").json()["ExitCode"] == 7)
    before = ask("GET", f"/exec/{running}/json").json()
    host.crash()
    assert ask("GET", f"/exec/{ended}/json").json()["ExitCode"] == 7
    after = ask("GET", f"/exec/{running}/json").json()
    assert after == before and after["Running"]
    assert set(ask("GET", f"/containers/{container}/json").json()["ExecIDs"]) == {running, waiting}
    assert ask("POST", f"/exec/{running}/resize", query={"h": "50", "w": "60"}).status == 200
    assert ask("GET", f"/exec/{waiting}/json").json()["ProcessConfig"]["user"] == "1:1"
    assert ask("POST", f"/exec/{waiting}/start", {"Detach": True}).status == 200
    until(lambda: ask("GET", f"/exec/{waiting}/json").json()["ExitCode"] == 8)
    os.kill(after["Pid"], signal.SIGKILL)
    until(lambda: ask("GET", f"/exec/{running}/json").json()["ExitCode"] == 137)
    host.crash()
    assert [ask("GET", f"/exec/{one}/json").json()["ExitCode"] for one in (ended, waiting, running)] == [7, 8, 137]


class Worker(threading.Thread):
    """Does one thing after another until the daemon is gone, and notes what was acknowledged."""

    def __init__(self, host, number, seed):
        super().__init__()
        self.host, self.number, self.random = host, number, random.Random(seed)
        self.known = {}  # name: "created", "running", "stopped"; None: in doubt

    def request(self, *args, **more):
        return self.host.daemon.request(*args, timeout=15, **more).status

    def step(self, round_number):
        name = f"w{self.number}-{round_number}-{len(self.known)}"
        running = [n for n, s in self.known.items() if s == "running"]
        stopped = [n for n, s in self.known.items() if s in ("created", "stopped")]
        choice = self.random.random()
        if choice < 0.4 or not self.known:
            self.known[name] = None
            body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "StopSignal": "KILL", "HostConfig": {"NetworkMode": "none"}}
            if self.request("POST", "/containers/create", body, query={"name": name}) == 201:
                self.known[name] = "created"
        elif choice < 0.7 and stopped:
            self.change(self.random.choice(stopped), "running", "POST", "start", 204)
        elif choice < 0.85 and running:
            self.change(self.random.choice(running), "stopped", "POST", "stop", 204)
        elif stopped:
            name = self.random.choice(stopped)
            self.known[name] = None
            if self.request("DELETE", f"/containers/{name}") == 204:
                del self.known[name]
                self.removed.add(name)

    def change(self, name, state, method, action, expected):
        self.known[name] = None
        status = self.request(method, f"/containers/{name}/{action}")
        assert status == expected, (name, action, status)
        self.known[name] = state

    def run(self):
        self.removed, self.failure = set(), None
        try:
            for round_number in range(1000):
                self.step(round_number)
        except OSError:
            pass  # the daemon was killed
        except Exception as failure:
            self.failure = failure


def check(host, worker):
    """What was acknowledged holds; what was under way is one or the other, and can be dealt with."""
    listed = {c["Names"][0][1:]: c for c in host.daemon.request("GET", "/containers/json", query={"all": "1"}).json()}
    for name, state in worker.known.items():
        if state is None:
            assert name not in listed or listed[name]["State"] in ("created", "running", "exited"), listed[name]
            continue
        expected = {"created": "created", "running": "running", "stopped": "exited"}[state]
        assert name in listed, f"{name}, acknowledged as {state}, is gone"
        assert listed[name]["State"] == expected, (name, state, listed[name]["State"])
    for name in worker.removed:
        assert name not in listed, f"{name} was removed and is back"


def test_killed_at_any_moment(host):
    chance = random.Random(SEED)
    before = leaks.look(host.daemon)
    for round_number in range(12):
        workers = [Worker(host, n, chance.random()) for n in range(3)]
        for worker in workers:
            worker.start()
        time.sleep(chance.uniform(0.01, 0.4))
        host.daemon.kill()
        for worker in workers:
            worker.join()
        host.daemon.start()
        for worker in workers:
            assert not worker.failure, worker.failure
            check(host, worker)
        for container in host.daemon.request("GET", "/containers/json", query={"all": "1"}).json():
            answer = host.daemon.request("DELETE", f"/containers/{container['Id']}", query={"force": "1"})
            assert answer.status == 204, answer.body
    leaks.assert_none(host.daemon, before)
    # Nothing of it is running any more, with whatever parent.
    shims = [line for line in leaks._processes(host.daemon.folder) if "shim" in line]
    assert shims == []


def test_names_and_settings_are_kept(host):
    container = host.create("true", name="kept", Labels={"a": "b"}, Env=["X=1"])
    assert host.daemon.request("POST", f"/containers/{container}/rename", query={"name": "renamed"}).status == 204
    host.crash()
    document = host.daemon.request("GET", "/containers/renamed/json").json()
    assert document["Id"] == container and document["Config"]["Labels"] == {"a": "b"} and "X=1" in document["Config"]["Env"]
    assert host.daemon.request("GET", "/containers/kept/json").status == 404
    assert json.loads(host.daemon.request("GET", "/images/json").body)[0]["RepoTags"] == ["busybox:latest"]


def shim_of(pid):
    """The parent of a container's first process."""
    return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])


def is_alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def spare_shims(parent):
    """Shims of this daemon that wait for a container: they have no child and no bundle."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text() == "minato-shim\n" and \
                    int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent and is_alive(int(entry.name)):
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def test_a_shim_is_made_ahead_and_ends_with_the_daemon(host):
    """One waits; when it was killed the next container gets a new one; it outlives neither a crash nor a stop."""
    until(lambda: len(spare_shims(host.daemon.process.pid)) == 1)
    spare, = spare_shims(host.daemon.process.pid)
    container = host.run("sleep", "1000", name="first")
    assert shim_of(host.state(container)["Pid"]) == spare
    until(lambda: len(spare_shims(host.daemon.process.pid)) == 2)
    second, = set(spare_shims(host.daemon.process.pid)) - {spare}
    os.kill(second, signal.SIGKILL)
    assert host.state(host.run("sleep", "1000", name="second"))["Running"]
    until(lambda: len(spare_shims(host.daemon.process.pid)) == 3)
    waiting = [pid for pid in spare_shims(host.daemon.process.pid)
               if not pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()]
    assert len(waiting) == 1
    host.daemon.kill()
    until(lambda: not is_alive(waiting[0]))
    assert is_alive(spare)
    host.daemon.start()
    until(lambda: len(spare_shims(host.daemon.process.pid)) == 1)
    last, = spare_shims(host.daemon.process.pid)
    host.daemon.terminate()
    assert not is_alive(last)


@pytest.mark.parametrize("is_daemon_there", [True, False])
def test_the_shim_is_killed(host, is_daemon_there):
    container = host.run("sleep", "1000", name="orphan")
    pid = host.state(container)["Pid"]
    if not is_daemon_there:
        host.daemon.kill()
    os.kill(shim_of(pid), signal.SIGKILL)
    if not is_daemon_there:
        host.daemon.start()
    state = host.wait_for(container, lambda s: not s["Running"])
    assert state["ExitCode"] != 0
    until(lambda: not is_alive(pid))  # else the container runs on, and nobody watches it
    assert host.daemon.request("POST", f"/containers/{container}/start").status == 204
    assert host.state(container)["Running"]
    assert host.daemon.request("DELETE", f"/containers/{container}", query={"force": "1"}).status == 204
