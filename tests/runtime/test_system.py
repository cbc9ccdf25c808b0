"""System containers: systemd as the first process, with the cgroups below its own delegated (io.minato.cgroup)."""
import json, os, pathlib, subprocess, sys, time
import pytest
from conftest import RUNTIME, hybrid

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


def start_as_scope(runtime, bundle):
    """systemd below systemd: the scope is delegated to the container."""
    container = runtime.id()
    bundle.linux['cgroupsPath'] = f'system.slice:mtx:{container}'
    with open(f'{bundle.path}/out', 'w') as out:
        runtime('--systemd-cgroup', 'run', '--detach', '--bundle', bundle.path, container, bundle=bundle, stdout=out, stderr=out)
    return container


def test_systemd_boots_and_shuts_down(runtime, system):
    system.linux['resources'] = {'memory': {'limit': 512 << 20}, 'pids': {'limit': 300}}
    c = start_as_scope(runtime, system) if os.path.isdir('/run/systemd/system') else runtime.start(system)
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


@pytest.mark.skipif(not hybrid(), reason='the driver on v2 has test_systemd.py')
def test_systemd_driver_on_hybrid(runtime, system, tmp_path):
    """A privileged system container is a hybrid host with systemd: the driver makes v1 cgroups in it, told by properties."""
    inner = runtime.bundle()
    inner.linux['cgroupsPath'] = 'own-boxes.slice:mtx:inner'
    inner.linux['resources'] = {'memory': {'limit': 64 << 20}, 'cpu': {'shares': 512, 'quota': 25500, 'period': 50000}, 'pids': {'limit': 55},
                                'devices': [{'allow': False, 'access': 'rwm'}, {'allow': True, 'type': 'c', 'major': 1, 'minor': 11, 'access': 'r'}]}
    inner.process['args'] = ['sleep', '100']
    inner.save()
    names = json.loads(runtime('features').stdout)['linux']['capabilities']
    system.process['capabilities'] = {kind: names for kind in ('bounding', 'effective', 'permitted')}
    system.linux.pop('seccomp', None)
    system.linux['maskedPaths'] = system.linux['readonlyPaths'] = []
    system.linux['resources'] = {'devices': [{'allow': True, 'access': 'rwm'}]}
    system.config['annotations'] = {}
    system.mount('/sys/fs/cgroup')['options'] = ['rw', 'nosuid', 'noexec', 'nodev']
    for path in (inner.path, os.path.dirname(RUNTIME)):
        system.config['mounts'].append({'destination': path, 'type': 'bind', 'source': path, 'options': ['rbind', 'rw']})
    c = runtime.start(system)
    try:
        assert wait_booted(runtime, c) in ('running', 'degraded')

        def inside(*args, check=True):
            return runtime('exec', c, *args, check=check).stdout

        def show(name):
            return inside('systemctl', 'show', '-P', name, 'mtx-inner.scope').strip()

        def driver(*args):
            return inside('sh', '-c', 'exec "$@" </dev/null >/tmp/out 2>&1 || { cat /tmp/out; exit 1; }', 'sh', RUNTIME, '--root', '/run/mt', '--systemd-cgroup', *args)
        driver('run', '--detach', '--bundle', inner.path, 'inner')
        wanted = {'MemoryLimit': str(64 << 20), 'CPUShares': '512', 'CPUQuotaPerSecUSec': '510ms', 'TasksMax': '55', 'DevicePolicy': 'strict',
                  'Slice': 'own-boxes.slice', 'Delegate': 'yes', 'ActiveState': 'active'}
        assert {name: show(name) for name in wanted} == wanted
        assert '/dev/char/1:11 r' in show('DeviceAllow')
        scope = 'own.slice/own-boxes.slice/mtx-inner.scope'
        files = {'memory/memory.limit_in_bytes': str(64 << 20), 'cpu/cpu.shares': '512', 'cpu/cpu.cfs_quota_us': '25500', 'pids/pids.max': '55'}

        def read(name):
            return inside('cat', '/sys/fs/cgroup/{}/{}/{}'.format(name.split('/')[0], scope, name.split('/')[1])).strip()
        assert {name: read(name) for name in files} == files
        devices = read('devices/devices.list').splitlines()
        assert 'c 1:11 r' in devices and 'a *:* rwm' not in devices
        driver('update', '--memory', str(80 << 20), '--pids-limit', '66', 'inner')
        inside('systemctl', 'daemon-reload')
        assert (show('MemoryLimit'), read('memory/memory.limit_in_bytes'), read('pids/pids.max')) == (str(80 << 20), str(80 << 20), '66')
        assert sorted(read('devices/devices.list').splitlines()) == sorted(devices), 'what systemd writes is what we wrote'
        driver('delete', '--force', 'inner')
        assert 'mtx-inner' not in inside('systemctl', 'list-units', '--all', '--plain', '--no-legend')
        assert inside('find', '/sys/fs/cgroup', '-name', 'mtx-inner.scope') == ''
    finally:
        runtime('delete', '--force', c)


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
