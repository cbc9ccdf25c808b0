# SPDX-License-Identifier: Apache-2.0
"""Minato and Debian's Docker side by side, each with the image of the probe."""
import io
import pathlib
import shutil
import subprocess
import sys
import tarfile

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))
from harness import daemon as daemons  # noqa: E402
from harness import docker as peer  # noqa: E402


@pytest.fixture(scope="session")
def image(tmp_path_factory):
    """A tar of a root with the probe and busybox, for `import`."""
    folder = tmp_path_factory.mktemp("probe")
    probe = folder / "probe"
    subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-static", "-Wall", "-Wextra", "-Werror", "-o", probe,
                    pathlib.Path(__file__).with_name("probe.c")], check=True)
    archive = folder / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(probe, "probe")
        tar.add(shutil.which("busybox"), "bin/busybox")
        for name, text in {"passwd": "root:x:0:0::/:/bin/sh\n", "group": "root:x:0:\n"}.items():
            member = tarfile.TarInfo(f"etc/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
        tmp = tarfile.TarInfo("tmp")
        tmp.type, tmp.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(tmp)
    return archive


class Engine:
    """Runs the probe; `cli` is the command line with its host."""

    def __init__(self, cli, archive):
        self.cli = cli
        with open(archive, "rb") as f:
            self.do("import", "-", "probe:1", stdin=f)

    def do(self, *args, **more):
        result = subprocess.run([*self.cli, *args], capture_output=True, text=True, timeout=120, **more)
        assert result.returncode == 0, (args, result.stderr)
        return result.stdout

    def probe(self, *options, calls=False):
        return facts(self.do("run", "--rm", *options, "probe:1", "/probe", *(["calls"] if calls else [])))

    def probe_exec(self, *options):
        container = self.do("run", "-d", "probe:1", "/bin/busybox", "sleep", "600").strip()
        try:
            return facts(self.do("exec", *options, container, "/probe"))
        finally:
            self.do("rm", "-f", container)


def facts(output):
    found = {}
    for line in output.splitlines():
        key, _, value = line.partition("\t")
        while key in found:  # a place with several mounts
            key += "'"
        found[key] = value
    assert len(found) > 100, output[-2000:]
    return found


@pytest.fixture(scope="session")
def ours(image):
    with daemons.Daemon() as daemon:
        yield Engine([daemons.program("minato"), "-H", f"unix://{daemon.socket}"], image)


@pytest.fixture(scope="session")
def docker(image):
    with peer.running() as engine:
        yield Engine(engine.cli, image)
