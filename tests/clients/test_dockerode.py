# SPDX-License-Identifier: Apache-2.0
"""dockerode, the client of Node.js programs. Not in Debian: installed from npm where that can be reached, else skipped."""
import os
import pathlib
import shutil
import subprocess

import pytest


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """A folder with dockerode in it; MINATO_TEST_NODE_MODULES names one that is there already."""
    given = os.environ.get("MINATO_TEST_NODE_MODULES")
    if given:
        return given
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("no node and npm")
    folder = tmp_path_factory.mktemp("node")
    try:
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "--fetch-timeout=10000", "dockerode@4"],
                              cwd=folder, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not answer in time")
    if done.returncode:
        pytest.skip(f"npm cannot install dockerode here: {done.stderr.strip()[-200:]}")
    return str(folder / "node_modules")


def test_dockerode(daemon, modules):
    script = pathlib.Path(__file__).with_name("dockerode.js")
    done = subprocess.run(["node", script, daemon.socket], capture_output=True, text=True, timeout=60, env={**os.environ, "NODE_PATH": modules})
    assert done.returncode == 0 and done.stdout == "ok\n", done.stdout + done.stderr
