"""System containers: systemd as the first process, with the cgroups below its own delegated (io.minato.cgroup)."""
import os, pathlib, subprocess, sys, time
import pytest
from conftest import hybrid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import system_image  # noqa: E402

SIGRTMIN_3 = '37'


@pytest.fixture
def system(bundle):
    """A bundle of a Debian with systemd, ready to be started."""
    tree = system_image.tree()
    if tree is None:
        pytest.skip('no Debian with systemd could be made')
    top = f'{bundle.path}/overlay'
    for name in ('upper', 'work'):
        os.makedirs(f'{top}/{name}')
    subprocess.run(['mount', '-t', 'overlay', '-o', f'lowerdir={tree},upperdir={top}/upper,workdir={top}/work', 'overlay', bundle.root], check=True)
    bundle.process['args'] = ['/sbin/init']
    bundle.process['env'] = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'container=docker']
    bundle.config['annotations'] = {'io.minato.cgroup': 'delegate'}
    bundle.config['hostname'] = 'box'
    for path in ('/run', '/run/lock'):
        bundle.config['mounts'].append({'destination': path, 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['nosuid', 'nodev', 'mode=755']})
    assert 'ro' in bundle.mount('/sys/fs/cgroup')['options']
    yield bundle
    subprocess.run(['umount', '-l', bundle.root], check=True)


def wait_booted(runtime, container, seconds=90):
    end = time.monotonic() + seconds
    while True:
        said = runtime('exec', container, 'systemctl', 'is-system-running', check=False).stdout.strip()
        if said in ('running', 'degraded') or time.monotonic() > end:
            return said
        time.sleep(0.2)


def test_systemd_boots_and_shuts_down(runtime, system):
    system.linux['resources'] = {'memory': {'limit': 512 << 20}, 'pids': {'limit': 300}}
    c = runtime.start(system)
    try:
        said = wait_booted(runtime, c)
        failed = runtime('exec', c, 'systemctl', '--failed', '--no-legend', '--plain').stdout
        assert said == 'running', f'{said}: {failed}{open(system.path + "/out").read()}'
        assert runtime('exec', c, 'systemctl', 'is-active', 'multi-user.target', 'dbus.service').stdout == 'active\nactive\n'
        # It divides its own cgroup; what limits it stays out of its reach.
        runtime('exec', c, 'systemd-run', '--quiet', '--unit=job', '--slice=own.slice', 'sleep', '50')
        assert 'own.slice/job.service' in runtime('exec', c, 'sh', '-c', 'cat /proc/$(systemctl show -P MainPID job)/cgroup').stdout
        tried = runtime('exec', c, 'sh', '-c', '''
            for f in /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max \\
                     /sys/fs/cgroup/cpu.max /sys/fs/cgroup/devices/devices.allow /sys/fs/cgroup/cgroup.freeze; do
                test ! -e $f || (echo max > $f) 2>/dev/null && test -e $f && echo wrote $f; done
            find /sys/fs/cgroup -name release_agent; mkdir /sys/fs/cgroup/memory/x /sys/fs/cgroup/x.d 2>/dev/null; ls -d /sys/fs/cgroup/memory/x 2>/dev/null
            mount -t cgroup -o none,name=systemd,release_agent=/x none /mnt 2>/dev/null && echo mounted; echo tried''').stdout
        assert tried == 'tried\n'
        assert runtime('exec', c, 'cat', '/proc/1/cgroup').stdout.strip().splitlines()[-1].endswith(':/init.scope')
        began = time.monotonic()
        runtime('kill', c, SIGRTMIN_3)
        runtime.wait_status(c, 'stopped', 60)
        assert time.monotonic() - began < 60
    finally:
        runtime('delete', '--force', c)


def test_delegation_is_asked_for_properly(runtime, bundle):
    bundle.process['args'] = ['true']
    bundle.config['annotations'] = {'io.minato.cgroup': 'everything'}
    bundle.fails('annotations: io.minato.cgroup: "everything"')
    bundle.config['annotations'] = {'io.minato.cgroup': 'delegate'}
    bundle.linux['namespaces'] = [n for n in bundle.linux['namespaces'] if n['type'] != 'cgroup']
    bundle.fails('needs a cgroup namespace of its own')


@pytest.mark.skipif(hybrid(), reason='limits are not on v2')
def test_limits_on_v2_need_nsdelegate(runtime, bundle):
    """A host that mounts cgroup2 without nsdelegate: the container could lift its own limits."""
    bundle.process['args'] = ['true']
    bundle.config['annotations'] = {'io.minato.cgroup': 'delegate'}
    remount = ['mount', '-t', 'cgroup2', '--options-source=disable', 'cgroup2', '/sys/fs/cgroup', '-o']
    subprocess.run([*remount, 'remount,memory_recursiveprot'], check=True)
    try:
        bundle.fails('mounted without "nsdelegate"')
    finally:
        subprocess.run([*remount, 'remount,nsdelegate,memory_recursiveprot'], check=True)
    bundle.run()
