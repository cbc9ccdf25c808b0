# SPDX-License-Identifier: Apache-2.0
"""A Debian whose first process is systemd, made once per machine by mmdebstrap from the machine's own source of packages."""
import os
import pathlib
import shutil
import subprocess

CACHE = pathlib.Path(os.environ.get("MINATO_VM_CACHE", os.path.expanduser("~/.cache/minato-vm")))


def tree():
    """The directory it is unpacked in, or None where it cannot be made."""
    if "MINATO_SYSTEM_TREE" in os.environ:
        return pathlib.Path(os.environ["MINATO_SYSTEM_TREE"])
    made = CACHE / "system-bookworm"
    if made.exists():
        return made
    part = CACHE / f"system-bookworm.{os.getpid()}"
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(["mmdebstrap", "--variant=essential", "--include=systemd-sysv,dbus", "--quiet", "--format=directory",
                               "bookworm", str(part)], stdin=subprocess.DEVNULL, capture_output=True)
    except FileNotFoundError:
        return None
    if done.returncode:
        shutil.rmtree(part, ignore_errors=True)
        return None
    try:
        part.rename(made)
    except OSError:  # another run was faster
        shutil.rmtree(part, ignore_errors=True)
    return made
