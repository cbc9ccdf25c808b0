# SPDX-License-Identifier: Apache-2.0
"""Compose v2, from a newer Debian than the baseline: a project that uses most of what a file may say about containers, networks and volumes."""
import json
import os
import subprocess

import pytest

from conftest import wait_until
from harness import debian

PROJECT = """
name: quay
services:
  db:
    image: busybox
    command: sh -c 'echo ready > /data/state; while :; do cat /data/state | nc -l -p 5432; done'
    restart: unless-stopped
    volumes:
      - data:/data
      - {type: tmpfs, target: /scratch, tmpfs: {size: 1048576, mode: 01777}}
      - ./conf:/conf:ro
    networks: {back: {aliases: [database], ipv4_address: 10.79.0.10}}
    healthcheck: {test: ["CMD", "test", "-s", "/data/state"], interval: 1s, start_period: 5s, start_interval: 100ms, timeout: 5s, retries: 50}
    stop_grace_period: 0s
    deploy: {resources: {limits: {cpus: "0.50", memory: 32M, pids: 40}, reservations: {memory: 16M}}}
    init: true
    secrets: [password]
    configs: [{source: app, target: /etc/app.conf}]
    cap_drop: [NET_RAW]
    cap_add: [SYS_NICE]
    shm_size: 8m
    oom_score_adj: 100
    extra_hosts: ["other:10.2.2.2", "host.docker.internal:host-gateway"]
  web:
    image: busybox
    depends_on: {db: {condition: service_healthy, restart: true}, job: {condition: service_completed_successfully}}
    command: sh -c 'until nc database 5432; do sleep 0.05; done; exec sleep 1000'
    networks: {back: , front: {priority: 100}}
    environment: {GREETING: "hello $$USER"}
    labels: {role: front}
    ports: ["127.0.0.1::80", {target: 81, published: "18081-18090", host_ip: 127.0.0.1, protocol: tcp}]
    stop_grace_period: 0s
    read_only: true
    user: "1000:1000"
    group_add: ["44"]
    sysctls: {net.ipv4.ip_unprivileged_port_start: "0"}
    ulimits: {nofile: {soft: 100, hard: 200}, nproc: 500}
    logging: {driver: local, options: {max-size: 1m}}
    security_opt: ["no-new-privileges:true"]
    volumes_from: ["db:ro"]
    hostname: webhost
    domainname: example.org
    stop_signal: SIGINT
    working_dir: /tmp
    devices: ["/dev/null:/dev/xnull:rw"]
    cpuset: "0"
    ipc: shareable
    tty: true
    stdin_open: true
  job:
    image: busybox
    command: echo migrated
    network_mode: none
  side:
    image: busybox
    network_mode: "service:web"
    pid: "service:web"
    ipc: "service:web"
    command: sleep 1000
    stop_grace_period: 0s
  extra:
    image: busybox
    profiles: [extra]
    command: sleep 1000
    stop_grace_period: 0s
    networks: [front]
networks:
  back:
    internal: true
    ipam: {config: [{subnet: 10.79.0.0/24, gateway: 10.79.0.1, ip_range: 10.79.0.128/25}]}
    driver_opts: {com.docker.network.bridge.name: brquay}
  front: {enable_ipv6: true, ipam: {config: [{subnet: "fd00:79::/64"}]}, labels: {a: b}}
volumes:
  data: {labels: {kept: "no"}}
secrets: {password: {file: ./password}}
configs: {app: {content: "x=1\\n"}}
"""


@pytest.fixture(scope="module")
def compose(daemon, tmp_path_factory):
    unpacked = debian.package("docker-compose")
    if not unpacked:
        pytest.skip("Compose v2 cannot be fetched")
    program = f"{unpacked}/usr/libexec/docker/cli-plugins/docker-compose"
    folder = tmp_path_factory.mktemp("quay")
    (folder / "docker-compose.yml").write_text(PROJECT)
    (folder / "conf").mkdir()
    (folder / "conf" / "x").write_text("of the host\n")
    (folder / "password").write_text("secret")

    def run(*args, code=0, timeout=120):
        done = subprocess.run(daemon.command(program, "--progress", "plain", *args), cwd=folder, capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, "DOCKER_HOST": f"unix://{daemon.socket}", "DOCKER_CONFIG": str(folder)})
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    run.folder = folder
    yield run
    run("--profile", "extra", "down", "-v", "-t", "0")


def states(compose):
    rows = [json.loads(line) for line in compose("ps", "-a", "--format", "json").splitlines()]
    return {row["Service"] + row["Name"][-2:]: (row["State"], row["Health"], row["ExitCode"]) for row in rows}


def test_project(compose, daemon):
    """One life of a project, step by step."""
    compose("up", "-d", "--wait")
    up = {"db-1": ("running", "healthy", 0), "web-1": ("running", "", 0), "side-1": ("running", "", 0), "job-1": ("exited", "", 0)}
    assert states(compose) == up
    assert "migrated" in compose("logs", "job") and compose("port", "web", "81").strip() == "127.0.0.1:18081"
    wait_until(lambda: "ready" in compose("logs", "web"))
    seen = compose("exec", "-T", "web", "sh", "-c", 'id -u; id -G; hostname -f; pwd; echo "$GREETING"; ulimit -n; touch /x 2>/dev/null || echo read-only; '
                   'cat /data/state; touch /data/y 2>/dev/null || echo read-only; test -c /dev/xnull && echo device; ip -o addr | grep -c "eth[01]"')
    assert seen.split("\n")[:10] == ["1000", "1000 44", "webhost.example.org", "/tmp", "hello $USER", "100", "read-only", "ready", "read-only", "device"]
    seen = compose("exec", "-T", "db", "sh", "-c", "cat /run/secrets/password /etc/app.conf /conf/x; grep -c 'other$' /etc/hosts; df -k /scratch | tail -1")
    assert seen.startswith("secretx=1\nof the host\n1\ntmpfs                     1024 ")
    assert "sleep 1000" in compose("exec", "-T", "side", "ps") and compose("exec", "-T", "side", "hostname").strip() == "webhost"
    compose("up", "-d")
    assert states(compose) == up, "nothing has changed, nothing is made again"

    compose("--profile", "extra", "up", "-d", "--scale", "extra=2", "extra")
    assert set(states(compose)) == {*up, "extra-1", "extra-2"}
    compose("run", "--rm", "-T", "extra", "sh", "-c", "exit 5", code=5)
    compose("cp", "web:/etc/hostname", "copied")
    assert (compose.folder / "copied").read_text() == "webhost\n"
    assert compose("stats", "--no-stream", "--format", "{{.Name}}").split()
    compose("pause", "web")
    assert states(compose)["web-1"][0] == "paused"
    compose("unpause", "web")
    before = daemon.request("GET", "/containers/quay-web-1/json").json()["State"]["StartedAt"]
    compose("restart", "-t", "0", "db")
    assert daemon.request("GET", "/containers/quay-web-1/json").json()["State"]["StartedAt"] != before, "who depends on it is started again, too"
    compose("--profile", "extra", "rm", "-s", "-f", "extra")
    compose("stop", "-t", "0")
    assert {state for state, _, _ in states(compose).values()} == {"exited"}
    compose("start")
    compose("up", "-d", "--wait", "--force-recreate")
    assert states(compose) == up and compose("exec", "-T", "db", "cat", "/data/state") == "ready\n", "the volume outlives its containers"
    compose("down", "-v", "-t", "0")
    assert states(compose) == {}
    for path in ("/networks/quay_back", "/networks/quay_front", "/volumes/quay_data"):
        assert daemon.request("GET", path).status == 404
