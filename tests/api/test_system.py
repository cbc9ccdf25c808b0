# SPDX-License-Identifier: Apache-2.0
import json
import subprocess
import threading
import time

import pytest

from harness import openapi
from harness.daemon import TOP, program


def test_ping(api):
    for method in ("GET", "HEAD"):
        answer = api(method, "/_ping", status=200)
        assert answer.headers["api-version"] == "1.55"
        assert answer.headers["ostype"] == "linux"
        assert answer.headers["docker-experimental"] == "false"
        assert answer.headers["builder-version"] == "1"
        assert answer.headers["swarm"] == "inactive"
        assert answer.headers["server"].startswith("Minato/")
        assert answer.headers["cache-control"] == "no-cache, no-store, must-revalidate"
        assert answer.headers["pragma"] == "no-cache"
        assert answer.headers["content-length"] == "2"


def test_version(api):
    version = api("GET", "/version", status=200).json()
    assert version["ApiVersion"] == "1.55" and version["MinAPIVersion"] == "1.24" and version["Os"] == "linux"
    assert "Components" not in api("GET", "/v1.34/version").json()


def test_info(api, daemon):
    info = api("GET", "/info", status=200).json()
    assert info["DockerRootDir"] == str(daemon.data)
    assert info["DefaultRuntime"] in info["Runtimes"]
    assert info["Swarm"]["LocalNodeState"] == "inactive"
    assert info["ID"] == api("GET", "/info").json()["ID"]
    assert "BridgeNfIptables" in api("GET", "/v1.49/info").json()
    assert "BridgeNfIptables" not in info


SWARM = [
    ("GET", "/swarm"), ("POST", "/swarm/update"), ("GET", "/swarm/unlockkey"), ("POST", "/swarm/unlock"),
    ("GET", "/nodes"), ("GET", "/nodes/x"), ("DELETE", "/nodes/x"), ("POST", "/nodes/x/update"),
    ("GET", "/services"), ("POST", "/services/create"), ("GET", "/services/x"), ("DELETE", "/services/x"),
    ("POST", "/services/x/update"), ("GET", "/services/x/logs"),
    ("GET", "/tasks"), ("GET", "/tasks/x"), ("GET", "/tasks/x/logs"),
    ("GET", "/secrets"), ("POST", "/secrets/create"), ("GET", "/secrets/x"), ("DELETE", "/secrets/x"), ("POST", "/secrets/x/update"),
    ("GET", "/configs"), ("POST", "/configs/create"), ("GET", "/configs/x"), ("DELETE", "/configs/x"), ("POST", "/configs/x/update"),
    ("PUT", "/volumes/x"),
]


@pytest.mark.parametrize("method,path", SWARM)
def test_swarm_answers_as_docker_outside_a_swarm(api, method, path):
    assert api(method, path, status=503).message.startswith("This node is not a swarm manager.")


def test_leaving_and_making_a_swarm(api):
    assert api("POST", "/swarm/leave", status=503).message == "This node is not part of a swarm"
    for path in ("/swarm/init", "/swarm/join"):
        assert "not implemented" in api("POST", path, status=501).message


def test_plugins(api):
    assert api("GET", "/plugins", status=200).json() == []
    for method, path in (("GET", "/plugins/a/b:1/json"), ("POST", "/plugins/a/enable"), ("POST", "/plugins/a/disable"),
                         ("POST", "/plugins/a/upgrade"), ("POST", "/plugins/a/push"), ("POST", "/plugins/a/set"), ("DELETE", "/plugins/a")):
        api(method, path, status=404)
    for method, path in (("GET", "/plugins/privileges"), ("POST", "/plugins/pull"), ("POST", "/plugins/create")):
        assert "not implemented" in api(method, path, status=501).message


def test_building_says_that_it_is_not_there(api, daemon):
    pruned = api("POST", "/build/prune", query={"all": "1", "filters": '{"until":["24h"]}'}, status=200).json()
    assert pruned == {"CachesDeleted": [], "SpaceReclaimed": 0}  # `docker system prune` asks for it
    api("POST", "/build/prune", query={"filters": '{"nonsense":["1"]}'}, status=400)
    for path in ("/build", "/session"):
        assert "not implemented" in api("POST", path, status=501).message
    for path in ("/build/cancel", "/grpc"):  # served by dockerd, not described
        assert daemon.request("POST", path).status == 501


def test_events_framing(daemon):
    now = str(int(time.time()) + 1)
    daemon.request("POST", "/volumes/create", {"Name": "framed"})
    for accept, kind, first in (("application/json", "application/json", b"{"), ("application/x-ndjson", "application/x-ndjson", b"{"),
                                ("application/json-seq", "application/json-seq", b"\x1e"), ("application/jsonl", "application/jsonl", b"{")):
        answer = daemon.request("GET", "/events", headers={"Accept": accept},
                                query={"since": "0.5", "until": now, "filters": json.dumps({"type": ["volume"]})})
        assert answer.status == 200 and answer.headers["content-type"] == kind
        assert answer.body.startswith(first)
        event = json.loads(answer.body.splitlines()[0].lstrip(b"\x1e"))
        assert event["Type"] == "volume" and event["Action"] == "create" and event["Actor"]["ID"] == "framed"


def test_events_as_they_come(daemon):
    with daemon.connect() as connection:
        connection.send("GET", "/events", query={"filters": json.dumps({"volume": ["live"]})})
        assert connection.head()[0] == 200
        threading.Timer(0.1, lambda: daemon.request("POST", "/volumes/create", {"Name": "live"})).start()
        event = json.loads(next(connection.chunks()))
        assert event["Actor"]["ID"] == "live"


@pytest.mark.parametrize("query", [{"since": "x"}, {"until": "5x"}, {"since": "20", "until": "10"}, {"filters": "{"}, {"filters": '{"a":1}'}])
def test_events_refuse_wrong_parameters(api, query):
    api("GET", "/events", query=query, status=400)


def test_check_finds_nothing(daemon):
    """An operation of ours; what it finds is tested in tests/image."""
    answer = daemon.request("POST", "/system/check", query={"data": "1", "repair": "0"})
    assert answer.status == 200 and answer.json() == {"Findings": []}


def test_compatibility_page_is_current():
    page = subprocess.run([program("minatod"), "--print-compatibility"], check=True, capture_output=True, text=True).stdout
    assert (TOP / "docs" / "compatibility.md").read_text() == page, "run: build/minatod --print-compatibility > docs/compatibility.md"


def test_every_operation_of_docker_is_in_the_table(description):
    """Nothing of the contract is forgotten: what is not built is a row that says so."""
    if not description.source:
        pytest.skip("Docker's description is not at hand")
    ours = {(method, path) for path, methods in openapi.generated()["paths"].items() for method in methods}
    theirs = {(method, path) for path, methods in description.paths.items() for method in methods
              if method in ("get", "post", "put", "delete", "head")}
    def normal(rows):
        import re
        return {(m, re.sub(r"\{[^}]*\}", "{}", p)) for m, p in rows}
    assert normal(theirs) - normal(ours) == set()
