# SPDX-License-Identifier: Apache-2.0
"""Debian's skopeo, which takes images out of the daemon and puts them in over API v1.22, and umoci, which changes them in between."""
import json
import os
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("skopeo") or not shutil.which("umoci"), reason="needs skopeo and umoci")


@pytest.fixture
def run(daemon, tmp_path):
    def run(*args):
        done = subprocess.run(daemon.command(*args), cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout
    return run


def output(daemon, image, *command):
    """What a container of the image prints."""
    made = daemon.request("POST", "/containers/create", {"Image": image, "Cmd": command, "Tty": True})
    assert made.status == 201, made.body
    path = f"/containers/{made.json()['Id']}"
    try:
        assert daemon.request("POST", f"{path}/start").status == 204
        code = daemon.request("POST", f"{path}/wait").json()["StatusCode"]
        text = daemon.request("GET", f"{path}/logs", query={"stdout": "1", "stderr": "1"}).body.decode()
        assert code == 0, text
        return text.replace("\r", "")
    finally:
        daemon.request("DELETE", path, query={"force": "1"})


def test_out_of_the_daemon_and_back(daemon, run, tmp_path):
    host = f"unix://{daemon.socket}"
    before = json.loads(run("skopeo", "inspect", "--daemon-host", host, "docker-daemon:busybox:latest"))
    run("skopeo", "copy", "--src-daemon-host", host, "docker-daemon:busybox:latest", "oci:layout:one")
    run("skopeo", "copy", "--dest-daemon-host", host, "oci:layout:one", "docker-daemon:from-skopeo:1")
    after = json.loads(run("skopeo", "inspect", "--daemon-host", host, "docker-daemon:from-skopeo:1"))
    assert after["Layers"] == before["Layers"] and after["Env"] == before["Env"]
    assert output(daemon, "from-skopeo:1", "echo", "works") == "works\n"


def test_what_umoci_makes(daemon, run, tmp_path):
    """Its layer ends with the last byte of its file."""
    host = f"unix://{daemon.socket}"
    run("skopeo", "copy", "--src-daemon-host", host, "docker-daemon:busybox:latest", "oci:layout:one")
    (tmp_path / "greeting").write_text("hello from a layer\n")
    run("umoci", "insert", "--image", "layout:one", "greeting", "/etc/greeting")
    run("umoci", "config", "--image", "layout:one", "--config.env", "COLOUR=blue")
    run("skopeo", "copy", "oci:layout:one", "oci-archive:layout.tar:by-umoci:1")
    answer = daemon.request("POST", "/images/load", (tmp_path / "layout.tar").read_bytes())
    assert "Loaded image: by-umoci:1" in answer.body.decode()
    assert output(daemon, "by-umoci:1", "sh", "-c", "cat /etc/greeting; echo $COLOUR") == "hello from a layer\nblue\n"
    run("skopeo", "copy", "--dest-daemon-host", host, "oci:layout:one", "docker-daemon:by-umoci:2")
    assert output(daemon, "by-umoci:2", "cat", "/etc/greeting") == "hello from a layer\n"


def test_saved_archives_are_read(daemon, run, tmp_path):
    archive = tmp_path / "saved.tar"
    archive.write_bytes(daemon.request("GET", "/images/busybox:latest/get").body)
    docker = json.loads(run("skopeo", "inspect", f"docker-archive:{archive}:busybox:latest"))
    oci = json.loads(run("skopeo", "inspect", f"oci-archive:{archive}"))
    assert docker["Layers"] and docker["Layers"] == oci["Layers"] and docker["Architecture"] == oci["Architecture"]
