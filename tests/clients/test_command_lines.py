# SPDX-License-Identifier: Apache-2.0
"""Docker's own command lines as people have them installed: the current one, and Debian's 20.10, which speaks an older API."""
import os
import subprocess

import pytest

from conftest import wait_until


def find(version):
    """A docker command line of that version."""
    for path in ("/usr/local/bin/docker", "/usr/bin/docker", "/usr/libexec/docker/docker"):
        if os.access(path, os.X_OK) and f"version {version}" in subprocess.run([path, "--version"], capture_output=True, text=True).stdout:
            return path
    return None


@pytest.fixture(scope="module", params=["20.10", "28"])
def docker(request, daemon, tmp_path_factory):
    path = find(request.param)
    if not path:
        pytest.skip(f"no docker {request.param} here")
    config = tmp_path_factory.mktemp("config")

    def run(*args, code=0, input=None, timeout=60):
        done = subprocess.run([path, *map(str, args)], input=input, capture_output=True, timeout=timeout,
                              env={**os.environ, "DOCKER_HOST": f"unix://{daemon.socket}", "DOCKER_CONFIG": str(config)})
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return (done.stdout if code == 0 else done.stdout + done.stderr).decode(errors="replace").strip()

    return run


def test_images(docker, registry, tmp_path):
    docker("tag", "busybox", f"{registry}/cli:1")
    docker("push", f"{registry}/cli:1")
    docker("rmi", f"{registry}/cli:1")
    assert "Downloaded newer image" in docker("pull", f"{registry}/cli:1") or docker("image", "inspect", f"{registry}/cli:1")
    docker("save", "-o", tmp_path / "saved.tar", f"{registry}/cli:1")
    docker("rmi", f"{registry}/cli:1")
    assert f"Loaded image: {registry}/cli:1" in docker("load", "-i", tmp_path / "saved.tar")
    assert "busybox" in docker("images") and docker("history", "-q", "busybox")
    assert docker("import", "-c", "ENV A=b", "-", "imported:1", input=b"\0" * 1024).startswith("sha256:")
    docker("rmi", "imported:1", f"{registry}/cli:1")
    assert "No such image" in docker("rmi", "nosuch", code=1)
    docker("pull", "-q", f"{registry}/nosuch:1", code=1)


def test_containers(docker, tmp_path):
    assert docker("run", "--rm", "--network", "none", "busybox", "echo", "hello") == "hello"
    assert docker("run", "--rm", "-i", "--network", "none", "busybox", "cat", input=b"x" * 300000) == "x" * 300000
    assert docker("run", "--rm", "--network", "none", "busybox", "sh", "-c", "exit 9", code=9) == ""
    docker("run", "--rm", "busybox", "/nosuch", code=127)
    docker("run", "-d", "--name", "one", "-p", "127.0.0.1::80", "-v", "clivol:/data", "-e", "A=b", "-m", "32m", "--cpus", "0.5", "--init", "--restart",
           "on-failure:3", "--health-cmd", "true", "--health-interval", "200ms", "busybox", "sh", "-c", "echo started; exec sleep 1000")
    try:
        assert docker("exec", "one", "sh", "-c", "echo $A") == "b"
        docker("exec", "one", "sh", "-c", "exit 4", code=4)
        assert docker("exec", "-i", "one", "md5sum", input=b"x").startswith("9dd4e461268c8034f5c8564e155c67a6")
        assert docker("logs", "one") == "started" and "sleep 1000" in docker("top", "one")
        assert docker("port", "one", "80").startswith("127.0.0.1:")
        (tmp_path / "file").write_text("copied")
        docker("cp", tmp_path / "file", "one:/tmp/file")
        docker("cp", "one:/tmp/file", tmp_path / "back")
        assert (tmp_path / "back").read_text() == "copied" and "A /tmp/file" in docker("diff", "one")
        wait_until(lambda: docker("inspect", "-f", "{{.State.Health.Status}}", "one") == "healthy")
        assert docker("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "one") == "one 2"
        docker("update", "-m", "64m", "--memory-swap", "64m", "one")
        docker("pause", "one")
        assert "(Paused)" in docker("ps", "-f", "name=one", "--format", "{{.Status}}")
        docker("unpause", "one")
        docker("rename", "one", "two")
        docker("restart", "-t", "0", "two")
        docker("stop", "-t", "0", "two")
        assert docker("wait", "two") in ("137", "143"), "its init has passed the first signal on, or not yet"
        assert docker("inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.RestartPolicy.Name}}", "two") == "67108864 500000000 on-failure"
        docker("commit", "-m", "why", "two", "committed")
        assert docker("run", "--rm", "--network", "none", "committed", "cat", "/tmp/file") == "copied"
        docker("rmi", "committed")
        docker("start", "two")
        docker("kill", "two")
    finally:
        docker("rm", "-f", "-v", *docker("ps", "-aq").split())
        docker("volume", "rm", "-f", "clivol")


def test_networks_and_volumes(docker):
    docker("network", "create", "--subnet", "10.79.0.0/24", "--label", "a=b", "clinet")
    docker("run", "-d", "--name", "server", "--network", "clinet", "--network-alias", "alias", "--ip", "10.79.0.9", "busybox", "sh", "-c",
           "while :; do echo yes | nc -l -p 7777; done")
    try:
        assert docker("run", "--rm", "--network", "clinet", "busybox", "sh", "-c", "until nc alias 7777; do sleep 0.02; done") == "yes"
        docker("network", "disconnect", "clinet", "server")
        docker("network", "connect", "--alias", "again", "clinet", "server")
        assert "again" in docker("inspect", "-f", "{{json .NetworkSettings.Networks.clinet.Aliases}}", "server")
        assert "clinet" in docker("network", "ls", "--format", "{{.Name}}").split()
        assert docker("volume", "create", "vol") == "vol" and "vol" in docker("volume", "ls", "-q").split()
        docker("volume", "inspect", "vol")
    finally:
        docker("rm", "-f", "server")
        docker("network", "rm", "clinet")
        docker("volume", "prune", "-f")
        docker("volume", "rm", "-f", "vol")


def test_system(docker):
    assert "Server" in docker("version") and docker("info", "-f", "{{.OSType}}") == "linux"
    assert "Images" in docker("system", "df")
    assert docker("events", "--since", "0", "--until", "1") == ""
