# SPDX-License-Identifier: Apache-2.0
"""Programs from Debian suites newer than the baseline: unpacked into the cache, never installed."""
import os
import re
import subprocess
import tempfile

CACHE = os.environ.get("MINATO_TEST_CACHE", "/var/tmp/minato-test-cache")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def source():
    """Where this machine gets Debian's packages from, or None."""
    for row in subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(COMPONENT) $(CODENAME)"], capture_output=True,
                              text=True).stdout.splitlines():
        words = row.split()
        if len(words) == 4 and words[1:3] == ["Debian", "main"] and "-" not in words[3]:
            return words[0]
    return None


def package(name, suite="trixie"):
    """The directory a package of that suite is unpacked in, fetched once; None where that cannot be."""
    target = f"{CACHE}/{suite}-{name}"
    where = source() if not os.path.isdir(target) else None
    if os.path.isdir(target) or not where or not os.path.exists(KEYRING):
        return target if os.path.isdir(target) else None
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as d:
        for sub in ("lists/partial", "cache/archives/partial"):
            os.makedirs(f"{d}/{sub}")
        with open(f"{d}/sources.list", "w") as f:
            f.write(f"deb [signed-by={KEYRING}] {where} {suite} main\n")
        options = ["-o", f"Dir::Etc::sourcelist={d}/sources.list", "-o", "Dir::Etc::sourceparts=/dev/null", "-o", f"Dir::State::lists={d}/lists",
                   "-o", f"Dir::Cache={d}/cache", "-o", "Acquire::Languages=none", "-o", "APT::Sandbox::User=root"]
        if subprocess.run(["apt-get", *options, "update", "-qq"], capture_output=True).returncode or \
                subprocess.run(["apt-get", *options, "download", "-qq", name], cwd=d, capture_output=True).returncode:
            return None
        archive = next(f for f in os.listdir(d) if re.fullmatch(rf"{re.escape(name)}_.*\.deb", f))
        subprocess.run(["dpkg-deb", "-x", f"{d}/{archive}", f"{d}/x"], check=True)
        os.rename(f"{d}/x", target)
    return target
