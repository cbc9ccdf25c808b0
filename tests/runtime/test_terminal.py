"""Terminals without a console socket: `run` and `exec` in the foreground are the other side themselves."""
import fcntl, os, pty, select, signal, struct, subprocess, termios, time
import pytest
from conftest import RUNTIME


class Foreground:
    """The runtime with a terminal of ours as its standard streams."""

    def __init__(self, runtime, *args, size=(33, 77)):
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(slave)
        self.slave, self.seen = slave, b''
        self.process = subprocess.Popen([RUNTIME, '--root', runtime.root, *args], stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def until(self, text, seconds=10):
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert select.select([self.master], [], [], max(0, end - time.monotonic()))[0], self.seen
            self.seen += os.read(self.master, 4096)
        return self.seen

    def type(self, text):
        os.write(self.master, text)

    def end(self):
        code = self.process.wait(timeout=10)
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 4096)
        after = termios.tcgetattr(self.slave)
        os.close(self.master)
        os.close(self.slave)
        assert after == self.before  # raw while it ran, as before afterwards
        return code


def test_run_in_the_foreground(runtime, bundle):
    bundle.process['terminal'] = True
    bundle.shell('busybox stty size; echo at $(readlink /proc/self/fd/0); trap "busybox stty size; exit 9" WINCH; read line; '
                 'echo got $line; while :; do usleep 20000; done').save()
    f = Foreground(runtime, 'run', '--bundle', bundle.path, runtime.id())
    assert b'33 77\r\n' in f.until(b'at /dev/pts/0\r\n')
    assert termios.tcgetattr(f.slave)[3] & termios.ICANON == 0
    f.type(b'hello\n')
    f.until(b'got hello\r\n')
    f.resize(50, 120)
    os.kill(f.process.pid, signal.SIGWINCH)
    f.until(b'50 120\r\n')
    assert f.end() == 9
    assert os.listdir(runtime.root) == []


def test_control_c_is_the_containers(runtime, bundle):
    bundle.process['terminal'] = True
    bundle.shell('trap "echo interrupted; exit 5" INT; echo ready; while :; do usleep 20000; done').save()
    f = Foreground(runtime, 'run', '--bundle', bundle.path, runtime.id())
    f.until(b'ready')
    f.type(b'\x03')
    assert f.end() == 5 and b'interrupted' in f.seen


def test_exec_in_the_foreground(runtime, bundle):
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    f = Foreground(runtime, 'exec', '--tty', c, 'sh', '-c', 'test -t 0 && test -t 1 && test -t 2 && echo all three; exit 4')
    f.until(b'all three\r\n')
    assert f.end() == 4


def test_input_that_is_no_terminal(runtime, bundle):
    """A pipe for input: its end is the end-of-file character; nothing of a long output is lost."""
    bundle.process['terminal'] = True
    done =    bundle.shell('cat; i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done').run(
        stdin=None, input='from a pipe\n')
    assert 'from a pipe' in done.stdout and done.stdout.endswith('line 2999\n'), done.stdout[-200:]


def test_detached_needs_a_socket(runtime, bundle):
    bundle.process['terminal'] = True
    bundle.shell('true').save()
    for args in (('run', '--detach'), ('create',)):
        result = runtime(*args, '--bundle', bundle.path, runtime.id(), check=False)
        assert result.returncode == 1 and 'cannot allocate tty if runc will detach without setting console socket' in result.stderr


def test_a_program_that_is_not_there(runtime, bundle):
    bundle.process['terminal'] = True
    bundle.process['args'] = ['nosuch']
    bundle.fails('executable file not found in $PATH')
