# SPDX-License-Identifier: Apache-2.0
"""Terminals end to end: a user's pseudo terminal, the command line (ours and Docker's), the daemon, the shim, the
container's terminal. And what pipes do in their place."""
import os
import signal
import subprocess
import time

import pytest

from conftest import DOCKER
from harness import daemon as harness
from terminal import Terminal


@pytest.fixture(scope="module")
def daemon():
    with harness.Daemon("--bridge", "none") as d:
        archive = harness.starter_image()
        answer = d.request("POST", "/images/load", archive.read_bytes(), {"Content-Type": "application/x-tar"}, timeout=60)
        assert answer.status == 200, answer.body
        yield d


@pytest.fixture(params=["minato", "docker"])
def cli(request, daemon, tmp_path):
    program = DOCKER if request.param == "docker" else harness.program("minato")
    if not program:
        pytest.skip("no docker client here")
    yield Cli(program, daemon, tmp_path)
    daemon.remove_containers()


class Cli:
    def __init__(self, program, daemon, home):
        self.program, self.daemon = program, daemon
        host = f"unix://{daemon.socket}"
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "DOCKER_HOST": host, "MINATO_HOST": host,
                            "TERM": "xterm"}

    def run(self, *args, **more):
        return subprocess.run([self.program, *args], env=self.environment, capture_output=True, timeout=30, **more)

    def output(self, *args, **more):
        result = self.run(*args, **more)
        assert result.returncode == 0, result.stderr
        return result.stdout.decode().strip()

    def terminal(self, *args, rows=30, columns=100):
        return Terminal([self.program, *args], self.environment, rows, columns)


SHELL = ["busybox", "sh"]


def test_run_it(cli):
    t = cli.terminal("run", "--rm", "-it", "--network", "none", *SHELL, rows=33, columns=97)
    t.expect("# ")
    t.type("tty; stty size; echo x$((40+2))x\r")
    t.expect("/dev/(console|pts/0)")
    t.expect("33 97")
    t.expect("x42x")
    t.type("exit 7\r")
    assert t.code() == 7


def resize_shell(t, rows, columns):
    """The command line may still be telling the first size when the window changes: the shell is asked until the last word is heard."""
    t.resize(rows, columns)
    for _ in range(50):
        t.process.send_signal(signal.SIGWINCH)
        t.type("stty size\r")
        if t.expect(r"\r\n(\d+ \d+)\r\n").group(1) == f"{rows} {columns}".encode():
            return
        time.sleep(0.1)
    raise AssertionError("the new size does not arrive")


def test_resize(cli):
    t = cli.terminal("run", "--rm", "-it", "--network", "none", *SHELL)
    t.expect("# ")
    resize_shell(t, 41, 123)
    t.type("exit\r")
    assert t.code() == 0


def test_control_c_interrupts_the_command_and_not_the_shell(cli):
    t = cli.terminal("run", "--rm", "-it", "--network", "none", *SHELL)
    t.expect("# ")
    t.type("sleep 100\r")
    t.expect("sleep 100")
    time.sleep(0.2)
    t.type("\x03")
    t.expect("# ")
    t.type("echo again$((1+1))\r")
    t.expect("again2")
    t.expect("# ")
    t.type("\x04")  # the end of input ends the shell
    assert t.code() == 0


def test_control_c_reaches_a_program_without_a_shell(cli):
    t = cli.terminal("run", "--rm", "-it", "--network", "none", "busybox", "sh", "-c", "trap 'exit 9' INT; echo rea''dy; while :; do sleep 0.1; done")
    t.expect("ready")
    t.type("\x03")
    assert t.code() == 9


def test_detach_and_attach(cli):
    t = cli.terminal("run", "-it", "--name", "d1", "--network", "none", *SHELL)
    t.expect("# ")
    t.type("v=kept; echo r$((1+1))\r")
    t.expect("r2")
    t.type("\x10\x11")
    assert t.code() == 0
    assert cli.output("inspect", "-f", "{{.State.Running}}", "d1") == "true"
    t = cli.terminal("attach", "d1")
    t.until_raw()
    t.type("echo it was $v\r")
    t.expect("it was kept")
    t.type("exit 5\r")
    assert t.code() == 5
    assert cli.output("inspect", "-f", "{{.State.ExitCode}}", "d1") == "5"


def test_own_detach_keys(cli):
    t = cli.terminal("run", "-it", "--name", "d2", "--network", "none", "--detach-keys", "ctrl-a,d", *SHELL)
    t.expect("# ")
    t.type("\x10\x11echo still$((1+1))\r")
    t.expect("still2")
    t.type("\x01d")
    assert t.code() == 0
    assert cli.output("inspect", "-f", "{{.State.Running}}", "d2") == "true"
    t = cli.terminal("attach", "--detach-keys", "ctrl-b,x", "d2")
    t.type("echo aga''in\r")
    t.expect("again")
    t.type("\x02x")
    t.expect("read escape sequence")
    assert t.code() == 1


def test_start_again_attached(cli):
    cli.output("create", "-it", "--name", "s1", "--network", "none", *SHELL)
    t = cli.terminal("start", "-ai", "s1")
    t.expect("# ")
    t.type("exit 9\r")
    assert t.code() == 9
    t = cli.terminal("start", "-ai", "s1")
    t.expect("# ")
    t.type("exit\r")
    assert t.code() == 0


def test_exec_it(cli):
    cli.output("run", "-d", "--name", "e1", "--network", "none", "busybox", "sleep", "100")
    t = cli.terminal("exec", "-it", "e1", "sh", rows=22, columns=77)
    t.expect("# ")
    t.type("stty size; ps | grep -c sleep\r")
    t.expect("22 77")
    resize_shell(t, 23, 78)
    t.type("exit 6\r")
    assert t.code() == 6
    t = cli.terminal("exec", "-it", "e1", "cat")
    t.type("line\r")
    t.expect("line\r\nline")
    t.type("\x10\x11")
    t.process.wait(10)
    assert cli.output("inspect", "-f", "{{.State.Running}}", "e1") == "true"


def test_exit_codes(cli):
    assert cli.run("run", "--rm", "--network", "none", "busybox", "sh", "-c", "exit 42").returncode == 42
    missing = cli.run("run", "--rm", "--network", "none", "busybox", "nope")
    assert missing.returncode == 127 and b"executable file not found in $PATH" in missing.stderr, missing
    assert cli.run("run", "--rm", "--network", "none", "busybox", "/etc/passwd").returncode == 126
    assert cli.run("run", "--rm", "--no-such-option", "busybox").returncode == 125
    cli.output("run", "-d", "--name", "x0", "--network", "none", "busybox", "sleep", "100")
    cli.output("kill", "x0")
    assert cli.output("wait", "x0") == "137"
    cli.output("run", "-d", "--name", "x1", "--network", "none", "busybox", "sleep", "100")
    assert cli.run("exec", "x1", "sh", "-c", "exit 42").returncode == 42
    assert cli.run("exec", "x1", "nope").returncode == 127
    assert cli.run("exec", "x1", "/etc/passwd").returncode == 126


def test_piped_input(cli):
    data = os.urandom(3 << 20)
    result = cli.run("run", "--rm", "-i", "--network", "none", "busybox", "cat", input=data)
    assert result.returncode == 0 and result.stdout == data
    cli.output("run", "-d", "--name", "p1", "--network", "none", "busybox", "sleep", "100")
    result = cli.run("exec", "-i", "p1", "sh", "-c", "cat; echo err >&2; exit 3", input=b"x" * 300000)
    assert (result.returncode, result.stdout, result.stderr) == (3, b"x" * 300000, b"err\n")


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 21), (signal.SIGUSR1, 22)])
def test_signals_are_passed_on(cli, number, code):
    script = "trap 'exit 21' TERM; trap 'exit 22' USR1; echo ready; while :; do sleep 0.1; done"
    process = subprocess.Popen([cli.program, "run", "--rm", "--network", "none", "busybox", "sh", "-c", script], stdout=subprocess.PIPE,
                               env=cli.environment)
    assert process.stdout.readline() == b"ready\n"
    if cli.program == DOCKER:
        time.sleep(0.7)  # docker loses a signal that comes before its forwarder has read the container's state
    process.send_signal(number)
    assert process.wait(20) == code
    process.stdout.close()


def test_logs_follow_until_the_end(cli):
    cli.output("run", "-d", "--name", "talker", "--network", "none", "busybox", "sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done")
    assert cli.output("logs", "-f", "talker").split() == list("12345")


def test_the_daemon_is_killed_meanwhile(cli):
    t = cli.terminal("run", "-it", "--name", "k1", "--network", "none", *SHELL)
    t.expect("# ")
    cli.daemon.kill()
    t.type("echo alive$((1+1))\r")
    t.expect("alive2")
    cli.daemon.start()
    t.type("echo still$((1+1))\r")
    t.expect("still2")
    other = cli.terminal("attach", "k1")
    other.until_raw()
    other.type("echo both$((1+1))\r")
    other.expect("both2")
    t.expect("both2")
    t.type("exit 4\r")
    assert other.code() == 4
    t.process.wait(10)
