# SPDX-License-Identifier: Apache-2.0
"""`make install DESTDIR=`: what lands where, and that the installed programs find each other."""
import os
import subprocess

import pytest

from harness import daemon as harness


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("dest dir")  # with a space
    subprocess.run(["meson", "install", "-C", harness.BUILD, "--no-rebuild", "--quiet", "--destdir", root], check=True, capture_output=True)
    return root / "usr/local"


def test_every_file_is_there(root):
    found = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    assert found == {
        "bin/minato", "bin/minatod", *(f"libexec/minato/minato-{p}" for p in ("decompress", "init", "runtime", "shim", "tunnel", "unpack")),
        "lib/systemd/system/minato.service", "lib/systemd/system/minato.socket", "lib/sysusers.d/minato.conf",
        "share/bash-completion/completions/minato.bash", "share/man/man1/minato.1", "share/man/man8/minatod.8",
    }
    for page, name in (("man1/minato.1", "MINATO 1"), ("man8/minatod.8", "MINATOD 8")):
        assert (root / "share/man" / page).read_text().startswith(f".TH {name} ")


def test_the_units(root):
    service = (root / "lib/systemd/system/minato.service").read_text().splitlines()
    for line in ("Type=notify", "ExecStart=/usr/local/bin/minatod -H fd://", "KillMode=process", "Delegate=yes", "LimitNOFILE=infinity",
                 "Requires=minato.socket"):
        assert line in service
    socket = (root / "lib/systemd/system/minato.socket").read_text().splitlines()
    assert "ListenStream=/run/minato/minato.sock" in socket and "SocketGroup=minato" in socket
    assert any(line.startswith("g minato ") for line in (root / "lib/sysusers.d/minato.conf").read_text().splitlines())


def test_the_installed_programs_find_each_other(root, tmp_path):
    reached = subprocess.run([root / "bin/minato", "-H", "tcp://nosuch.invalid:1", "ps"], capture_output=True, text=True)
    assert "lookup nosuch.invalid" in reached.stderr, "minato-tunnel of libexec"
    (tmp_path / "docker").symlink_to(root / "bin/minato")
    helped = subprocess.run([tmp_path / "docker", "ps", "--help"], capture_output=True, text=True)
    assert helped.stdout.startswith("Usage:  docker ps [OPTIONS]")
    if os.geteuid() == 0:
        subprocess.run([root / "bin/minatod", "--validate", "--data-root", tmp_path / "data", "--exec-root", tmp_path / "exec"], check=True,
                       capture_output=True)
