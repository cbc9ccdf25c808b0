# SPDX-License-Identifier: Apache-2.0
"""The life of a container as its shim's peers see it."""

import os
import signal
import socket

from shim import wait_for


def test_runs_and_reports_the_exit(any_runtime):
    shim = any_runtime.shim
    reply = any_runtime.start(["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert not reply.get("error"), reply
    assert reply["pid"] > 0 and len(reply["fds"]) == 1
    assert "pidfd" in os.readlink(f"/proc/self/fd/{reply['fds'][0]}")
    event = shim.control.event("exited")
    assert event["code"] == 7 and not event.get("oomKilled")
    assert shim.exit_file() == {"ExitCode": 7, "ExitedAt": event["exitedAt"], "OOMKilled": False}
    assert shim.logged("stdout") == "out\n" and shim.logged("stderr") == "err\n"
    shim.control.wait_closed()
    assert shim.process.wait(5) == 0
    assert sorted(p.name for p in shim.bundle.iterdir()) == ["config.json", "exit", "pid", "rootfs"]


def test_reports_a_signal_as_a_shell_does(any_runtime):
    reply = any_runtime.start(["sh", "-c", "sleep 100"])
    os.kill(reply["pid"], signal.SIGKILL)
    assert any_runtime.shim.control.event("exited").get("code", 0) == 137


def test_a_command_that_is_not_there(any_runtime):
    if any_runtime.kind == "fake":
        reply = any_runtime.start(["true"], env=['FAKE_ERROR=exec: "nope": executable file not found in $PATH'])
    else:
        reply = any_runtime.start(["nope"])
    assert "executable file not found in $PATH" in reply["error"]
    assert reply["code"] == 127
    shim = any_runtime.shim
    assert shim.exit_file()["ExitCode"] == 127
    shim.control.wait_closed()
    assert shim.process.wait(5) == 0
    assert shim.logged() == ""
    assert list(any_runtime.root.iterdir()) == []


def test_a_command_that_cannot_be_executed(any_runtime):
    if any_runtime.kind == "fake":
        reply = any_runtime.start(["true"], env=["FAKE_ERROR=exec /bin/notexec: permission denied"])
    else:
        reply = any_runtime.start(["/bin/notexec"])
    assert "permission denied" in reply["error"]
    assert reply["code"] == 126


def test_a_runtime_that_is_not_there(fake):
    fake.runtime = "/nonexistent/runtime"
    reply = fake.start(["true"])
    assert "no such file or directory" in reply["error"]
    fake.shim.control.wait_closed()


def test_a_runtime_that_forgets_the_pid_file(fake):
    reply = fake.start(["true"], env=["FAKE_NO_PID=1"])
    assert "pid file" in reply["error"]
    fake.shim.control.wait_closed()


def test_hands_over_rootfs_and_netns(fake):
    rootfs, netns = os.open("/tmp", os.O_PATH), os.open("/proc/self/ns/net", os.O_RDONLY)
    fake.start(["sleep", "100"], fds={"rootfs": rootfs, "netns": netns})
    text = (fake.root / fake.id / "fds").read_text()
    assert '"10": "/tmp"' in text and '"11": "net:[' in text


def test_ends_when_the_daemon_dies_before_the_start(fake):
    fake.shim.control.close()
    assert fake.shim.process.wait(5) == 0


def test_ends_when_the_daemon_dies_between_prepare_and_run(fake):
    parts = fake.shim.start_parts(fake.runtime, fake.root, fake.id)
    assert not fake.shim.control.request("prepare", start=parts).get("error")
    assert fake.shim.control.request("status")["state"] == "created"
    assert not (fake.shim.bundle / "shim.sock").exists()  # the next daemon finds nobody who has nothing to say
    fake.shim.control.close()
    assert fake.shim.process.wait(5) == 0


def test_prepare_and_run_are_a_start(any_runtime):
    any_runtime.in_parts = True
    reply = any_runtime.start(["sh", "-c", "echo out; exit 3"])
    assert not reply.get("error") and reply["pid"] > 0, reply
    assert any_runtime.shim.control.event("exited")["code"] == 3
    assert any_runtime.shim.logged("stdout") == "out\n"


def test_a_preparation_that_fails_is_told_by_run(fake):
    fake.in_parts = True
    fake.shim.log = fake.folder / "nowhere" / "container.log"
    reply = fake.start(["true"])
    assert "nowhere/container.log': no such file or directory" in reply["error"] and reply["code"] == 125
    assert fake.shim.process.wait(5) == 0
    assert fake.shim.exit_file()["ExitCode"] == 125


def test_a_socket_that_cannot_be_made_fails_the_start(any_runtime):
    """The runtime is at work by then: what it made is taken back."""
    (any_runtime.shim.bundle / "shim.sock").mkdir()
    reply = any_runtime.start(["sleep", "100"])
    assert "listen on" in reply["error"], reply
    assert any_runtime.shim.process.wait(5) == 0
    assert list(any_runtime.root.iterdir()) == []


def test_parts_in_the_wrong_order(fake):
    ask = fake.shim.control.request
    assert ask("run")["error"] == "run: nothing is prepared"
    parts = fake.shim.start_parts(fake.runtime, fake.root, fake.id)
    assert not ask("prepare", start=parts).get("error")
    assert ask("prepare", start=parts)["error"] == "start: already done"
    assert ask("start", start=parts)["error"] == "start: already done"


def test_survives_the_daemon(any_runtime):
    shim = any_runtime.shim
    reply = any_runtime.start(["sh", "-c", "i=0; while [ $i -lt 60 ]; do echo line $i; i=$((i+1)); sleep 0.01; done; exit 3"])
    shim.control.close()
    wait_for(lambda: "line 20\n" in shim.logged())
    peer = shim.connect()
    status = peer.request("status")
    assert (status["state"], status["pid"]) == ("running", reply["pid"])
    assert len(status["fds"]) == 1
    peer.close()
    wait_for(lambda: (shim.bundle / "exit").exists())
    assert shim.exit_file()["ExitCode"] == 3
    assert shim.process.wait(10) == 0
    assert shim.logged() == "".join(f"line {i}\n" for i in range(60))


def test_every_peer_hears_of_the_end(fake):
    fake.start(["sh", "-c", "read x; exit 4"], openStdin=True)
    peers = [fake.shim.connect() for _ in range(3)]
    for peer in peers:
        assert peer.request("status")["state"] == "running"
    os.kill(fake.shim.connect().request("status")["pid"], signal.SIGTERM)
    for peer in peers + [fake.shim.control]:
        assert peer.event("exited").get("code", 0) == 143


def test_says_when_memory_ran_out(any_runtime):
    if any_runtime.kind == "fake":
        return  # no cgroup
    memory = {"memory": {"limit": 16 << 20, "swap": 16 << 20}}
    reply = any_runtime.start(["sh", "-c", "(dd if=/dev/zero of=/dev/null bs=100M count=1); sleep 0.2; exit 8"],
                              resources=memory)
    assert not reply.get("error"), reply
    control = any_runtime.shim.control
    assert control.event("oom")
    event = control.event("exited")
    assert event["oomKilled"] and event["code"] == 8
    assert any_runtime.shim.exit_file()["OOMKilled"]


def test_ignores_signals(fake):
    fake.start(["sleep", "100"])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        fake.shim.process.send_signal(number)
    assert fake.shim.control.request("status")["state"] == "running"


def test_answers_nonsense_with_an_error(fake):
    control = fake.shim.control
    for text, message in ((b"{", "invalid JSON"), (b'{"op":"fly","id":3}', 'unknown "fly"'),
                          (b'{"op":"start","id":4}', "start: missing"), (b'{"op":"status"}', "id: required")):
        control.sock.send(text)
        assert message in control.receive()["error"]
    assert control.request("status")["state"] == "created"
    assert control.request("resize", resize={"height": 1, "width": 1})["error"].startswith("resize: ")
    assert "not running" in control.request("exec", exec={"exec": "a", "process": "b"})["error"]


def test_background_processes_do_not_hold_the_exit(fake):
    # The fake runtime has no pid namespace: the sleeper keeps stdout open after the first process has ended.
    fake.start(["sh", "-c", "setsid sleep 30 & echo started; exit 5"])
    assert fake.shim.control.event("exited", timeout=5).get("code", 0) == 5
    assert fake.shim.logged() == "started\n"


def test_a_peer_that_does_not_read_is_let_go(fake):
    fake.start(["sleep", "100"])
    deaf = fake.shim.connect()
    deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for number in range(20000):
        try:
            deaf.sock.send(b'{"op":"status","id":1}', socket.MSG_DONTWAIT)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            break
    assert fake.shim.control.request("status")["state"] == "running"
