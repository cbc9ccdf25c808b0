# SPDX-License-Identifier: Apache-2.0
"""Terminals: raw mode and its end, window sizes, Ctrl-C, detach keys, signals, half-closed pipes."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from conftest import DOCKER


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, cli, *args, rows=30, columns=100):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.process = subprocess.Popen([cli.program, *args], stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        env=cli.environment, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for(self, text, timeout=15):
        deadline = time.monotonic() + timeout
        while text not in self.text:
            assert time.monotonic() < deadline, f"no {text!r} in {self.text!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                self.text += os.read(self.master, 65536).decode(errors="replace")
        return self.text

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self, timeout=15):
        code = self.process.wait(timeout)
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is as it was"
        os.close(self.master)
        os.close(self.slave)
        return code


def both(clis, engine):
    return [cli for cli in clis(engine) if cli]


def test_run_on_a_terminal(engine, clis):
    for cli in both(clis, engine):
        t = Terminal(cli, "run", "-it", "--rm", "busybox", "sh")
        t.type("stty size; exit 3\n")
        t.wait_for("30 100")
        assert t.end() == 3


def test_window_changes_reach_the_process(engine, clis):
    for cli in both(clis, engine):
        t = Terminal(cli, "run", "-it", "--rm", "busybox", "sh")
        t.type("echo rea''dy\n")
        t.wait_for("ready")
        t.resize(40, 120)
        os.kill(t.process.pid, signal.SIGWINCH)
        for _ in range(20):
            t.type("stty size\n")
            time.sleep(0.2)
            if select.select([t.master], [], [], 0.5)[0]:
                t.text += os.read(t.master, 65536).decode()
            if "40 120" in t.text:
                break
        assert "40 120" in t.text
        t.type("exit\n")
        assert t.end() == 0


def test_interrupt_goes_to_the_process(engine, clis):
    for cli in both(clis, engine):
        t = Terminal(cli, "run", "-it", "--rm", "busybox", "sh", "-c", "trap 'exit 9' INT; echo ready; while :; do sleep 0.1; done")
        t.wait_for("ready")
        t.type("\x03")
        assert t.end() == 9


def test_detach_and_attach_again(engine, clis):
    for cli in both(clis, engine):
        cli("rm", "-f", "detached")
        t = Terminal(cli, "run", "-it", "--name", "detached", "busybox", "sh")
        t.type("echo rea''dy\n")
        t.wait_for("ready")
        t.type("\x10\x11")
        assert t.end() == 0
        assert cli.ok("inspect", "-f", "{{.State.Running}}", "detached") == "true"
        t = Terminal(cli, "attach", "--detach-keys", "ctrl-a,x", "detached")
        t.type("echo aga''in\n")
        t.wait_for("again")
        t.type("\x01x")
        t.wait_for("read escape sequence")
        assert t.end() == 1
        cli.ok("rm", "-f", "detached")


def test_exec_on_a_terminal(engine, clis):
    for cli in both(clis, engine):
        t = Terminal(cli, "exec", "-it", "web", "sh")
        t.type("tty; stty size; exit 6\n")
        t.wait_for("/dev/pts/")
        t.wait_for("30 100")
        assert t.end() == 6


def test_input_ends_with_the_pipe(engine, clis):
    data = os.urandom(3 << 20)
    for cli in both(clis, engine):
        done = subprocess.run([cli.program, "run", "-i", "--rm", "busybox", "cat"], input=data, capture_output=True,
                              env=cli.environment, timeout=60)
        assert done.returncode == 0 and done.stdout == data
        done = subprocess.run([cli.program, "exec", "-i", "web", "md5sum"], input=b"x", capture_output=True,
                              env=cli.environment, timeout=60)
        assert done.stdout.startswith(b"9dd4e461268c8034f5c8564e155c67a6")


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 21), (signal.SIGUSR1, 22)])
def test_signals_are_passed_on(engine, clis, number, code):
    for cli in both(clis, engine):
        script = "trap 'exit 21' TERM; trap 'exit 22' USR1; echo ready; while :; do sleep 0.1; done"
        process = subprocess.Popen([cli.program, "run", "--rm", "busybox", "sh", "-c", script], stdout=subprocess.PIPE,
                                   env=cli.environment)
        assert process.stdout.readline() == b"ready\n"
        if cli.program == DOCKER:
            time.sleep(0.7)  # docker loses a signal that comes before its forwarder has read the container's state
        process.send_signal(number)
        assert process.wait(20) == code
        process.stdout.close()


def test_logs_follow_until_the_end(engine, clis):
    for cli in both(clis, engine):
        cli("rm", "-f", "talker")
        cli.ok("run", "-d", "--name", "talker", "busybox", "sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done")
        assert cli.ok("logs", "-f", "talker").split() == list("12345")
        cli.ok("rm", "-f", "talker")
