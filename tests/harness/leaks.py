# SPDX-License-Identifier: Apache-2.0
"""What a daemon may leave behind: compare two looks at the system."""
import pathlib
import subprocess
import time


def _processes(folder):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if ("minato-shim" in line or "minato-runtime" in line or "minato-init" in line) and str(folder) in line:
            found.append(line.strip())
    return sorted(found)


def _cgroups(ids):
    found = []
    for folder, _, _ in __import__("os").walk("/sys/fs/cgroup"):
        if any(i in folder for i in ids):
            found.append(folder)
    return sorted(found)


def look(daemon, ids=()):
    """Everything of this daemon that could leak, as a dictionary of sorted lists."""
    def run(*argv):
        return subprocess.run(daemon.command(*argv), capture_output=True, text=True).stdout

    return {
        "mounts": sorted(line.split()[4] for line in open("/proc/self/mountinfo") if str(daemon.folder) in line),
        "processes": _processes(daemon.folder),
        "cgroups": _cgroups(ids),
        # A veth without a carrier is one the daemon has made ahead of the next start.
        "interfaces": sorted(line.split(":")[1].strip().split("@")[0] for line in run("ip", "-o", "link").splitlines()
                             if not ("veth" in line.split(":")[1] and "LOWER_UP" not in line)),
        "bundles": sorted(p.name for p in (daemon.exec / "containers").glob("*")),
        "directories": sorted(p.name for p in (daemon.data / "containers").glob("*")),
        "trash": sorted(p.name for p in (daemon.data / "trash").glob("*")),
    }


def assert_none(daemon, before, ids=(), timeout=10):
    """What is torn down in the background gets a while; then both looks must be the same."""
    deadline = time.monotonic() + timeout
    while (after := look(daemon, ids)) != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert after == before
