# SPDX-License-Identifier: Apache-2.0
"""A daemon over TCP, by name and with TLS: minato-tunnel carries what the static program cannot."""
import os
import pathlib
import re
import subprocess
import time

import pytest

from conftest import DOCKER, Cli
from harness import certificates
from harness import daemon as harness
from terminal import Terminal

if os.geteuid():
    pytest.skip("needs root", allow_module_level=True)

PORT = 2376


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    certificates.authority(folder)
    certificates.authority(folder, "other")
    certificates.issue(folder)
    certificates.issue(folder, "server.pem", "server-key.pem")
    certificates.issue(folder, "old.pem", "old-key.pem", days=-1)
    return folder


def daemon_with(pki, name, *args):
    daemon = harness.Daemon("-H", f"tcp://0.0.0.0:{PORT}", "--tlsverify", "--tlscacert", str(pki / "ca.pem"), "--tlscert", str(pki / f"{name}.pem"),
                            "--tlskey", str(pki / f"{name}-key.pem"), *args)
    daemon.args += ["-H", f"unix://{daemon.socket}"]
    return daemon


@pytest.fixture(scope="module")
def daemon(pki):
    with daemon_with(pki, "server") as daemon:
        Cli(harness.program("minato"), f"unix://{daemon.socket}", pki / "none").ok("load", "-q", "-i", harness.starter_image())
        yield daemon


class Inside(Cli):
    """A command line in the daemon's network namespace, its wrapper a program of its own."""

    def __init__(self, program, host, config, daemon, **environment):
        super().__init__(program, host, config)
        wrapper = pathlib.Path(config) / f"inside-{pathlib.Path(program).parent.name or 'x'}"
        wrapper.parent.mkdir(exist_ok=True)
        # The name of the program decides how it calls itself.
        wrapper.write_text(f"#!/bin/sh\nexec nsenter --net=/proc/{daemon.holder.pid}/ns/net {program} \"$@\"\n")
        wrapper.chmod(0o755)
        self.program = str(wrapper)
        self.environment.update(environment)


@pytest.fixture
def inside(daemon, link, tmp_path):
    def make(host, **environment):
        programs = [link] + ([DOCKER] if DOCKER else [])
        return [Inside(program, host, tmp_path / "config", daemon, **environment) for program in programs]
    return make


def verified(pki, **changed):
    files = {"tlscacert": "ca.pem", "tlscert": "cert.pem", "tlskey": "key.pem", **changed}
    return ["--tlsverify", *(f"--{option}={pki / name}" for option, name in files.items() if name)]


def words(text):
    """A message without what Go's resolver and a moment add."""
    text = re.sub(r" on [0-9.]+:53", "", text)
    return re.sub(r"current time \S+ is after \S+", "current time <T> is after <T>", text).strip()


FAILURES = {
    "no certificate": ("localhost", {"tlscert": None, "tlskey": None}, "remote error: tls: certificate required"),
    "another authority": ("localhost", {"tlscacert": "other.pem"}, "tls: failed to verify certificate: x509: certificate signed by unknown authority"),
    "another address": ("127.0.0.2", {}, "tls: failed to verify certificate: x509: certificate is valid for 127.0.0.1, not 127.0.0.2"),
}


@pytest.mark.parametrize("what", FAILURES)
def test_what_is_not_trusted_is_refused(pki, inside, what):
    host, changed, cause = FAILURES[what]
    results = [cli(*verified(pki, **changed), "ps") for cli in inside(f"tcp://{host}:{PORT}")]
    wanted = f'error during connect: Get "https://{host}:{PORT}/v1.50/containers/json": {cause}'
    assert [(r.code, words(r.err), r.out) for r in results] == [(1, wanted, "")] * len(results)


def test_expired(pki, link, tmp_path):
    with daemon_with(pki, "old") as old:
        results = [Inside(p, f"tcp://localhost:{PORT}", tmp_path / "config", old)(*verified(pki), "ps") for p in (link, DOCKER) if p]
        for result in results:
            assert result.code == 1
            assert words(result.err) == (f'error during connect: Get "https://localhost:{PORT}/v1.50/containers/json": tls: failed to verify '
                                         'certificate: x509: certificate has expired or is not yet valid: current time <T> is after <T>')
        # --tls asks for no proof of who answers
        ours = Inside(link, f"tcp://localhost:{PORT}", tmp_path / "config", old)
        assert ours("--tls", *verified(pki)[1:], "ps").code == 0


@pytest.mark.parametrize("name, args, message", [
    ("missing authority", ["--tlsverify"], "Failed to initialize: unable to resolve docker endpoint: open {config}/ca.pem: no such file or directory"),
    ("missing certificate", ["--tlsverify", "--tlscacert={pki}/ca.pem", "--tlscert=/nosuch.pem"],
     "Failed to initialize: unable to resolve docker endpoint: open /nosuch.pem: no such file or directory"),
    ("two hosts", ["-H", "tcp://a:1", "-H", "tcp://b:1"], "Failed to initialize: unable to resolve docker endpoint: Specify only one -H"),
    ("host and context", ["-H", "tcp://a:1", "--context", "x"], "conflicting options: cannot specify both --host and --context"),
])
def test_what_is_asked_must_make_sense(pki, inside, tmp_path, name, args, message):
    for cli in inside(f"tcp://localhost:{PORT}"):
        result = cli(*(a.format(pki=pki) for a in args), "ps")
        assert result.code == 1 and result.err.strip() == message.format(config=tmp_path / "config")


def test_plain_http_is_told_so(inside):
    for cli in inside(f"tcp://localhost:{PORT}"):
        result = cli("ps")
        assert (result.code, result.err) == (1, "Error response from daemon: Client sent an HTTP request to an HTTPS server.\n")


def test_names_and_ports(inside, link, tmp_path):
    plain = harness.Daemon("-H", "tcp://127.0.0.1:2375")
    plain.args += ["-H", f"unix://{plain.socket}"]
    with plain:
        for host in ("tcp://localhost:2375", "tcp://localhost", "localhost", "tcp://127.0.0.1"):
            for program in (link, DOCKER):
                if program:
                    assert Inside(program, host, tmp_path / "config", plain).ok("ps", "-q") == "", host
    for cli in inside("tcp://nosuch.invalid:1"):
        result = cli("ps")
        assert result.code == 1
        # nobody answers a resolver in here: the words are those of the C library or of Go
        assert result.err.startswith('error during connect: Get "http://nosuch.invalid:1/v1.50/containers/json": dial tcp: lookup nosuch.invalid')
        assert cli("run", "x").code == 125
    for cli in inside("tcp://localhost:9"):
        result = cli("ps")
        assert (result.code, result.err) == (1, "Cannot connect to the Docker daemon at tcp://localhost:9. Is the docker daemon running?\n")


def test_environment(pki, inside):
    for variables in ({"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(pki)}, {"MINATO_TLS_VERIFY": "1", "MINATO_CERT_PATH": str(pki)}):
        ours = inside("tcp://localhost", **variables)[0]
        assert ours.ok("version", "-f", "{{.Server.Version}}")


def test_streams_and_exit_codes(pki, inside):
    ours = inside(f"tcp://localhost:{PORT}", DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(pki))[0]
    data = os.urandom(3 << 20)
    done = subprocess.run([ours.program, "run", "-i", "--rm", "--network", "none", "busybox", "cat"], input=data, capture_output=True,
                          env=ours.environment, timeout=60)
    assert done.returncode == 0 and done.stdout == data, "half-closed, both ways"
    assert ours("run", "--rm", "--network", "none", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7").code == 7
    ours.ok("run", "-d", "--name", "tls", "--network", "none", "busybox", "sleep", "1000")
    try:
        assert ours("exec", "-i", "tls", "md5sum", input=b"x").out.startswith("9dd4e461268c8034f5c8564e155c67a6")
        t = Terminal([ours.program, "exec", "-it", "tls", "sh"], ours.environment, 30, 100)
        t.type("stty size; exit 6\n")
        t.expect("30 100")
        assert t.code() == 6
        t = Terminal([ours.program, "run", "-it", "--rm", "--network", "none", "busybox", "sh", "-c",
                      "trap 'exit 9' INT; echo rea''dy; while :; do sleep 0.1; done"], ours.environment, 30, 100)
        t.expect("ready")
        t.type("\x03")
        assert t.code() == 9, "what is typed is the container's, not the tunnel's"
        archive = subprocess.run([ours.program, "cp", "tls:/etc", "-"], capture_output=True, env=ours.environment, timeout=30).stdout
        assert archive[257:262] == b"ustar"
    finally:
        ours.ok("rm", "-f", "tls")


def test_nothing_stays_when_the_command_is_killed(pki, inside):
    """The tunnel ends with the command that started it."""
    ours = inside(f"tcp://localhost:{PORT}", DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(pki))[0]
    process = subprocess.Popen([ours.program, "events"], env=ours.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def tunnels():
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if f"localhost:{PORT}\0verify\0{pki}".encode() in (folder / "cmdline").read_bytes():
                    found.append(folder.name)
            except OSError:
                pass
        return found

    def wait_for(wanted):
        deadline = time.monotonic() + 10
        while bool(tunnels()) != wanted:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    wait_for(True)
    process.kill()
    process.wait()
    wait_for(False)


def test_dial_stdio(daemon, link, tmp_path):
    """What an ssh:// host runs on its other end."""
    host = f"unix://{daemon.socket}"
    request = b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = Cli(link, host, tmp_path)("system", "dial-stdio", input=request)
    assert answer.code == 0 and answer.out.startswith("HTTP/1.1 200 OK\r\n") and answer.out.endswith("OK")
