# SPDX-License-Identifier: Apache-2.0
"""Minato and Debian's Docker side by side, and Debian's docker command line that asks both."""
import pathlib
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))
from harness import daemon as daemons  # noqa: E402
from harness import docker as peer  # noqa: E402

DOCKER = peer.DOCKER


@pytest.fixture(scope="session")
def hosts():
    """The two sockets; each engine has the starter image."""
    with peer.running() as docker, daemons.Daemon() as ours:
        found = {"minato": f"unix://{ours.socket}", "docker": f"unix://{docker.socket}"}
        for host in found.values():
            subprocess.run([DOCKER, "-H", host, "load", "-q", "-i", str(daemons.starter_image())], check=True, stdout=subprocess.DEVNULL)
        yield found
