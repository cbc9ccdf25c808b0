# SPDX-License-Identifier: Apache-2.0
"""Help, completion, manual and the table of commands come from one description; help reads as Docker's."""
import pathlib
import re
import subprocess

import pytest

from conftest import DOCKER, TOP
from harness import daemon as harness

MINATO = harness.program("minato")
TABLE = subprocess.run([MINATO, "__markdown"], capture_output=True, text=True, check=True).stdout
COMMANDS = re.findall(r"^\| `([^`]+)` \|", TABLE, re.M)
# Texts of these differ on purpose: a slip of Docker's in --pull, options of ours (pull --verify, image prune --keep), commands
# of ours.
OTHER_WORDS = {"create", "container create", "pull", "image pull", "image prune", "image squash", "system check"}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_dockers(link, command):
    if not DOCKER or "version 28.2" not in subprocess.run([DOCKER, "--version"], capture_output=True, text=True).stdout:
        pytest.skip("docker 28.2 is not here to compare with")
    texts = [subprocess.run([program, *command.split(), "--help"], capture_output=True, text=True) for program in (link, DOCKER)]
    assert texts[0].returncode == texts[1].returncode == 0
    if command not in OTHER_WORDS:
        assert texts[0].stdout == texts[1].stdout


def test_the_table_of_commands_is_in_step():
    assert (TOP / "docs" / "compatibility-cli.md").read_text() == TABLE


def bash(line, script):
    words = line.split(" ")
    code = f'''{script}
COMP_WORDS=({" ".join(f"'{word}'" for word in words)}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'
_minato; printf '%s\\n' "${{COMPREPLY[@]}}"'''
    return subprocess.run(["bash", "-c", code], capture_output=True, text=True).stdout.split()


def test_completion():
    script = subprocess.run([MINATO, "__bash"], capture_output=True, text=True, check=True).stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0
    assert bash("minato net", script) == ["network"]
    assert "disconnect" in bash("minato network ", script)
    assert "--publish=" in bash("minato run --pub", script)
    assert bash("minato container ls --no", script) == ["--no-trunc"]


def test_manual_is_clean_roff():
    page = subprocess.run([MINATO, "__manual"], capture_output=True, text=True, check=True).stdout
    assert page.startswith(".TH MINATO 1")
    for command in ("container ls", "network create"):
        assert command in page


def test_needs_only_the_kernel():
    """Static: nothing is looked for at start-up, least of all libcurl or OpenSSL."""
    out = subprocess.run(["ldd", MINATO], capture_output=True, text=True)
    assert "not a dynamic executable" in out.stdout + out.stderr or "statically linked" in out.stdout
