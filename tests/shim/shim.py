# SPDX-License-Identifier: Apache-2.0
"""Drives a minato-shim the way the daemon does: packets of JSON and descriptors over its control socket."""

import array
import json
import os
import pathlib
import select
import shutil
import socket
import struct
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build"))


def program(name):
    """A program of the build, wherever the build put it."""
    for folder in (BUILD, *BUILD.glob("src/*")):
        if (folder / name).is_file():
            return str(folder / name)
    return None


class Connection:
    """One peer of the shim."""

    def __init__(self, sock):
        self.sock = sock
        self.last_id = 0
        self.events = []

    def send(self, op, fds=None, **parts):
        self.last_id += 1
        fds = fds or {}
        request = {"op": op, "id": self.last_id, "fds": list(fds), **parts}
        rights = array.array("i", [f if isinstance(f, int) else f.fileno() for f in fds.values()])
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if fds else []
        self.sock.sendmsg([json.dumps(request).encode()], control)
        return self.last_id

    def receive(self, timeout=5):
        """The next packet, with its descriptors as "fds"; None when the shim is gone."""
        if not select.select([self.sock], [], [], timeout)[0]:
            raise TimeoutError("the shim says nothing")
        try:
            data, control, _, _ = self.sock.recvmsg(65536, socket.CMSG_SPACE(16))
        except ConnectionResetError:
            return None
        if not data:
            return None
        message = json.loads(data)
        message["fds"] = []
        for level, kind, value in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                message["fds"] += struct.unpack(f"{len(value) // 4}i", value)
        return message

    def request(self, op, fds=None, timeout=10, **parts):
        """Sends and waits for the reply; events that come first are kept."""
        number = self.send(op, fds, **parts)
        while True:
            message = self.receive(timeout)
            assert message is not None, "the shim is gone"
            if message.get("id") == number:
                return message
            self.events.append(message)

    def event(self, name, timeout=5):
        for message in self.events:
            if message.get("event") == name:
                self.events.remove(message)
                return message
        while True:
            message = self.receive(timeout)
            assert message is not None, f"the shim is gone before {name}"
            if message.get("event") == name:
                return message
            self.events.append(message)

    def wait_closed(self, timeout=5):
        while self.receive(timeout) is not None:
            pass

    def close(self):
        self.sock.close()


class Shim:
    """One shim with its bundle in `folder`."""

    def __init__(self, folder):
        self.bundle = pathlib.Path(folder) / "bundle"
        self.bundle.mkdir(mode=0o700, exist_ok=True)
        self.log = pathlib.Path(folder) / "container.log"
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fd = theirs.fileno()

        def place():
            os.dup2(fd, 3, inheritable=True)

        self.process = subprocess.Popen([program("minato-shim"), "test"], stdin=subprocess.DEVNULL, preexec_fn=place,
                                        pass_fds=(3,) if fd != 3 else (fd,), close_fds=False if fd == 3 else True)
        theirs.close()
        self.control = Connection(ours)

    def start_parts(self, runtime, root, container_id, **more):
        return {"containerId": container_id, "bundle": str(self.bundle), "runtime": runtime,
                "runtimeRoot": str(root), "log": {"driver": "json-file", "path": str(self.log)}, **more}

    def connect(self):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        here = os.open(self.bundle, os.O_PATH)
        try:
            sock.connect(f"/proc/self/fd/{here}/shim.sock")
        finally:
            os.close(here)
        return Connection(sock)

    def exit_file(self):
        return json.loads((self.bundle / "exit").read_text())

    def records(self):
        texts = []
        for number in range(50, -1, -1):
            path = pathlib.Path(f"{self.log}.{number}" if number else self.log)
            if path.exists():
                texts += path.read_text().splitlines()
        return [json.loads(line) for line in texts]

    def logged(self, stream=None):
        return "".join(r["log"] for r in self.records() if stream in (None, r["stream"]))


class Client:
    """The user's end of an attached stream."""

    def __init__(self, tcp=False):
        self.sock, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(5)

    def given(self):
        """To be called when the shim has its end."""
        self.theirs.close()

    def read_all(self):
        data = b""
        while True:
            try:
                piece = self.sock.recv(65536)
            except ConnectionResetError:
                return data
            if not piece:
                return data
            data += piece

    def read_until(self, text, timeout=5):
        data, end = b"", time.monotonic() + timeout
        while text not in data:
            if not select.select([self.sock], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"{text!r} not in {data!r}")
            piece = self.sock.recv(65536)
            assert piece, f"closed before {text!r}: {data!r}"
            data += piece
        return data


def frames(data):
    """[(stream, bytes)] of a framed stream, neighbours of one stream joined."""
    result = []
    while data:
        stream, length = data[0], struct.unpack(">I", data[4:8])[0]
        payload = data[8:8 + length]
        assert len(payload) == length, "torn frame"
        if result and result[-1][0] == stream:
            result[-1] = (stream, result[-1][1] + payload)
        else:
            result.append((stream, payload))
        data = data[8 + length:]
    return result


def wait_for(condition, timeout=5):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def busybox_bundle(shim, args, tty=False, mounts=None):
    """A bundle for a real runtime: busybox in a root of its own."""
    rootfs = shim.bundle / "rootfs"
    for name in ("bin", "proc", "dev", "sys", "tmp", "etc"):
        (rootfs / name).mkdir(parents=True, exist_ok=True)
    shutil.copy("/bin/busybox", rootfs / "bin/busybox")
    for applet in ("sh", "sleep", "echo", "cat", "true", "stty", "tty", "kill", "seq", "head", "yes", "dd", "touch",
                   "ls", "id"):
        link = rootfs / "bin" / applet
        if not link.exists():
            link.symlink_to("busybox")
    (rootfs / "bin/notexec").write_text("x")
    spec = json.loads(subprocess.run(["runc", "spec", "-b", "/dev/stdin"], capture_output=True).stdout or "null")
    if spec is None:
        subprocess.run(["runc", "spec"], cwd=shim.bundle, check=True)
        spec = json.loads((shim.bundle / "config.json").read_text())
    spec["process"].update(args=args, terminal=tty, cwd="/", env=["PATH=/bin", "TERM=xterm"])
    spec["process"].pop("rlimits", None)
    spec["root"] = {"path": "rootfs", "readonly": False}
    spec["linux"].setdefault("resources", {})
    (shim.bundle / "config.json").write_text(json.dumps(spec))
    return spec
