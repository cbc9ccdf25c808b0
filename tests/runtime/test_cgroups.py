"""Every controller of the specification: what is written, what update changes, what events tell, what is refused."""
import json, os, subprocess, time
import pytest
from conftest import hybrid

v2 = pytest.mark.skipif(hybrid(), reason='controllers are on v1')
v1 = pytest.mark.skipif(not hybrid(), reason='controllers are on v2')


def cgroup(runtime, container, controller=None):
    with open(f'/proc/{runtime.state(container)["pid"]}/cgroup') as f:
        rows = dict(line.strip().split(':', 2)[1:] for line in f)
    if not hybrid():
        return '/sys/fs/cgroup' + rows['']
    if controller == 'unified':
        return '/sys/fs/cgroup/unified' + rows['']
    key = next(k for k in rows if controller in k.split(','))
    return f'/sys/fs/cgroup/{controller}{rows[key]}'


def read(path):
    with open(path) as f:
        return f.read().strip()


def loop_device():
    """A block device that io limits can be set on: "7:0" in the virtual machine."""
    for name in ('loop0', 'vda'):
        if os.path.exists(f'/sys/block/{name}/dev') and read(f'/sys/block/{name}/size') != '0':
            return read(f'/sys/block/{name}/dev')
    pytest.skip('no block device')


@v2
def test_controllers_v2(runtime, bundle):
    major, minor = map(int, loop_device().split(':'))
    bundle.process['args'] = ['sleep', '100']
    bundle.linux['resources'].update({
        'memory': {'limit': 64 << 20, 'swap': 80 << 20, 'reservation': 32 << 20},
        'cpu': {'shares': 2048, 'quota': 30000, 'period': 60000, 'burst': 10000, 'cpus': '1', 'mems': '0'},
        'pids': {'limit': 77},
        'blockIO': {'weight': 505, 'throttleReadBpsDevice': [{'major': major, 'minor': minor, 'rate': 1 << 20}],
                    'throttleWriteIOPSDevice': [{'major': major, 'minor': minor, 'rate': 500}]},
        'hugepageLimits': [{'pageSize': '2MB', 'limit': 4 << 20}],
        'unified': {'memory.high': str(48 << 20), 'memory.min': str(1 << 20), 'memory.oom.group': '1'}})
    c = runtime.start(bundle)
    path = cgroup(runtime, c)
    wanted = {'memory.max': str(64 << 20), 'memory.swap.max': str(16 << 20), 'memory.low': str(32 << 20), 'cpu.weight': '79',
              'cpu.max': '30000 60000', 'cpu.max.burst': '10000', 'cpuset.cpus': '1', 'cpuset.mems': '0', 'pids.max': '77',
              'io.max': f'{major}:{minor} rbps={1 << 20} wbps=max riops=max wiops=500', 'hugetlb.2MB.max': str(4 << 20), 'hugetlb.2MB.rsvd.max': str(4 << 20),
              'memory.high': str(48 << 20), 'memory.min': str(1 << 20), 'memory.oom.group': '1'}
    assert {name: read(f'{path}/{name}') for name in wanted} == wanted
    weight = next(f for f in ('io.bfq.weight', 'io.weight') if os.path.exists(f'{path}/{f}'))
    assert read(f'{path}/{weight}').split()[1] == ('505' if 'bfq' in weight else '5000')
    # Live, by options and by JSON; what is not named stays.
    runtime('update', '--memory', str(96 << 20), '--memory-swap', str(96 << 20), '--cpuset-cpus', '0-1', '--pids-limit', '-1', c)
    changed = {'unified': {'memory.high': 'max', 'cpu.idle': '0'}, 'cpu': {'shares': 1024},
               'blockIO': {'throttleReadBpsDevice': [{'major': major, 'minor': minor, 'rate': 0}]}}
    runtime('update', '--resources', '-', c, input=json.dumps(changed))
    wanted.update({'memory.max': str(96 << 20), 'memory.swap.max': '0', 'cpuset.cpus': '0-1', 'pids.max': 'max', 'memory.high': 'max', 'cpu.weight': '39',
                   'io.max': f'{major}:{minor} rbps=max wbps=max riops=max wiops=500'})
    assert {name: read(f'{path}/{name}') for name in wanted} == wanted
    runtime('update', '--resources', '-', c, input=json.dumps({'cpu': {'idle': 1}}))
    assert read(f'{path}/cpu.idle') == '1'
    refused = runtime('update', '--resources', '-', c, input=json.dumps({'memory': {'limit': 4096, 'checkBeforeUpdate': True}}), check=False)
    assert refused.returncode == 1 and 'linux.resources.memory.limit: 4096 is below the current usage' in refused.stderr
    assert read(f'{path}/memory.max') == str(96 << 20)


@v2
@pytest.mark.parametrize('resources,text', [
    ({'memory': {'swappiness': 10}}, 'memory.swappiness: not on cgroup v2'),
    ({'memory': {'kernelTCP': 1 << 20}}, 'memory.kernelTCP: not on cgroup v2'),
    ({'memory': {'disableOOMKiller': True}}, 'memory.disableOOMKiller: not on cgroup v2'),
    ({'memory': {'swap': 1 << 20}}, 'memory.swap: needs memory.limit'),
    ({'cpu': {'realtimeRuntime': 1000}}, 'cpu.realtimeRuntime: not on cgroup v2'),
    ({'cpu': {'cpus': '4096'}}, 'cpu.cpus'),
    ({'network': {'classID': 1}}, 'network.classID'),
    ({'hugepageLimits': [{'pageSize': '3MB', 'limit': 1}]}, 'hugepageLimits'),
    ({'rdma': {'mlx5_0': {'hcaHandles': 1}}}, 'rdma'),
    ({'unified': {'no.such.file': '1'}}, 'unified'),
    ({'unified': {'cgroup.procs': '1'}}, 'unified'),
    ({'unified': {'../memory.max': '1'}}, 'unified')])
def test_bad_values_v2(bundle, resources, text):
    bundle.linux['resources'].update(resources)
    bundle.process['args'] = ['true']
    bundle.fails(f'linux.resources.{text}')


@v1
def test_controllers_v1(runtime, bundle):
    major, minor = map(int, loop_device().split(':'))
    bundle.process['args'] = ['sleep', '100']
    bundle.linux['resources'].update({
        'memory': {'limit': 64 << 20, 'swap': 80 << 20, 'reservation': 32 << 20, 'swappiness': 10, 'disableOOMKiller': True},
        'cpu': {'shares': 2048, 'quota': 30000, 'period': 60000, 'burst': 10000, 'cpus': '1', 'mems': '0'},
        'pids': {'limit': 77},
        'blockIO': {'throttleReadBpsDevice': [{'major': major, 'minor': minor, 'rate': 1 << 20}]}})
    c = runtime.start(bundle)
    wanted = {'memory/memory.limit_in_bytes': str(64 << 20), 'memory/memory.memsw.limit_in_bytes': str(80 << 20),
              'memory/memory.soft_limit_in_bytes': str(32 << 20), 'memory/memory.swappiness': '10', 'cpu/cpu.shares': '2048',
              'cpu/cpu.cfs_quota_us': '30000', 'cpu/cpu.cfs_period_us': '60000', 'cpu/cpu.cfs_burst_us': '10000', 'cpuset/cpuset.cpus': '1',
              'pids/pids.max': '77', 'blkio/blkio.throttle.read_bps_device': f'{major}:{minor} {1 << 20}'}

    def files():
        return {name: read(cgroup(runtime, c, name.split('/')[0]) + '/' + name.split('/')[1]) for name in wanted
                if os.path.exists(cgroup(runtime, c, name.split('/')[0]) + '/' + name.split('/')[1])}
    assert files() == {name: value for name, value in wanted.items() if name in files()} and len(files()) >= 9
    assert 'oom_kill_disable 1' in read(cgroup(runtime, c, 'memory') + '/memory.oom_control')
    runtime('update', '--memory', str(96 << 20), '--memory-swap', str(96 << 20), '--cpuset-cpus', '0-1', '--pids-limit', '-1', '--cpu-idle', '1', c)
    wanted.update({'memory/memory.limit_in_bytes': str(96 << 20), 'memory/memory.memsw.limit_in_bytes': str(96 << 20), 'cpuset/cpuset.cpus': '0-1',
                   'pids/pids.max': 'max', 'cpu/cpu.shares': files()['cpu/cpu.shares']})
    assert files() == {name: value for name, value in wanted.items() if name in files()}
    assert read(cgroup(runtime, c, 'cpu') + '/cpu.idle') == '1'


def test_events_tell_figures_pressure_and_lack_of_memory(runtime, bundle):
    bundle.linux['resources'].update({'memory': {'limit': 24 << 20, 'swap': 24 << 20}, 'pids': {'limit': 20}})
    c = runtime.start(bundle.shell('trap : TERM; while [ ! -e /tmp/go ]; do usleep 50000; done; '
                                   '(x=$(head -c 100000000 /dev/zero | tr "\\0" x); echo $x); sleep 100'))
    stats = json.loads(runtime('events', '--stats', c).stdout)
    assert stats['type'] == 'stats' and stats['id'] == c
    data = stats['data']
    assert data['memory']['usage']['limit'] == 24 << 20 and data['memory']['usage']['usage'] > 0 and data['pids']['limit'] == 20
    assert data['cpu']['usage']['total'] > 0
    if os.path.exists('/proc/pressure/cpu'):
        for part in ('cpu', 'memory', 'blkio'):
            assert set(data[part]['psi']) == {'some', 'full'} and set(data[part]['psi']['some']) == {'avg10', 'avg60', 'avg300', 'total'}
    events = subprocess.Popen([runtime.program, '--root', runtime.root, 'events', '--interval', '1s', c],
                              stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(events.stdout.readline())['type'] == 'stats'
        runtime('exec', c, 'touch', '/tmp/go')
        kinds = (json.loads(line) for line in events.stdout)
        assert next(e for e in kinds if e['type'] == 'oom') == {'type': 'oom', 'id': c}
    finally:
        events.kill()
        events.wait()
