# SPDX-License-Identifier: Apache-2.0
"""Threats R1 and R4: while several clients do all sorts of things, the daemon, a shim or a runtime is killed at a random
instant. What was acknowledged is there, what was not is done or not, running containers notice nothing, and nobody is left an
orphan. MINATO_TEST_KILLS makes it as long as one likes, MINATO_TEST_SEED makes it another one."""
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from effects import Effects, until
from harness import daemon as daemons
from harness import leaks
from harness.client import frames

SEED = int(os.environ.get("MINATO_TEST_SEED", "1"))
KILLS = int(os.environ.get("MINATO_TEST_KILLS", "20"))
HERE, GONE = "there", "absent"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with Effects() as running:
        assert running.request("POST", "/images/load", daemons.starter_image().read_bytes()).status == 200
        yield running


@pytest.fixture(scope="module")
def registry(daemon, tmp_path_factory):
    """Debian's docker-registry in the daemon's network, with one image in it; None where it is not installed."""
    if not shutil.which("docker-registry"):
        yield None
        return
    folder, port = tmp_path_factory.mktemp("registry"), 5000
    (folder / "config.yml").write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: "
                                       f'{folder}/data}}}}\nhttp: {{addr: "127.0.0.1:{port}"}}\n')
    process = subprocess.Popen(daemon.command("docker-registry", "serve", str(folder / "config.yml")),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ask = daemon.request
    name = f"127.0.0.1:{port}/pulled"
    assert ask("POST", "/images/busybox/tag", query={"repo": name, "tag": "latest"}).status == 201
    until(lambda: b'"aux"' in ask("POST", f"/images/{name}/push", query={"tag": "latest"},
                                  headers={"X-Registry-Auth": "e30="}).body)
    assert ask("DELETE", f"/images/{name}:latest").status == 200
    yield name
    process.terminate()
    process.wait()


class Client(threading.Thread):
    """Does one thing after another until the daemon is gone; knows which states each of its objects may be in."""

    def __init__(self, daemon, registry, number, seed):
        super().__init__()
        self.daemon, self.registry, self.number, self.random = daemon, registry, number, random.Random(seed)
        self.allowed, self.failure, self.is_over = {}, None, False

    def ask(self, key, doubt, certainty, method, path, body=None, statuses=(200, 201, 204), **query):
        self.allowed[key] = set(doubt) | {certainty}
        answer = self.daemon.request(method, path, body, query=query, timeout=60)
        assert answer.status in statuses, (method, path, answer.status, answer.body)
        assert b'"error"' not in answer.body, (method, path, answer.body)
        self.allowed[key] = {certainty}
        return answer

    def run(self):
        try:
            for i in range(10000):
                if self.is_over:
                    return
                self.random.choice([self.container, self.container, self.container, self.network, self.volume, self.image])(
                    f"c{self.number}-{i}")
        except (OSError, ValueError, IndexError):
            pass  # the daemon was killed
        except Exception as failure:
            self.failure = failure

    def container(self, name):
        chance, key = self.random.random, ("containers", name)
        host = {"NetworkMode": self.random.choice(["none", "none", "bridge"]), "AutoRemove": chance() < 0.2}
        if host["NetworkMode"] == "bridge" and chance() < 0.5:
            host["PortBindings"] = {"80/tcp": [{}]}
        body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "StopSignal": "KILL", "HostConfig": host}
        if chance() < 0.3:
            body["Volumes"] = {"/data": {}}
        self.ask(key, [GONE], "created", "POST", "/containers/create", body, name=name)
        if chance() < 0.85:
            self.ask(key, ["created"], "running", "POST", f"/containers/{name}/start")
            if chance() < 0.3:
                made = self.ask(key, ["running"], "running", "POST", f"/containers/{name}/exec", {"Cmd": ["true"]}).json()
                self.ask(key, ["running"], "running", "POST", f"/exec/{made['Id']}/start", {"Detach": True})
            if chance() < 0.2:
                self.ask(key, ["running"], "paused", "POST", f"/containers/{name}/pause")
                self.ask(key, ["paused"], "running", "POST", f"/containers/{name}/unpause")
            if chance() < 0.2:
                self.commit(name)
            if chance() < 0.2:
                between = ["exited", GONE, "removing"] if host["AutoRemove"] else ["exited"]
                self.ask(key, ["running", *between], "running", "POST", f"/containers/{name}/restart")
            if chance() < 0.4:
                ended = "exited" if not host["AutoRemove"] else GONE
                self.ask(key, ["running", "exited", ended], ended, "POST", f"/containers/{name}/stop")
                if ended == GONE:
                    self.allowed[key] = {GONE, "exited", "removing"}  # the removal follows the answer
                    return
        if chance() < 0.6:
            states = ["created", "running", "exited", "removing"]
            self.ask(key, states, GONE, "DELETE", f"/containers/{name}", force="1", v="1")

    def commit(self, container):
        key = ("tags", f"made-{container}:latest")
        self.ask(key, [GONE], HERE, "POST", "/commit", container=container, repo=f"made-{container}")
        self.ask(key, [HERE], GONE, "DELETE", f"/images/made-{container}")

    def network(self, name):
        key = ("networks", name)
        self.ask(key, [GONE], HERE, "POST", "/networks/create", {"Name": name})
        if self.random.random() < 0.8:
            self.ask(key, [HERE], GONE, "DELETE", f"/networks/{name}")

    def volume(self, name):
        key = ("volumes", name)
        self.ask(key, [GONE], HERE, "POST", "/volumes/create", {"Name": name})
        if self.random.random() < 0.8:
            self.ask(key, [HERE], GONE, "DELETE", f"/volumes/{name}")

    def image(self, name):
        if self.registry and self.random.random() < 0.5:
            with PULLS:  # one name for all clients
                key = ("tags", f"{self.registry}:latest")
                self.ask(key, [GONE, HERE], HERE, "POST", "/images/create", fromImage=self.registry, tag="latest")
                self.ask(key, [HERE], GONE, "DELETE", f"/images/{self.registry}:latest")
                del self.allowed[key]  # from now on another client's
            return
        key = ("tags", f"{name}:1")
        self.ask(key, [GONE], HERE, "POST", "/images/busybox/tag", repo=name, tag="1")
        self.ask(key, [HERE], GONE, "DELETE", f"/images/{name}:1")


PULLS = threading.Lock()


def check(daemon, clients, where):
    found = daemon.look()
    for client in clients:
        assert not client.failure, f"{where}: {client.failure!r}"
        for (kind, name), allowed in client.allowed.items():
            states = found[kind]
            state = states.get(name, GONE) if kind == "containers" else HERE if name in states else GONE
            assert state in allowed, f"{where}: {name} of {kind} is {state}, expected {allowed}"


def check_orphans(daemon, where):
    try:
        until(lambda: not daemon.orphans())
    except AssertionError:
        log = "\n".join([line for line in daemon.log_text().splitlines() if "level=debug" not in line][-12:])
        raise AssertionError(f"{where}: left {daemon.orphans()}; the log ends with:\n{log}") from None


class Counter:
    """A container that counts into its log, and must not notice anything."""

    def __init__(self, daemon):
        self.daemon = daemon
        body = {"Image": "busybox", "Cmd": ["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); usleep 5000; done"],
                "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {"max-size": "-1"}}}}
        assert daemon.request("POST", "/containers/create", body, query={"name": "counter"}).status == 201
        assert daemon.request("POST", "/containers/counter/start").status == 204
        self.state = self.now()

    def now(self):
        state = self.daemon.get("/containers/counter/json")["State"]
        return state["Status"], state["Pid"], state["StartedAt"]

    def check(self, where):
        assert self.now() == self.state, where

    def finish(self):
        answer = self.daemon.request("GET", "/containers/counter/logs", query={"stdout": "1"})
        numbers = [int(n) for n in b"".join(text for _, text in frames(answer.body)).split()]
        assert numbers == list(range(len(numbers))) and numbers, "the log has a gap"


def clear(daemon, but=()):
    for name in daemon.containers():
        if name not in but:
            answer = daemon.request("DELETE", f"/containers/{name}", query={"force": "1", "v": "1"})
            assert answer.status in (204, 404, 409), answer.body
    for kind in ("networks", "volumes"):
        filters = {"filters": '{"all":["true"]}'} if kind == "volumes" else None
        assert daemon.request("POST", f"/{kind}/prune", query=filters).status == 200


def test_the_daemon_is_killed(daemon, registry):
    chance, counter, ids = random.Random(SEED), Counter(daemon), set()
    for number in range(KILLS):
        where = f"kill {number} of seed {SEED}"
        clients = [Client(daemon, registry, f"{number}-{n}", chance.random()) for n in range(3)]
        for client in clients:
            client.start()
        time.sleep(chance.uniform(0.02, 0.8))
        daemon.kill()
        for client in clients:
            client.join()
        daemon.start()
        check(daemon, clients, where)
        counter.check(where)
        check_orphans(daemon, where)
        ids |= {c["Id"] for c in daemon.containers().values() if c["Names"] != ["/counter"]}
        clear(daemon, ["counter"])
    check_orphans(daemon, "at the end")
    until(lambda: not leaks._cgroups(ids))
    counter.finish()
    clear(daemon)


def victims(daemon, program):
    """Processes of this daemon that run the program."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            line = open(f"/proc/{entry}/cmdline", "rb").read().replace(b"\0", b" ").decode()
            if program in line and leaks._belongs_to(daemons.pathlib.Path(f"/proc/{entry}"), line, daemon.folder):
                found.append(int(entry))
        except (OSError, ValueError):
            pass
    return found


def has_processes(cgroup):
    try:
        return bool(open(f"{cgroup}/cgroup.procs").read())
    except OSError:
        return False


class Sloppy(Client):
    """One whose containers may be killed under it: every answer will do that is no lie."""

    def ask(self, key, doubt, certainty, method, path, body=None, **query):
        answer = self.daemon.request(method, path, body, query=query, timeout=60)
        assert answer.status < 600, answer.body
        return answer

    def container(self, name):
        try:
            super().container(name)
        except KeyError:
            pass  # no exec was made: its container is gone


@pytest.mark.parametrize("program", ["minato-shim", "minato-runtime"])
def test_a_helper_is_killed(daemon, program):
    chance, ids = random.Random(f"{SEED} {program}"), set()
    clients = [Sloppy(daemon, None, f"{program}-{n}", chance.random()) for n in range(2)]
    for client in clients:
        client.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, 0.05))
        found = until(lambda: victims(daemon, program))
        try:
            os.kill(chance.choice(found), signal.SIGKILL)
        except ProcessLookupError:
            pass
        ids |= {c["Id"] for c in daemon.containers().values()}
    for client in clients:
        client.is_over = True
        client.join()
        assert not client.failure, client.failure
    check_orphans(daemon, f"{program} killed, seed {SEED}")
    clear(daemon)
    check_orphans(daemon, f"{program} killed, seed {SEED}, all removed")
    # A killed runtime may leave an empty cgroup (docs/container.md), but nothing that runs in one.
    until(lambda: not [c for c in leaks._cgroups(ids) if program == "minato-shim" or has_processes(c)])
