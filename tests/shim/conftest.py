# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from shim import Shim, busybox_bundle, program  # noqa: E402

FAKE = str(pathlib.Path(__file__).parent / "fake_runtime.py")


class Setup:
    """A shim and what it starts its container with."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, pathlib.Path(folder)
        self.root = self.folder / "runtime"
        self.root.mkdir()
        self.id = f"shimtest-{os.getpid()}-{self.folder.name[-8:]}"
        self.shim = Shim(folder)
        self.in_parts = False  # the start as the daemon sends it: `prepare`, then `run`
        self.runtime = {"fake": FAKE, "runc": "/usr/sbin/runc", "minato": program("minato-runtime")}[kind]

    def start(self, args, tty=False, env=(), fds=None, resources=None, **more):
        """Sends `start` for a process with these arguments and gives the reply."""
        spec = busybox_bundle(self.shim, args, tty)
        spec["process"]["env"] += list(env)
        spec["linux"]["resources"].update(resources or {})
        (self.shim.bundle / "config.json").write_text(json.dumps(spec))
        parts = self.shim.start_parts(self.runtime, self.root, self.id, tty=tty, isForeign=self.kind == "runc", **more)
        if not self.in_parts:
            return self.shim.control.request("start", fds, start=parts)
        assert not self.shim.control.request("prepare", start=parts).get("error")
        return self.shim.control.request("run", fds)

    def attach(self, client, wait=True, **streams):
        reply = self.shim.control.request("attach", {"client": client.theirs}, attach=streams)
        client.given()
        assert not reply.get("error"), reply
        return reply

    def exec(self, args, client=None, tty=False, env=(), connection=None, **more):
        process = {"args": args, "terminal": tty, "cwd": "/", "env": ["PATH=/bin", *env],
                   "user": {"uid": 0, "gid": 0}, "capabilities": {}, "noNewPrivileges": False}
        name = f"exec-{more.setdefault('exec', 'e1')}.json"
        (self.shim.bundle / name).write_text(json.dumps(process))
        fds = {"client": client.theirs} if client else None
        reply = (connection or self.shim.control).request("exec", fds, exec={"process": name, "tty": tty, **more})
        if client:
            client.given()
        return reply

    def cleanup(self):
        self.shim.process.kill()
        self.shim.process.wait()
        if self.root.exists() and any(self.root.iterdir()):
            subprocess.run([self.runtime, "--root", str(self.root), "--log", "/dev/null", "delete", "--force", self.id],
                           capture_output=True)


def kinds():
    found = ["fake"]
    if os.geteuid() == 0 and shutil.which("runc"):
        found.append("runc")
    if os.geteuid() == 0 and program("minato-runtime"):
        found.append("minato")
    return found


def make(kind):
    folder = tempfile.mkdtemp(prefix="shim-")
    setup = Setup(kind, folder)
    yield setup
    setup.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=kinds())
def any_runtime(request):
    """Every runtime at hand: what the shim promises must hold with all."""
    yield from make(request.param)


@pytest.fixture
def fake():
    yield from make("fake")
