"""minato-init, driven as pid 1 of a fresh pid namespace (unshare), where its duties are real."""
import os, signal, subprocess, time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INIT = next(os.path.join(d, 'minato-init') for d, _, names in os.walk(os.path.join(TOP, 'build')) if 'minato-init' in names)


def run(*program, init=(INIT, '--')):
    return subprocess.run(['unshare', '--pid', '--fork', '--mount-proc', '--', *init, *program], capture_output=True, text=True, timeout=30)


def test_exit_codes():
    assert run('true').returncode == 0
    assert run('sh', '-c', 'exit 37').returncode == 37
    assert run('sh', '-c', 'kill -9 $$').returncode == 128 + signal.SIGKILL
    missing = run('/nonexistent')
    assert missing.returncode == 127 and 'cannot execute /nonexistent' in missing.stderr
    assert run('/etc/passwd').returncode == 126
    assert run(init=(INIT,)).returncode == 2


def test_orphans_are_reaped():
    script = 'for i in 1 2 3; do (sleep 0.1 &) ; done; sleep 0.5; ps -o stat= -e | grep -c Z || true'
    result = run('sh', '-c', script)
    assert result.stdout.strip() == '0', result
    # the control: a program as pid 1 that waits for nobody but its own child leaves them, and the count sees them
    count = 'import subprocess, time; time.sleep(0.5); print(subprocess.run(["ps", "-o", "stat=", "-e"], capture_output=True, text=True).stdout.count("Z"))'
    control = run('sh', '-c', f"for i in 1 2 3; do sleep 0.1 & done; exec /usr/bin/python3 -c '{count}'", init=())
    assert control.stdout.strip() == '3', control


def test_signals_reach_the_program():
    for name in ('TERM', 'USR1', 'HUP', 'INT'):
        process = subprocess.Popen(['unshare', '--pid', '--fork', '--kill-child', '--', INIT, '--', 'sh', '-c',
                                    f'trap "echo got {name}; exit 9" {name}; echo ready; while :; do sleep 0.05; done'],
                                   stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == 'ready\n'
        init = next(int(pid) for pid in open(f'/proc/{process.pid}/task/{process.pid}/children').read().split())
        os.kill(init, getattr(signal, 'SIG' + name))
        assert process.stdout.read() == f'got {name}\n'
        assert process.wait(10) == 9


def test_the_program_leads_the_terminal():
    """With a terminal the program's group is in the foreground: ^C reaches it and not only init."""
    import pty
    pid, master = pty.fork()
    if pid == 0:
        os.execvp('unshare', ['unshare', '--pid', '--fork', '--', INIT, '--', 'sh', '-c',
                              'trap "echo interrupted; exit 3" INT; echo ready; while :; do sleep 0.05; done'])
    text = b''
    while b'ready' not in text:
        text += os.read(master, 100)
    os.write(master, b'\x03')
    deadline = time.monotonic() + 10
    while b'interrupted' not in text and time.monotonic() < deadline:
        try:
            text += os.read(master, 100)
        except OSError:
            break
    _, status = os.waitpid(pid, 0)
    assert b'interrupted' in text
    assert os.waitstatus_to_exitcode(status) == 3
