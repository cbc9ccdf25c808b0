# SPDX-License-Identifier: Apache-2.0
import base64
import io
import json
import tarfile

import pytest

from harness.daemon import starter_image


@pytest.fixture(scope="module")
def image(daemon):
    """The starter image, loaded."""
    answer = daemon.request("POST", "/images/load", starter_image().read_bytes(), headers={"Content-Type": "application/x-tar"})
    assert answer.status == 200, answer.body
    assert "Loaded image: busybox:latest" in "".join(line.get("stream", "") for line in answer.lines())
    return "busybox:latest"


def test_list_and_inspect(api, image):
    (row,) = api("GET", "/images/json", status=200).json()
    assert row["RepoTags"] == [image]
    inspect = api("GET", f"/images/{image}/json", status=200).json()
    assert inspect["Id"] == row["Id"] and inspect["Os"] == "linux"
    assert api("GET", "/images/busybox/json").json()["Id"] == row["Id"]
    assert api("GET", f"/images/{row['Id'][7:19]}/json").json()["Id"] == row["Id"]
    assert api("GET", "/images/docker.io%2Flibrary%2Fbusybox/json").json()["Id"] == row["Id"]
    assert "VirtualSize" in api("GET", f"/v1.43/images/{image}/json").json()
    assert "VirtualSize" not in inspect


def test_history_and_attestations(api, image):
    assert len(api("GET", f"/images/{image}/history", status=200).json()) >= 1
    assert api("GET", f"/images/{image}/attestations", status=200).json() == []
    api("GET", f"/v1.54/images/{image}/attestations", status=404)


def test_tag_and_remove(api, image):
    api("POST", f"/images/{image}/tag", query={"repo": "me/app", "tag": "1"}, status=201)
    assert api("DELETE", "/images/me/app:1", status=200).json() == [{"Untagged": "me/app:1"}]
    assert api("DELETE", "/images/me/app:1", status=404).message == "No such image: me/app:1"
    assert "invalid reference format" in api("POST", f"/images/{image}/tag", query={"repo": "Bad Name"}, status=400).message


def test_save_is_loadable_and_deterministic(api, daemon, image):
    one = api("GET", f"/images/{image}/get", status=200).body
    two = api("GET", "/images/get", query={"names": [image]}, status=200).body
    assert one == two
    names = tarfile.open(fileobj=io.BytesIO(one)).getnames()
    assert "manifest.json" in names and "index.json" in names
    assert daemon.request("POST", "/images/load", one).status == 200


def test_import(api, daemon):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("hello")
        info.size = 2
        tar.addfile(info, io.BytesIO(b"hi"))
    answer = api("POST", "/images/create", buffer.getvalue(), headers={"Content-Type": "application/x-tar"}, status=200,
                 query={"fromSrc": "-", "repo": "imported", "tag": "1", "message": "made", "changes": ["CMD [\"/hello\"]", "ENV A=b"]})
    assert answer.lines()[-1]["status"].startswith("sha256:")
    config = api("GET", "/images/imported:1/json").json()["Config"]
    assert config["Cmd"] == ["/hello"] and "A=b" in config["Env"]
    assert "Get" in api("POST", "/images/create", b"", query={"fromSrc": "http://127.0.0.1:1/y.tar"}, status=500).message


def test_squash(api, daemon, image):
    """An operation of ours: Docker's description does not have it."""
    def squash(name, **query):
        return daemon.request("POST", f"/images/{name}/squash", query=query)
    made = squash("busybox", repo="flat", tag="1", message="one")
    assert made.status == 201
    shown = api("GET", "/images/flat:1/json").json()
    assert shown["Id"] == made.json()["Id"] and len(shown["RootFS"]["Layers"]) == 1 and shown["Comment"] == "one"
    assert squash("nothing").status == 404 and squash("busybox", repo="BAD").status == 400


@pytest.mark.parametrize("data", [b"", b"no archive at all", b"\0" * 10240, b"\x1f\x8b" + b"x" * 100])
def test_broken_archives(daemon, data):
    before = daemon.request("GET", "/images/json").json()
    answer = daemon.request("POST", "/images/load", data)
    if answer.status == 200:
        assert "error" in answer.lines()[-1]
    else:
        assert answer.status in (400, 500) and answer.message
    assert daemon.request("GET", "/images/json").json() == before


def test_truncated_archive(daemon, image):
    data = starter_image().read_bytes()
    answer = daemon.request("POST", "/images/load", data[:len(data) // 2])
    assert answer.status != 200 or "error" in answer.lines()[-1]


def test_pull_and_push_errors(api):
    assert "invalid reference format" in api("POST", "/images/create", query={"fromImage": "UPPER"}, status=400).message
    api("POST", "/images/create", status=400)
    answer = api("POST", "/images/create", query={"fromImage": "127.0.0.1:1/none", "tag": "x"}, status=500)
    assert "refused" in answer.message or "connect" in answer.message
    answer = api("POST", "/images/nosuch/push", query={"tag": "x"}, headers={"X-Registry-Auth": base64.b64encode(b"{}").decode()})
    assert answer.status == 404 or "error" in answer.lines()[-1]
    answer = api("POST", "/images/create", query={"fromImage": "x", "tag": "y"}, headers={"X-Registry-Auth": "%%%"}, status=400)
    assert "%%%" not in answer.message


def test_registry_operations_without_a_registry(api):
    assert api("GET", "/distribution/127.0.0.1:1/x/json").status in (401, 403, 500)
    assert api("GET", "/images/search", query={"term": "127.0.0.1:1/x"}).status >= 500
    api("GET", "/images/search", status=400)
    assert api("POST", "/auth", {"username": "a", "password": "b", "serveraddress": "127.0.0.1:1"}).status in (401, 500)


def test_prune_and_disk_usage(api, image):
    assert api("GET", "/images/json", query={"filters": json.dumps({"reference": ["busy*"]})}).json()[0]["RepoTags"] == [image]
    api("POST", "/images/prune", status=200)
    usage = api("GET", "/system/df", status=200).json()
    assert usage["ImageUsage"]["TotalCount"] >= 1 and "Items" not in usage["ImageUsage"]
    assert api("GET", "/system/df", query={"verbose": "1"}).json()["ImageUsage"]["Items"]
    old = api("GET", "/v1.51/system/df").json()
    assert "LayersSize" in old and "ImageUsage" not in old
    assert list(api("GET", "/system/df", query={"type": "volume"}).json()) == ["VolumeUsage"]
    api("GET", "/system/df", query={"type": "nonsense"}, status=400)
