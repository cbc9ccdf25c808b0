# SPDX-License-Identifier: Apache-2.0
"""A program on a pseudo terminal."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time


class Terminal:
    """A program on a terminal of its own, and what a user sees and types there."""

    def __init__(self, argv, environment, rows, columns):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.process = subprocess.Popen(argv, stdin=self.slave, stdout=self.slave, stderr=self.slave, env=environment,
                                        preexec_fn=self.take_terminal)

    @staticmethod
    def take_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode() if isinstance(text, str) else text)

    def expect(self, pattern, timeout=10):
        """Waits until the pattern shows up, and forgets everything up to its end."""
        end = time.monotonic() + timeout
        while True:
            match = re.search(pattern.encode(), self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError(f"{pattern!r} does not come; seen: {self.seen!r}")
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:
                raise AssertionError(f"the program ended before {pattern!r}; seen: {self.seen!r}") from None

    def until_raw(self, timeout=15):
        """Waits until the program reads keys itself: it is attached then."""
        end = time.monotonic() + timeout
        while termios.tcgetattr(self.slave)[3] & termios.ICANON:
            assert time.monotonic() < end and self.process.poll() is None, f"it does not attach; seen: {self.seen!r}"
            time.sleep(0.01)

    def code(self, timeout=15):
        """The exit code; the terminal must be as it was."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            while select.select([self.master], [], [], 0)[0]:
                self.seen += os.read(self.master, 65536)
            self.process.kill()
            raise AssertionError(f"it does not end; seen: {self.seen!r}") from None
        assert termios.tcgetattr(self.slave) == self.before, "the terminal was left in another mode"
        os.close(self.slave)
        os.close(self.master)
        return code
