# SPDX-License-Identifier: Apache-2.0
"""Threats R2: the daemon is ended before every effect an operation has on the world, in turn, and started again. What was
acknowledged holds, what was not is done or not done but nothing in between, and nobody is left an orphan.

MINATO_TEST_CRASH_POINTS=all takes every point (minutes); else each run takes some of them, chosen by MINATO_TEST_SEED."""
import os
import pathlib
import random

import pytest

from effects import Effects, until
from harness import daemon as daemons
from harness import layout

SEED = int(os.environ.get("MINATO_TEST_SEED", "1"))
TAKES_ALL = os.environ.get("MINATO_TEST_CRASH_POINTS") == "all"
SOME = 2

BUSY = {"Image": "busybox", "Cmd": ["sleep", "1000"], "StopSignal": "KILL"}
PLAIN = {**BUSY, "HostConfig": {"NetworkMode": "none"}}
RICH = {**BUSY, "Volumes": {"/anonymous": {}},
        "HostConfig": {"NetworkMode": "net", "IpcMode": "shareable", "Binds": ["data:/etc"], "Mounts": [{"Type": "image", "Source": "busybox", "Target": "/image"}],
                       "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}}


def ask(daemon, method, path, body=None, **query):
    answer = daemon.request(method, path, body, query=query)
    assert answer.status in (200, 201, 204), (method, path, answer.status, answer.body)
    return answer


def make(name, body, *actions):
    """Steps that make a container and bring it somewhere."""
    return [("POST", "/containers/create", body, {"name": name}),
            *[("POST", f"/containers/{name}/{action}", None, {}) for action in actions]]


NET, DATA = ("POST", "/networks/create", {"Name": "net"}, {}), ("POST", "/volumes/create", {"Name": "data"}, {})
IMAGE = daemons.starter_image


def many():
    """Images of two platforms, so many that their documents are synced together."""
    return layout.many(8, ("amd64", "arm64"), has_own_layers=True)


# name: (what is there before, the operation, states that an interrupted one may leave the container in beside before and after; None: gone)
OPERATIONS = {
    "create": ([], make("one", PLAIN)[0], ()),
    "create with everything": ([NET, DATA], make("one", RICH)[0], ()),
    "start": (make("one", PLAIN), ("POST", "/containers/one/start", None, {}), ()),
    "start with everything": ([NET, DATA, *make("one", RICH)], ("POST", "/containers/one/start", None, {}), ()),
    "start again": ([NET, DATA, *make("one", RICH, "start", "stop")], ("POST", "/containers/one/start", None, {}), ()),
    "stop": (make("one", PLAIN, "start"), ("POST", "/containers/one/stop", None, {}), ()),
    "kill": ([NET, DATA, *make("one", RICH, "start")], ("POST", "/containers/one/kill", None, {}), ()),
    "restart": (make("one", PLAIN, "start"), ("POST", "/containers/one/restart", None, {}), ("exited",)),
    "restart what goes by itself": (make("one", {**PLAIN, "HostConfig": {"AutoRemove": True, "NetworkMode": "none"}}, "start"),
                                    ("POST", "/containers/one/restart", None, {}), ("exited", None)),
    "pause": (make("one", PLAIN, "start"), ("POST", "/containers/one/pause", None, {}), ()),
    "unpause": (make("one", PLAIN, "start", "pause"), ("POST", "/containers/one/unpause", None, {}), ()),
    "rename": (make("one", PLAIN, "start"), ("POST", "/containers/one/rename", None, {"name": "two"}), ()),
    "update": (make("one", PLAIN, "start"), ("POST", "/containers/one/update", {"Memory": 64 << 20, "MemorySwap": -1}, {}), ()),
    "remove": (make("one", PLAIN), ("DELETE", "/containers/one", None, {}), ()),
    "remove what ended": (make("one", PLAIN, "start", "stop"), ("DELETE", "/containers/one", None, {}), ()),
    "remove by force": ([NET, DATA, *make("one", RICH, "start")],
                        ("DELETE", "/containers/one", None, {"force": "1", "v": "1"}), ("exited",)),
    "auto-remove": (make("one", {**PLAIN, "HostConfig": {"AutoRemove": True, "NetworkMode": "none"}}, "start"),
                    ("POST", "/containers/one/stop", None, {}), ("exited",)),
    "create network": ([], NET, ()),
    "remove network": ([NET], ("DELETE", "/networks/net", None, {}), ()),
    "connect": ([NET, *make("one", {**BUSY}, "start")], ("POST", "/networks/net/connect", {"Container": "one"}, {}), ()),
    "disconnect": ([NET, DATA, *make("one", RICH, "start")],
                   ("POST", "/networks/net/disconnect", {"Container": "one"}, {}), ()),
    "create volume": ([], DATA, ()),
    "remove volume": ([DATA], ("DELETE", "/volumes/data", None, {}), ()),
    "load": ([("DELETE", "/images/busybox", None, {"force": "1"})], ("POST", "/images/load", IMAGE, {}), ()),
    "tag": ([], ("POST", "/images/busybox/tag", None, {"repo": "other", "tag": "1"}), ()),
    "remove tag": ([("POST", "/images/busybox/tag", None, {"repo": "other", "tag": "1"})],
                   ("DELETE", "/images/other:1", None, {}), ()),
    "remove image": ([], ("DELETE", "/images/busybox", None, {}), ()),
    "load many": ([], ("POST", "/images/load", many, {}), ()),
    "remove one of many": ([("POST", "/images/load", many, {})], ("DELETE", "/images/many:3", None, {}), ()),
    "prune many": ([*make("one", PLAIN), ("POST", "/images/load", many, {})],
                   ("POST", "/images/prune", None, {"filters": '{"dangling":["false"]}'}), ()),
    "commit": (make("one", PLAIN, "start"), ("POST", "/commit", None, {"container": "one", "repo": "made"}), ()),
    "exec": (make("one", PLAIN, "start"), ("POST", "/containers/one/exec", {"Cmd": ["true"]}, {}), ()),
}


@pytest.fixture(scope="module")
def daemons_():
    """One daemon for all, and a fresh one after it failed a test."""
    running = []
    yield running
    for daemon in running:
        daemon.close()


@pytest.fixture
def daemon(daemons_, request):
    if not daemons_:
        daemons_.append(Effects().start())
    failed = request.session.testsfailed
    yield daemons_[0]
    if request.session.testsfailed > failed:
        daemons_.pop().close()


def do(daemon, step):
    method, path, body, query = step
    body = body() if callable(body) else body
    return ask(daemon, method, path, body.read_bytes() if isinstance(body, pathlib.Path) else body, **query)


def clear(daemon):
    """Nothing but the image; removing must work for whatever there is."""
    daemon.remove_containers()
    for kind in ("networks", "volumes", "containers"):
        ask(daemon, "POST", f"/{kind}/prune", **({"filters": '{"all":["true"]}'} if kind == "volumes" else {}))
    for tag in daemon.look()["tags"]:
        if tag != "busybox:latest":
            ask(daemon, "DELETE", f"/images/{tag}", force="1")
    if not daemon.look()["tags"]:
        do(daemon, ("POST", "/images/load", IMAGE, {}))


def set_up(daemon, before):
    clear(daemon)
    for step in before:
        do(daemon, step)
    until(lambda: not daemon.orphans())
    daemon.wait_idle()
    return daemon.look()


def attempt(daemon, step, at):
    """Does it with the end before effect number `at`: (was it acknowledged, did it end)."""
    daemon.arm(at)
    try:
        do(daemon, step)
        is_done = True
    except OSError:
        is_done = False
    daemon.wait_idle()  # what follows an answer is counted, too
    is_dead = daemon.is_dead()
    daemon.disarm()
    assert is_done or is_dead, "it failed without being ended"
    return is_done, is_dead


def check(daemon, looks, was_done, between, where):
    before, after = looks
    found = daemon.look()
    allowed = [after] if was_done else [before, after]
    for state in () if was_done else between:
        allowed += [{**before, "containers": dict.fromkeys(before["containers"], state) if state else {}}]
    assert found in allowed, f"{where}: found {found}, not one of {allowed}"
    try:
        until(lambda: not daemon.orphans())
    except AssertionError:
        raise AssertionError(f"{where}: left {daemon.orphans()}") from None
    findings = ask(daemon, "POST", "/system/check").json()["Findings"]  # database and disk agree, every digest holds
    assert findings == [], f"{where}: {findings}"
    for container in daemon.containers().values():
        if container["State"] in ("running", "paused"):  # and so it is: it can be talked to
            pid = daemon.get(f"/containers/{container['Id']}/json")["State"]["Pid"]
            frozen = "frozen 1" in freezer_events(pid)
            assert frozen == (container["State"] == "paused"), f"{where}: {container['State']}, but frozen is {frozen}"


def freezer_events(pid):
    """cgroup.events of the process's cgroup in the unified hierarchy."""
    path = next(line.split(":", 2)[2].strip() for line in open(f"/proc/{pid}/cgroup") if line.startswith("0:"))
    for root in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
        if os.path.exists(f"{root}{path}/cgroup.events"):
            return open(f"{root}{path}/cgroup.events").read()
    return ""


@pytest.mark.parametrize("name", OPERATIONS)
def test_ended_before_every_effect(daemon, name):
    before, step, between = OPERATIONS[name]
    looks = [set_up(daemon, before)]
    attempt(daemon, step, 1 << 30)
    total = daemon.count
    looks.append(daemon.look())
    assert total > 0, "the operation has no effect that could be counted"
    points = range(1, total + 1)
    if not TAKES_ALL:
        points = sorted(random.Random(f"{SEED} {name}").sample(points, min(SOME, total)))
    for at in points:
        set_up(daemon, before)
        was_done, is_dead = attempt(daemon, step, at)
        if not is_dead:
            daemon.kill()  # fewer effects than last time
        daemon.start()
        check(daemon, looks, was_done, between, f"{name}, ended before effect {at} of {total} ({daemon.last})")
