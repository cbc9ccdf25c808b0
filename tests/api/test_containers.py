# SPDX-License-Identifier: Apache-2.0
import base64
import io
import json
import os
import select
import socket
import subprocess
import tarfile
import threading
import time

import pytest

from harness import leaks
from harness.client import frames
from harness.daemon import starter_image


@pytest.fixture(scope="module", autouse=True)
def image(daemon):
    assert daemon.request("POST", "/images/load", starter_image().read_bytes()).status == 200


@pytest.fixture
def run(api):
    """Creates and starts a container without a network; everything made goes away after the test."""
    made = []

    def create(*cmd, name=None, start=True, host=None, **config):
        body = {"Image": "busybox", "Cmd": list(cmd), "HostConfig": {"NetworkMode": "none", **(host or {})}, **config}
        answer = api("POST", "/containers/create", body, query={"name": name} if name else None, status=201)
        made.append(answer.json()["Id"])
        if start:
            api("POST", f"/containers/{made[-1]}/start", status=204)
        return made[-1]

    yield create
    for container in made:
        api("DELETE", f"/containers/{container}", query={"force": "1", "v": "1"})


def wait(api, container, **query):
    return api("POST", f"/containers/{container}/wait", query=query, status=200).lines()[0]["StatusCode"]


def logs(api, container, **query):
    return frames(api("GET", f"/containers/{container}/logs", query={"stdout": "1", "stderr": "1", **query}, status=200).body)


def wait_for_output(api, container):
    """A start is answered when the program runs; what it does first it says when it has done it."""
    end = time.monotonic() + 10
    while not logs(api, container):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_run_to_the_end(api, run):
    container = run("sh", "-c", "echo out; echo err >&2; exit 7")
    assert wait(api, container) == 7
    assert sorted(logs(api, container)) == [(1, b"out\n"), (2, b"err\n")]
    state = api("GET", f"/containers/{container}/json", status=200).json()["State"]
    assert state["Status"] == "exited" and state["ExitCode"] == 7 and not state["Running"]


def test_list(api, run):
    container = run("sleep", "100", name="listed", Labels={"team": "api"})
    (row,) = api("GET", "/containers/json", query={"filters": json.dumps({"label": ["team=api"]})}, status=200).json()
    assert row["Id"] == container and row["Names"] == ["/listed"] and row["State"] == "running"
    assert row["Status"].startswith("Up ")
    assert api("GET", "/containers/json", query={"filters": '{"status":["exited"],"name":["listed"]}'}).json() == []
    sized = api("GET", "/containers/json", query={"size": "1"}, status=200).json()
    assert all(c["SizeRootFs"] > 0 for c in sized)  # SizeRw is left out while it is 0
    api("GET", "/containers/json", query={"filters": '{"nonsense":["x"]}'}, status=400)
    api("GET", "/containers/json", query={"limit": "x"}, status=400)


def test_create_errors(api, run):
    run("true", name="taken", start=False)
    message = api("POST", "/containers/create", {"Image": "busybox"}, query={"name": "taken"}, status=409).message
    assert message.startswith('Conflict. The container name "/taken" is already in use by container "')
    assert api("POST", "/containers/create", {"Image": "nosuch"}, status=404).message == "No such image: nosuch:latest"
    assert "config cannot be empty" in api("POST", "/containers/create", status=400).message
    api("POST", "/containers/create", {"Image": "busybox"}, query={"name": "bad name"}, status=400)
    message = api("POST", "/containers/create", {"Image": "busybox", "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": 80}]}}},
                  status=400).message
    assert message.endswith("HostConfig.PortBindings.80/tcp[0].HostPort: expected string, got number") or "HostPort" in message
    api("POST", "/containers/create", {"Image": "busybox", "HostConfig": {"Memory": -5}}, status=400)
    api("POST", "/containers/create", {"Image": "busybox", "HostConfig": {"CapAdd": ["NONSENSE"]}}, status=400)
    api("POST", "/containers/create", {"Image": "busybox", "HostConfig": {"Binds": ["relative:/x:zz"]}}, status=400)


UNKNOWN = [("GET", "json"), ("GET", "top"), ("GET", "logs"), ("GET", "changes"), ("GET", "export"), ("GET", "stats"),
           ("POST", "start"), ("POST", "stop"), ("POST", "restart"), ("POST", "kill"), ("POST", "pause"), ("POST", "unpause"),
           ("POST", "attach"), ("POST", "wait"), ("POST", "resize"), ("POST", "rename"), ("POST", "update"), ("POST", "exec"),
           ("DELETE", ""), ("GET", "archive"), ("PUT", "archive"), ("HEAD", "archive")]


@pytest.mark.parametrize("method,what", UNKNOWN)
def test_unknown_container(api, method, what):
    path = "/containers/nobody/" + what
    body = {"Cmd": ["true"]} if what == "exec" else {} if what == "update" else None
    query = {"stdout": "1", "h": "1", "w": "1", "path": "/", "name": "other", "stream": "0"}
    answer = api(method, path.rstrip("/"), body, query=query, status=404)
    if method != "HEAD":
        assert answer.message == "No such container: nobody"


def test_life(api, run):
    container = run("sleep", "1000")
    api("POST", f"/containers/{container}/start", status=304)
    api("POST", f"/containers/{container}/pause", status=204)
    assert api("GET", f"/containers/{container}/json").json()["State"]["Paused"]
    api("POST", f"/containers/{container}/pause", status=409)
    api("POST", f"/containers/{container}/unpause", status=204)
    api("POST", f"/containers/{container}/rename", query={"name": "renamed"}, status=204)
    assert api("GET", "/containers/renamed/json").json()["Name"] == "/renamed"
    api("POST", f"/containers/{container}/update", {"Memory": 64 << 20, "MemorySwap": 64 << 20}, status=200)
    assert api("GET", f"/containers/{container}/json").json()["HostConfig"]["Memory"] == 64 << 20
    titles = api("GET", f"/containers/{container}/top", status=200).json()
    assert "PID" in titles["Titles"] and len(titles["Processes"]) == 1
    api("POST", f"/containers/{container}/restart", query={"t": "0"}, status=204)
    api("POST", f"/containers/{container}/stop", query={"t": "0"}, status=204)
    api("POST", f"/containers/{container}/stop", status=304)
    api("POST", f"/containers/{container}/kill", status=409)
    api("POST", f"/containers/{container}/stop", query={"t": "x"}, status=400)
    api("DELETE", f"/containers/{container}", status=204)
    api("DELETE", f"/containers/{container}", status=404)


def test_remove_of_a_running_one(api, run):
    container = run("sleep", "1000")
    assert "cannot remove container" in api("DELETE", f"/containers/{container}", status=409).message
    api("POST", f"/containers/{container}/kill", query={"signal": "NONSENSE"}, status=400)
    api("POST", f"/containers/{container}/kill", query={"signal": "SIGKILL"}, status=204)
    assert wait(api, container) == 137


def test_wait_answers_before_the_end(api, daemon, run):
    container = run("sleep", "1000")
    with daemon.connect() as connection:
        connection.send("POST", f"/containers/{container}/wait", query={"condition": "next-exit"})
        assert connection.head()[0] == 200  # `docker run` waits for this before it starts the container
        api("POST", f"/containers/{container}/kill", status=204)
        assert json.loads(next(connection.chunks())) == {"StatusCode": 137}
    api("POST", f"/containers/{container}/wait", query={"condition": "nonsense"}, status=400)


def test_attach_before_start(api, daemon, run):
    container = run("sh", "-c", "read x; echo got $x; echo bye >&2", start=False, OpenStdin=True, StdinOnce=True,
                    AttachStdin=True, AttachStdout=True, AttachStderr=True)
    with daemon.connect() as connection:
        answer = connection.upgrade("POST", f"/containers/{container}/attach", query={"stream": "1", "stdin": "1", "stdout": "1", "stderr": "1"})
        assert answer.status == 101 and answer.headers["content-type"] == "application/vnd.docker.multiplexed-stream"
        api("POST", f"/containers/{container}/start", status=204)
        connection.sock.sendall(b"hello\n")
        connection.sock.shutdown(socket.SHUT_WR)
        assert sorted(frames(connection.until_close())) == [(1, b"got hello\n"), (2, b"bye\n")]
    assert wait(api, container) == 0


def test_a_start_waits_for_who_was_told_that_he_is_attached(api, daemon, run):
    """The answer is there, and the attach goes on behind it: here because it waits for the client to read, else on a busy machine.
    What the container writes is nowhere else."""
    container = run("echo", "hello", start=False, host={"LogConfig": {"Type": "none"}})
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(daemon.socket))
        client.sendall(f"POST /containers/{container}/attach?logs=1&stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\n"
                       "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
        assert select.select([client], [], [], 10)[0]
        api("POST", f"/containers/{container}/start", status=204)
        text = b""
        while piece := client.recv(4096):
            text += piece
    assert text.startswith(b"HTTP/1.1 101") and frames(text.partition(b"\r\n\r\n")[2]) == [(1, b"hello\n")]


def test_attach_with_keys_nobody_has(api, run):
    container = run("sleep", "100", start=False, Tty=True)
    for _ in ("before the start", "while it runs"):
        answer = api("POST", f"/containers/{container}/attach", query={"stream": "1", "detachKeys": "ctrl-nope"}, status=400)
        assert answer.json()["message"] == "Invalid detach keys (ctrl-nope) provided"
        api("POST", f"/containers/{container}/start")


def test_attach_with_a_terminal(api, daemon, run):
    container = run("sh", start=False, Tty=True, OpenStdin=True)
    with daemon.connect() as connection:
        answer = connection.upgrade("POST", f"/containers/{container}/attach", query={"stream": "1", "stdin": "1", "stdout": "1"})
        assert answer.status == 101 and answer.headers["content-type"] == "application/vnd.docker.raw-stream"
        api("POST", f"/containers/{container}/start", status=204)
        api("POST", f"/containers/{container}/resize", query={"h": "33", "w": "77"}, status=200)
        connection.sock.sendall(b"stty size; exit 3\n")
        assert b"33 77" in connection.until_close()
    assert wait(api, container) == 3
    api("POST", f"/containers/{container}/resize", query={"h": "x", "w": "1"}, status=400)


@pytest.mark.parametrize("driver", ["json-file", "local"])
def test_logs_follow_and_parameters(api, daemon, run, driver):
    container = run("sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done", host={"LogConfig": {"Type": driver, "Config": {}}})
    with daemon.connect() as connection:
        connection.send("GET", f"/containers/{container}/logs", query={"stdout": "1", "follow": "1"})
        assert connection.head()[1]["content-type"] == "application/vnd.docker.multiplexed-stream"
        assert [text for _, text in frames(b"".join(connection.chunks()))] == [b"1\n", b"2\n", b"3\n"]
    assert logs(api, container, tail="1") == [(1, b"3\n")]
    assert logs(api, container, timestamps="1")[0][1].split(b" ")[1] == b"1\n"
    assert logs(api, container, since=str(int(time.time()) + 100)) == []
    assert "choose at least one stream" in api("GET", f"/containers/{container}/logs", status=400).message
    api("GET", f"/containers/{container}/logs", query={"stdout": "1", "since": "x"}, status=400)


def test_exec(api, daemon, run):
    container = run("sleep", "1000")
    session = api("POST", f"/containers/{container}/exec", {"Cmd": ["sh", "-c", "echo hi; exit 5"], "AttachStdout": True, "AttachStderr": True},
                  status=201).json()["Id"]
    with daemon.connect() as connection:
        answer = connection.upgrade("POST", f"/exec/{session}/start", {"Detach": False, "Tty": False})
        assert answer.status == 101
        assert frames(connection.until_close()) == [(1, b"hi\n")]
    deadline = time.monotonic() + 5
    while (state := api("GET", f"/exec/{session}/json", status=200).json())["Running"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert state["ExitCode"] == 5 and state["ContainerID"] == container
    api("POST", f"/exec/{session}/start", {"Detach": True}, status=409)
    api("POST", f"/exec/{session}/resize", query={"h": "1", "w": "1"})
    api("POST", "/exec/nosuch/start", {"Detach": True}, status=404)
    api("GET", "/exec/nosuch/json", status=404)
    assert "No exec command specified" in api("POST", f"/containers/{container}/exec", {"Cmd": []}, status=400).message
    detached = api("POST", f"/containers/{container}/exec", {"Cmd": ["true"]}, status=201).json()["Id"]
    api("POST", f"/exec/{detached}/start", {"Detach": True}, status=200)


def test_the_code_of_an_exec_is_there_when_its_output_ends(daemon, run):
    container, wrong = run("sleep", "1000"), []

    def work():
        for _ in range(60):
            body = {"Cmd": ["sh", "-c", "exit 42"], "AttachStdout": True, "AttachStderr": True}
            session = daemon.request("POST", f"/containers/{container}/exec", body).json()["Id"]
            with daemon.connect() as connection:
                assert connection.upgrade("POST", f"/exec/{session}/start", {"Detach": False, "Tty": False}).status == 101
                connection.until_close()
            state = daemon.request("GET", f"/exec/{session}/json").json()
            if state["Running"] or state["ExitCode"] != 42:
                wrong.append(state)
    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong, (len(wrong), wrong[0])


def test_stats(api, run):
    container = run("sleep", "1000")
    one = api("GET", f"/containers/{container}/stats", query={"stream": "0", "one-shot": "1"}, status=200).json()
    assert one["pids_stats"]["current"] >= 1 and one["memory_stats"]["usage"] > 0
    two = api("GET", f"/containers/{container}/stats", query={"stream": "0"}, status=200).json()
    assert two["precpu_stats"]["cpu_usage"]["total_usage"] > 0
    api("GET", f"/containers/{container}/stats", query={"stream": "1", "one-shot": "1"}, status=400)


def inspect(api, container):
    return api("GET", f"/containers/{container}/json", status=200).json()


def test_a_host_name_follows_the_network(api, run):
    """The host's name with the host's network, the other container's with its network, else the short id."""
    own = run("sleep", "60", name="named", Hostname="harbour")
    joined = run("cat", "/proc/sys/kernel/hostname", host={"NetworkMode": "container:named"})
    assert wait(api, joined) == 0
    assert [inspect(api, c)["Config"]["Hostname"] for c in (own, joined)] == ["harbour", "harbour"]
    assert logs(api, joined) == [(1, b"harbour\n")]
    host = run("true", start=False, host={"NetworkMode": "host"})
    assert inspect(api, host)["Config"]["Hostname"] == socket.gethostname()
    plain = run("true", start=False, host={"UTSMode": "host"})
    assert inspect(api, plain)["Config"]["Hostname"] == plain[:12]
    for mode in ({"UTSMode": "host"}, {"NetworkMode": "container:named"}):
        body = {"Image": "busybox", "Hostname": "other", "HostConfig": mode}
        answer = api("POST", "/containers/create", body, status=400)
        assert "conflicting options: hostname and the" in answer.json()["message"]


def test_words_of_a_tmpfs_are_checked(api, run):
    run("true", start=False, host={"Tmpfs": {"/a": "", "/b": "size=1m,mode=700,noexec,uid=1"}})
    body = {"Image": "busybox", "HostConfig": {"Tmpfs": {"/a": "size=1m,nonsense"}}}
    assert api("POST", "/containers/create", body, status=400).json()["message"] == 'invalid tmpfs option ["nonsense"]'


def test_fields_few_clients_send(api, run):
    cut_off = run("ip", "-o", "link", host={"NetworkMode": "default"}, NetworkDisabled=True)
    assert wait(api, cut_off) == 0 and [b"lo" in line for _, line in logs(api, cut_off)] == [True]
    body = {"Image": "busybox", "HostConfig": {"Cgroup": "container:x"}}
    assert "HostConfig.Cgroup" in api("POST", "/containers/create", body, status=400).json()["message"]


def test_looking_at_one_that_is_being_removed_leaves_nothing(api, daemon):
    # the daemon alone is asked: what it answers depends on who is first
    ask = daemon.request
    gone, over = [], threading.Event()

    def look():
        while not over.is_set():
            for container in gone[-2:]:
                ask("GET", f"/containers/{container}/changes")
                ask("GET", f"/containers/{container}/export")
                ask("HEAD", f"/containers/{container}/archive", query={"path": "/"})
    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(60):
            gone.append(ask("POST", "/containers/create", {"Image": "busybox", "HostConfig": {"NetworkMode": "none"}}).json()["Id"])
            time.sleep(0.005)
            assert ask("DELETE", f"/containers/{gone[-1]}").status == 204
    finally:
        over.set()
        for looker in lookers:
            looker.join()
    left = {p.name for p in (daemon.data / "containers").iterdir()} & set(gone)
    assert not left, left


def test_propagation_needs_a_mount_that_propagates(api, run, tmp_path):
    def create(propagation):
        source = {"Type": "bind", "Source": str(tmp_path), "Target": "/seen", "BindOptions": {"Propagation": propagation}}
        return run("sh", "-c", "echo ready; sleep 60", start=False, host={"Mounts": [source]})
    subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path], check=True)
    try:
        subprocess.run(["mount", "--make-private", tmp_path], check=True)
        for propagation, words in (("rshared", "a shared mount"), ("rslave", "a shared or slave mount")):
            answer = api("POST", f"/containers/{create(propagation)}/start", status=500)
            assert answer.json()["message"] == f"path {tmp_path} is mounted on {tmp_path} but it is not {words}"
        subprocess.run(["mount", "--make-shared", tmp_path], check=True)
        follows = create("rslave")
        api("POST", f"/containers/{follows}/start", status=204)
        wait_for_output(api, follows)
        (tmp_path / "below").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path / "below"], check=True)
        (tmp_path / "below" / "file").touch()
        api("HEAD", f"/containers/{follows}/archive", query={"path": "/seen/below/file"}, status=200)
        api("DELETE", f"/containers/{follows}", query={"force": "1"}, status=204)
    finally:
        subprocess.run(["umount", "-R", tmp_path], check=True)


def test_an_image_as_a_mount(api, run):
    mount = {"Type": "image", "Source": "busybox", "Target": "/x", "ImageOptions": {"Subpath": "bin"}}
    container = run("/x/busybox", "echo", "seen", host={"Mounts": [mount]})
    assert wait(api, container) == 0
    assert logs(api, container) == [(1, b"seen\n")]
    found = api("GET", f"/containers/{container}/json", status=200).json()
    assert found["HostConfig"]["Mounts"] == [mount]
    assert [(m["Type"], m["Name"], m["Destination"], m["RW"]) for m in found["Mounts"]] == [("image", "busybox", "/x", False)]
    row = next(c for c in api("GET", "/containers/json", query={"all": "1"}, status=200).json() if c["Id"] == container)
    assert row["Mounts"][0]["Type"] == "image"
    old = api("GET", f"/v1.47/containers/{container}/json", status=200).json()
    assert "ImageOptions" not in old["HostConfig"]["Mounts"][0]


def test_hidden_paths_are_shown(api, run):
    plain = inspect(api, run("true", start=False))["HostConfig"]
    assert {"/proc/kcore", "/proc/keys", "/sys/firmware"} <= set(plain["MaskedPaths"]) and "/proc/sys" in plain["ReadonlyPaths"]
    own = inspect(api, run("true", start=False, host={"MaskedPaths": ["/proc/keys"], "ReadonlyPaths": []}))["HostConfig"]
    assert (own["MaskedPaths"], own["ReadonlyPaths"]) == (["/proc/keys"], [])
    privileged = inspect(api, run("true", start=False, host={"Privileged": True}))["HostConfig"]
    assert (privileged["MaskedPaths"], privileged["ReadonlyPaths"]) == (None, None)


def test_files(api, daemon, run):
    container = run("sh", "-c", "echo data > /made; echo ready; sleep 1000")
    wait_for_output(api, container)
    stat = api("HEAD", f"/containers/{container}/archive", query={"path": "/made"}, status=200)
    assert json.loads(base64.b64decode(stat.headers["x-docker-container-path-stat"]))["name"] == "made"
    answer = api("GET", f"/containers/{container}/archive", query={"path": "/made"}, status=200)
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as tar:
        assert tar.extractfile("made").read() == b"data\n"
    api("PUT", f"/containers/{container}/archive", answer.body, query={"path": "/tmp"}, headers={"Content-Type": "application/x-tar"}, status=200)
    api("GET", f"/containers/{container}/archive", query={"path": "/nosuch"}, status=404)
    api("GET", f"/containers/{container}/archive", status=400)
    changes = {row["Path"]: row["Kind"] for row in api("GET", f"/containers/{container}/changes", status=200).json()}
    assert changes["/made"] == 1
    exported = api("GET", f"/containers/{container}/export", status=200).body
    assert "made" in tarfile.open(fileobj=io.BytesIO(exported)).getnames()


def test_commit(api, run):
    container = run("sh", "-c", "echo kept > /kept")
    wait(api, container)
    made = api("POST", "/commit", {"Cmd": ["cat", "/kept"]}, query={"container": container, "repo": "committed", "tag": "1"}, status=201)
    assert made.json()["Id"].startswith("sha256:")
    second = api("POST", "/containers/create", {"Image": "committed:1", "HostConfig": {"NetworkMode": "none"}}, status=201).json()["Id"]
    api("POST", f"/containers/{second}/start", status=204)
    assert wait(api, second) == 0 and logs(api, second) == [(1, b"kept\n")]
    api("DELETE", f"/containers/{second}", status=204)
    api("POST", "/commit", query={"repo": "x"}, status=400)


def test_prune(api, run):
    container = run("true")
    wait(api, container)
    assert container in api("POST", "/containers/prune", status=200).json()["ContainersDeleted"]


def test_a_pause_that_races_with_the_end(api, run):
    for i in range(20):
        container = run("usleep", str(500 * i))
        for action in ("pause", "unpause"):
            assert api("POST", f"/containers/{container}/{action}").status in (204, 409)


class WebSocket:
    """A client of RFC 6455, as small as can be."""

    def __init__(self, daemon, path, **query):
        self.connection = daemon.connect()
        self.connection.send("GET", path, headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                                                   "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}, query=query)
        self.status, self.headers = self.connection.head()

    def send(self, payload, opcode=2, final=True):
        mask = os.urandom(4)
        length = (bytes([len(payload) | 0x80]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
                  if len(payload) < 65536 else b"\xff" + len(payload).to_bytes(8, "big"))
        self.connection.sock.sendall(bytes([opcode | (0x80 if final else 0)]) + length + mask
                                     + bytes(b ^ mask[i & 3] for i, b in enumerate(payload)))

    def receive(self):
        """(opcode, payload) of the next frame."""
        opcode, length = self.connection.take(2)
        assert not length & 0x80, "a server must not mask"
        if length >= 126:
            length = int.from_bytes(self.connection.take(2 if length == 126 else 8), "big")
        return opcode & 15, self.connection.take(length)

    def read_until(self, text):
        data = b""
        while text not in data:
            opcode, payload = self.receive()
            assert opcode == 2, (opcode, payload)
            data += payload
        return data


def test_attach_by_websocket(api, daemon, run):
    container = run("sh", "-c", "echo before; while read line; do echo got $line; echo err >&2; done; echo over", OpenStdin=True)
    everything = {"stream": "1", "stdin": "1", "stdout": "1", "stderr": "1"}
    until = time.monotonic() + 30
    while not logs(api, container):
        assert time.monotonic() < until
    first = WebSocket(daemon, f"/containers/{container}/attach/ws", logs="1", **everything)
    assert first.status == 101 and first.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert first.read_until(b"before\n") == b"before\n"
    first.send(b"hel", final=False)
    first.send(b"are you there", opcode=9)
    assert first.receive() == (10, b"are you there")
    first.send(b"lo\n", opcode=0)
    assert b"err\n" in first.read_until(b"err\n")
    big = b"x" * 100000
    first.send(big + b"\n", opcode=1)
    assert len(first.read_until(b"err\n")) == len(b"got \n" + big + b"err\n")
    first.send((1000).to_bytes(2, "big"), opcode=8)
    assert first.receive() == (8, (1000).to_bytes(2, "big"))
    assert first.connection.until_close() == b""
    # The container goes on; its end is the next client's.
    second = WebSocket(daemon, f"/containers/{container}/attach/ws", **everything)
    api("POST", f"/containers/{container}/stop", query={"t": "0"}, status=204)
    assert second.receive()[0] == 8 and second.connection.until_close() == b""
    bad = WebSocket(daemon, f"/containers/{container}/attach/ws", **everything)
    bad.connection.sock.sendall(b"\x81\x05Hello")
    api("GET", f"/containers/{container}/attach/ws", status=400)
    api("GET", "/containers/not-there/attach/ws", status=404)


def test_nonsense_ends_a_websocket(api, daemon, run):
    container = run("sleep", "1000")
    client = WebSocket(daemon, f"/containers/{container}/attach/ws", stream="1", stdout="1")
    client.connection.sock.sendall(b"\x81\x05Hello")  # not masked
    assert client.receive() == (8, (1002).to_bytes(2, "big")) and client.connection.until_close() == b""
    assert api("GET", f"/containers/{container}/json", status=200).json()["State"]["Running"]


def test_networks_of_a_container(api, run):
    api("POST", "/networks/create", {"Name": "joined"}, status=201)
    container = run("sleep", "1000", host={"NetworkMode": "bridge"})
    api("POST", "/networks/joined/connect", {"Container": container, "EndpointConfig": {"Aliases": ["other"]}}, status=200)
    networks = api("GET", f"/containers/{container}/json").json()["NetworkSettings"]["Networks"]
    assert set(networks) == {"bridge", "joined"} and networks["joined"]["IPAddress"]
    assert container in api("GET", "/networks/joined").json()["Containers"]
    api("DELETE", "/networks/joined", status=403)
    api("POST", "/networks/joined/disconnect", {"Container": container}, status=200)
    api("DELETE", "/networks/joined", status=204)


def test_start_that_fails_leaves_nothing(api, daemon, run):
    before = leaks.look(daemon)
    container = run("/nonexistent", start=False)
    message = api("POST", f"/containers/{container}/start", status=400).message
    assert "/nonexistent" in message and "no such file or directory" in message
    assert api("GET", f"/containers/{container}/json").json()["State"]["ExitCode"] == 127
    api("DELETE", f"/containers/{container}", status=204)
    leaks.assert_none(daemon, before, [container])


def test_nothing_is_left_behind(api, daemon, run):
    before = leaks.look(daemon)
    ids = [run("sleep", "1000", host={"NetworkMode": "bridge"}) for _ in range(3)]
    for container in ids:
        api("DELETE", f"/containers/{container}", query={"force": "1"}, status=204)
    leaks.assert_none(daemon, before, ids)


def test_containers_survive_the_daemon(fresh):
    """kill -9: the same process goes on, its log has no gap, an end meanwhile is reported with its code."""
    assert fresh.request("POST", "/images/load", starter_image().read_bytes()).status == 200

    def create(*cmd):
        body = {"Image": "busybox", "Cmd": list(cmd), "HostConfig": {"NetworkMode": "bridge"}}
        container = fresh.request("POST", "/containers/create", body).json()["Id"]
        assert fresh.request("POST", f"/containers/{container}/start").status == 204
        return container

    counter = create("sh", "-c", "i=0; while true; do echo $i; i=$((i+1)); sleep 0.02; done")
    short = create("sh", "-c", "sleep 0.5; exit 42")
    before = fresh.request("GET", f"/containers/{counter}/json").json()
    for _ in range(3):
        fresh.kill()
        time.sleep(0.5)
        fresh.start()
    after = fresh.request("GET", f"/containers/{counter}/json").json()
    assert after["State"]["Pid"] == before["State"]["Pid"] and after["State"]["Running"]
    assert after["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] == before["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    ended = fresh.request("GET", f"/containers/{short}/json").json()["State"]
    assert ended["Status"] == "exited" and ended["ExitCode"] == 42
    assert fresh.request("POST", f"/containers/{counter}/kill").status == 204
    numbers = [int(text) for _, text in frames(fresh.request("GET", f"/containers/{counter}/logs", query={"stdout": "1"}).body)]
    assert numbers == list(range(len(numbers))) and len(numbers) > 50


def test_attach_outlives_the_daemon(fresh):
    """The client's socket belongs to the shim: the stream goes on while the daemon is dead."""
    assert fresh.request("POST", "/images/load", starter_image().read_bytes()).status == 200
    body = {"Image": "busybox", "Cmd": ["cat"], "OpenStdin": True, "StdinOnce": True, "HostConfig": {"NetworkMode": "none"}}
    container = fresh.request("POST", "/containers/create", body).json()["Id"]
    with fresh.connect() as connection:
        assert connection.upgrade("POST", f"/containers/{container}/attach", query={"stream": "1", "stdin": "1", "stdout": "1"}).status == 101
        assert fresh.request("POST", f"/containers/{container}/start").status == 204
        fresh.kill()
        connection.sock.sendall(b"still there\n")
        assert connection.take(8 + 12)[8:] == b"still there\n"
        fresh.start()
        connection.sock.shutdown(socket.SHUT_WR)
        assert connection.until_close() == b""
    assert fresh.request("POST", f"/containers/{container}/wait").lines()[0]["StatusCode"] == 0


def test_create_races_for_a_name(api, daemon):
    """Sixteen threads want one name: one gets it."""
    results = []

    def create():
        results.append(daemon.request("POST", "/containers/create", {"Image": "busybox"}, query={"name": "raced"}).status)

    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [201] + [409] * 15
    api("DELETE", "/containers/raced", status=204)


def test_legacy_links(api, run):
    """What Docker gives a container on the default bridge: a name in hosts, and variables."""
    db = run("sleep", "1000", name="db-1", Env=["COLOUR=blue", "PATH=/bin"], ExposedPorts={"5432/tcp": {}, "53/udp": {}},
             host={"NetworkMode": "bridge"})
    address = api("GET", f"/containers/{db}/json").json()["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    web = run("sh", "-c", "env; cat /etc/hosts", name="web-1", Env=["STORE_ENV_COLOUR=red"],
              host={"NetworkMode": "bridge", "Links": ["db-1:store", "db-1"]})
    assert api("POST", f"/containers/{web}/wait").json()["StatusCode"] == 0
    output = b"".join(text for _, text in frames(api("GET", f"/containers/{web}/logs", query={"stdout": "1"}).body)).decode()
    lines = output.splitlines()
    for line in (f"STORE_PORT_5432_TCP=tcp://{address}:5432", f"STORE_PORT_5432_TCP_ADDR={address}", "STORE_PORT_5432_TCP_PORT=5432",
                 "STORE_PORT_5432_TCP_PROTO=tcp", "STORE_PORT_53_UDP_PROTO=udp", "STORE_NAME=/web-1/store",
                 "STORE_ENV_COLOUR=red", "DB_1_ENV_COLOUR=blue", "DB_1_NAME=/web-1/db-1"):
        assert line in lines, output
    assert not any("_ENV_PATH=" in line for line in lines)
    for name in ("store", "db-1", db[:12]):
        assert f"{address}\t{name}" in lines, output
    assert api("GET", f"/containers/{web}/json").json()["HostConfig"]["Links"] == ["/db-1:/web-1/store", "/db-1:/web-1/db-1"]
    assert api("POST", f"/containers/{db}/stop", query={"t": "0"}).status == 204
    answer = api("POST", f"/containers/{web}/start")
    assert (answer.status, answer.message) == (409, "Cannot link to a non running container: /db-1 AS /web-1/store")
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": "bridge", "Links": ["nobody:x"]}}
    answer = api("POST", "/containers/create", body)
    assert answer.status == 400 and answer.message.startswith("could not get container for nobody")


def test_a_legacy_link_is_removed(api, daemon, run):
    def unlink(name, status, **query):
        answer = daemon.request("DELETE", f"/containers/{name}", query=query)  # Docker's description has no such path
        assert answer.status == status, answer.body
        return answer.message if status >= 400 else None

    run("sleep", "60", name="store-1", start=False, host={"NetworkMode": "bridge"})
    run("sleep", "60", name="web-2", start=False, host={"NetworkMode": "bridge", "Links": ["store-1:store", "store-1:other"]})
    for path, status, message in (("web-2", 500, "Conflict, cannot remove the default link name of the container"),
                                  ("web-2/nosuch", 404, "No such container: web-2/nosuch"),
                                  ("nosuch/store", 404, "No such container: nosuch/store")):
        assert unlink(path, status, link="1") == message
    unlink("web-2/store", 204, link="1")
    assert api("GET", "/containers/web-2/json").json()["HostConfig"]["Links"] == ["/store-1:/web-2/other"]
    unlink("web-2/store", 404, link="1")
    assert unlink("web-2/other", 404) == "No such container: web-2/other"


def test_kernel_memory_is_dropped(api):
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"KernelMemory": 1024}}
    for version, warnings in (("/v1.41", 1), ("/v1.42", 0)):
        made = api("POST", f"{version}/containers/create", body, status=201).json()
        assert len(made["Warnings"] or []) == warnings
        found = api("GET", f"/v1.41/containers/{made['Id']}/json").json()
        assert not found["HostConfig"].get("KernelMemory")
        updated = api("POST", f"{version}/containers/{made['Id']}/update", {"KernelMemory": 1 << 20}, status=200).json()
        assert len(updated["Warnings"] or []) == warnings
        api("DELETE", f"/containers/{made['Id']}")
