"""The systemd cgroup driver. Runs where systemd is the first process: in the virtual machine (v2), and on a host that has it."""
import json, os, subprocess, time
import pytest
from conftest import hybrid

pytestmark = pytest.mark.skipif(not os.path.isdir('/run/systemd/system'), reason='systemd does not run here')


class Scope:
    """Containers whose cgroups systemd makes."""

    def __init__(self, runtime, bundle):
        self.runtime, self.bundle = runtime, bundle
        self.slice, self.id = 'mt-test.slice', runtime.id()
        self.unit = f'mtx-{self.id}.scope'
        bundle.linux['cgroupsPath'] = f'{self.slice}:mtx:{self.id}'
        bundle.process['args'] = ['sleep', '100']

    def __call__(self, *args, **kwargs):
        return self.runtime('--systemd-cgroup', *args, **kwargs)

    def start(self, check=True):
        with open(f'{self.bundle.path}/out', 'w+') as out:
            result = self('run', '--detach', '--bundle', self.bundle.path, self.id, bundle=self.bundle, check=False, stdout=out, stderr=out)
            out.seek(0)
            result.stderr = out.read()
        assert not check or result.returncode == 0, result.stderr
        return result

    def properties(self):
        shown = subprocess.run(['systemctl', 'show', '--all', self.unit], capture_output=True, text=True, check=True).stdout
        return dict(line.split('=', 1) for line in shown.splitlines() if '=' in line)

    def property(self, name):
        return self.properties()[name]

    def file(self, name):
        with open(f'/sys/fs/cgroup/mt.slice/{self.slice}/{self.unit}/{name}') as f:
            return f.read().strip()

    def is_gone(self):
        loaded = subprocess.run(['systemctl', 'list-units', '--all', '--plain', '--no-legend', self.unit], capture_output=True, text=True).stdout
        return loaded.strip() == '' and not os.path.exists(f'/sys/fs/cgroup/mt.slice/{self.slice}/{self.unit}')


@pytest.fixture
def scope(runtime, bundle):
    s = Scope(runtime, bundle)
    yield s
    s('delete', '--force', s.id, check=False)
    assert s.is_gone()
    subprocess.run(['systemctl', 'stop', s.slice, 'mt.slice'], capture_output=True)


@pytest.mark.skipif(hybrid(), reason='the properties are those of v2')
def test_scope_limits_and_update(scope):
    """Files hold the exact values, and systemd knows them: daemon-reload changes nothing."""
    scope.bundle.linux['resources'] = {
        'memory': {'limit': 64 << 20, 'reservation': 16 << 20, 'swap': 96 << 20},
        'cpu': {'shares': 1024, 'quota': 25500, 'period': 50000, 'cpus': '0-1', 'mems': '0'},
        'pids': {'limit': 55},
        'unified': {'memory.high': '50331648', 'memory.min': '1048576'},
        'devices': [{'allow': False, 'access': 'rwm'}]}
    scope.bundle.config['annotations'] = {'org.systemd.property.TimeoutStopSec': '7', 'org.systemd.property.Description': "'a box'"}
    scope.start()
    files = {'memory.max': str(64 << 20), 'memory.low': str(16 << 20), 'cpu.max': '25500 50000', 'cpu.weight': '39', 'pids.max': '55',
             'cpuset.cpus': '0-1', 'memory.high': '50331648', 'memory.min': '1048576', 'memory.swap.max': str(32 << 20)}
    properties = {'MemoryMax': str(64 << 20), 'MemoryLow': str(16 << 20), 'MemorySwapMax': str(32 << 20), 'CPUQuotaPerSecUSec': '510ms',
                  'CPUQuotaPeriodUSec': '50ms', 'CPUWeight': '39', 'TasksMax': '55', 'AllowedCPUs': '0-1', 'AllowedMemoryNodes': '0',
                  'MemoryHigh': '50331648', 'Slice': scope.slice, 'Delegate': 'yes', 'Description': 'a box', 'TimeoutStopUSec': '7s'}
    assert {name: scope.file(name) for name in files} == files
    shown = scope.properties()
    assert {name: shown[name] for name in properties} == properties
    pids = scope.file('cgroup.procs').split()
    assert pids == [str(scope.runtime.state(scope.id)['pid'])], 'the process that held the scope is gone'
    scope('update', '--memory', str(80 << 20), '--pids-limit', '66', '--cpu-quota', '-1', scope.id)
    shown = scope.properties()
    assert (shown['MemoryMax'], shown['TasksMax'], shown['CPUQuotaPerSecUSec']) == (str(80 << 20), '66', 'infinity')
    subprocess.run(['systemctl', 'daemon-reload'], check=True)
    assert (scope.file('memory.max'), scope.file('pids.max')) == (str(80 << 20), '66')
    assert 'DENIED' in scope('exec', scope.id, 'sh', '-c', 'mknod /tmp/d b 1 0; cat /tmp/d 2>/dev/null >/dev/null || echo DENIED').stdout


@pytest.mark.skipif(hybrid(), reason='paths are those of v2')
def test_scope_commands(scope):
    scope.start()
    assert scope.property('ActiveState') == 'active'
    assert scope.file('pids.max') == 'max'  # not systemd's DefaultTasksMax
    pid = scope.runtime.state(scope.id)['pid']
    assert open(f'/proc/{pid}/cgroup').read() == f'0::/mt.slice/{scope.slice}/{scope.unit}\n'
    assert scope('exec', scope.id, 'cat', '/proc/self/cgroup').stdout == '0::/\n'
    scope('pause', scope.id)
    assert scope.runtime.status(scope.id) == 'paused'
    scope('resume', scope.id)
    assert str(pid) in scope('ps', scope.id).stdout
    scope('kill', scope.id, 'KILL')
    scope.runtime.wait_status(scope.id, 'stopped')
    scope('delete', scope.id)
    assert scope.is_gone()


def test_scope_that_exists_is_not_taken(scope):
    subprocess.run(['systemd-run', '--scope', f'--unit={scope.unit}', '--slice', scope.slice, 'true'], check=True, capture_output=True)
    holder = subprocess.Popen(['systemd-run', '--scope', '--quiet', f'--unit={scope.unit}', '--slice', scope.slice, 'sleep', '100'])
    try:
        end = time.monotonic() + 20
        while scope.property('ActiveState') != 'active':
            assert time.monotonic() < end
            time.sleep(0.05)
        refused = scope.start(check=False)
        assert refused.returncode == 1 and 'systemd: starting the scope' in refused.stderr and 'already' in refused.stderr
        assert scope.property('ActiveState') == 'active' and holder.poll() is None
    finally:
        holder.terminate()
        holder.wait()


def test_scope_after_a_failed_start_leaves_nothing(scope):
    scope.bundle.process['args'] = ['nosuch']
    failed = scope.start(check=False)
    assert failed.returncode != 0 and 'nosuch' in failed.stderr
    assert scope.is_gone()


def test_tiny_limit_in_a_scope(scope):
    scope.bundle.linux['resources'] = {'memory': {'limit': 512 << 10}}
    scope.bundle.process['args'] = ['true']
    scope.start()


def test_scope_bad_values(scope):
    for field, resources, annotations in (('linux.resources.cpu.cpus', {'cpu': {'cpus': '0-x'}}, {}),
                                          ('org.systemd.property.X', {}, {'org.systemd.property.X': 'true'}),
                                          ('org.systemd.property.Abc', {}, {'org.systemd.property.Abc': '{}'}),
                                          ('Unsupported', {}, {'org.systemd.property.Unsupported': 'true'})):
        scope.bundle.linux['resources'] = resources
        scope.bundle.config['annotations'] = annotations
        refused = scope.start(check=False)
        assert refused.returncode == 1 and field in refused.stderr and refused.stderr.count('\n') == 1, refused.stderr
        assert scope.is_gone()
    for path in ('noslice', 'a.slice:x', 'a/b.slice:x:y', 'x.slice:p:../y', '-x.slice:p:y', 'x--y.slice:p:z', 'x.slice:p:', 'x.slice:p:a b'):
        scope.bundle.linux['cgroupsPath'] = path
        refused = scope.start(check=False)
        assert refused.returncode == 1 and 'linux.cgroupsPath' in refused.stderr, refused.stderr


def test_scope_through_the_system_bus(scope):
    """Without systemd's own socket the system bus serves."""
    scope.bundle.save()
    script = f'mount --bind /dev/null /run/systemd/private && exec "$@"'
    args = [os.environ.get('MINATO_RUNTIME', 'build/src/runtime/minato-runtime'), '--root', scope.runtime.root, '--systemd-cgroup',
            'run', '--detach', '--bundle', scope.bundle.path, scope.id]
    with open(f'{scope.bundle.path}/out', 'w') as out:
        subprocess.run(['unshare', '--mount', 'sh', '-c', script, 'sh', *args], check=True, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    assert scope.property('ActiveState') == 'active'
