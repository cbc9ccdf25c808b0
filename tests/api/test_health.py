# SPDX-License-Identifier: Apache-2.0
"""Health checks of a real daemon."""
import time

import pytest

from harness.daemon import starter_image

MS = 1000000


@pytest.fixture(scope="module", autouse=True)
def image(daemon):
    assert daemon.request("POST", "/images/load", starter_image().read_bytes(), timeout=60).status == 200


@pytest.fixture
def run(api):
    made = []

    def start(test, **health):
        health = {"Test": test, "Interval": 50 * MS, "Timeout": 2000 * MS, "Retries": 2, **health}
        body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "Healthcheck": health, "HostConfig": {"NetworkMode": "none"}}
        made.append(api("POST", "/containers/create", body, status=201).json()["Id"])
        api("POST", f"/containers/{made[-1]}/start", status=204)
        return made[-1]

    yield start
    for container in made:
        api("DELETE", f"/containers/{container}", query={"force": "1"})


def health(api, container):
    return api("GET", f"/containers/{container}/json", status=200).json()["State"].get("Health")


def wait_for(api, container, status, timeout=10):
    end = time.monotonic() + timeout
    while (h := health(api, container))["Status"] != status:
        assert time.monotonic() < end, h
        time.sleep(0.02)
    return h


def test_becomes_healthy(api, run):
    container = run(["CMD-SHELL", "echo fine; echo err >&2; exit 0"])
    h = wait_for(api, container, "healthy")
    assert h["FailingStreak"] == 0
    assert h["Log"][0]["ExitCode"] == 0 and sorted(h["Log"][0]["Output"].split()) == ["err", "fine"]
    (row,) = [c for c in api("GET", "/containers/json").json() if c["Id"] == container]
    assert row["Status"].endswith("(healthy)")


def test_becomes_unhealthy_and_recovers(api, run):
    container = run(["CMD", "cat", "/tmp/ok"])
    h = wait_for(api, container, "unhealthy")
    assert h["FailingStreak"] >= 2 and h["Log"][-1]["ExitCode"] == 1 and "No such file" in h["Log"][-1]["Output"]
    exec_id = api("POST", f"/containers/{container}/exec", {"Cmd": ["touch", "/tmp/ok"]}, status=201).json()["Id"]
    api("POST", f"/exec/{exec_id}/start", {"Detach": True}, status=200)
    wait_for(api, container, "healthy")


def test_a_probe_that_hangs_is_killed(api, run):
    container = run(["CMD", "sleep", "100"], Timeout=100 * MS, Retries=1)
    h = wait_for(api, container, "unhealthy")
    assert h["Log"][0]["ExitCode"] == -1 and h["Log"][0]["Output"].startswith("Health check exceeded timeout")
    time.sleep(0.3)
    processes = api("GET", f"/containers/{container}/top", status=200).json()["Processes"]
    assert len(processes) <= 2, "the container's own, and at most the current probe"


def test_keeps_five_results_and_4_kib_of_output(api, run):
    container = run(["CMD-SHELL", "yes | head -c 20000; exit 0"], Interval=20 * MS)
    wait_for(api, container, "healthy")
    time.sleep(1)
    log = health(api, container)["Log"]
    assert len(log) == 5 and all(len(r["Output"]) <= 4096 + 3 for r in log)


def test_the_start_period_excuses_failures(api, run):
    container = run(["CMD", "false"], Retries=1, StartPeriod=60000 * MS, StartInterval=20 * MS, Interval=60000 * MS)
    end = time.monotonic() + 5
    while len(health(api, container).get("Log") or []) < 3:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert health(api, container)["Status"] == "starting" and health(api, container)["FailingStreak"] == 0


def test_none_means_none(api, run):
    assert health(api, run(["NONE"])) is None


def test_probes_go_on_under_the_next_daemon(api, run, daemon):
    container = run(["CMD", "true"])
    wait_for(api, container, "healthy")
    daemon.kill()
    daemon.start()
    before = wait_for(api, container, "healthy")["Log"][-1]["Start"]
    end = time.monotonic() + 5
    while health(api, container)["Log"][-1]["Start"] == before:
        assert time.monotonic() < end, "no probe since the restart"
        time.sleep(0.05)
