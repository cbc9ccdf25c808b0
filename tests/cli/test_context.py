# SPDX-License-Identifier: Apache-2.0
"""Contexts: the same commands, one after the other, through both command lines: same words, same codes, same files."""
import os
import re
import shlex
import subprocess

import pytest

from conftest import DOCKER, Cli
from harness import certificates

SCRIPT = r"""
context ls
context show
context create aa --docker host=unix:///tmp/nosuch.sock --description 'my a'
context create aa --docker host=unix:///x
context create bb --docker host=tcp://h:2376,ca={pki}/ca.pem,cert={pki}/cert.pem,key={pki}/key.pem,skip-tls-verify=true
context create default
context create x
context create 'bad name'
context create ff --docker foo=x
context create ff --docker foo
context create gg --docker host=tcp://x,ca=/nosuch
context create hh --docker host=tcp://x:1,cert={pki}/cert.pem
context create ii --from bb
context create jj --from nosuch
context create jj --from aa --docker host=tcp://x
context create kk --docker from=aa,host=unix:///y
context create kk2 --docker skip-tls-verify=foo
context create k7 --docker ca={pki}/ca.pem
context create ee --docker host=foo://x
--context aa context create from-aa
context ls
context ls -q
context ls --format '{{.Name}} {{.Current}} {{.Description}} {{.DockerEndpoint}} {{.Error}}'
context ls --format json
context list --format 'table {{.Name}}\t{{.DockerEndpoint}}'
context inspect aa bb
context inspect nosuch
context inspect -f '{{.Name}} {{.Endpoints.docker.Host}} {{.Endpoints.docker.SkipTLSVerify}}' aa
context inspect -f '{{json .}}' bb
context inspect -f '{{.TLSMaterial}} {{.Storage.MetadataPath}}' bb
context use nosuch
context use 'a b'
context use aa
context show
ps
context ls
context inspect
context rm aa
context rm -f aa
context show
context rm nosuch
context rm -f nosuch
context rm default
context remove ii kk
context update bb --description new
context update bb
context inspect bb
context update bb --docker host=tcp://zz:1
context inspect bb
context update nosuch --description x
context update default
context export bb {work}/bb.tar
context export bb {work}/bb.tar
context export nosuch {work}/no.tar
context export 'a b' {work}/no2.tar
context import nn {work}/bb.tar
context import nn {work}/bb.tar
context import default {work}/bb.tar
context import ll /nosuch
context import ll /etc/passwd
context import ll {pki}/escape.tar
context import ll {pki}/no-document.tar
context inspect nn
--context nosuch context ls
--context nosuch context show
--context nosuch ps
--context hh ps
-H tcp://127.0.0.1:9 --context hh ps
-H tcp://127.0.0.1:9 context ls
-H foo://x ps
context use nn
context use default
"""


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    certificates.authority(folder)
    certificates.issue(folder)
    (folder / "foo").write_text("x")
    (folder / "tls").mkdir()
    for name, entry in (("escape", "../foo"), ("no-document", "tls")):
        subprocess.run(["tar", "-C", folder / "tls" if name == "escape" else folder, "-P", "-cf", folder / f"{name}.tar", entry], check=True)
    return folder


def tree(folder):
    return {str(p.relative_to(folder)): (oct(p.stat().st_mode & 0o777), p.read_text() if p.is_file() else None)
            for p in sorted((folder / "contexts").rglob("*")) if p.is_file() or any(p.iterdir())}


def with_no_host(cli):
    for name in ("DOCKER_HOST", "MINATO_HOST"):
        cli.environment.pop(name)
    cli.environment["HOME"] = cli.environment["DOCKER_CONFIG"]
    return cli


def words(result, work):
    """What both must say: the default socket differs by design, and Go's resolver and exporter say more."""
    text = f"{result.code}\n{result.out}\n{result.err}".replace(str(work), "<WORK>")
    text = text.replace("unix:///var/run/docker.sock", "unix:///run/minato/minato.sock")
    text = re.sub(r"(lookup \S+)( on [0-9.]+:53)?: .*", r"\1", text)
    return re.sub(r" {2,}", "  ", text)


def test_both_command_lines_agree(pki, link, tmp_path):
    if not DOCKER:
        pytest.skip("no docker command line")
    works, trees, said = [tmp_path / "ours", tmp_path / "dockers"], [], [[], []]
    for program, work, lines in zip((link, DOCKER), works, said):
        work.mkdir()
        (work / "config").mkdir()
        cli = with_no_host(Cli(program, "unix:///nosuch", work / "config"))
        for line in SCRIPT.strip().splitlines():
            line = line.replace("{pki}", str(pki)).replace("{work}", str(work))
            lines.append(f"{line.replace(str(work), '<WORK>')}\n{words(cli(*shlex.split(line)), work)}")
        trees.append(tree(work / "config"))
    different = [f"--- ours: {ours}\n+++ docker's: {dockers}" for ours, dockers in zip(*said) if ours != dockers]
    assert not different, "\n".join(different)
    default = "unix:///run/minato/minato.sock", "unix:///var/run/docker.sock"
    assert trees[0] == {k: (mode, text and text.replace(default[1], default[0])) for k, (mode, text) in trees[1].items()}


def test_each_reads_what_the_other_wrote(pki, link, tmp_path):
    if not DOCKER:
        pytest.skip("no docker command line")
    ours, dockers = (with_no_host(Cli(program, "", tmp_path)) for program in (link, DOCKER))
    for writer, reader, name in ((ours, dockers, "mine"), (dockers, ours, "theirs")):
        writer.ok("context", "create", name, "--docker", f"host=tcp://x:1,ca={pki}/ca.pem", "--description", "two words")
        assert reader.ok("context", "inspect", name) == writer.ok("context", "inspect", name)
        writer.ok("context", "use", name)
        assert reader.ok("context", "show") == name
        archive = subprocess.run([writer.program, "context", "export", name, "-"], env=writer.environment, capture_output=True, check=True).stdout
        reader.ok("context", "import", f"{name}2", "-", input=archive)
        assert writer.ok("context", "inspect", "-f", "{{.Endpoints.docker.Host}} {{.TLSMaterial}}", f"{name}2") == "tcp://x:1 map[docker:[ca.pem]]"


def test_what_is_not_ours_is_kept(link, tmp_path):
    """Members of another version of Docker survive a change."""
    ours = with_no_host(Cli(link, "", tmp_path))
    ours.ok("context", "create", "kept", "--docker", "host=unix:///a")
    path = next((tmp_path / "contexts" / "meta").glob("*/meta.json"))
    path.write_text('{"Name":"kept","Metadata":{"StackOrchestrator":"swarm"},"Endpoints":{"docker":{"Host":"unix:///a","SkipTLSVerify":false},'
                    '"kubernetes":{"DefaultNamespace":"x"}}}')
    ours.ok("context", "update", "kept", "--description", "d")
    assert path.read_text() == ('{"Name":"kept","Metadata":{"StackOrchestrator":"swarm","Description":"d"},"Endpoints":{"docker":{"Host":"unix:///a",'
                                '"SkipTLSVerify":false},"kubernetes":{"DefaultNamespace":"x"}}}')


def test_a_context_leads_to_a_daemon(engine, link, tmp_path):
    ours = with_no_host(Cli(link, "", tmp_path))
    ours.ok("context", "create", "here", "--docker", f"host={engine}")
    assert ours.ok("--context", "here", "ps", "-q", "--no-trunc")
    for variable in ("DOCKER_CONTEXT", "MINATO_CONTEXT"):
        assert ours.ok("ps", "-q", **{variable: "here"})
    ours.ok("context", "use", "here")
    assert ours.ok("ps", "-q")
    assert ours("ps", DOCKER_HOST="unix:///nosuch").code == 1, "a host in the environment comes before the context in use"
    warned = ours("context", "use", "here", DOCKER_HOST="unix:///nosuch")
    assert warned.err.splitlines()[1].startswith("Warning: DOCKER_HOST environment variable overrides the active context.")
