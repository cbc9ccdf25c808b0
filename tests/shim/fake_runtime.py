#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An OCI runtime without a container: runs the process on the host. For tests of the shim alone.

Tricks, asked for by environment entries of the process:
    FAKE_ERROR=text   fails with this text in the log
    FAKE_NO_PID=1     writes no pid file
"""

import array
import json
import os
import pathlib
import pty
import signal
import socket
import sys


def parse(argv):
    options, rest = {}, []
    flags = {"--detach", "-d", "--force"}
    i = 0
    while i < len(argv):
        if argv[i] in flags:
            options[argv[i]] = True
        elif argv[i].startswith("--"):
            options[argv[i]] = argv[i + 1]
            i += 1
        else:
            rest.append(argv[i])
        i += 1
    return options, rest[0], rest[1]


def fail(options, text):
    with open(options["--log"], "a") as log:
        log.write(json.dumps({"level": "warning", "msg": "not this"}) + "\n")
        log.write(json.dumps({"level": "error", "msg": text, "time": "now"}) + "\n")
    print(text, file=sys.stderr)
    sys.exit(1)


def console(path):
    master, slave = pty.openpty()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.sendmsg([b"/dev/ptmx"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [master]))])
    os.close(master)
    return slave


def spawn(options, process, gate=None):
    """Forks the process; it lives on when we end."""
    env = dict(e.split("=", 1) for e in process.get("env", []))
    if "FAKE_ERROR" in env:
        fail(options, env["FAKE_ERROR"])
    slave = console(options["--console-socket"]) if process.get("terminal") else None
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if slave is not None:
            os.login_tty(slave) if hasattr(os, "login_tty") else login_tty(slave)
        if gate:
            open(gate).read()
        os.execvpe(process["args"][0], process["args"], env | {"PATH": "/bin:/usr/bin"})
    if "FAKE_NO_PID" not in env:
        pathlib.Path(options["--pid-file"]).write_text(str(pid))
    return pid


def login_tty(fd):
    import fcntl
    import termios
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
    for i in range(3):
        os.dup2(fd, i)


def main():
    options, command, name = parse(sys.argv[1:])
    state = pathlib.Path(options["--root"]) / name
    if command in ("run", "create"):
        state.mkdir(parents=True)
        (state / "fds").write_text(json.dumps({n: os.readlink(f"/proc/self/fd/{n}") for n in (10, 11)
                                               if os.path.exists(f"/proc/self/fd/{n}")}))
        process = json.loads((pathlib.Path(options["--bundle"]) / "config.json").read_text())["process"]
        gate = None
        if command == "create":
            gate = str(state / "gate")
            os.mkfifo(gate)
        (state / "pid").write_text(str(spawn(options, process, gate)))
    elif command == "start":
        (state / "gate").write_text("go")
    elif command == "exec":
        spawn(options, json.loads(pathlib.Path(options["--process"]).read_text()))
    elif command == "delete":
        if (state / "pid").exists():
            try:
                os.killpg(int((state / "pid").read_text()), signal.SIGKILL)
            except ProcessLookupError:
                pass
        for path in sorted(state.glob("*")):
            path.unlink()
        if state.exists():
            state.rmdir()


main()
