# SPDX-License-Identifier: Apache-2.0
"""Every option of `create`: both command lines ask the daemon for the same, and the daemon keeps what was asked or refuses it."""
import json
import re
import shlex
import subprocess

import pytest

from harness import daemon as harness

# What to give an option; the container must then differ from a plain one ("same": by its nature it does not show there).
FLAGS = {
    "add-host": "a.example:192.0.2.1",
    "annotation": "a=b",
    "attach": "stdout",
    "blkio-weight": "300",
    "blkio-weight-device": "/dev/null:200",
    "cap-add": "NET_ADMIN",
    "cap-drop": "CHOWN",
    "cgroup-parent": "/mine",
    "cgroupns": "host",
    "cpu-count": "2",
    "cpu-percent": "50",
    "cpu-period": "50000",
    "cpu-quota": "20000",
    "cpu-rt-period": "1000",
    "cpu-rt-runtime": "1000",
    "cpu-shares": "512",
    "cpus": "0.5",
    "cpuset-cpus": "0",
    "cpuset-mems": "0",
    "device": "/dev/zero:/dev/mine:rw",
    "device-cgroup-rule": "c 1:3 rwm",
    "device-read-bps": "/dev/null:1mb",
    "device-read-iops": "/dev/null:100",
    "device-write-bps": "/dev/null:1mb",
    "device-write-iops": "/dev/null:100",
    "disable-content-trust": ("", "same"),
    "dns": "192.0.2.53",
    "dns-option": "ndots:2",
    "dns-search": "a.example",
    "domainname": "a.example",
    "entrypoint": "/bin/echo",
    "env": "A=b",
    "env-file": "{tmp}/env",
    "expose": "77/udp",
    "gpus": "all",
    "group-add": "7",
    "health-cmd": "true",
    "health-interval": "2s",
    "health-retries": "3",
    "health-start-interval": "1s",
    "health-start-period": "4s",
    "health-timeout": "5s",
    "hostname": "harbour",
    "init": "",
    "interactive": "",
    "io-maxbandwidth": "1m",
    "io-maxiops": "10",
    "ip": ("192.0.2.9", "--network", "n1"),
    "ip6": ("2001:db8::9", "--network", "n1"),
    "ipc": "host",
    "isolation": "default",
    "kernel-memory": ("1g", "same"),
    "label": "a=b",
    "label-file": "{tmp}/labels",
    "link": ("web:alias", "--network", "n1"),
    "link-local-ip": ("169.254.7.7", "--network", "n1"),
    "log-driver": "none",
    "log-opt": "max-size=1m",
    "mac-address": "02:42:00:00:00:09",
    "memory": "32m",
    "memory-reservation": "16m",
    "memory-swap": ("48m", "--memory", "32m"),
    "memory-swappiness": "10",
    "mount": "type=tmpfs,dst=/x,tmpfs-size=1m,tmpfs-mode=700",
    "network": "none",
    "network-alias": ("alias", "--network", "n1"),
    "no-healthcheck": "",
    "oom-kill-disable": "",
    "oom-score-adj": "100",
    "pid": "host",
    "pids-limit": "50",
    "platform": ("linux/amd64", "same"),
    "privileged": "",
    "publish": "127.0.0.1:18099:80/tcp",
    "publish-all": "",
    "pull": ("never", "same"),
    "quiet": ("", "same"),
    "read-only": "",
    "restart": "on-failure:3",
    "rm": "",
    "runtime": ("minato", "same"),
    "security-opt": "no-new-privileges",
    "shm-size": "2m",
    "stop-signal": "SIGINT",
    "stop-timeout": "3",
    "storage-opt": "size=1g",
    "sysctl": "net.ipv4.ip_forward=1",
    "tmpfs": "/t:size=1m",
    "tty": "",
    "ulimit": "nofile=10:20",
    "use-api-socket": "",
    "user": "1:2",
    "userns": "host",
    "uts": "host",
    "volume": "/tmp:/host:ro",
    "volume-driver": ("local", "-v", "flagvol:/v"),
    "volumes-from": "web:ro",
    "workdir": "/work",
}
# --cidfile and --name are told apart by other tests; --help is help.
ELSEWHERE = {"cidfile", "name", "help"}


def options():
    table = subprocess.run([harness.program("minato"), "__markdown"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"--([a-z0-9-]+)", re.search(r"^\| `create` \| (.*)$", table, re.M).group(1))


def test_no_option_is_left_out():
    assert set(options()) == set(FLAGS) | ELSEWHERE


def create(cli, ours, args):
    """What the daemon holds of a container made with these options, or the message."""
    made = cli("create", *args, "busybox", "true")
    if made.code:
        return f"{made.code} {made.err.strip()}"
    found = json.loads(ours.ok("inspect", made.out.strip()))[0]
    ours.ok("rm", "-f", "-v", made.out.strip())
    kept = {key: found[key] for key in ("Config", "HostConfig", "Mounts", "Path", "Args")}
    kept["Networks"] = found["NetworkSettings"]["Networks"]
    text = json.dumps(kept, indent=1, sort_keys=True).replace(found["Name"] + "/", "/<NAME>/")
    return re.sub(r"[0-9a-f]{64}", "<ID>", re.sub(r'"Hostname": "[0-9a-f]{12}"|"[0-9a-f]{12}"', "<HOST>", text))


# Refused here, in the daemon's words: a value this machine cannot have, or an option for Windows.
REFUSED = {"cpu-count", "cpu-percent", "gpus", "io-maxbandwidth", "io-maxiops", "ip", "ip6", "storage-opt"}


@pytest.mark.parametrize("flag", sorted(FLAGS))
def test_flag(engine, clis, tmp_path, flag):
    ours, docker = clis(engine)
    if not docker:
        pytest.skip("no docker command line here")
    (tmp_path / "env").write_text("FROM_FILE=1\n")
    (tmp_path / "labels").write_text("from=file\n")
    given = FLAGS[flag]
    value, *more = (given,) if isinstance(given, str) else given
    is_same = more == ["same"]
    more = [] if is_same else more
    value = value.replace("{tmp}", str(tmp_path))
    args = [*more, f"--{flag}={value}" if value else f"--{flag}"]
    got, want = create(ours, ours, args), create(docker, ours, args)
    assert got == want, "both command lines ask for the same"
    assert got.startswith("{") != (flag in REFUSED), got
    if not is_same and flag not in REFUSED:
        assert got != create(ours, ours, more), "accepted and dropped"


def test_credentials_go_with_the_socket(engine, clis, tmp_path):
    """--use-api-socket: what the configuration knows of registries is in the container, for root only."""
    auths = {"auths": {"reg.example:5000": {"auth": "dTpw"}, "https://index.docker.io/v1/": {"auth": "YTpi"}}}
    found = []
    for cli in clis(engine):
        if not cli:
            continue
        (tmp_path / "config" / "config.json").write_text(json.dumps(auths))
        made = cli.ok("create", "--use-api-socket", "busybox", "sh", "-c", 'stat -c "%a %u" $DOCKER_CONFIG/config.json; cat $DOCKER_CONFIG/config.json; '
                      "test -S /var/run/docker.sock && echo socket")
        said = cli.ok("start", "-a", made)
        cli.ok("rm", made)
        assert said.startswith("600 0\n") and said.endswith("socket")
        found.append(json.loads(said[said.index("{"):said.rindex("}") + 1]))
    assert found == [auths] * len(found)
    refused = clis("tcp://127.0.0.1:9")[0]("create", "--use-api-socket", "busybox")
    assert "flag --use-api-socket can only be used with unix sockets" in refused.err
