# SPDX-License-Identifier: Apache-2.0
"""Debian's Docker as a peer: the daemon the bench starts, for suites that compare with it."""
import contextlib
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import peers  # noqa: E402

DOCKERD, DOCKER = "/usr/sbin/dockerd", "/usr/bin/docker"


@contextlib.contextmanager
def running():
    """The engine (`socket`, `cli`), ended with all it made; without docker.io the suite is skipped."""
    if not os.access(DOCKERD, os.X_OK):
        pytest.skip("docker.io is not installed")
    engine = peers.docker()
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
