# SPDX-License-Identifier: Apache-2.0
"""Docker's SDK for Python (Debian's python3-docker)."""
import io
import socket
import tarfile
import threading
import time

import pytest

from conftest import wait_until

docker = pytest.importorskip("docker")


@pytest.fixture(scope="module")
def client(daemon):
    client = docker.DockerClient(base_url=f"unix://{daemon.socket}", version="auto")
    yield client
    client.close()


@pytest.fixture
def sleeper(client):
    container = client.containers.run("busybox", ["sleep", "1000"], detach=True, network_mode="none")
    yield container
    container.remove(force=True)


def archive(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o640
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def unpack(chunks, name):
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        return tar.extractfile(name).read()


def test_system(client):
    assert client.ping()
    version = client.version()
    assert version["ApiVersion"] and version["Os"] == "linux"
    info = client.info()
    assert info["OSType"] == "linux" and info["Images"] >= 1
    usage = client.df()
    assert "ImageUsage" in usage or "LayersSize" in usage


def test_images(client, registry):
    image = client.images.get("busybox")
    name = f"{registry}/sdk"
    assert image.tag(name, "one")
    assert f"{name}:one" in client.images.get(f"{name}:one").tags
    lines = list(client.api.push(name, tag="one", stream=True, decode=True))
    assert not [line for line in lines if "error" in line] and any("digest" in str(line) for line in lines)
    client.images.remove(f"{name}:one")
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get(f"{name}:one")
    pulled = client.images.pull(name, tag="one")
    assert f"{name}:one" in pulled.tags
    # Push may recompress a layer, so the manifest differs; what is in the image does not.
    assert pulled.attrs["RootFS"] == image.attrs["RootFS"]
    assert pulled.attrs["RepoDigests"][0].startswith(f"{name}@sha256:")
    data = client.images.get_registry_data(f"{name}:one")
    assert data.id.startswith("sha256:") and data.has_platform("linux/amd64")
    assert [i.id for i in client.images.list(name=f"{name}:one")] == [pulled.id]
    saved = b"".join(pulled.save(named=f"{name}:one"))
    client.images.remove(f"{name}:one", force=True)
    loaded = client.images.load(saved)
    assert f"{name}:one" in loaded[0].tags
    assert loaded[0].history()[0]["Size"] >= 0
    client.images.remove(f"{name}:one")
    with pytest.raises(docker.errors.NotFound):
        client.images.pull(f"{registry}/nosuch", tag="x")


def test_run(client):
    assert client.containers.run("busybox", ["echo", "hello"], remove=True) == b"hello\n"
    assert client.containers.run("busybox", "sh -c 'echo out; echo err >&2'", remove=True, stdout=True, stderr=True) in (b"out\nerr\n", b"err\nout\n")
    with pytest.raises(docker.errors.ContainerError) as failure:
        client.containers.run("busybox", ["sh", "-c", "echo no >&2; exit 3"], remove=True)
    assert failure.value.exit_status == 3 and b"no" in failure.value.stderr
    with pytest.raises(docker.errors.ImageNotFound):
        client.containers.create("nosuch.invalid/nosuch")
    with pytest.raises(docker.errors.APIError) as failure:
        client.containers.run("busybox", ["/nosuch"], remove=True)
    assert "no such file or directory" in str(failure.value)


def test_options_have_an_effect(client):
    said = client.containers.run(
        "busybox", ["sh", "-c", "hostname; id -u; echo $A; pwd; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ulimit -n; "
                    "grep -c nosuch.example /etc/hosts; cat /etc/resolv.conf; df -m /t | tail -1; touch /x"],
        remove=False, name="options", hostname="harbour", user="1000", environment={"A": "b c"}, working_dir="/tmp",
        sysctls={"net.ipv4.ip_unprivileged_port_start": 99}, ulimits=[docker.types.Ulimit(name="nofile", soft=77, hard=88)],
        extra_hosts={"nosuch.example": "192.0.2.1"}, dns=["192.0.2.53"], dns_search=["a.example"], tmpfs={"/t": "size=3m"}, read_only=True,
        labels={"x": "y"}, mem_limit="32m", nano_cpus=500000000, pids_limit=50, cap_drop=["ALL"], security_opt=["no-new-privileges"],
        log_config=docker.types.LogConfig(type="json-file", config={"max-size": "1m"}), detach=True, init=True, shm_size="2m")
    try:
        assert said.wait()["StatusCode"] == 1
        lines = said.logs(stdout=True, stderr=False).decode().splitlines()
        assert lines[:7] == ["harbour", "1000", "b c", "/tmp", "99", "77", "1"]
        assert "nameserver 192.0.2.53" in lines and "search a.example" in lines and lines[-1].split()[1] == "3"
        assert b"Read-only file system" in said.logs(stdout=False, stderr=True)
        host = said.attrs["HostConfig"]
        assert (host["Memory"], host["NanoCpus"], host["PidsLimit"], host["ShmSize"], host["Init"]) == (32 << 20, 500000000, 50, 2 << 20, True)
        assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}
    finally:
        said.remove(force=True)


def test_life_cycle(client):
    container = client.containers.create("busybox", ["sleep", "1000"], name="cycle", network_mode="none", labels={"suite": "sdk"})
    try:
        assert container.status == "created"
        container.start()
        container.reload()
        assert container.status == "running" and container.attrs["State"]["Pid"] > 0
        assert [c.name for c in client.containers.list(filters={"label": "suite=sdk"})] == ["cycle"]
        container.pause()
        container.reload()
        assert container.status == "paused"
        container.unpause()
        container.rename("cycled")
        assert client.containers.get("cycled").id == container.id
        container.restart(timeout=0)
        container.update(mem_limit="64m", memswap_limit="128m")
        container.reload()
        assert container.attrs["HostConfig"]["Memory"] == 64 << 20
        top = container.top()
        assert top["Processes"][0][top["Titles"].index("CMD")] == "sleep 1000"
        container.kill(signal="KILL")
        assert container.wait(timeout=10)["StatusCode"] == 137
        with pytest.raises(docker.errors.APIError):
            container.kill()
        container.start()
        container.stop(timeout=0)
        container.wait(condition="not-running")
        assert container.diff() is None or isinstance(container.diff(), list)
    finally:
        container.remove(force=True)
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("cycled")


def test_logs(client):
    container = client.containers.run("busybox", ["sh", "-c", "for i in 1 2 3; do echo $i; done; echo four >&2; sleep 0.3; echo five"], detach=True,
                                      network_mode="none")
    try:
        assert b"".join(container.logs(stream=True, follow=True)).count(b"\n") == 5
        assert container.logs(tail=1) == b"five\n"
        assert container.logs(stdout=False) == b"four\n"
        stamped = container.logs(timestamps=True, tail=1).decode().split(" ")
        assert stamped[1] == "five\n" and stamped[0].endswith("Z")
    finally:
        container.remove(force=True)


def test_attach(client):
    container = client.containers.create("busybox", ["cat"], stdin_open=True, network_mode="none")
    try:
        sock = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
        container.start()
        sock._sock.sendall(b"ping\n")
        kind, data = next(docker.utils.socket.frames_iter(sock, tty=False))
        assert (kind, data) == (1, b"ping\n")
        sock._sock.shutdown(1)
        sock.close()
        container.stop(timeout=0)
        output = client.containers.create("busybox", ["sh", "-c", "echo a; echo b"], network_mode="none")
        stream = output.attach(stream=True)
        output.start()
        assert b"".join(stream) == b"a\nb\n"
        output.remove(force=True)
    finally:
        container.remove(force=True)


def test_exec(client, sleeper):
    result = sleeper.exec_run(["sh", "-c", "echo out; echo err >&2; exit 4"], demux=True)
    assert result.exit_code == 4 and result.output == (b"out\n", b"err\n")
    assert sleeper.exec_run("sh -c 'echo $A; id -u; pwd'", environment=["A=b"], user="7", workdir="/tmp").output == b"b\n7\n/tmp\n"
    assert b"".join(sleeper.exec_run("echo streamed", stream=True).output) == b"streamed\n"
    assert sleeper.exec_run("tty", tty=True).output.strip().startswith(b"/dev/pts/")
    sock = sleeper.exec_run("cat", stdin=True, socket=True).output
    sock._sock.sendall(b"x\n")
    assert next(docker.utils.socket.frames_iter(sock, tty=False)) == (1, b"x\n")
    sock.close()
    started = client.api.exec_create(sleeper.id, ["sleep", "1000"])["Id"]
    client.api.exec_start(started, detach=True)
    assert client.api.exec_inspect(started)["Running"]


def test_output_of_exec_does_not_come_with_the_head(client, daemon, sleeper):
    """The SDK reads the head through a buffer and then the bare socket: what came together would be lost."""
    session = client.api.exec_create(sleeper.id, ["echo", "first"])["Id"]
    body = b'{"Detach":false,"Tty":false}'
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(daemon.socket))
        sock.sendall(b"POST /exec/%s/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n%s" % (session.encode(), len(body), body))
        time.sleep(0.05)  # a client that other programs keep from running
        head = sock.recv(65536)
        assert head.startswith(b"HTTP/1.1 101 ") and head.endswith(b"\r\n\r\n")
        assert sock.makefile("rb").read() == b"\1\0\0\0\0\0\0\6first\n"


def test_archives(client, sleeper):
    assert sleeper.put_archive("/tmp", archive("hello", b"some bytes"))
    assert sleeper.exec_run("stat -c '%a %s' /tmp/hello").output == b"640 10\n"
    chunks, stat = sleeper.get_archive("/tmp/hello")
    assert stat["name"] == "hello" and stat["size"] == 10
    assert unpack(chunks, "hello") == b"some bytes"
    with pytest.raises(docker.errors.NotFound):
        sleeper.get_archive("/nosuch")
    assert {"Path": "/tmp/hello", "Kind": 1} in sleeper.diff()
    with tarfile.open(fileobj=io.BytesIO(b"".join(sleeper.export()))) as tar:
        assert "tmp/hello" in tar.getnames()
    image = sleeper.commit(repository="committed", tag="x", changes=["ENV A=b", 'CMD ["cat", "/tmp/hello"]'])
    assert client.containers.run("committed:x", remove=True, network_mode="none") == b"some bytes"
    client.images.remove(image.id, force=True)


def test_stats_and_events(client, sleeper):
    stats = sleeper.stats(stream=False)
    assert stats["memory_stats"]["usage"] > 0 and stats["cpu_stats"]["system_cpu_usage"] > 0 and stats["pids_stats"]["current"] == 1
    first = next(sleeper.stats(stream=True, decode=True))
    assert first["id"] == sleeper.id
    events, seen = client.events(decode=True, filters={"container": sleeper.id}), []
    reader = threading.Thread(target=lambda: [seen.append(e["Action"]) for e in events])
    reader.start()
    wait_until(lambda: sleeper.pause() or sleeper.unpause() or "unpause" in seen)
    events.close()
    reader.join(10)
    assert not reader.is_alive() and "pause" in seen


def test_health(client):
    check = docker.types.Healthcheck(test=["CMD", "true"], interval=100000000, timeout=1000000000, retries=2, start_period=0)
    container = client.containers.run("busybox", ["sleep", "1000"], detach=True, healthcheck=check, network_mode="none")
    try:
        wait_until(lambda: client.containers.get(container.id).attrs["State"]["Health"]["Status"] == "healthy")
        assert [c.id for c in client.containers.list(filters={"health": "healthy"})] == [container.id]
    finally:
        container.remove(force=True)


def test_networks(client):
    pool = docker.types.IPAMPool(subnet="10.77.0.0/24", gateway="10.77.0.254")
    network = client.networks.create("sdknet", driver="bridge", ipam=docker.types.IPAMConfig(pool_configs=[pool]), labels={"a": "b"}, internal=True)
    server = client.containers.run("busybox", ["sh", "-c", "while :; do echo yes | nc -l -p 7777; done"], detach=True, name="server", network="sdknet")
    try:
        network.connect(client.containers.create("busybox", ["true"], name="other"), aliases=["alias"], ipv4_address="10.77.0.9")
        network.reload()
        assert {c.name for c in network.containers} == {"server"}
        assert client.containers.get("other").attrs["NetworkSettings"]["Networks"]["sdknet"]["IPAMConfig"] == {"IPv4Address": "10.77.0.9"}
        assert client.containers.run("busybox", ["sh", "-c", "until nc server 7777; do sleep 0.02; done"], remove=True, network="sdknet") == b"yes\n"
        network.disconnect(server)
        assert client.networks.list(filters={"label": "a=b"})[0].id == network.id
        assert client.networks.list(names=["sdknet"], greedy=True)[0].attrs["IPAM"]["Config"][0]["Gateway"] == "10.77.0.254"
    finally:
        for name in ("server", "other"):
            client.containers.get(name).remove(force=True)
        network.remove()
    with pytest.raises(docker.errors.NotFound):
        client.networks.get("sdknet")


def test_volumes(client):
    volume = client.volumes.create("sdkvol", labels={"a": "b"})
    client.containers.run("busybox", ["sh", "-c", "echo kept >/data/file"], remove=True, volumes={"sdkvol": {"bind": "/data", "mode": "rw"}})
    mount = docker.types.Mount(target="/data", source="sdkvol", type="volume", read_only=True)
    assert client.containers.run("busybox", ["cat", "/data/file"], remove=True, mounts=[mount]) == b"kept\n"
    with pytest.raises(docker.errors.ContainerError):
        client.containers.run("busybox", ["touch", "/data/x"], remove=True, mounts=[mount])
    assert [v.name for v in client.volumes.list(filters={"label": "a=b"})] == ["sdkvol"]
    volume.remove()
    with pytest.raises(docker.errors.NotFound):
        client.volumes.get("sdkvol")


def test_prune(client):
    pruned = client.containers.create("busybox", ["true"])
    client.networks.create("prunednet")
    client.volumes.create("prunedvol")
    assert pruned.id in client.containers.prune()["ContainersDeleted"]
    assert client.networks.prune()["NetworksDeleted"] == ["prunednet"]
    assert client.volumes.prune(filters={"all": True})["VolumesDeleted"] == ["prunedvol"]
    assert client.images.prune()["SpaceReclaimed"] == 0
