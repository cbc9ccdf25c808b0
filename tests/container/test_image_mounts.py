# SPDX-License-Identifier: Apache-2.0
"""Mounts of type image: read-only views of an image, which is in use as long as the container is there."""
import io
import os
import shutil
import subprocess
import tarfile

import pytest

from harness import daemon as daemons
from harness import leaks

DOCKER = shutil.which("docker")


def archive(**files):
    """A root file system with these files and the links the tests need."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in {"foo": "bar", "sub/hello": "world", **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
        for name, target in (("hack/good", "../sub"), ("hack/bad", "../../../../../etc"), ("hack/absolute", "/sub")):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return out.getvalue()


def ok(answer, *statuses):
    assert answer.status in (statuses or (200, 201, 204)), answer.body
    return answer


def load_data(daemon, repository="data", **files):
    return ok(daemon.request("POST", "/images/create", archive(**files), {"Content-Type": "application/x-tar"},
                             {"fromSrc": "-", "repo": repository})).lines()[-1]["status"]


def image_mount(target="/x", source="data", subpath=None, **more):
    options = {"ImageOptions": {"Subpath": subpath}} if subpath is not None else {}
    return {"Type": "image", "Source": source, "Target": target, **options, **more}


def try_create(daemon, *mounts, cmd=("sleep", "1000"), name=None, version="", **host):
    body = {"Image": "busybox", "Cmd": list(cmd), "StopSignal": "KILL",
            "HostConfig": {"NetworkMode": "none", "Mounts": list(mounts), **host}}
    return daemon.request("POST", f"{version}/containers/create", body, query={"name": name} if name else None)


def create(daemon, *mounts, **more):
    return ok(try_create(daemon, *mounts, **more)).json()["Id"]


def start(daemon, container):
    ok(daemon.request("POST", f"/containers/{container}/start"))


def run(daemon, *mounts, **more):
    container = create(daemon, *mounts, **more)
    start(daemon, container)
    return container


def inspect(daemon, container):
    return ok(daemon.request("GET", f"/containers/{container}/json")).json()


def sh(daemon, container, command):
    """(exit code, output) of a command in the container's namespaces, by its first process's root."""
    pid = inspect(daemon, container)["State"]["Pid"]
    result = subprocess.run(["nsenter", "-t", str(pid), "-m", "-r", "-w/", "sh", "-c", command], capture_output=True, text=True)
    return result.returncode, (result.stdout + result.stderr).strip()


def host_mounts(daemon):
    return [line.split()[4] for line in open("/proc/self/mountinfo") if str(daemon.folder) in line]


def test_a_read_only_view(daemon):
    load_data(daemon)
    container = run(daemon, image_mount(), image_mount("/etc/other"), image_mount("/s", subpath="sub"))
    assert sh(daemon, container, "cat /x/foo /etc/other/foo /s/hello") == (0, "barbarworld")
    code, text = sh(daemon, container, "echo > /x/foo")
    assert code and "Read-only file system" in text
    assert "ro" in sh(daemon, container, "grep ' /x ' /proc/1/mountinfo")[1].split()[5].split(",")
    assert not host_mounts(daemon), "the host sees it"
    shown = {m["Destination"]: m for m in inspect(daemon, container)["Mounts"]}
    assert (shown["/x"]["Type"], shown["/x"]["Name"], shown["/x"]["RW"]) == ("image", "data", False)
    assert inspect(daemon, container)["HostConfig"]["Mounts"][2]["ImageOptions"] == {"Subpath": "sub"}


@pytest.mark.parametrize("arguments", [["--storage-driver", "unpack"], ["--storage-opt", "overlay.layers=attached"]])
def test_with_every_driver(arguments):
    with daemons.Daemon(*arguments) as daemon:
        ok(daemon.request("POST", "/images/load", daemons.starter_image().read_bytes()))
        load_data(daemon)
        container = run(daemon, image_mount(), image_mount("/s", subpath="sub"), image_mount("/b", source="busybox"))
        assert sh(daemon, container, "cat /x/foo /s/hello; ls -d /b/bin") == (0, "barworld/b/bin")
        assert sh(daemon, container, "echo > /x/foo")[0] and sh(daemon, container, "echo > /s/hello")[0]
        assert not host_mounts(daemon)


@pytest.mark.skipif(not shutil.which("runc"), reason="no runc")
def test_with_a_foreign_runtime():
    with daemons.Daemon("--add-runtime", f"other={shutil.which('runc')}") as daemon:
        ok(daemon.request("POST", "/images/load", daemons.starter_image().read_bytes()))
        load_data(daemon)
        container = run(daemon, image_mount(), Runtime="other")
        assert sh(daemon, container, "cat /x/foo") == (0, "bar")
        assert not [m for m in host_mounts(daemon) if "images" in m]
        ok(daemon.request("DELETE", f"/containers/{container}", query={"force": "1"}))
        assert not host_mounts(daemon)


@pytest.mark.parametrize("subpath, command, expected", [
    ("sub", "cat /x/hello", "world"),
    ("hack/good", "cat /x/hello", "world"),
    ("./sub/../sub/hello", "cat /x", "world"),
    ("", "cat /x/foo", "bar"),
])
def test_subpaths(daemon, subpath, command, expected):
    load_data(daemon)
    container = run(daemon, image_mount(subpath=subpath))
    assert sh(daemon, container, command) == (0, expected)


@pytest.mark.parametrize("subpath, message", [
    ("hack/bad", "path concatenation escapes the base directory"),
    ("hack/absolute", "path concatenation escapes the base directory"),
    ("not/there", "cannot access path not/there"),
])
def test_subpaths_that_fail_at_the_start(daemon, subpath, message):
    load_data(daemon)
    container = create(daemon, image_mount(subpath=subpath))
    answer = daemon.request("POST", f"/containers/{container}/start")
    assert (answer.status, message in answer.json()["message"]) == (400, True), answer.body
    assert not host_mounts(daemon) and not os.listdir(daemon.exec / "containers")


@pytest.mark.parametrize("mount, message", [
    (image_mount(source=""), 'invalid mount config for type "image": field Source must not be empty'),
    (image_mount(source="nosuch"), "No such image: nosuch:latest"),
    (image_mount(subpath="../x"), 'invalid mount config for type "image": subpath must be a relative path within the volume'),
    (image_mount(subpath="a/../../x"), "subpath must be a relative path within the volume"),
    (image_mount(subpath="/sub"), "subpath must be a relative path within the volume"),
    (image_mount(BindOptions={}), "field BindOptions must not be specified"),
    (image_mount(VolumeOptions={}), "field VolumeOptions must not be specified"),
    (image_mount(TmpfsOptions={}), "field TmpfsOptions must not be specified"),
    ({"Type": "volume", "Target": "/x", "ImageOptions": {}}, "field ImageOptions must not be specified"),
    ({"Type": "bind", "Source": "/tmp", "Target": "/x", "ImageOptions": {}}, "field ImageOptions must not be specified"),
])
def test_wrong_ones(daemon, mount, message):
    load_data(daemon)
    answer = try_create(daemon, mount)
    assert (answer.status, message in answer.json()["message"]) == (400, True), answer.body
    assert not ok(daemon.request("GET", "/containers/json", query={"all": "1"})).json()
    ok(daemon.request("DELETE", "/images/data"))  # not pinned by the attempt


def test_the_version_that_brought_it(daemon):
    load_data(daemon)
    answer = try_create(daemon, image_mount(), version="/v1.47")
    assert (answer.status, answer.json()["message"]) == (400, 'Mount type "Image" needs API v1.48 or newer')
    ok(try_create(daemon, image_mount(), version="/v1.48"))


def test_the_image_is_in_use(daemon):
    identifier = load_data(daemon)
    container = run(daemon, image_mount())
    answer = daemon.request("DELETE", "/images/data")
    assert answer.status == 409
    assert f"container {container[:12]} is using its referenced image {identifier.split(':')[1][:12]}" in answer.json()["message"]
    assert daemon.request("DELETE", f"/images/{identifier}", query={"force": "1"}).status == 409
    ok(daemon.request("POST", "/images/prune", query={"filters": '{"dangling":["false"]}'}))
    ok(daemon.request("GET", "/images/data/json"))
    ok(daemon.request("DELETE", f"/containers/{container}", query={"force": "1"}))
    ok(daemon.request("DELETE", "/images/data"))


def test_an_image_removed_by_force_stays_until_the_container_goes(daemon):
    identifier = load_data(daemon).split(":")[1]
    container = create(daemon, image_mount())
    assert list((daemon.data / "blobs").rglob(identifier))
    ok(daemon.request("DELETE", "/images/data", query={"force": "1"}))
    assert daemon.request("GET", "/images/data/json").status == 404
    daemon.kill()
    daemon.start()
    for _ in range(2):
        start(daemon, container)
        assert sh(daemon, container, "cat /x/foo") == (0, "bar")
        ok(daemon.request("POST", f"/containers/{container}/stop"))
    other = create(daemon, VolumesFrom=[container])
    ok(daemon.request("DELETE", f"/containers/{container}"))
    start(daemon, other)
    assert sh(daemon, other, "cat /x/foo") == (0, "bar")
    ok(daemon.request("DELETE", f"/containers/{other}", query={"force": "1"}))
    assert not list((daemon.data / "blobs").rglob(identifier)), "the image is still on the disk"


def test_a_moved_name_changes_nothing(daemon):
    load_data(daemon)
    container = run(daemon, image_mount())
    load_data(daemon, foo="new")
    ok(daemon.request("POST", f"/containers/{container}/restart"))
    assert sh(daemon, container, "cat /x/foo") == (0, "bar")


def test_killed_daemons(daemon):
    load_data(daemon)
    before = leaks.look(daemon)
    container = run(daemon, image_mount(), RestartPolicy={"Name": "always"})
    pid = inspect(daemon, container)["State"]["Pid"]
    daemon.kill()
    daemon.start()
    assert inspect(daemon, container)["State"]["Pid"] == pid
    assert sh(daemon, container, "cat /x/foo") == (0, "bar")
    assert daemon.request("DELETE", "/images/data").status == 409
    ok(daemon.request("POST", f"/containers/{container}/restart"))
    assert sh(daemon, container, "cat /x/foo") == (0, "bar")
    ok(daemon.request("DELETE", f"/containers/{container}", query={"force": "1"}))
    leaks.assert_none(daemon, before, [container])


def test_copied_out_of_it(daemon):
    """Running or not; nothing goes in."""
    load_data(daemon)
    container = create(daemon, image_mount(), image_mount("/s", subpath="sub"))
    for is_running in (False, True):
        if is_running:
            start(daemon, container)
        for path, text in (("/x/foo", b"bar"), ("/s/hello", b"world")):
            answer = ok(daemon.request("GET", f"/containers/{container}/archive", query={"path": path}))
            with tarfile.open(fileobj=io.BytesIO(answer.body)) as tar:
                assert tar.extractfile(path.rsplit("/", 1)[1]).read() == text
        assert daemon.request("PUT", f"/containers/{container}/archive", archive(), query={"path": "/x"}).status == 403


def test_the_command_lines(daemon):
    load_data(daemon)
    knows_them = DOCKER and int(subprocess.check_output([DOCKER, "--version"], text=True).split()[2].split(".")[0]) >= 28
    programs = [daemons.program("minato")] + ([DOCKER] if knows_them else [])
    for program in programs:
        def ask(*args):
            return subprocess.run([program, "-H", f"unix://{daemon.socket}", *args], capture_output=True, text=True)
        mount = "type=image,src=data,dst=/x,image-subpath=sub"
        result = ask("run", "--rm", "--network", "none", "--mount", mount, "busybox", "cat", "/x/hello")
        assert (result.returncode, result.stdout) == (0, "world"), (program, result.stderr)
        result = ask("run", "--rm", "--mount", "type=bind,src=/tmp,dst=/x,image-subpath=sub", "busybox", "true")
        assert result.returncode == 125 and "cannot mix 'image-*' options with mount type 'bind'" in result.stderr, program
