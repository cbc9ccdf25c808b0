# SPDX-License-Identifier: Apache-2.0
"""Debian's docker-compose 1.29 with a project of two services, a network and a volume."""
import os
import re
import shutil
import subprocess

import pytest

from conftest import wait_until

COMPOSE = shutil.which("docker-compose", path="/usr/bin")
pytestmark = pytest.mark.skipif(not COMPOSE, reason="docker-compose is not installed")

PROJECT = """
version: "2.4"
services:
  db:
    image: busybox
    command: sh -c 'echo ready > /data/state; while :; do cat /data/state | nc -l -p 5432; done'
    volumes: [data:/data]
    networks: {back: {aliases: [database]}}
    healthcheck: {test: ["CMD", "test", "-s", "/data/state"], interval: 100ms, timeout: 5s, retries: 50}
    stop_grace_period: 0s
    mem_limit: 32m
    init: true
  web:
    image: busybox
    depends_on: {db: {condition: service_healthy}}
    command: sh -c 'until nc database 5432; do sleep 0.05; done; exec sleep 1000'
    networks: [back]
    environment: {GREETING: "hello $$USER"}
    labels: {role: front}
    ports: ["127.0.0.1::80"]
    tmpfs: [/scratch]
    stop_grace_period: 0s
    read_only: true
    sysctls: {net.ipv4.ip_unprivileged_port_start: "0"}
    ulimits: {nofile: {soft: 100, hard: 200}}
    logging: {driver: json-file, options: {max-size: 1m}}
networks:
  back:
    driver: bridge
    ipam: {config: [{subnet: 10.78.0.0/24}]}
volumes:
  data: {labels: {kept: "no"}}
"""


@pytest.fixture(scope="module")
def compose(daemon, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    (folder / "docker-compose.yml").write_text(PROJECT)

    def run(*args, code=0, timeout=60):
        done = subprocess.run(daemon.command(COMPOSE, "--ansi", "never", "-p", "shop", *args), cwd=folder, capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, "DOCKER_HOST": f"unix://{daemon.socket}"})
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + (done.stderr if code else "")

    yield run
    run("down", "-v", "-t", "0")


def containers(daemon, **filters):
    import json
    answer = daemon.request("GET", "/containers/json", query={"all": "1", "filters": json.dumps({"label": ["com.docker.compose.project=shop"], **filters})})
    return sorted(c["Names"][0].lstrip("/") for c in answer.json())


def test_project(compose, daemon):
    """One life of a project, step by step."""
    compose("config", "-q")
    compose("up", "-d")
    assert containers(daemon, status=["running"]) == ["shop_db_1", "shop_web_1"]
    listed = compose("ps")
    assert re.search(r"shop_db_1 .* Up \(healthy\)", listed) and re.search(r"shop_web_1 .* Up .*127\.0\.0\.1:\d+->80/tcp", listed)
    assert re.fullmatch(r"127\.0\.0\.1:\d+\n", compose("port", "web", "80"))
    wait_until(lambda: "ready" in compose("logs", "web"))
    assert compose("exec", "-T", "web", "sh", "-c", 'echo "$GREETING"; ulimit -n; touch /scratch/x && ! touch /x 2>/dev/null') == "hello $USER\n100\n"
    assert compose("exec", "-T", "db", "sh", "-c", "exit 7", code=7).strip() == ""
    compose("up", "-d")
    assert containers(daemon, status=["running"]) == ["shop_db_1", "shop_web_1"], "nothing has changed, nothing is made again"

    compose("up", "-d", "--scale", "web=3")
    assert containers(daemon, status=["running"]) == ["shop_db_1", "shop_web_1", "shop_web_2", "shop_web_3"]
    compose("up", "-d", "--scale", "web=1")
    assert containers(daemon) == ["shop_db_1", "shop_web_1"]

    compose("restart", "-t", "0")
    wait_until(lambda: "Up (healthy)" in compose("ps", "db"))
    assert "sleep 1000" in compose("top", "web") or "nc database" in compose("top", "web")
    compose("pause", "web")
    assert "Paused" in compose("ps", "web")
    compose("unpause", "web")
    assert compose("run", "--rm", "--no-deps", "-T", "web", "echo", "once") == "once\n"
    compose("kill", "web")
    assert "Exit 137" in compose("ps", "web")
    compose("stop", "-t", "0")
    compose("start")
    compose("rm", "-s", "-f", "web")
    assert containers(daemon) == ["shop_db_1"]

    compose("up", "-d", "--force-recreate")
    assert compose("exec", "-T", "db", "cat", "/data/state") == "ready\n", "the volume outlives its containers"
    assert compose("images", "-q").split()
    compose("down", "-v", "-t", "0")
    assert containers(daemon) == []
    assert daemon.request("GET", "/networks/shop_back").status == 404
    assert daemon.request("GET", "/volumes/shop_data").status == 404


def test_what_fails_says_why(compose):
    assert "No such service: nosuch" in compose("up", "-d", "nosuch", code=1)
    compose("up", "-d", "db")
    assert "no such file or directory" in compose("run", "--rm", "--no-deps", "-T", "web", "/nosuch", code=1)
