"""Minato's runtime under other engines: Podman, containerd and Docker's daemon drive it through their own life cycles.

Each engine runs in mount, network and pid namespaces of its own with private roots; a test whose engine is not installed is skipped."""
import os, shutil, subprocess
import pytest
from conftest import APPLETS, RUNTIME

LOOP = "trap 'exit 3' TERM; while :; do usleep 20000; done"


@pytest.fixture
def image(tmp_path):
    """A root file system with busybox as a tar file."""
    root = tmp_path / 'image'
    for name in ('bin', 'etc', 'tmp', 'proc', 'sys', 'dev'):
        (root / name).mkdir(parents=True)
    shutil.copy('/bin/busybox', root / 'bin/busybox')
    for name in APPLETS:
        os.symlink('busybox', root / 'bin' / name)
    (root / 'bin/waits').write_text(f'#!/bin/sh\n{LOOP}\n')
    (root / 'bin/waits').chmod(0o755)
    subprocess.run(['tar', '-C', root, '-cf', tmp_path / 'image.tar', '.'], check=True)
    return str(tmp_path / 'image.tar')


def needs(*programs):
    for program in programs:
        if not shutil.which(program, path=f'{os.environ["PATH"]}:/usr/sbin:/sbin'):
            pytest.skip(f'no {program} here')
    if os.geteuid():
        pytest.skip('needs root')


def steps(directory, prologue, commands, epilogue=''):
    """Runs the commands one after the other; per command its exit status and what it printed."""
    path = f'{directory}/steps.sh'
    with open(path, 'w') as f:
        f.write(f'ip link set lo up\nexec 2>&1\nD={directory}\nR={RUNTIME}\n{prologue}\n')
        for command in commands:
            f.write(f'{command}\nrc=$?; echo; echo "@@ $rc"\n')
        f.write(epilogue)
    done = subprocess.run(['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private', 'bash', path],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, cwd=directory)
    parts = done.stdout.split('\n@@ ')
    assert len(parts) == len(commands) + 1, done.stdout
    texts, codes = [parts[0]] + [p.partition('\n')[2] for p in parts[1:-1]], [int(p.partition('\n')[0]) for p in parts[1:]]
    return [(code, text.strip()) for code, text in zip(codes, texts)]


REFUSED = 'exec: "nosuch": executable file not found in $PATH'


def check(commands, results, expected):
    for command, (code, text), (wanted, part) in zip(commands, results, expected):
        assert code == wanted and part in text, f'{command}: {code}: {text}'


def run_table(directory, prologue, rows, epilogue=''):
    """rows: command, exit status, part of what is printed."""
    commands = [row[0] for row in rows]
    check(commands, steps(directory, prologue, commands, epilogue), [row[1:] for row in rows])


@pytest.fixture
def podman(image):
    """What a script begins with; Podman wants its directory to have a short name. The empty cgroups it leaves behind are removed."""
    needs('podman', 'conmon')
    yield f'''mount --bind $D /mnt; D=/mnt
p() {{ podman --root $D/root --runroot $D/run --tmpdir $D/tmp --runtime $R --cgroup-manager cgroupfs --events-backend file \\
        --storage-driver vfs "$@"; }}
run="run --network none --systemd=false"
p import {image} bb >/dev/null 2>&1'''
    subprocess.run('find /sys/fs/cgroup/libpod_parent /sys/fs/cgroup/*/libpod_parent -depth -type d -exec rmdir {} +', shell=True, stderr=subprocess.DEVNULL)


def test_podman(tmp_path, podman):
    run_table(str(tmp_path), podman, [
        ('p $run --rm bb sh -c "echo out; exit 7"', 7, 'out'),
        ('p $run --rm bb nosuch', 127, REFUSED),
        ('p $run --rm bb /etc', 126, ''),
        ('p $run --rm --memory 64m bb cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null | head -1', 0, str(64 << 20)),
        ('p $run --rm --read-only --cap-drop ALL --security-opt no-new-privileges bb grep -E "CapEff|NoNewPrivs" /proc/self/status', 0, 'CapEff:\t0000000000000000\nNoNewPrivs:\t1'),
        ('p $run --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 bb cat /proc/self/uid_map', 0, '100000'),
        ('p $run --rm -t bb sh -c "test -t 0 && echo terminal"', 0, 'terminal'),
        (f'p $run -d --name c --health-cmd true --health-interval disable bb sh -c "echo started; {LOOP}"', 0, ''),
        ('p exec -u 1000 -w /tmp -e A=1 c sh -c "id -u; pwd; echo \\$A; exit 5"', 5, '1000\n/tmp\n1'),
        ('p exec c nosuch', 127, REFUSED),
        ('p pause c && p inspect -f "{{.State.Status}}" c', 0, 'paused'),
        ('p unpause c && p top c', 0, 'usleep'),
        ('p update --memory 128m c && p exec c cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null | grep -v cat:',
         0, str(128 << 20)),
        ('p logs c', 0, 'started'),
        ('p healthcheck run c', 0, ''),
        ('p stats --no-stream --format "{{.Name}}" c', 0, 'c'),
        ('p stop -t 10 c && p inspect -f "{{.State.Status}} {{.State.ExitCode}}" c', 0, 'exited 3'),
        ('p start c && p restart -t 0 c && p rm -f -t 0 c', 0, 'c'),
        ('p ps -aq | wc -l', 0, '0'),
    ])


@pytest.mark.parametrize('options,first', [('', 0), ('--uidmap 0:100000:65536 --gidmap 0:100000:65536', 100000)], ids=['plain', 'user namespace'])
def test_podman_pod(tmp_path, podman, options, first):
    """A pod's containers join namespaces of the first; with a user namespace, also that one, with new ones inside."""
    run_table(str(tmp_path), podman, [
        (f'p pod create --name pod --network none --hostname podhost {options} --infra-image bb --infra-command waits', 0, ''),
        ('p run -d --pod pod --name a --memory 64m bb waits && p run -d --pod pod --name b bb waits', 0, ''),
        ('p run --rm --pod pod bb sh -c "hostname; exit 7"', 7, 'podhost'),
        ('p exec -u 5:6 a sh -c "id -u; exit 4"', 4, '5'),
        (f'p exec b sh -c "id -u; grep -c . /proc/self/uid_map; tr -s \\" \\" </proc/self/uid_map"', 0, f'0\n1\n 0 {first} '),
        ('n() { readlink /proc/$(p inspect -f "{{.State.Pid}}" $1)/ns/$2; }; for k in user ipc net uts; do test $(n a $k) = $(n b $k) || echo differs $k; done; '
         'for k in pid mnt cgroup; do test $(n a $k) != $(n b $k) || echo same $k; done; echo looked', 0, 'looked'),
        ('p pod pause pod && p inspect -f "{{.State.Status}}" a && p pod unpause pod', 0, 'paused'),
        ('p pod top pod', 0, 'waits'),
        ('p pod stats --no-stream --format "{{.Name}}" pod', 0, 'a'),
        ('p stats --no-stream --format "{{.Name}}" b', 0, 'b'),
        ('p update --memory 96m a && p exec a cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null | grep -v cat:', 0, str(96 << 20)),
        ('p pod stop -t 20 pod && p inspect -f "{{.State.Status}} {{.State.ExitCode}}" a', 0, 'exited 3'),
        ('p pod start pod && p exec b true && p pod restart pod && p exec b true', 0, ''),
        # Podman 4.3 takes a pod's containers away side by side and now and then meets a mount of its own that is just going (one in ten)
        ('{ p pod rm -f -t 0 pod || p pod rm -f pod; } && test -z "$(p ps -aq)" && echo none left', 0, 'none left'),
    ])


def test_podman_without_privileges(tmp_path, image):
    """Podman of nobody, in a user namespace with a single user, without cgroups."""
    needs('podman', 'conmon', 'setpriv')
    prologue = f'''mount --bind $D /mnt; D=/mnt
cp $R $D/runtime; chown -R 65534:65534 $D; export HOME=$D/home XDG_RUNTIME_DIR=$D/xdg
setpriv --reuid 65534 --regid 65534 --clear-groups mkdir -p $HOME $XDG_RUNTIME_DIR
p() {{ setpriv --reuid 65534 --regid 65534 --clear-groups podman --log-level fatal --root $D/root --runroot $D/run --tmpdir $D/tmp --runtime $D/runtime \\
        --cgroup-manager cgroupfs --events-backend file --storage-driver vfs --storage-opt vfs.ignore_chown_errors=true "$@"; }}
cd $D; p import $D/image.tar bb >/dev/null 2>&1'''
    run_table(str(tmp_path), prologue, [
        ('p run --rm --network none bb sh -c "id -u; exit 7"', 7, '0'),
        ('p run --rm --network none bb nosuch', 127, REFUSED),
        (f'p run -d --network none --name c bb waits && p exec c sh -c "id -u; exit 5"', 5, '0'),
        ('p stop -t 10 c && p inspect -f "{{.State.Status}} {{.State.ExitCode}}" c && p rm c', 0, 'exited 3'),
        ('p pod create --name pod --network none --infra-image bb --infra-command waits && p run -d --pod pod --name m bb waits && p exec m hostname', 0, 'pod'),
        ('p pod rm -f -t 0 pod && p ps -aq | wc -l', 0, '0'),
    ])


def test_containerd(tmp_path, image):
    needs('containerd', 'ctr', 'containerd-shim-runc-v2', 'docker')
    (tmp_path / 'config.toml').write_text(f'version = 2\nroot = "{tmp_path}/root"\nstate = "{tmp_path}/state"\n'
                                          'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n'
                                          f'address = "{tmp_path}/c.sock"\n')
    archive = docker_archive(tmp_path, image)
    prologue = f'''containerd -c $D/config.toml >$D/log 2>&1 &
daemon=$!
c() {{ ctr -a $D/c.sock "$@"; }}
run="--runtime io.containerd.runc.v2 --runc-binary $R --snapshotter native"
for i in $(seq 100); do c version >/dev/null 2>&1 && break; sleep 0.1; done
c images import {archive} >/dev/null
image=docker.io/library/bb:latest
gone() {{ for i in $(seq 100); do c task ls | grep -q "$1.*STOPPED" && return; sleep 0.1; done; }}'''
    run_table(str(tmp_path), prologue, [
        ('c run --rm $run $image t1 sh -c "echo out; exit 7"', 7, 'out'),
        ('c run --rm $run $image t2 nosuch', 1, 'OCI runtime create failed: ' + REFUSED),
        (f'c run -d $run --memory-limit {64 << 20} $image t3 sh -c "{LOOP}" >/dev/null && c task ls', 0, 'RUNNING'),
        ('c task exec --exec-id e1 t3 sh -c "id -u; exit 9"', 9, '0'),
        ('c task exec --exec-id e2 t3 nosuch', 1, REFUSED),
        ('c task pause t3 && c task ls', 0, 'PAUSED'),
        ('c task resume t3 && c task ls', 0, 'RUNNING'),
        ('c task ps t3', 0, ''),
        ('c task metrics t3', 0, 'memory'),
        ('pid() { c task ls | awk -v t=$1 "\\$1 == t { print \\$2 }"; }; c run --rm $run --with-ns network:/proc/$(pid t3)/ns/net --with-ns ipc:/proc/$(pid t3)/ns/ipc '
         '--with-ns pid:/proc/$(pid t3)/ns/pid $image t5 ps', 0, 'usleep'),
        ('c run --rm $run --seccomp $image t7 grep Seccomp: /proc/self/status', 0, '2'),
        ('c task checkpoint t3', 1, 'checkpoint: not offered by this runtime'),
        ('c task kill -s TERM t3; gone t3; c task rm t3 2>&1', 0, 'exit code 3'),
        ('c container rm t3; c run -d $run $image t4 sleep 100 && c task delete -f t4 2>&1 && c container rm t4', 0, 'exit code 137'),
        ('c container ls -q | wc -l', 0, '0'),
    ], 'kill $daemon; wait $daemon\n')


def docker_archive(tmp_path, image):
    """The layer as an archive that `docker load` and `ctr images import` take."""
    import hashlib, json
    home = tmp_path / 'archive'
    home.mkdir()
    shutil.copy(image, home / 'layer.tar')
    digest = hashlib.sha256((home / 'layer.tar').read_bytes()).hexdigest()
    (home / 'config.json').write_text(json.dumps({'architecture': 'amd64', 'os': 'linux', 'config': {'Env': ['PATH=/bin']},
                                                  'rootfs': {'type': 'layers', 'diff_ids': [f'sha256:{digest}']}}))
    (home / 'manifest.json').write_text(json.dumps([{'Config': 'config.json', 'RepoTags': ['docker.io/library/bb:latest'], 'Layers': ['layer.tar']}]))
    subprocess.run(['tar', '-C', home, '-cf', tmp_path / 'archive.tar', 'manifest.json', 'config.json', 'layer.tar'], check=True)
    return str(tmp_path / 'archive.tar')


def test_docker(tmp_path, image):
    needs('dockerd', 'docker')
    prologue = f'''dockerd --data-root $D/data --exec-root $D/exec -H unix://$D/d.sock --pidfile $D/pid --iptables=false --ip6tables=false --bridge=none \\
        --storage-driver vfs --add-runtime minato=$R --default-runtime minato >$D/log 2>&1 &
d() {{ docker -H unix://$D/d.sock "$@"; }}
for i in $(seq 200); do d version >/dev/null 2>&1 && break; sleep 0.1; done
d import {image} bb >/dev/null'''
    run_table(str(tmp_path), prologue, [
        ('d run --rm bb sh -c "echo out; exit 7"', 7, 'out'),
        ('d run --rm bb nosuch', 127, REFUSED),
        ('d run --rm bb /etc', 126, ''),
        (f'd run -d --name c1 --memory 64m --pids-limit 50 bb sh -c "{LOOP}"', 0, ''),
        ('d exec -u 1000 -w /tmp c1 sh -c "id -u; pwd; exit 4"', 4, '1000\n/tmp'),
        ('d pause c1 && d inspect -f "{{.State.Status}}" c1 && d unpause c1', 0, 'paused'),
        ('d update --memory 128m --memory-swap -1 c1 && d exec c1 cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null | grep -v cat:', 0, str(128 << 20)),
        ('d top c1', 0, 'usleep'),
        ('d stats --no-stream --format "{{.Name}} {{.PIDs}}" c1', 0, 'c1 '),
        ('d run --rm --network container:c1 --pid container:c1 bb ps', 0, 'usleep'),
        ('d stop -t 10 c1 && d inspect -f "{{.State.ExitCode}} {{.HostConfig.Runtime}}" c1', 0, '3 minato'),
        ('d start c1 && d restart -t 0 c1 && d rm -f c1', 0, 'c1'),
        ('d run --rm --read-only --tmpfs /x --cap-drop ALL -u 5:6 --sysctl net.ipv4.ip_unprivileged_port_start=1 --ulimit nofile=100:200 bb '
         'sh -c "id; ulimit -n; cat /proc/sys/net/ipv4/ip_unprivileged_port_start"', 0, 'uid=5 gid=6 groups=6\n100\n1'),
        ('d run --rm --network host --pid host --ipc host --uts host --privileged bb true', 0, ''),
        ('d run --rm --init bb ps', 0, 'docker-init'),
        ('d run --rm -t bb sh -c "test -t 0 && echo terminal"', 0, 'terminal'),
        ('d ps -aq | wc -l', 0, '0'),
    ], 'kill $(cat $D/pid); wait\n')
