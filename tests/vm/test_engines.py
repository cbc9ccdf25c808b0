# SPDX-License-Identifier: Apache-2.0
"""Podman and Docker's daemon with our runtime and systemd's scopes on cgroup v2: `tests/vm/run tests/vm engine`. Not among the default
tests of the machine, for each command takes seconds there."""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness.daemon import program  # noqa: E402

LOOP = 'trap "exit 3" TERM; while :; do usleep 20000; done'
SHOW = "systemctl --no-pager show -p MemoryMax,TasksMax,ActiveState"


@pytest.fixture
def image(tmp_path):
    root = tmp_path / "image"
    for name in ("bin", "etc", "tmp", "proc", "sys", "dev"):
        (root / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for name in ("sh", "cat", "sleep", "usleep", "echo"):
        os.symlink("busybox", root / "bin" / name)
    subprocess.run(["tar", "-C", root, "-cf", tmp_path / "image.tar", "."], check=True)
    return tmp_path / "image.tar"


def run_rows(directory, prologue, rows, epilogue=""):
    """rows: command, exit status, parts of what is printed. Engines want short names of directories; systemd knows the host's process ids, so there is no namespace of them."""
    script = f"ip link set lo up\nexec 2>&1\nmount --bind {directory} /mnt\ncd /mnt\nR={program('minato-runtime')}\n{prologue}\n"
    script += "".join(f'{command}\nrc=$?; echo; echo "@@ $rc"\n' for command, _, _ in rows) + epilogue
    done = subprocess.run(["unshare", "--mount", "--net", "--propagation", "private", "bash", "-c", script],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=500)
    texts = [part.split("@@ ") for part in done.stdout.split("\n@@ ")]
    assert len(texts) == len(rows) + 1, done.stdout
    texts = [part[0] for part in texts]
    for i, (command, code, parts) in enumerate(rows):
        text = texts[i] if i == 0 else texts[i].partition("\n")[2]
        assert int(texts[i + 1].partition("\n")[0]) == code and all(part in text for part in parts), f"{command}: {text} {texts[i + 1][:4]}"


def scopes(pattern):
    shown = subprocess.run(["systemctl", "--no-pager", "list-units", "--all", "--no-legend", "--plain", pattern], capture_output=True, text=True).stdout
    return [line.split()[0] for line in shown.splitlines() if ".scope" in line]


def test_engine_podman(tmp_path, image):
    prologue = f'''p() {{ podman --root $PWD/root --runroot $PWD/run --tmpdir $PWD/tmp --runtime $R --cgroup-manager systemd --events-backend file \\
    --storage-driver vfs "$@"; }}
run="run --network none --systemd=false"
scope() {{ {SHOW} "libpod-$(p inspect -f "{{{{.Id}}}}" c1).scope"; }}
p import {image} bb >/dev/null 2>&1'''
    run_rows(tmp_path, prologue, [
        ('p $run --rm bb sh -c "echo out; exit 7"', 7, ["out"]),
        (f"p $run -d --name c1 --memory 64m --pids-limit 50 bb sh -c '{LOOP}'", 0, []),
        ("scope", 0, [f"MemoryMax={64 << 20}", "TasksMax=50", "ActiveState=active"]),
        ("p exec c1 cat /proc/self/cgroup /sys/fs/cgroup/memory.max", 0, ["0::/\n", str(64 << 20)]),
        ('p exec c1 sh -c "exit 5"', 5, []),
        ('p stats --no-stream --format "{{.Name}}" c1', 0, ["c1\n"]),
        ("p update --memory 80m c1 && scope", 0, [f"MemoryMax={80 << 20}"]),
        ('p pause c1 && p inspect -f "{{.State.Status}}" c1 && p unpause c1', 0, ["paused"]),
        ('p stop -t 60 c1 && p inspect -f "{{.State.Status}} {{.State.ExitCode}}" c1', 0, ["exited 3"]),
        ("p start c1 && p kill c1 && p wait c1", 0, ["137"]),
        ("p rm -f c1 && p ps -aq | wc -l", 0, ["0\n"]),
    ])
    assert scopes("libpod-*") == []


def test_engine_docker(tmp_path, image):
    prologue = f'''dockerd --data-root $PWD/data --exec-root $PWD/exec -H unix://$PWD/d.sock --pidfile $PWD/pid --iptables=false --ip6tables=false \\
    --bridge=none --storage-driver vfs --add-runtime minato=$R --default-runtime minato --exec-opt native.cgroupdriver=systemd >$PWD/log 2>&1 &
d() {{ docker -H unix://$PWD/d.sock "$@"; }}
scope() {{ {SHOW} "docker-$(d inspect -f "{{{{.Id}}}}" c1).scope"; }}
for i in $(seq 600); do d version >/dev/null 2>&1 && break; sleep 0.1; done
d import {image} bb >/dev/null'''
    run_rows(tmp_path, prologue, [
        ('d info -f "{{.CgroupDriver}} {{.CgroupVersion}}"', 0, ["systemd 2"]),
        ('d run --rm bb sh -c "echo out; exit 7"', 7, ["out"]),
        (f"d run -d --name c1 --memory 64m --pids-limit 50 bb sh -c '{LOOP}'", 0, []),
        ("scope", 0, [f"MemoryMax={64 << 20}", "TasksMax=50", "ActiveState=active"]),
        ('d exec c1 sh -c "cat /proc/self/cgroup /sys/fs/cgroup/memory.max; exit 5"', 5, ["0::/\n", str(64 << 20)]),
        ('d stats --no-stream --format "{{.Name}}" c1', 0, ["c1\n"]),
        ("d update --memory 80m --memory-swap -1 c1 && scope", 0, [f"MemoryMax={80 << 20}"]),
        ('d pause c1 && d inspect -f "{{.State.Status}}" c1 && d unpause c1', 0, ["paused"]),
        ('d stop -t 60 c1 && d inspect -f "{{.State.Status}} {{.State.ExitCode}}" c1', 0, ["exited 3"]),
        ("d start c1 && d kill c1 && d wait c1", 0, ["137"]),
        ("d rm -f c1 && d ps -aq | wc -l", 0, ["0\n"]),
    ], "kill $(cat pid); wait\n")
    assert scopes("docker-*") == []
