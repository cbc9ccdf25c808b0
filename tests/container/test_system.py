# SPDX-License-Identifier: Apache-2.0
"""An image whose command is systemd, run as a Docker user runs it: it boots, is used, and shuts down."""
import os
import subprocess
import time

import pytest

from harness import daemon as daemons
from harness import system_image

DOCKER = next((path for path in ("/usr/local/bin/docker", "/usr/bin/docker") if os.access(path, os.X_OK)), None)


class Cli:
    def __init__(self, program, daemon, folder):
        self.program, self.environment = program, {**os.environ, "DOCKER_HOST": f"unix://{daemon.socket}", "MINATO_HOST": f"unix://{daemon.socket}",
                                                   "DOCKER_CONFIG": str(folder), "MINATO_CONFIG": str(folder)}

    def __call__(self, *args, check=True, timeout=120, **kwargs):
        done = subprocess.run([self.program, *args], capture_output=True, text=True, timeout=timeout, env=self.environment, **kwargs)
        assert not check or done.returncode == 0, f"{args}: {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def text(self, *args):
        return self(*args).stdout.strip()


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    tree = system_image.tree()
    if tree is None:
        pytest.skip("no Debian with systemd could be made")
    with daemons.Daemon() as daemon:
        cli = Cli(daemons.program("minato"), daemon, tmp_path_factory.mktemp("config"))
        tar = subprocess.Popen(["tar", "-C", str(tree), "-c", "."], stdout=subprocess.PIPE)
        cli("import", "--change", 'CMD ["/sbin/init"]', "-", "debian-systemd", stdin=tar.stdout)
        assert tar.wait() == 0
        yield daemon


@pytest.fixture(params=["minato", "docker"])
def cli(request, engine, tmp_path):
    if request.param == "docker" and not DOCKER:
        pytest.skip("no Docker command line")
    yield Cli(daemons.program("minato") if request.param == "minato" else DOCKER, engine, tmp_path)
    engine.remove_containers()


def wait_booted(cli, container, seconds=60):
    end = time.monotonic() + seconds
    while (said := cli("exec", container, "systemctl", "is-system-running", check=False).stdout.strip()) not in ("running", "degraded"):
        assert time.monotonic() < end, said
        time.sleep(0.1)
    return said


def test_boots_and_stops(cli):
    container = cli.text("run", "-d", "--memory", "512m", "--hostname", "box", "debian-systemd")
    assert wait_booted(cli, container) == "running", cli.text("exec", container, "systemctl", "--failed", "--no-legend")
    assert cli.text("exec", container, "systemctl", "is-active", "multi-user.target") == "active"
    # Figures and processes are the whole container's, not those of the cgroup that its first process moved to.
    assert len(cli.text("top", container, "-o", "pid,comm").splitlines()) > 2
    assert int(cli.text("stats", "--no-stream", "--format", "{{.PIDs}}", container)) > 1
    assert cli.text("exec", container, "sh", "-c", "(echo max > /sys/fs/cgroup/memory.max) 2>/dev/null || (echo -1 > "
                    "/sys/fs/cgroup/memory/memory.limit_in_bytes) 2>/dev/null || echo refused") == "refused"
    began = time.monotonic()
    cli("stop", "--time", "60", container)
    assert time.monotonic() - began < 50
    state = cli.text("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}", container)
    assert state.startswith("exited ") and "137" not in state and state.endswith("false")
    cli("start", container)
    assert wait_booted(cli, container) == "running"
    cli("pause", container)
    cli("unpause", container)
    cli("rm", "-f", container)


def test_what_switches_it_on(cli):
    run = ("run", "--rm", "--entrypoint")
    look = "if test -w /sys/fs/cgroup/systemd; then echo delegated; elif test -w /sys/fs/cgroup/cgroup.procs; then echo delegated; else echo not; fi"
    assert cli.text(*run, "/bin/sh", "debian-systemd", "-c", look) == "not"
    assert cli.text(*run, "/bin/sh", "--annotation", "io.minato.systemd=always", "debian-systemd", "-c", look) == "delegated"
    # An init of another kind is none of it: "/sbin/init" has to lead to systemd.
    other = "rm /sbin/init; printf '#!/bin/sh\\n%s\\n' '" + look + "' >/sbin/init; chmod 755 /sbin/init"
    assert cli("run", "--name", "other", "--entrypoint", "/bin/sh", "debian-systemd", "-c", other).returncode == 0
    cli("commit", "--change", "ENTRYPOINT []", "--change", 'CMD ["/sbin/init"]', "other", "other-init")
    assert cli.text("run", "--rm", "other-init") == "not"
    container = cli.text("create", "--annotation", "io.minato.systemd=false", "debian-systemd")
    cli("start", container)
    assert cli.text("wait", container) == "255"  # what systemd does about cgroups that it cannot write to
    cli("rm", "-f", container)
    refused = cli("create", "--annotation", "io.minato.systemd=maybe", "debian-systemd", check=False)
    assert refused.returncode != 0 and "is not true, false or always" in refused.stderr
