# SPDX-License-Identifier: Apache-2.0
"""Attached clients: streams, frames, input, terminals, back-pressure."""

import fcntl
import os
import socket
import time

import pytest
from shim import Client, frames, wait_for

OUTPUT = {"stdout": True, "stderr": True}


def test_attach_before_the_start_misses_nothing(any_runtime):
    client = Client()
    any_runtime.attach(client, framed=True, **OUTPUT)
    any_runtime.start(["sh", "-c", "echo a; echo b >&2; sleep 0.1; echo c"])
    got = frames(client.read_all())
    assert b"".join(t for s, t in got if s == 1) == b"a\nc\n"
    assert b"".join(t for s, t in got if s == 2) == b"b\n"


def test_only_the_streams_asked_for(fake):
    out, err = Client(), Client()
    fake.attach(out, stdout=True)
    fake.attach(err, stderr=True, framed=True)
    fake.start(["sh", "-c", "echo a; echo b >&2"])
    assert out.read_all() == b"a\n"
    assert frames(err.read_all()) == [(2, b"b\n")]


def test_input_until_its_end(any_runtime):
    client = Client()
    any_runtime.attach(client, stdin=True, **OUTPUT)
    # Attached before the start, so the shim cannot know yet that there is a stdin; Docker's client does the same.
    any_runtime.start(["cat"], openStdin=True, stdinOnce=True)
    client.sock.sendall(b"hello\n")
    assert client.read_until(b"hello\n")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.read_all() == b""
    assert any_runtime.shim.control.event("exited").get("code", 0) == 0


def test_much_input_and_output(fake):
    client = Client()
    fake.attach(client, stdin=True, framed=True, **OUTPUT)
    fake.start(["cat"], openStdin=True, stdinOnce=True)
    data = os.urandom(3 << 20)
    if os.fork() == 0:
        client.sock.sendall(data)
        client.sock.shutdown(socket.SHUT_WR)
        os._exit(0)
    got = frames(client.read_all())
    os.wait()
    assert got == [(1, data)]


def test_input_sent_and_gone_before_the_start(fake):
    client = Client()
    fake.attach(client, stdin=True)
    client.sock.sendall(b"early\n")
    client.sock.close()
    fake.start(["cat"], openStdin=True, stdinOnce=True)
    assert fake.shim.control.event("exited").get("code", 0) == 0
    assert fake.shim.logged() == "early\n"


def test_without_stdin_once_input_stays_open(fake):
    fake.start(["cat"], openStdin=True)
    first = Client()
    fake.attach(first, stdin=True, **OUTPUT)
    first.sock.sendall(b"one\n")
    first.read_until(b"one\n")
    first.sock.shutdown(socket.SHUT_WR)
    assert first.read_all() == b""  # its session is over, the container is not
    second = Client()
    fake.attach(second, stdin=True, **OUTPUT)
    second.sock.sendall(b"two\n")
    second.read_until(b"two\n")
    assert fake.shim.logged() == "one\ntwo\n"


def test_the_process_may_close_its_input(fake):
    fake.start(["sh", "-c", "exec <&-; sleep 0.2; echo done"], openStdin=True, stdinOnce=True)
    client = Client()
    fake.attach(client, stdin=True, **OUTPUT)
    for _ in range(50):
        client.sock.sendall(b"x" * 10000)
    assert client.read_all() == b"done\n"


def test_clients_outlive_the_daemon(any_runtime):
    client = Client()
    any_runtime.attach(client, stdin=True, **OUTPUT)
    any_runtime.start(["cat"], openStdin=True, stdinOnce=True)
    any_runtime.shim.control.close()
    client.sock.sendall(b"still here\n")
    client.read_until(b"still here\n")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.read_all() == b""
    wait_for(lambda: any_runtime.shim.exit_file()["ExitCode"] == 0 if (any_runtime.shim.bundle / "exit").exists() else 0)


# ---- terminals ----

def test_terminal(any_runtime):
    client = Client()
    any_runtime.attach(client, stdin=True, **OUTPUT)
    any_runtime.start(["sh"], tty=True, openStdin=True, stdinOnce=True, consoleHeight=33, consoleWidth=111)
    client.sock.sendall(b"stty size; echo e$((1+1))\n")
    assert b"33 111\r\n" in client.read_until(b"e2\r\n")
    assert not any_runtime.shim.control.request("resize", resize={"height": 44, "width": 88}).get("error")
    client.sock.sendall(b"stty size\n")
    client.read_until(b"44 88\r\n")
    client.sock.sendall(b"exit 9\n")
    client.read_all()
    assert any_runtime.shim.control.event("exited").get("code", 0) == 9
    assert "33 111\r\n" in any_runtime.shim.logged("stdout")


def test_control_c_reaches_the_process(any_runtime):
    client = Client()
    any_runtime.attach(client, stdin=True, **OUTPUT)
    any_runtime.start(["sh", "-c", "trap 'echo caught; exit 6' INT; echo ready; while :; do sleep 0.05; done"], tty=True,
                      openStdin=True)
    client.read_until(b"ready\r\n")
    client.sock.sendall(b"\x03")
    assert b"caught" in client.read_all()
    assert any_runtime.shim.control.event("exited").get("code", 0) == 6


@pytest.mark.parametrize("keys,typed", [("", b"\x10\x11"), ("ctrl-a,x", b"\x01x"), ("d", b"d")])
def test_detach_keys(fake, keys, typed):
    fake.start(["cat"], tty=True, openStdin=True)
    client = Client()
    fake.attach(client, stdin=True, detachKeys=keys, **OUTPUT)
    client.sock.sendall(b"hi\n")
    client.read_until(b"hi\r\n")
    client.sock.sendall(typed)
    client.read_all()
    assert fake.shim.control.event("detached").get("exec", "") == ""
    assert fake.shim.control.request("status")["state"] == "running"


def test_keys_that_only_begin_like_detaching_are_typed(fake):
    client = Client()
    fake.attach(client, stdin=True, **OUTPUT)
    fake.start(["sh", "-c", "stty raw -echo; echo ok; exec head -c 3"], tty=True, openStdin=True)
    client.read_until(b"ok\n")
    client.sock.sendall(b"\x10")
    time.sleep(0.05)
    client.sock.sendall(b"ab")
    assert client.read_until(b"\x10ab")


def test_wrong_detach_keys(fake):
    client = Client()
    reply = fake.shim.control.request("attach", {"client": client.theirs}, attach={"detachKeys": "ctrl-nope"})
    assert "invalid argument" in reply["error"]


# ---- slow clients ----

def test_a_slow_client_slows_the_container_and_loses_nothing(fake):
    slow, fast = Client(), Client()
    fake.attach(slow, framed=True, **OUTPUT)
    fake.start(["sh", "-c", "seq 1 400000"])
    time.sleep(0.3)
    assert fake.shim.control.request("status")["state"] == "running"  # blocked in write, as on a pipe
    expected = "".join(f"{i}\n" for i in range(1, 400001)).encode()
    assert b"".join(t for _, t in frames(slow.read_all())) == expected
    assert fake.shim.control.event("exited").get("code", 0) == 0
    assert fake.shim.logged().encode() == expected


def test_the_exit_does_not_wait_for_a_slow_client(fake):
    slow = Client()
    slow.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    fake.attach(slow, **OUTPUT)
    fake.start(["sh", "-c", "seq 1 12000"])  # more than the socket takes, less than a pipe holds
    assert fake.shim.control.event("exited", timeout=5).get("code", 0) == 0
    fake.shim.control.wait_closed()
    assert fake.shim.process.wait(5) == 0  # the container could be started again now
    assert fake.shim.logged() == "".join(f"{i}\n" for i in range(1, 12001))
    assert slow.read_all().decode() == "".join(f"{i}\n" for i in range(1, 12001))


def resident_kib(shim):
    return int(open(f"/proc/{shim.process.pid}/status").read().split("VmRSS:")[1].split()[0])


def test_memory_stays_small(fake):
    before = resident_kib(fake.shim)
    clients = [Client() for _ in range(20)]
    for client in clients:
        fake.attach(client, **OUTPUT)
    fake.start(["yes", "x" * 100])
    time.sleep(0.5)
    assert resident_kib(fake.shim) - before < 4000, "20 clients that do not read"
