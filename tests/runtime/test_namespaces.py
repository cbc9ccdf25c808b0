"""Mount namespaces that are not the container's own, and interfaces that move into its network namespace."""
import json, os, subprocess
import pytest
from conftest import mounts


def holder(*flags):
    """A process in namespaces of its own, ready when it has said so."""
    process = subprocess.Popen(['unshare', *flags, 'sh', '-c', 'echo ready; exec sleep 100'], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'ready\n'
    return process


@pytest.mark.parametrize('is_joined', [False, True])
def test_a_mount_namespace_of_others(runtime, bundle, tmp_path, is_joined):
    """The container is in it, sees its own root with everything mounted and masked, and mounts nothing there."""
    other = holder('--mount')
    try:
        pid = other.pid if is_joined else 'self'
        bundle.linux['namespaces'] = [n for n in bundle.linux['namespaces'] if n['type'] != 'mount']
        if is_joined:
            bundle.namespace('mount', f'/proc/{other.pid}/ns/mnt')
        (tmp_path / 'shared').mkdir()
        (tmp_path / 'shared' / 'file').write_text('from the host\n')
        bundle.config['mounts'].append({'destination': '/mnt', 'type': 'bind', 'source': str(tmp_path / 'shared'), 'options': ['rbind', 'ro']})
        before = open(f'/proc/{pid}/mountinfo').read()
        bundle.shell('cat /mnt/file; touch /mnt/x 2>&1 | grep -o "Read-only file system"; ls -d /../..; ls /dev/null /proc/self/stat; '
                     'cat /proc/timer_list; echo end; sleep 100')
        c = runtime.start(bundle)
        state = runtime.state(c)
        assert os.readlink(f'/proc/{state["pid"]}/ns/mnt') == os.readlink(f'/proc/{pid}/ns/mnt')
        assert open(f'/proc/{pid}/mountinfo').read() == before
        assert runtime('exec', c, 'ls', '/').stdout == runtime('exec', c, 'ls', '/../../..').stdout
        assert runtime('exec', c, 'cat', '/mnt/file').stdout == 'from the host\n'
        assert runtime('exec', c, 'sh', '-c', 'mkdir -p /tmp/c; chroot /tmp/c ls /', check=False).returncode != 0
        end = 'from the host\nRead-only file system\n/../..\n/dev/null\n/proc/self/stat\nend\n'
        assert open(f'{bundle.path}/out').read() == end
        runtime('delete', '--force', c)
        assert open(f'/proc/{pid}/mountinfo').read() == before and mounts(str(tmp_path)) == []
    finally:
        other.kill()
        other.wait()


def test_a_user_namespace_needs_its_own_mounts(bundle):
    bundle.linux['namespaces'] = [n for n in bundle.linux['namespaces'] if n['type'] != 'mount']
    bundle.namespace('user')
    bundle.linux['uidMappings'] = bundle.linux['gidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]
    bundle.fails('linux.namespaces: a new user namespace may not enter a mount namespace that is not its own')


# ---- network devices ----

def ip(*args):
    return subprocess.run(['ip', *args], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def host():
    """A network namespace that plays the host, so that the real one is left alone: commands in it."""
    process = holder('--net')
    prefix = ['nsenter', '--net', '--target', str(process.pid)]
    def run(*argv, check=True):
        return subprocess.run([*prefix, *argv], check=check, capture_output=True, text=True)
    run.prefix = prefix
    run('ip', 'link', 'add', 'mv0', 'address', '02:00:00:00:00:07', 'mtu', '1400', 'type', 'veth', 'peer', 'name', 'mv1')
    run('ip', 'address', 'add', '10.77.0.2/24', 'brd', '10.77.0.255', 'dev', 'mv0')
    run('ip', 'address', 'add', '10.77.0.3/24', 'dev', 'mv0', 'valid_lft', '100', 'preferred_lft', '100')
    run('ip', 'address', 'add', '10.88.0.4/24', 'dev', 'mv0', 'scope', 'link')
    run('ip', '-6', 'address', 'add', 'fd77::2/64', 'dev', 'mv0')
    yield run
    process.kill()
    process.wait()


def launched(runtime, bundle, host, check=True):
    """`run --detach` as the host's network sees it."""
    from conftest import RUNTIME
    c = runtime.id()
    bundle.process['args'] = ['sleep', '100']
    bundle.save()
    with open(f'{bundle.path}/out', 'w') as out:
        done = subprocess.run([*host.prefix, RUNTIME, '--root', runtime.root, 'run', '--detach', '--bundle', bundle.path, c],
                              stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    assert not check or done.returncode == 0, open(f'{bundle.path}/out').read()
    return (c, json.loads(subprocess.run(['nsenter', '--net', '--target', str(runtime.state(c)['pid']), 'ip', '-j', 'address'],
                                         check=True, capture_output=True).stdout)) if check else open(f'{bundle.path}/out').read()


def test_net_devices_move_with_their_addresses(runtime, bundle, host):
    """Permanent global addresses come along, others do not; MTU and hardware address stay; it is up under its new name."""
    bundle.linux['netDevices'] = {'mv0': {'name': 'eth7'}}
    bundle.linux['sysctl'] = {'net.ipv4.conf.eth7.rp_filter': '2'}
    c, links = launched(runtime, bundle, host)
    link = next(l for l in links if l['ifname'] == 'eth7')
    assert link['mtu'] == 1400 and link['address'] == '02:00:00:00:00:07' and 'UP' in link['flags']
    found = {(a['local'], a['prefixlen'], a.get('broadcast')) for a in link['addr_info'] if a['scope'] == 'global'}
    assert found == {('10.77.0.2', 24, '10.77.0.255'), ('fd77::2', 64, None)}
    assert 'mv0' not in host('ip', 'link').stdout
    assert runtime('exec', c, 'cat', '/proc/sys/net/ipv4/conf/eth7/rp_filter').stdout == '2\n'


def test_net_devices_of_a_joined_namespace(runtime, bundle, host):
    """A name that is taken there is an error and the device stays; a template gets the next free one."""
    other = holder('--net')
    try:
        subprocess.run(['nsenter', '--net', '--target', str(other.pid), 'ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'x9'], check=True)
        bundle.namespace('network', f'/proc/{other.pid}/ns/net')
        bundle.linux['netDevices'] = {'mv0': {'name': 'eth0'}}
        out = launched(runtime, bundle, host, check=False)
        assert 'linux.netDevices["mv0"].name: "eth0" exists in the container\'s network namespace' in out
        assert 'mv0' in host('ip', 'link').stdout and os.listdir(runtime.root) == []
        bundle.linux['netDevices'] = {'mv0': {'name': 'eth%d'}}
        c, links = launched(runtime, bundle, host)
        assert next(l for l in links if l['ifname'] == 'eth1')['address'] == '02:00:00:00:00:07'
        runtime('delete', '--force', c)  # the namespace lives on, and the device stays in it
        assert 'eth1' in subprocess.run(['nsenter', '--net', '--target', str(other.pid), 'ip', 'link'], capture_output=True, text=True).stdout
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize('devices,text', [
    ({'nosuch0': {}}, 'linux.netDevices["nosuch0"]: no such device'),
    ({'': {}}, 'linux.netDevices: "" is not the name of an interface'),
    ({'a/b': {}}, 'linux.netDevices: "a/b" is not the name of an interface'),
    ({'lo': {'name': 'x' * 16}}, 'linux.netDevices["lo"].name'),
    ({'lo': {'name': 'a%s'}}, 'linux.netDevices["lo"].name'),
])
def test_net_devices_refused(runtime, bundle, host, devices, text):
    bundle.linux['netDevices'] = devices
    assert text in launched(runtime, bundle, host, check=False)
    assert os.listdir(runtime.root if os.path.isdir(runtime.root) else bundle.path + '/rootfs/tmp') == []


def test_net_devices_need_a_namespace(bundle):
    bundle.linux['netDevices'] = {'lo': {}}
    bundle.linux['namespaces'] = [n for n in bundle.linux['namespaces'] if n['type'] != 'network']
    bundle.fails('linux.netDevices: needs a network namespace of its own')
