# SPDX-License-Identifier: Apache-2.0
"""What a daemon may leave behind: compare two looks at the system."""
import os
import pathlib
import subprocess
import time

MADE_AHEAD = 2  # network namespaces that wait for the next container


def _belongs_to(entry, line, folder):
    """A shim's command line is bare: what it has open says whose it is."""
    if str(folder) in line:
        return True
    try:
        return "minato-shim" in line and any(str(folder) in os.readlink(fd) for fd in (entry / "fd").iterdir())
    except OSError:
        return False


def _processes(folder):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if ("minato-shim" in line or "minato-runtime" in line or "minato-init" in line) and _belongs_to(entry, line, folder):
            found.append(line.strip())
    return sorted(found)


def _cgroups(ids):
    found = []
    for folder, _, _ in os.walk("/sys/fs/cgroup"):
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
    """What is torn down in the background gets a while; then nothing may be there that was not there before."""
    deadline = time.monotonic() + timeout
    while (more := _more(before, look(daemon, ids))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not more, more


def _more(before, after):
    """What is in the second look only. Interfaces of containers come and go with the namespaces made ahead: their number
    counts, not their names."""
    result = {key: set(after[key]) - set(before[key]) for key in after if set(after[key]) - set(before[key])}
    new = result.get("interfaces", set())
    if all(name.startswith("veth") for name in new) and len(after["interfaces"]) <= len(before["interfaces"]) + MADE_AHEAD:
        result.pop("interfaces", None)
    return result
