# SPDX-License-Identifier: Apache-2.0
"""Both command lines on one daemon: ours, called `docker` through a link, and the unmodified Docker CLI."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))
from harness import daemon as harness  # noqa: E402

DOCKER = next((path for path in ("/usr/local/bin/docker", "/usr/bin/docker") if os.access(path, os.X_OK)), None)


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return f"code {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class Cli:
    """A command line bound to a daemon's address and a configuration directory of its own."""

    def __init__(self, program, host, config):
        self.program, self.host = str(program), host
        self.environment = {**os.environ, "DOCKER_HOST": host, "MINATO_HOST": host, "DOCKER_CONFIG": str(config),
                            "MINATO_CONFIG": str(config), "TZ": "UTC"}
        self.environment.pop("DOCKER_CONTEXT", None)

    def __call__(self, *args, input=b"", timeout=60, **environment):
        done = subprocess.run([self.program, *map(str, args)], input=input, capture_output=True, timeout=timeout,
                              env={**self.environment, **environment})
        done.stdout, done.stderr = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        return Result(done)

    def ok(self, *args, **options):
        result = self(*args, **options)
        assert result.code == 0, f"{' '.join(map(str, args))}: {result}"
        return result.out.strip()


@pytest.fixture(scope="session")
def link(tmp_path_factory):
    """Our program under Docker's name: messages then speak of docker, as scripts expect."""
    path = tmp_path_factory.mktemp("bin") / "docker"
    path.symlink_to(harness.program("minato"))
    return path


@pytest.fixture
def clis(link, tmp_path):
    """Makes (ours, docker's or None) for an address."""
    def make(host):
        config = tmp_path / "config"
        config.mkdir(exist_ok=True)
        return Cli(link, host, config), Cli(DOCKER, host, config) if DOCKER else None
    return make


def normal(text):
    """Output without what differs between two moments."""
    text = re.sub(r"[0-9a-f]{64}", "<ID64>", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "<ID12>", text)
    text = re.sub(r"(About an? \w+|Less than a second|\d+ (second|minute|hour)s?)( ago)?", "<AGE>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ][0-9:.]+(Z| \+0000 UTC)?", "<TIME>", text)
    return re.sub(r" {2,}", "  ", text)


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """The address of a real daemon that has the starter image: our own, or the one that MINATO_TEST_HOST names (a dockerd,
    to see what the tests themselves are worth). Skips where this build's daemon has no containers yet."""
    given = os.environ.get("MINATO_TEST_HOST")
    if given:
        prepare(Cli(harness.program("minato"), given, tmp_path_factory.mktemp("config")))
        yield given
        return
    if os.geteuid() or not shutil.which("busybox"):
        pytest.skip("needs root and busybox-static")
    with harness.Daemon() as daemon:
        host = f"unix://{daemon.socket}"
        prepare(Cli(harness.program("minato"), host, tmp_path_factory.mktemp("config")))
        yield host


def prepare(cli):
    """An image, a running container, one that ended, a volume and a network."""
    loaded = cli("load", "-i", harness.starter_image())
    if "is not implemented" in loaded.err or "is not implemented" in cli("ps").err:
        pytest.skip("the daemon does not serve images and containers yet")
    assert loaded.code == 0, loaded
    cli("rm", "-f", "web", "done")
    if cli("network", "inspect", "n1").code:
        cli.ok("network", "create", "n1")
    cli.ok("run", "-d", "--name", "web", "-p", "18080:80", "-p", "19000-19002:19000-19002", "-l", "a=b", "-l", "c=d",
           "-v", "vol1:/data", "busybox", "sleep", "100000")
    assert cli("run", "--name", "done", "busybox", "sh", "-c", "echo one; echo two >&2; exit 4").code == 4
