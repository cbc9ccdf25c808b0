# SPDX-License-Identifier: Apache-2.0
"""The same commands, asked of Minato and of Debian's Docker by the same command line: exit code, output and messages must be
the same. cases/*.txt has the commands, a line each, run in their order; what may differ is said in the line before, with the reason:

    #~ code,out,err: REASON

A part that is said to differ and does not fails, too."""
import concurrent.futures
import pathlib
import re
import subprocess

import pytest

from conftest import DOCKER

CASES = sorted((pathlib.Path(__file__).parent / "cases").glob("*.txt"))
PARTS = ("code", "out", "err")
EVERYWHERE = [  # what is another at every run
    (r"sha256:[0-9a-f]{64}", "sha256:HASH"),
    (r"\b[0-9a-f]{64}\b", "ID"),
    (r"\b[0-9a-f]{12}\b", "SHORT"),
    (r"20\d\d-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)", "TIME"),
    (r"unix:///\S+?\.sock", "SOCKET"),
    (r"/(tmp|var/tmp)/(bench-docker|minato-test)-\w+", "ROOT"),
    (r"(/tmp/pytest-\S+)/(minato|docker)\b", r"\1/HERE"),
    (r"(\d+ (seconds?|minutes?)|Less than a second|About a minute)( ago)?", "A WHILE"),
    (r'time="TIME" level=error msg="error waiting for container: context canceled"\n', ""),  # a race of the command line's own
]
# Words of Docker's that have changed since Debian's version, ours being the current ones; applied to both.
SAME_WORDS = [
    (r"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: (.*): unknown",
     r"failed to create task for container: \1"),
    (r"OCI runtime exec failed: exec failed: unable to start container process: (.*): unknown", r"OCI runtime exec failed: \1"),
    (r"(Error response from daemon: )([A-Z])", lambda m: m[1] + m[2].lower()),
    (r"(cannot kill container: \S+: )Container", r"\1container"),
    (r"can't join IPC of container ID: (container ID )?(is not running|non-shareable)",
     lambda m: f"failed to join IPC namespace: container ID{' ' if m[1] else ': '}{m[2]}"),
]


def plain(text):
    for pattern, word in EVERYWHERE + SAME_WORDS:
        text = re.sub(pattern, word, text)
    return text


def ask(host, line, folder):
    script = f'd() {{ {DOCKER} -H {host} "$@"; }}; {line}'
    result = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, cwd=folder,
                            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), "DOCKER_API_VERSION": "1.41"})
    return result.returncode, plain(result.stdout), plain(result.stderr)


def cases(path):
    """(line, parts that may differ)"""
    allowed = set()
    for line in path.read_text().splitlines():
        if line.startswith("#~"):
            parts, reason = line[2:].split(":", 1)
            allowed = {part.strip() for part in parts.split(",")}
            assert allowed <= set(PARTS) and reason.strip(), line
        elif line.strip() and not line.startswith("#"):
            yield line, allowed
            allowed = set()


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_as_docker(hosts, tmp_path, path):
    folders = {name: tmp_path / name for name in hosts}
    for folder in folders.values():
        folder.mkdir()
    wrong = []
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for line, allowed in cases(path):
            ours, docker = pool.map(lambda name: ask(hosts[name], line, folders[name]), ("minato", "docker"))
            for part, a, b in zip(PARTS, ours, docker):
                if (a != b) != (part in allowed):
                    wrong.append(f"{line}\n  {part}: ours {a!r}\n  {part}: docker {b!r}" + (" (said to differ)" if a == b else ""))
    assert not wrong, "\n".join(wrong)
