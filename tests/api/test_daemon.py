# SPDX-License-Identifier: Apache-2.0
"""The daemon as a program: configuration, locks, signals, death and return, TLS and TCP."""
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time

import pytest

from harness.client import Connection
from harness.daemon import Daemon, program, starter_image


def run(*args, config=None, tmp=None):
    """minatod with arguments that make it end at once: (exit code, standard error)."""
    argv = [program("minatod"), *args]
    if config is not None:
        path = pathlib.Path(tmp) / "daemon.json"
        path.write_text(config)
        argv += ["--config-file", str(path)]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=20)
    return result.returncode, result.stderr + result.stdout


CONFIG_ERRORS = {
    '{"nonsense": 1, "x-y": 2}': "the following directives don't match any configuration option: nonsense, x-y",
    '{"debug": "yes"}': "debug: expected true or false, got string",
    '{"hosts": [1]}': "hosts: expected a list of strings, got number",
    '{"mtu": "1500"}': "mtu: expected a whole number, got string",
    '{"log-level": "loud"}': "invalid logging level: loud",
    '{"log-driver": "journald"}': "invalid logging driver: journald",
    '{"default-runtime": "crun"}': "specified default runtime 'crun' does not exist",
    '{"runtimes": {"x": {}}}': "runtime 'x' has no path",
    '{"runtimes": {"x": {"runtimeType": "io.containerd.runc.v2"}}}': "belongs to containerd shims",
    '{"labels": ["a"]}': "bad attribute format: a",
    '{"max-concurrent-downloads": 0}': "must be positive",
    '{"userns-remap": "default"}': 'is not implemented by this version of minatod',
    '{"authorization-plugins": ["x"]}': 'is not implemented by this version of minatod',
    '{"bip": "10.0.0.1/8", "bridge": "br0"}': "mutually exclusive",
    '{"debug": true, "debug": false}': "duplicate",
    '{"debug": true': "invalid JSON",
    '[]': "expected an object, got array",
}


@pytest.mark.parametrize("config", CONFIG_ERRORS)
def test_wrong_configuration_is_refused(config, tmp_path):
    code, text = run("--validate", config=config, tmp=tmp_path)
    assert code == 1 and CONFIG_ERRORS[config] in text, text


@pytest.mark.parametrize("config", [
    '{}', '{"debug": true, "hosts": ["unix:///x"], "dns": ["1.1.1.1"], "log-opts": {"max-size": "1m"}}',
    '{"default-address-pools": [{"base": "10.9.0.0/16", "size": 24}], "default-runtime": "runc"}',
    '{"runtimes": {"crun": {"path": "/usr/bin/crun", "runtimeArgs": ["--debug"]}}, "default-runtime": "crun"}',
    '{"default-ulimits": {"nofile": {"Name": "nofile", "Soft": 100, "Hard": 200}}, "features": {"buildkit": true}}',
    '{"selinux-enabled": false, "userns-remap": "", "live-restore": true, "storage-driver": "overlay2"}',
])
def test_good_configuration(config, tmp_path):
    code, text = run("--validate", config=config, tmp=tmp_path)
    assert code == 0 and "configuration OK" in text, text


FLAG_ERRORS = {
    ("--nonsense",): "unknown flag: --nonsense",
    ("-Z",): "unknown shorthand flag: 'Z' in -Z",
    ("--data-root",): "flag needs an argument: --data-root",
    ("--mtu", "x"): 'invalid argument "x" for "--mtu" flag',
    ("stray",): 'minatod accepts no arguments, got "stray"',
    ("--add-runtime", "x"): "expected NAME=PATH",
    ("--add-runtime", "a=/x", "--add-runtime", "a=/y"): "runtime 'a' was already registered",
    ("--default-address-pool", "base=10.0.0.0/8"): "needs base= and size=",
    ("--config-file", "/nonexistent/x.json"): "unable to configure the daemon with file /nonexistent/x.json",
}


@pytest.mark.parametrize("args", FLAG_ERRORS)
def test_wrong_flags_are_refused(args):
    code, text = run("--validate", *args)
    assert code == 1 and FLAG_ERRORS[args] in text, text


def test_flag_and_file_may_not_both_say_it(tmp_path):
    code, text = run("--validate", "--debug", "--mtu=1400", config='{"debug": false, "mtu": 1500}', tmp=tmp_path)
    assert code == 1 and "specified both as a flag and in the configuration file: debug, mtu" in text


def test_second_daemon_is_kept_away(fresh):
    second = subprocess.run(fresh.command(program("minatod"), "--data-root", str(fresh.data), "--exec-root", str(fresh.folder / "other"),
                                          "--config-file", str(fresh.config)), capture_output=True, text=True, timeout=10)
    assert second.returncode == 1 and f"the data root is in use by the daemon with process id {fresh.pid}" in second.stderr
    second = subprocess.run(fresh.command(program("minatod"), "--data-root", str(fresh.folder / "other"), "--exec-root", str(fresh.exec),
                                          "--config-file", str(fresh.config)), capture_output=True, text=True, timeout=10)
    assert second.returncode == 1 and "the exec root is in use" in second.stderr
    assert fresh.request("GET", "/_ping").status == 200


def test_stale_pid_file_of_a_living_process_does_not_matter(fresh):
    """The number in the file belongs to another living process after a reboot: the lock decides, not the number."""
    fresh.kill()
    (fresh.exec / "minatod.pid").write_text(f"{os.getpid()}\n")
    fresh.start()
    assert (fresh.exec / "minatod.pid").read_text() == f"{fresh.pid}\n"


def test_term_ends_gracefully(fresh):
    with fresh.connect() as events:
        events.send("GET", "/events")
        assert events.head()[0] == 200
        began = time.monotonic()
        assert fresh.terminate() == 0
        assert time.monotonic() - began < 2
    assert not fresh.socket.exists() and not (fresh.exec / "minatod.pid").exists()


def test_kill_and_return_at_once(fresh):
    """Twenty times: what was acknowledged is there, and the daemon answers right after it was started again."""
    slowest = 0
    for i in range(20):
        assert fresh.request("POST", "/volumes/create", {"Name": f"v{i}"}).status == 201
        if i % 5 == 0:
            assert fresh.request("POST", "/networks/create", {"Name": f"n{i}"}).status == 201
        fresh.kill()
        began = time.monotonic()
        fresh.start()
        slowest = max(slowest, time.monotonic() - began)
        names = {v["Name"] for v in fresh.request("GET", "/volumes").json()["Volumes"]}
        assert names == {f"v{k}" for k in range(i + 1)}
    networks = {n["Name"] for n in fresh.request("GET", "/networks").json()}
    assert {"n0", "n5", "n10", "n15", "bridge", "host", "none"} == networks
    assert slowest < 2


def test_hup_reloads(fresh):
    fresh.config.write_text(json.dumps({"labels": ["a=b"], "max-concurrent-downloads": 7}))
    fresh.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 5
    while fresh.request("GET", "/info").json()["Labels"] != ["a=b"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert fresh.request("GET", "/info").json()["Labels"] == ["a=b"]
    fresh.config.write_text('{"nonsense": 1}')
    fresh.process.send_signal(signal.SIGHUP)
    while "was not reloaded" not in fresh.log_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert fresh.request("GET", "/info").json()["Labels"] == ["a=b"]


def test_service_manager_is_told(tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(5)
        with Daemon(environment={"NOTIFY_SOCKET": path}) as daemon:
            assert notify.recv(4096).startswith(b"READY=1")
            daemon.terminate()
            assert notify.recv(4096).startswith(b"STOPPING=1")


def test_socket_activation(tmp_path):
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        daemon = Daemon("-H", "fd://")
        argv = [program("minatod"), "--data-root", str(daemon.data), "--exec-root", str(daemon.exec), "--config-file",
                str(daemon.config), "-H", "fd://"]
        script = 'import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True); ' \
                 'os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1"); os.execv(sys.argv[2], sys.argv[2:])'
        daemon.process = subprocess.Popen(daemon.command("/usr/bin/python3", "-c", script, str(listener.fileno()), *argv),
                                          pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)
        try:
            with Connection(path) as connection:
                assert connection.request("GET", "/_ping").body == b"OK"
        finally:
            daemon.terminate()
            daemon.close()


def test_socket_mode_and_owner(daemon):
    status = daemon.socket.stat()
    assert status.st_mode & 0o777 == 0o660 and status.st_uid == 0
    assert daemon.data.stat().st_mode & 0o777 == 0o710


def test_idle_memory(fresh):
    time.sleep(0.2)
    assert fresh.memory_kib() < 12 * 1024


# ---- TCP ----

def in_netns(daemon, script, *args):
    """Runs a piece of Python in the daemon's network namespace and gives what it prints."""
    result = subprocess.run(daemon.command("/usr/bin/python3", "-c", script, *args), capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr
    return result.stdout


RAW = '''
import socket, sys
s = socket.create_connection(("127.0.0.1", 2375)); s.settimeout(5)
s.sendall(sys.argv[1].encode().decode("unicode_escape").encode()); s.shutdown(socket.SHUT_WR)
data = b""
while True:
    part = s.recv(65536)
    if not part: break
    data += part
print(data.decode().split("\\r\\n")[0])
'''

BROWSER = {
    "Host: 127.0.0.1:2375": 200, "Host: localhost": 200, "Host: [::1]:2375": 200, "Host: allowed.example:2375": 200,
    "Host: evil.example": 403, "Host: evil.example:2375": 403, "Host: 127.0.0.1.evil.example": 403,
    "Host: localhost\\r\\nOrigin: http://evil.example": 403, "Host: localhost\\r\\nOrigin: null": 403,
    "Host: localhost\\r\\nSec-Fetch-Site: cross-site": 403, "Host: localhost\\r\\nSec-Fetch-Site: none": 200,
}


@pytest.fixture(scope="module")
def tcp():
    daemon = Daemon("-H", "tcp://127.0.0.1:2375", "--api-name", "allowed.example")
    daemon.args += ["-H", f"unix://{daemon.socket}"]
    with daemon:
        yield daemon


@pytest.mark.parametrize("headers", BROWSER)
def test_web_pages_cannot_talk_to_a_local_port(tcp, headers):
    line = in_netns(tcp, RAW, f"GET /info HTTP/1.1\\r\\n{headers}\\r\\nConnection: close\\r\\n\\r\\n")
    assert line.startswith(f"HTTP/1.1 {BROWSER[headers]} "), line


def certificates(folder):
    """A CA, a server's and a client's certificate."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca")
    for name in ("server", "client"):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem",
                "-days", "2", "-extfile", "ext")


TLS = """
import socket, ssl, sys
folder, with_client = sys.argv[1], sys.argv[2] == "client"
context = ssl.create_default_context(cafile=folder + "/ca.pem")
if with_client:
    context.load_cert_chain(folder + "/client.pem", folder + "/client.key")
try:
    s = context.wrap_socket(socket.create_connection(("127.0.0.1", 2376), timeout=5), server_hostname="localhost")
    for i in range(3):
        s.sendall(b"GET /version HTTP/1.1\\r\\nHost: any.name\\r\\n\\r\\n")
        data = b""
        while b"}\\n" not in data:
            part = s.recv(65536)
            if not part:
                raise OSError("closed")
            data += part
        print(data.split(b"\\r\\n")[0].decode())
except OSError as error:
    print("refused", error)
"""


def test_tls_with_verified_clients(tmp_path):
    certificates(tmp_path)
    daemon = Daemon("-H", "tcp://0.0.0.0:2376", "--tlsverify", "--tlscacert", str(tmp_path / "ca.pem"), "--tlscert",
                    str(tmp_path / "server.pem"), "--tlskey", str(tmp_path / "server.key"))
    daemon.args += ["-H", f"unix://{daemon.socket}"]
    with daemon:
        assert in_netns(daemon, TLS, str(tmp_path), "client").splitlines() == ["HTTP/1.1 200 OK"] * 3
        assert in_netns(daemon, TLS, str(tmp_path), "nobody").startswith("refused")
        # A client that begins a handshake and stays silent keeps nobody waiting.
        silent = subprocess.Popen(daemon.command("/usr/bin/python3", "-c", "import socket, time; s = socket.create_connection("
                                                 "('127.0.0.1', 2376)); s.sendall(b'\\x16\\x03'); time.sleep(5)"))
        assert in_netns(daemon, TLS, str(tmp_path), "client").splitlines() == ["HTTP/1.1 200 OK"] * 3
        silent.kill()
        silent.wait()


def test_reachable_tcp_needs_verified_clients(tmp_path):
    daemon = Daemon("-H", "tcp://0.0.0.0:2375")
    try:
        daemon.start(wait=False)
        assert daemon.process.wait(10) == 1
        assert "refusing to listen on tcp://0.0.0.0:2375 without --tlsverify" in daemon.log_text()
    finally:
        daemon.close()


TLS_ATTACH = """
import json, socket, ssl, sys
folder, container = sys.argv[1:]
context = ssl.create_default_context(cafile=folder + "/ca.pem")
context.load_cert_chain(folder + "/client.pem", folder + "/client.key")


def connect():
    return context.wrap_socket(socket.create_connection(("127.0.0.1", 2376), timeout=10), server_hostname="localhost")


def read_until(s, end):
    data = b""
    while end not in data:
        part = s.recv(65536)
        if not part:
            break
        data += part
    return data


s = connect()
s.sendall(f"POST /containers/{container}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: tcp\\r\\nContent-Length: 0\\r\\n\\r\\n".encode())
print(read_until(s, b"\\r\\n\\r\\n").split(b"\\r\\n")[0].decode())
t = connect()
t.sendall(f"POST /containers/{container}/start HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\n\\r\\n".encode())
print(read_until(t, b"\\r\\n\\r\\n").split(b"\\r\\n")[0].decode())
payload = b"x" * 300000
sent = 0
received = b""
s.settimeout(10)
s.sendall(payload[:60000])
s.sendall(payload[60000:])
while len(received) < 300000:
    part = s.recv(65536)
    if not part:
        break
    received += part
print(len(received) >= 300000 and b"x" * 1000 in received)
s.close()
"""


def test_attach_over_tls(tmp_path):
    """The worker carries the bytes of a hijacked TLS connection, both ways and many of them."""
    certificates(tmp_path)
    daemon = Daemon("-H", "tcp://127.0.0.1:2376", "--tlsverify", "--tlscacert", str(tmp_path / "ca.pem"), "--tlscert",
                    str(tmp_path / "server.pem"), "--tlskey", str(tmp_path / "server.key"))
    daemon.args += ["-H", f"unix://{daemon.socket}"]
    with daemon:
        assert daemon.request("POST", "/images/load", starter_image().read_bytes()).status == 200
        container = daemon.request("POST", "/containers/create", {"Image": "busybox", "Cmd": ["cat"], "OpenStdin": True, "StdinOnce": True,
                                                                  "HostConfig": {"NetworkMode": "none"}}).json()["Id"]
        assert in_netns(daemon, TLS_ATTACH, str(tmp_path), container).splitlines() == ["HTTP/1.1 101 UPGRADED", "HTTP/1.1 204 No Content", "True"]
        assert daemon.request("POST", f"/containers/{container}/wait").lines()[0]["StatusCode"] == 0
