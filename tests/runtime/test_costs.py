"""What a container's life costs in system calls: counted, so that a busy machine changes nothing."""
import os, re, shutil, subprocess, time
import pytest
from conftest import OWN_RUNTIME

LIMITS = {'create': 340, 'start': 45, 'delete': 70}  # ours on cgroup v2, somewhat above what was counted


def calls(runtime, bundle, directory):
    """System calls of create, start and delete of a bundle, with all their children, on cgroup v2 alone."""
    script = f'''umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup
S="strace -f -c -o {directory}/calls"
R="{runtime} --root {directory}/root"
$S.create $R create --bundle {bundle.path} c </dev/null >{directory}/err 2>&1 &
for i in $(seq 100); do $R state c 2>/dev/null | grep -q created && break; sleep 0.05; done
$S.start $R start c </dev/null || exit 1
wait
$S.delete $R delete c </dev/null || exit 1
'''
    subprocess.run(['timeout', '60', 'unshare', '--mount', '--propagation', 'private', 'sh', '-c', script], check=True, capture_output=True)
    counted = {}
    for command in LIMITS:
        total = open(f'{directory}/calls.{command}').read().splitlines()[-1].split()
        counted[command] = int(total[3])
    return counted


@pytest.fixture
def counted(bundle, tmp_path):
    if not shutil.which('strace'):
        pytest.skip('no strace')
    bundle.process['args'] = ['true']
    bundle.config['ociVersion'] = '1.0.2'           # what Debian's crun knows
    bundle.linux['resources'].pop('devices', None)  # for these crun needs CAP_SYS_RESOURCE
    bundle.save()
    def count(runtime):
        place = tmp_path / os.path.basename(runtime)
        place.mkdir()
        return calls(runtime, bundle, str(place))
    return count


def test_system_calls_stay_few(counted):
    ours = counted(OWN_RUNTIME)
    for command, limit in LIMITS.items():
        assert ours[command] <= limit, ours


def test_fewer_system_calls_than_crun(counted):
    crun = shutil.which('crun')
    if not crun:
        pytest.skip('no crun')
    ours, theirs = counted(OWN_RUNTIME), counted(crun)
    assert all(ours[command] < theirs[command] for command in LIMITS), (ours, theirs)
    print(ours, theirs)
