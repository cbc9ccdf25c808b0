# SPDX-License-Identifier: Apache-2.0
"""Minato and Debian's Docker side by side, and Debian's docker command line that asks both."""
import os
import pathlib
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "bench")]
import peers  # noqa: E402
from harness import daemon as daemons  # noqa: E402

DOCKERD, DOCKER = "/usr/sbin/dockerd", "/usr/bin/docker"


@pytest.fixture(scope="session")
def hosts():
    """The two sockets; each engine has the starter image."""
    if not os.access(DOCKERD, os.X_OK):
        pytest.skip("docker.io is not installed")
    docker = peers.docker()
    try:
        docker.start()
        with daemons.Daemon() as ours:
            found = {"minato": f"unix://{ours.socket}", "docker": f"unix://{docker.socket}"}
            for host in found.values():
                subprocess.run([DOCKER, "-H", host, "load", "-q", "-i", str(daemons.starter_image())], check=True, stdout=subprocess.DEVNULL)
            yield found
    finally:
        docker.stop()
