# SPDX-License-Identifier: Apache-2.0
"""What a well-behaved daemon never says: hostile names, endless answers, old versions, failures."""
import json
import re
import resource
import subprocess
import threading
import time

import pytest

from fake_daemon import FakeDaemon, frame
from terminal import Terminal

EVIL = "x\x1b]0;title\x07\r\n\x9b31m\u202etxt.exe"


def container(**more):
    return {"Id": "ab" * 32, "Names": ["/web"], "Image": "busybox", "ImageID": "sha256:" + "cd" * 32, "Command": "sh",
            "Created": 1700000000, "Ports": [], "Labels": {}, "State": "running", "Status": "Up 2 hours", "Mounts": [],
            "HostConfig": {}, "NetworkSettings": {"Networks": {}}, **more}


def assert_harmless(text):
    assert all(c == "\n" or (0x20 <= ord(c) < 0x7f) or ord(c) >= 0xa0 for c in text), repr(text)
    assert "\u202e" not in text


def test_tables_hold_no_control_characters(clis):
    rows = [container(Names=["/" + EVIL], Image=EVIL, Command=EVIL, Status=EVIL, Labels={"a": EVIL})]
    with FakeDaemon({("GET", "/containers/json"): rows}) as daemon:
        ours, _ = clis(daemon.host)
        for args in (["ps"], ["ps", "--no-trunc"], ["ps", "--format", "table {{.Names}}\t{{.Labels}}"]):
            assert_harmless(ours.ok(*args))
        assert json.loads(ours.ok("ps", "--format", "json"))["Image"] == EVIL


def test_messages_hold_no_control_characters(clis):
    with FakeDaemon({("GET", "/containers/json"): (500, {"message": EVIL}),
                     ("POST", "/images/create"): b'{"errorDetail":{"message":"' + b"\\u001b[2J" + b'"}}'}) as daemon:
        ours, _ = clis(daemon.host)
        for args in (["ps"], ["pull", "busybox"]):
            result = ours(*args)
            assert result.code == 1
            assert "\x1b" not in result.err and "\r" not in result.err


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))


def test_an_endless_message_ends_with_an_error(clis):
    def endless(request):
        out = request.stream()
        try:
            out.write(b'{"status":"')
            for _ in range(64):
                out.write(b"A" * (1 << 20))
        except OSError:
            pass  # the client has had enough
    with FakeDaemon({("POST", "/images/create"): endless}) as daemon:
        ours, _ = clis(daemon.host)
        done = subprocess.run([ours.program, "pull", "busybox"], env=ours.environment, capture_output=True, timeout=30,
                              preexec_fn=limited)
        assert done.returncode == 1 and b"more than 1 MiB" in done.stderr


def test_many_layers_do_not_grow(clis):
    def many(request):
        out = request.stream()
        for i in range(5000):
            out.write(json.dumps({"id": f"layer{i}", "status": "Downloading", "progressDetail": {"current": i}}).encode())
    with FakeDaemon({("POST", "/images/create"): many}) as daemon:
        ours, _ = clis(daemon.host)
        assert ours("pull", "busybox").code == 0


def test_steps_down_to_an_older_daemon(clis):
    def versions(request):
        if request.path.startswith("/v1.50/"):
            return request.reply(400, b'{"message":"client version 1.50 is too new. Maximum supported API version is '
                                      b'1.41"}', Api_Version="1.41")
        return request.reply(200, json.dumps([container()]).encode(), Api_Version="1.41")
    with FakeDaemon({("GET", "/containers/json"): versions}) as daemon:
        ours, _ = clis(daemon.host)
        assert ours.ok("ps", "-q") == "ab" * 6
        assert len(daemon.requests) == 2


def test_ps_is_one_request(clis):
    with FakeDaemon({("GET", "/containers/json"): [container()]}) as daemon:
        ours, _ = clis(daemon.host)
        ours.ok("ps")
        assert [(method, route) for method, route, *_ in daemon.requests] == [("GET", "/containers/json")]


@pytest.mark.parametrize("command, method, suffix", [("stop", "POST", "/stop"), ("kill", "POST", "/kill"), ("rm", "DELETE", ""),
                                                     ("pause", "POST", "/pause"), ("unpause", "POST", "/unpause")])
def test_many_are_under_way_at_once(clis, command, method, suffix):
    """Nobody gets an answer before all have asked. Failures and what worked are told name by name."""
    names = [f"c{i}" for i in range(20)]
    everybody = threading.Barrier(len(names), timeout=20)

    def answer(request):
        everybody.wait()
        name = request.route.split("/")[2]
        request.reply(*((404, b'{"message":"No such container: c7"}') if name == "c7" else (204, b"")))
    with FakeDaemon({(method, f"/containers/{name}{suffix}"): answer for name in names}) as daemon:
        for cli in clis(daemon.host):
            result = cli(command, *names)
            assert result.code == 1
            assert sorted(result.out.split()) == sorted(set(names) - {"c7"})
            assert "No such container: c7" in result.err


def test_run_attaches_and_waits_before_it_starts(clis):
    seen = []

    def attach(request):
        seen.append("attach")
        _, out = request.hijack()
        while "start" not in seen:
            pass
        out.write(frame(1, b"out\n") + frame(2, b"err\n"))

    def wait(request):
        seen.append("wait")
        out = request.stream()
        while "start" not in seen:
            pass
        out.write(b'{"StatusCode":7}')

    def start(request):
        seen.append("start")
        request.reply(204, b"")
    with FakeDaemon({("POST", "/containers/create"): (201, {"Id": "c1", "Warnings": []}),
                     ("POST", "/containers/c1/attach"): attach, ("POST", "/containers/c1/wait"): wait,
                     ("POST", "/containers/c1/start"): start}) as daemon:
        ours, _ = clis(daemon.host)
        result = ours("run", "busybox", "true")
        assert (result.code, result.out, result.err) == (7, "out\n", "err\n")
        assert seen[-1] == "start" and sorted(seen[:2]) == ["attach", "wait"]


@pytest.mark.parametrize("options, path, want", [
    (["-m", "64m", "--cpus", "1.5"], ("HostConfig", "Memory"), 64 << 20),
    (["--cpus", "1.5"], ("HostConfig", "NanoCpus"), 1500000000),
    (["-e", "A=b", "-e", "HOME"], ("Env",), ["A=b", "HOME=/root-for-test"]),
    (["-p", "127.0.0.1:8080:80/udp"], ("HostConfig", "PortBindings"), {"80/udp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}),
    (["-p", "8000-8001:80-81"], ("HostConfig", "PortBindings"), {"80/tcp": [{"HostIp": "", "HostPort": "8000"}],
                                                                 "81/tcp": [{"HostIp": "", "HostPort": "8001"}]}),
    (["-v", "vol:/data:ro", "-v", "/anonymous"], ("HostConfig", "Binds"), ["vol:/data:ro"]),
    (["-v", "/anonymous"], ("Volumes",), {"/anonymous": {}}),
    (["--tmpfs", "/t:size=1m"], ("HostConfig", "Tmpfs"), {"/t": "size=1m"}),
    (["--network", "name=n,alias=a,ip=10.0.0.2"], ("NetworkingConfig", "EndpointsConfig", "n", "IPAMConfig", "IPv4Address"), "10.0.0.2"),
    (["--network", "n", "--network-alias", "a"], ("NetworkingConfig", "EndpointsConfig", "n", "Aliases"), ["a"]),
    (["--cap-add", "net_admin", "--cap-drop", "ALL"], ("HostConfig", "CapAdd"), ["CAP_NET_ADMIN"]),
    (["--restart", "on-failure:3"], ("HostConfig", "RestartPolicy"), {"Name": "on-failure", "MaximumRetryCount": 3}),
    (["--ulimit", "nofile=1024:2048"], ("HostConfig", "Ulimits"), [{"Name": "nofile", "Hard": 2048, "Soft": 1024}]),
    (["--health-cmd", "true", "--health-interval", "1m"], ("Healthcheck", "Interval"), 60000000000),
    (["--entrypoint", ""], ("Entrypoint",), [""]),
    (["--init"], ("HostConfig", "Init"), True),
    (["--device", "/dev/null:/dev/x:rw"], ("HostConfig", "Devices"), [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x",
                                                                       "CgroupPermissions": "rw"}]),
    (["--security-opt", "systempaths=unconfined"], ("HostConfig", "MaskedPaths"), []),
    (["--add-host", "h:1.2.3.4"], ("HostConfig", "ExtraHosts"), ["h:1.2.3.4"]),
    (["--stop-timeout", "0"], ("StopTimeout",), 0),
])
def test_options_become_a_request(clis, options, path, want):
    with FakeDaemon({("POST", "/containers/create"): (201, {"Id": "c1"})}) as daemon:
        ours, docker = clis(daemon.host)
        for cli in filter(None, (ours, docker)):
            cli.ok("create", *options, "busybox", HOME="/root-for-test")
            value = json.loads(next(body for _, route, _, body, _ in reversed(daemon.requests) if route == "/containers/create"))
            for name in path:
                value = value[name]
            if path == ("Env",) and cli is docker:
                value = sorted(value)  # it goes through a Go map
            assert value == want, cli.program


def test_a_missing_credential_helper_is_an_error(clis, tmp_path):
    with FakeDaemon({("POST", "/images/create"): b"{}"}) as daemon:
        ours, _ = clis(daemon.host)
        config = tmp_path / "config" / "config.json"
        config.write_text(json.dumps({"credsStore": "nope", "auths": {"r.example": {"auth": "dTpw"}}}))
        assert ours("pull", "r.example/x").code == 1
        assert not [r for r in daemon.requests if r[1] == "/images/create"]


def test_credentials_go_to_their_registry_only(clis, tmp_path):
    with FakeDaemon({("POST", "/auth"): {"Status": "Login Succeeded"}, ("POST", "/images/create"): b"{}"}) as daemon:
        ours, _ = clis(daemon.host)
        assert ours("login", "-u", "me", "--password-stdin", "r.example", input=b"secret\n").code == 0
        config = tmp_path / "config" / "config.json"
        assert config.stat().st_mode & 0o777 == 0o600
        ours.ok("pull", "-q", "r.example/x")
        ours.ok("pull", "-q", "other.example/x")
        sent = [headers.get("X-Registry-Auth", "") for _, route, _, _, headers in daemon.requests if route == "/images/create"]
        import base64
        documents = [json.loads(base64.urlsafe_b64decode(text)) for text in sent]
        assert documents[0]["username"] == "me" and documents[0]["password"] == "secret"
        assert not documents[1].get("username") and not documents[1].get("password")
        ours.ok("logout", "r.example")
        assert json.loads(config.read_text())["auths"] == {}


def test_headers_of_the_configuration_go_with_every_request(clis, tmp_path):
    with FakeDaemon({("GET", "/containers/json"): []}) as daemon:
        (tmp_path / "config").mkdir(exist_ok=True)
        (tmp_path / "config" / "config.json").write_text(json.dumps({"HttpHeaders": {"X-Team": "blue", "Bad": "a\r\nX-Evil: 1"}}))
        ours, _ = clis(daemon.host)
        ours.ok("ps")
        headers = daemon.requests[-1][4]
        assert headers["X-Team"] == "blue" and "X-Evil" not in headers and "Bad" not in headers


def layer_at_a_steady_pace(request):
    """0, 1 and 2 of 10 MB, a second apart: 1 MB/s, 8 seconds left; then another phase, and absurd figures."""
    out = request.stream()
    for current in (0, 1_000_000, 2_000_000):
        out.write(json.dumps({"id": "aaaaaaaaaaaa", "status": "Downloading", "progressDetail": {"current": current, "total": 10_000_000}}).encode())
        time.sleep(0.6)
    out.write(b'{"id":"aaaaaaaaaaaa","status":"Extracting","progressDetail":{"current":5000000,"total":9223372036854775807}}')
    time.sleep(0.6)
    out.write(b'{"id":"aaaaaaaaaaaa","status":"Extracting","progressDetail":{"current":5000001,"total":9223372036854775807}}')
    out.write(b'{"id":"aaaaaaaaaaaa","status":"Pull complete","progressDetail":{}}')


def test_bars_have_rate_and_time_left(clis):
    with FakeDaemon({("POST", "/images/create"): layer_at_a_steady_pace}) as daemon:
        ours, _ = clis(daemon.host)
        terminal = Terminal([ours.program, "pull", "busybox"], ours.environment, 30, 160)
        text = terminal.expect("(?s).*Pull complete").group().decode(errors="replace")
        assert terminal.code() == 0
        lines = [line for line in re.split(r"\x1b\[\d+A\x1b\[2K|\r\n", text) if "Downloading" in line]
        assert "MB/s" not in lines[0] and re.search(r"2MB/10MB  [\d.]+[kM]B/s  \d", lines[-1]), lines
        assert re.search(r"9\.223EB  \d\S*B/s\r", text), text  # no time left that nobody lives to see
        piped = ours("pull", "busybox")
        assert "MB" not in piped.out and "aaaaaaaaaaaa: Pull complete" in piped.out
        assert ours("pull", "-q", "busybox").out == "docker.io/library/busybox:latest\n"
