# SPDX-License-Identifier: Apache-2.0
"""Clients that other people wrote, against a private daemon with a registry beside it in one network namespace."""
import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))
from harness import daemon as harness  # noqa: E402

REGISTRY = "127.0.0.1:5000"


@pytest.fixture(scope="session")
def daemon():
    if os.geteuid() or not shutil.which("busybox"):
        pytest.skip("needs root and busybox-static")
    with harness.Daemon() as daemon:
        with open(harness.starter_image(), "rb") as image:
            answer = daemon.request("POST", "/images/load", image.read())
        assert answer.status == 200, answer.body
        yield daemon


@pytest.fixture(scope="session")
def registry(daemon, tmp_path_factory):
    """Debian's docker-registry in the daemon's network."""
    if not shutil.which("docker-registry"):
        pytest.skip("docker-registry is not installed")
    folder = tmp_path_factory.mktemp("registry")
    (folder / "config.yml").write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
                                       f"http: {{addr: {REGISTRY}}}\n")
    process = subprocess.Popen(daemon.command("docker-registry", "serve", str(folder / "config.yml")), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 15
    while subprocess.run(daemon.command("curl", "-sf", f"http://{REGISTRY}/v2/"), capture_output=True).returncode:
        assert time.monotonic() < deadline and process.poll() is None, "docker-registry does not answer"
        time.sleep(0.05)
    yield REGISTRY
    process.kill()
    process.wait()


def wait_until(condition, timeout=15):
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.02)
    return value
