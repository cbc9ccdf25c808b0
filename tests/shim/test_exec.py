# SPDX-License-Identifier: Apache-2.0
"""Exec sessions."""

import socket

from shim import Client, frames

OUTPUT = {"stdout": True, "stderr": True}


def test_streams_and_exit_code(any_runtime):
    any_runtime.start(["sleep", "100"])
    client = Client()
    reply = any_runtime.exec(["sh", "-c", "echo out; echo err >&2; exit 12"], client, framed=True, **OUTPUT)
    assert reply["pid"] > 0, reply
    got = frames(client.read_all())
    assert sorted(got) == [(1, b"out\n"), (2, b"err\n")]
    event = any_runtime.shim.control.event("exec-exited")
    assert (event["exec"], event["code"]) == ("e1", 12)
    assert any_runtime.shim.logged() == ""
    status = any_runtime.shim.control.request("status")
    assert status["execs"] == [{"exec": "e1", "pid": reply["pid"], "running": False, "code": 12}]


def test_detached(any_runtime):
    any_runtime.start(["sleep", "100"])
    reply = any_runtime.exec(["sh", "-c", "exit 3"], exec="d")
    assert reply["pid"] > 0
    assert any_runtime.shim.control.event("exec-exited").get("code", 0) == 3


def test_input(any_runtime):
    any_runtime.start(["sleep", "100"])
    client = Client()
    any_runtime.exec(["cat"], client, openStdin=True, stdin=True, **OUTPUT)
    client.sock.sendall(b"in and out")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.read_all() == b"in and out"


def test_terminal(any_runtime):
    any_runtime.start(["sleep", "100"])
    client = Client()
    any_runtime.exec(["sh"], client, tty=True, openStdin=True, stdin=True, consoleHeight=20, consoleWidth=70, **OUTPUT)
    client.sock.sendall(b"stty size\n")
    client.read_until(b"20 70\r\n")
    any_runtime.shim.control.request("resize", resize={"exec": "e1", "height": 21, "width": 71})
    client.sock.sendall(b"stty size; exit 5\n")
    assert b"21 71\r\n" in client.read_all()
    assert any_runtime.shim.control.event("exec-exited").get("code", 0) == 5


def test_what_cannot_be_started(any_runtime):
    any_runtime.start(["sleep", "100"])
    fake = any_runtime.kind == "fake"
    missing = any_runtime.exec(["true" if fake else "nope"], exec="a",
                               env=["FAKE_ERROR=exec failed: executable file not found in $PATH"] if fake else [])
    assert "executable file not found" in missing["error"] and missing["code"] == 127
    denied = any_runtime.exec(["true" if fake else "/bin/notexec"], exec="b",
                              env=["FAKE_ERROR=exec failed: permission denied"] if fake else [])
    assert "permission denied" in denied["error"] and denied["code"] == 126
    names = [p.name for p in any_runtime.shim.bundle.iterdir()]
    assert not [n for n in names if n.startswith(("exec-", "runtime-"))], names


def test_detach_leaves_the_session(fake):
    fake.start(["sleep", "100"])
    client = Client()
    fake.exec(["cat"], client, tty=True, openStdin=True, stdin=True, **OUTPUT)
    client.sock.sendall(b"\x10\x11")
    client.read_all()
    assert fake.shim.control.event("detached")["exec"] == "e1"
    assert fake.shim.control.request("status")["execs"][0]["running"]


def test_sessions_end_with_the_container(any_runtime):
    if any_runtime.kind == "fake":
        return  # no pid namespace: the session lives on
    reply = any_runtime.start(["sleep", "100"])
    client = Client()
    any_runtime.exec(["sleep", "100"], client, **OUTPUT)
    import os
    os.kill(reply["pid"], 9)
    assert any_runtime.shim.control.event("exec-exited").get("code", 0) == 137
    assert any_runtime.shim.control.event("exited").get("code", 0) == 137
    assert client.read_all() == b""
    assert any_runtime.shim.process.wait(10) == 0


def test_many_at_once(fake):
    fake.start(["sleep", "100"])
    clients = [Client() for _ in range(30)]
    for number, client in enumerate(clients):
        fake.exec(["sh", "-c", f"echo {number}"], client, exec=f"e{number}", **OUTPUT)
    for number, client in enumerate(clients):
        assert client.read_all() == b"%d\n" % number


def test_refuses_names_that_are_paths(fake):
    fake.start(["sleep", "100"])
    for name in ("../x", "a/b", "", ".x"):
        assert fake.shim.control.request("exec", exec={"exec": name, "process": "p.json"})["error"]
        assert fake.shim.control.request("exec", exec={"exec": "e", "process": name})["error"]
