#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how fast a container's output reaches its log.

    tests/shim/flood.py [MEBIBYTES [FOLDER]]      default: 512, a temporary folder in /var/tmp (the disk matters)

A process writes lines of 80 bytes (and then NULs, and lines of 64 KiB) to its stdout as fast as it is allowed to.
Prints MiB of output per second, the shim's CPU time per GiB, and bytes on the disk per byte of output."""

import os
import pathlib
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from conftest import Setup  # noqa: E402

CHUNK = 8 << 20
KINDS = {"80 byte lines": (b"x" * 79 + b"\n"), "64 KiB lines": b"y" * 65535 + b"\n", "NULs": b"\0" * 4096}


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def flood(unit, mebibytes, folder, keep_all):
    place = tempfile.mkdtemp(prefix="flood-", dir=folder)
    source = tempfile.NamedTemporaryFile(dir="/dev/shm")
    source.write(unit * (CHUNK // len(unit)))
    source.flush()
    size = os.path.getsize(source.name)
    times = max(1, (mebibytes << 20) // size)
    setup = Setup("fake", place)
    try:
        log = {"driver": "json-file", "path": str(setup.shim.log)}
        if keep_all:
            log["maxSizeBytes"] = -1
        setup.start(["sh", "-c", "read go; exec cat " + " ".join([source.name] * times)], openStdin=True, log=log)
        from shim import Client
        client = Client()
        setup.attach(client, stdin=True)
        before = cpu_seconds(setup.shim.process.pid)
        began = time.monotonic()
        client.sock.sendall(b"go\n")
        pid = setup.shim.process.pid
        cpu = before
        import select
        while not select.select([setup.shim.control.sock], [], [], 0.02)[0]:
            cpu = cpu_seconds(pid)
        seconds = time.monotonic() - began
        assert setup.shim.control.event("exited").get("code", 0) == 0
        written = size * times
        on_disk = sum(p.stat().st_size for p in pathlib.Path(place).glob("container.log*"))
        return written / seconds / (1 << 20), (cpu - before) / (written / (1 << 30)), on_disk / written
    finally:
        setup.cleanup()
        shutil.rmtree(place)


def main():
    mebibytes = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    folder = sys.argv[2] if len(sys.argv) > 2 else "/var/tmp"
    for name, unit in KINDS.items():
        amount = mebibytes if name != "NULs" else mebibytes // 8
        rate, cpu, _ = flood(unit, amount, folder, False)
        _, _, amplification = flood(unit, max(8, amount // 8), folder, True)
        print(f"{name}: {rate:.0f} MiB/s, {cpu:.2f} s of CPU per GiB, {amplification:.2f} bytes on disk per byte")


if __name__ == "__main__":
    main()
