# SPDX-License-Identifier: Apache-2.0
"""Framing, versions, malformed requests: what a client may send and what it gets for it."""
import json
import resource
import socket
import time

import pytest

from harness import client

H = b"Host: x\r\n"
J = b"Content-Type: application/json\r\n"

MALFORMED = {
    "bare line feeds": b"GET /_ping HTTP/1.1\nHost: x\n\n",
    "line feed in the head": b"GET /_ping HTTP/1.1\r\nHost: x\n\r\n",
    "bare carriage return": b"GET /_ping HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
    "folded header": b"GET /_ping HTTP/1.1\r\n" + H + b" folded\r\n\r\n",
    "space before the colon": b"GET /_ping HTTP/1.1\r\nHost : x\r\n\r\n",
    "no colon": b"GET /_ping HTTP/1.1\r\n" + H + b"nonsense\r\n\r\n",
    "empty header name": b"GET /_ping HTTP/1.1\r\n" + H + b": x\r\n\r\n",
    "NUL in a header": b"GET /_ping HTTP/1.1\r\n" + H + b"A: b\0c\r\n\r\n",
    "control character": b"GET /_ping HTTP/1.1\r\n" + H + b"A: \x01\r\n\r\n",
    "two hosts": b"GET /_ping HTTP/1.1\r\n" + H + H + b"\r\n",
    "no host": b"GET /_ping HTTP/1.1\r\n\r\n",
    "two spaces": b"GET  /_ping HTTP/1.1\r\n" + H + b"\r\n",
    "no version": b"GET /_ping\r\n\r\n",
    "lower-case protocol": b"GET /_ping http/1.1\r\n" + H + b"\r\n",
    "method is no token": b"G@T /_ping HTTP/1.1\r\n" + H + b"\r\n",
    "relative target": b"GET _ping HTTP/1.1\r\n" + H + b"\r\n",
    "fragment": b"GET /_ping#x HTTP/1.1\r\n" + H + b"\r\n",
    "length and chunked": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    "two lengths": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "list of lengths": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Content-Length: 2, 2\r\n\r\n{}",
    "signed length": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Content-Length: +2\r\n\r\n{}",
    "negative length": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Content-Length: -2\r\n\r\n{}",
    "hexadecimal length": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Content-Length: 0x2\r\n\r\n{}",
    "huge length": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "other transfer coding": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "coding twice": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /volumes/create HTTP/1.0\r\n" + H + J + b"Transfer-Encoding: chunked\r\n\r\n",
    "bad chunk size": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "chunk ends wrongly": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
    "chunk with bare line feed": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
    "body ends early": b"POST /volumes/create HTTP/1.1\r\n" + H + J + b"Content-Length: 20\r\n\r\n{}",
    "encoded NUL": b"GET /containers/a%00b/json HTTP/1.1\r\n" + H + b"\r\n",
    "broken escape": b"GET /containers/a%zz/json HTTP/1.1\r\n" + H + b"\r\n",
    "dot segments": b"GET /containers/%2e%2e/json HTTP/1.1\r\n" + H + b"\r\n",
    "broken query": b"GET /volumes?filters=%zz HTTP/1.1\r\n" + H + b"\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_is_refused(daemon, name):
    answer = client.raw(daemon.socket, MALFORMED[name])
    assert answer.startswith(b"HTTP/1.1 400 "), answer[:200]
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["message"]
    assert answer.count(b"HTTP/1.1 ") == 1  # nothing after it was taken for another request


def test_unknown_protocol_version(daemon):
    assert client.raw(daemon.socket, b"GET /_ping HTTP/2.0\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 505 ")


def test_large_head(daemon):
    big = b"GET /_ping HTTP/1.1\r\n" + H + b"A: " + b"x" * 200_000 + b"\r\n\r\n"
    assert client.raw(daemon.socket, big).startswith(b"HTTP/1.1 431 ")
    auth = b"GET /_ping HTTP/1.1\r\n" + H + b"X-Registry-Auth: " + b"x" * 200_000 + b"\r\nConnection: close\r\n\r\n"
    assert client.raw(daemon.socket, auth).startswith(b"HTTP/1.1 200 ")
    many = b"GET /_ping HTTP/1.1\r\n" + H + b"A: b\r\n" * 200 + b"\r\n"
    assert client.raw(daemon.socket, many).startswith(b"HTTP/1.1 431 ")


def test_head_in_single_bytes(daemon):
    with daemon.connect() as connection:
        for byte in b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n":
            connection.sock.sendall(bytes([byte]))
        assert connection.response().body == b"OK"


def test_pipelined_requests(daemon):
    with daemon.connect() as connection:
        connection.sock.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n" * 5)
        assert [connection.response().status for _ in range(5)] == [200] * 5


def test_kept_alive_after_an_error_and_an_unread_body(daemon):
    with daemon.connect() as connection:
        assert connection.request("POST", "/nowhere", b"x" * 1000).status == 404
        assert connection.request("GET", "/_ping").body == b"OK"


def test_http_1_0(daemon):
    answer = client.raw(daemon.socket, b"GET /_ping HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"OK")


def test_expect_continue(daemon):
    with daemon.connect() as connection:
        connection.sock.sendall(b"POST /volumes/create HTTP/1.1\r\nHost: x\r\n" + J + b"Expect: 100-continue\r\nContent-Length: 21\r\n\r\n")
        assert connection.head()[0] == 100
        connection.sock.sendall(b'{"Name":"continued01"}'[:21])
        assert connection.response().status == 400  # the body was cut on purpose: it is no JSON


def test_body_over_the_limit(daemon):
    with daemon.connect() as connection:
        connection.sock.sendall(b"POST /volumes/create HTTP/1.1\r\nHost: x\r\n" + J + b"Content-Length: 20000000\r\n\r\n")
        assert connection.response().status == 413
    before = daemon.memory_kib()
    with daemon.connect() as connection:
        connection.sock.sendall(b"POST /volumes/create HTTP/1.1\r\nHost: x\r\n" + J + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(40):
                connection.sock.sendall(b"80000\r\n" + b" " * 0x80000 + b"\r\n")
        except OSError:
            pass
    assert daemon.memory_kib() - before < 40 * 1024


VERSIONS = {
    "/v1.24/version": 200, "/v1.55/version": 200, "/version": 200, "/v1.40/version": 200,
    "/v1.23/version": 200, "/v1.12/version": 200, "/v1.11/version": 400, "/v1.56/version": 400, "/v2.0/version": 400, "/v0.9/version": 400, "/v1.5/version": 400,
    "/v1/version": 404, "/v1.2x/version": 404, "/versionx": 404, "/": 404, "/v1.44": 404, "/v1.44/": 404,
}


@pytest.mark.parametrize("path", VERSIONS)
def test_versions(daemon, path):
    assert daemon.request("GET", path).status == VERSIONS[path]


def test_version_messages(daemon):
    assert daemon.request("GET", "/v1.99/info").message == \
        "client version 1.99 is too new. Maximum supported API version is 1.55"
    assert daemon.request("GET", "/v1.11/info").message == \
        "client version 1.11 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version"


@pytest.mark.parametrize("agent, version, has_it", [
    ("docker-sdk-python/5.0.3", "1.55", True), ("ansible-community.docker", "1.55", True), ("docker-compose/1.29.2 docker-py/5.0.3", "1.55", True),
    ("docker-sdk-python/5.0.3", "1.53", False), ("Docker-Client/29.0.0 (linux)", "1.55", False)])
def test_clients_that_take_the_newest_version_unseen(daemon, agent, version, has_it):
    answer = daemon.request("GET", f"/v{version}/system/df", headers={"User-Agent": agent})
    assert answer.status == 200 and ("LayersSize" in answer.json()) == has_it


def test_wrong_method_is_no_page(daemon):
    answer = daemon.request("DELETE", "/version")
    assert answer.status == 404 and answer.message == "page not found"


CONTENT_TYPES = {
    "application/json": 201, "application/json; charset=utf-8": 201, "APPLICATION/JSON": 201,
    "text/plain": 400, "application/json x": 400, "": 400, "; charset=utf-8": 400, "application/jsonx": 400,
}


@pytest.mark.parametrize("kind", CONTENT_TYPES)
def test_content_types(daemon, kind):
    answer = daemon.request("POST", "/volumes/create", b'{"Name":"types"}', headers={"Content-Type": kind})
    assert answer.status == CONTENT_TYPES[kind], answer.body


BODIES = [
    ("/volumes/create", {"Name": 5}, "Name: expected string, got number"),
    ("/volumes/create", {"Labels": {"a": 1}}, "Labels.a: expected string, got number"),
    ("/volumes/create", [], "expected object, got array"),
    ("/networks/create", {"Name": "x", "IPAM": {"Config": [{"Subnet": 1}]}}, "IPAM.Config[0].Subnet: expected string, got number"),
    ("/networks/create", {"Name": "x", "Options": "a"}, "Options: expected object, got string"),
    ("/networks/create", {"Name": "x", "Internal": "yes"}, "Internal: expected bool, got string"),
]


@pytest.mark.parametrize("path,body,wanted", BODIES)
def test_wrong_types_name_the_path(api, path, body, wanted):
    assert wanted in api("POST", path, body, status=400).message


@pytest.mark.parametrize("text", [b"{", b"{}x", b"[1,", b"nul", b'{"Name":"a","Name":"b"}', b"\xff", b"{" * 5000, b"[" * 100000, b" "])
def test_broken_json(daemon, text):
    answer = daemon.request("POST", "/volumes/create", text, headers={"Content-Type": "application/json"})
    assert answer.status == 400 and "JSON" in answer.message, answer.body


def test_half_heads_time_out_and_cost_little(daemon):
    """Half heads are closed after ten seconds; until then and beside a thousand idle connections others are served."""
    before = daemon.memory_kib()
    halves, idle = [], []
    for _ in range(500):
        connection = daemon.connect()
        connection.sock.sendall(b"GET /_ping HTTP/1.1\r\nHos")
        halves.append(connection)
        idle.append(daemon.connect())
    began = time.monotonic()
    assert daemon.request("GET", "/_ping").status == 200
    assert time.monotonic() - began < 1
    assert daemon.memory_kib() - before < 8 * 1024
    halves[0].sock.settimeout(15)
    assert halves[0].response().status == 408
    for connection in halves + idle:
        connection.close()
    assert daemon.request("GET", "/_ping").status == 200


def test_vanished_clients_leave_no_thread(daemon):
    def threads():
        return daemon.memory_kib("Threads")

    streams = []
    for _ in range(20):
        connection = daemon.connect()
        connection.send("GET", "/events")
        assert connection.head()[0] == 200
        streams.append(connection)
    assert threads() >= 20
    fds = daemon.request("GET", "/info").json()["NFd"]
    for connection in streams:
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()
    deadline = time.monotonic() + 5
    while daemon.request("GET", "/info").json()["NFd"] > fds - 15 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert daemon.request("GET", "/info").json()["NFd"] <= fds - 15


def test_requests_that_wait_leave_workers_for_others(daemon):
    """2,048 workers: whoever opens more event streams than seven of eight is told, and a ping is answered."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    streams = []
    try:
        for _ in range(2100):
            streams.append(socket.socket(socket.AF_UNIX))
            streams[-1].settimeout(20)
            streams[-1].connect(str(daemon.socket))
            streams[-1].sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        assert daemon.request("GET", "/_ping", timeout=20).body == b"OK"
        codes = [int(stream.recv(4096).split()[1]) for stream in streams]
        assert codes.count(200) == 1792 and codes.count(503) == 2100 - 1792
    finally:
        for stream in streams:
            stream.close()
    deadline = time.monotonic() + 20
    while daemon.request("GET", "/events", query={"until": "1"}).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
