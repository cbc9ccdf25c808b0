# SPDX-License-Identifier: Apache-2.0
import json


def test_volume_life(api):
    made = api("POST", "/volumes/create", {"Name": "life", "Labels": {"a": "b"}}, status=201).json()
    assert made["Name"] == "life" and made["Driver"] == "local" and made["Scope"] == "local"
    assert api("GET", "/volumes/life", status=200).json()["Labels"] == {"a": "b"}
    listed = api("GET", "/volumes", query={"filters": json.dumps({"label": ["a=b"]})}).json()
    assert [v["Name"] for v in listed["Volumes"]] == ["life"]
    assert api("GET", "/volumes", query={"filters": json.dumps({"name": ["nothing"]})}).json()["Volumes"] in ([], None)
    api("DELETE", "/volumes/life", status=204)
    assert "no such volume" in api("GET", "/volumes/life", status=404).message
    assert "no such volume" in api("DELETE", "/volumes/life", status=404).message
    api("DELETE", "/volumes/life", query={"force": "1"}, status=204)


def test_anonymous_volumes_are_pruned_and_named_ones_kept(api):
    anonymous = api("POST", "/volumes/create", {}, status=201).json()["Name"]
    api("POST", "/volumes/create", {"Name": "kept"}, status=201)
    assert api("POST", "/volumes/prune", status=200).json()["VolumesDeleted"] == [anonymous]
    assert "kept" in api("POST", "/volumes/prune", query={"filters": '{"all":["true"]}'}).json()["VolumesDeleted"]


def test_volume_errors(api):
    api("POST", "/volumes/create", {"Name": "../x"}, status=400)
    api("POST", "/volumes/create", {"Name": "x", "Driver": "nosuch"}, status=404)
    api("POST", "/volumes/create", {"Name": "x", "DriverOpts": {"nonsense": "1"}}, status=400)
    assert api("GET", "/volumes", query={"filters": '{"x":["y"]}'}, status=400).message == "invalid filter 'x'"


def test_network_life(api):
    made = api("POST", "/networks/create", {"Name": "life", "IPAM": {"Config": [{"Subnet": "10.77.0.0/24"}]}, "Labels": {"a": "b"}},
               status=201).json()
    assert len(made["Id"]) == 64
    network = api("GET", "/networks/life", status=200).json()
    assert network["Id"] == made["Id"] and network["IPAM"]["Config"][0]["Subnet"] == "10.77.0.0/24"
    assert api("GET", f"/networks/{made['Id'][:12]}").json()["Name"] == "life"
    assert [n["Name"] for n in api("GET", "/networks", query={"filters": '{"label":["a=b"]}'}).json()] == ["life"]
    api("DELETE", "/networks/life", status=204)
    assert api("GET", "/networks/life", status=404).message == "network life not found"


def test_network_errors(api):
    api("POST", "/networks/create", {"Name": "twice"}, status=201)
    assert "already exists" in api("POST", "/networks/create", {"Name": "twice"}, status=409).message
    api("POST", "/networks/create", {}, status=400)
    api("POST", "/networks/create", {"Name": "x", "IPAM": {"Config": [{"Subnet": "10.0.0.1"}]}}, status=400)
    api("POST", "/networks/create", {"Name": "x", "Driver": "nosuch"}, status=404)
    api("DELETE", "/networks/bridge", status=403)
    api("POST", "/networks/twice/connect", {"Container": "nobody"}, status=404)
    api("POST", "/networks/nosuch/disconnect", {"Container": "nobody"}, status=404)
    api("POST", "/networks/twice/connect", {}, status=400)
    assert api("POST", "/networks/prune", status=200).json()["NetworksDeleted"] == ["twice"]
