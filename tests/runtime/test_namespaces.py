"""Namespaces that are not the container's own, pods in a user namespace, and interfaces that move into its network namespace."""
import fcntl, json, os, subprocess, time
import pytest
from conftest import RUNTIME, mounts, shifted


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
        pid = other.pid
        bundle.linux['namespaces'] = [n for n in bundle.linux['namespaces'] if n['type'] != 'mount']
        if is_joined:
            bundle.namespace('mount', f'/proc/{other.pid}/ns/mnt')
        (tmp_path / 'shared').mkdir()
        (tmp_path / 'shared' / 'file').write_text('from the host\n')
        bundle.config['mounts'].append({'destination': '/mnt', 'type': 'bind', 'source': str(tmp_path / 'shared'), 'options': ['rbind', 'ro']})
        before = open(f'/proc/{pid}/mountinfo').read()
        bundle.shell('cat /mnt/file; touch /mnt/x 2>&1 | grep -o "Read-only file system"; ls -d /../..; ls /dev/null /proc/self/stat; '
                     'cat /proc/timer_list; echo end; sleep 100')
        if is_joined:
            c = runtime.start(bundle)
        else:
            c = runtime.id()
            bundle.save()
            with open(f'{bundle.path}/out', 'w') as out:
                subprocess.run(['nsenter', '--mount', '--target', str(pid), RUNTIME, '--root', runtime.root, 'run', '--detach', '--bundle', bundle.path, c],
                               check=True, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
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


# ---- user namespaces that are joined ----

def namespace(pid, kind):
    return os.readlink(f'/proc/{pid}/ns/{kind}')


def owner(pid, kind):
    """The user namespace that a namespace belongs to."""
    with open(f'/proc/{pid}/ns/{kind}') as f:
        fd = fcntl.ioctl(f, 0xb701)  # NS_GET_USERNS
    try:
        return os.readlink(f'/proc/self/fd/{fd}')
    finally:
        os.close(fd)


def wait_for_sleep(pid):
    """The shell has come to its end and has executed sleep."""
    while b'sleep' not in open(f'/proc/{pid}/cmdline', 'rb').read().split(b'\0')[0]:
        time.sleep(0.01)


@pytest.fixture
def pod(runtime):
    """The first container of a pod that has a user namespace: its pid."""
    infra = runtime.bundle()
    shifted(infra)
    infra.process['args'] = ['sleep', '1000']
    return runtime.state(runtime.start(infra))['pid']


def member(bundle, pod, joined=('user', 'ipc', 'net', 'uts')):
    """A container of the pod, as Podman and the kubelet's runtimes ask for it."""
    shifted(bundle)
    bundle.linux['uidMappings'] = bundle.linux['gidMappings'] = []
    del bundle.linux['seccomp']  # it has no mount, as it is printed
    for kind in joined:
        bundle.namespace({'net': 'network', 'mnt': 'mount'}.get(kind, kind), f'/proc/{pod}/ns/{kind}')
    bundle.shell('echo $$; cat /proc/self/uid_map; stat -c %u:%g /dev/mqueue /proc/1/status /bin/busybox; cat /proc/self/oom_score_adj; '
                 'echo x > /dev/null && exec sleep 1000')
    bundle.process['oomScoreAdj'] = 123
    return joined


@pytest.mark.parametrize('command', ['run', 'create'])
@pytest.mark.parametrize('joined', [('user', 'ipc', 'net', 'uts'), ('user', 'ipc', 'net', 'uts', 'pid'), ('user',), ('user', 'ipc', 'net', 'uts', 'mnt', 'cgroup')])
def test_a_pod_in_a_user_namespace(runtime, bundle, pod, joined, command):
    """What is joined is the pod's, what is new belongs to the pod's user namespace; exec, pause, kill and delete as ever."""
    member(bundle, pod, joined)
    if command == 'run':
        c = runtime.start(bundle)
    else:
        c = runtime.id()
        with open(f'{bundle.path}/out', 'w') as out:
            runtime('create', '--bundle', bundle.path, c, bundle=bundle, stdout=out, stderr=out)
        assert runtime.status(c) == 'created'
        runtime('start', c)
    pid = runtime.state(c)['pid']
    for kind in ('user', 'ipc', 'net', 'uts', 'pid', 'mnt', 'cgroup'):
        assert (namespace(pid, kind) == namespace(pod, kind)) == (kind in joined), kind
        if kind != 'user':
            assert owner(pid, kind) == namespace(pod, 'user'), kind
    wait_for_sleep(pid)
    own, *rest = open(f'{bundle.path}/out').read().split()
    assert (own == '1') == ('pid' not in joined)
    assert rest == ['0', '100000', '65536', '0:0', '0:0', '0:0', '123']
    assert runtime('exec', c, 'sh', '-c', 'id -u; readlink /proc/self/ns/pid').stdout.split() == ['0', namespace(pid, 'pid')]
    if 'mnt' not in joined:
        assert runtime('exec', c, 'sh', '-c', 'mkdir /tmp/made; mount -t tmpfs t /tmp/made && echo mounted').stdout == 'mounted\n'
    runtime('pause', c)
    assert runtime.status(c) == 'paused'
    runtime('resume', c)
    runtime('kill', c, 'KILL')
    runtime.wait_status(c, 'stopped')
    runtime('delete', c)
    assert os.path.exists(f'/proc/{pod}') and len(os.listdir(runtime.root)) == 1


def test_a_foreground_member_of_a_pod(runtime, bundle, pod):
    member(bundle, pod)
    result = bundle.shell('id -u; exit 7').run(check=False)
    assert (result.returncode, result.stdout) == (7, '0\n')


def test_a_user_namespace_that_cannot_be_joined(runtime, bundle):
    """One's own is such; nothing is left behind (the fixture looks)."""
    bundle.namespace('user', '/proc/self/ns/user')
    bundle.fails('linux.namespaces: joining by path: invalid argument')
    assert os.listdir(runtime.root) == []


def test_a_new_user_namespace_in_a_network_of_the_host(runtime, bundle):
    """What belongs to the host is joined before its privileges are given up."""
    other = holder('--net')
    try:
        shifted(bundle)
        bundle.namespace('network', f'/proc/{other.pid}/ns/net')
        bundle.without('/sys', '/sys/fs/cgroup')
        bundle.process['args'] = ['sleep', '100']
        pid = runtime.state(runtime.start(bundle))['pid']
        assert namespace(pid, 'net') == namespace(other.pid, 'net')
        assert owner(pid, 'pid') == owner(pid, 'ipc') == namespace(pid, 'user') != namespace('self', 'user')
    finally:
        other.kill()
        other.wait()


def test_idmapped_mount_of_a_pod(runtime, bundle, pod, tmp_path):
    """Without mappings of its own a mount has those of the user namespace that is joined."""
    member(bundle, pod)
    (tmp_path / 'shared').mkdir()
    bundle.config['mounts'].append({'destination': '/mnt', 'type': 'bind', 'source': str(tmp_path / 'shared'), 'options': ['rbind', 'idmap']})
    assert bundle.output('stat -c %u:%g /mnt') == '0:0\n'


def may_raise_limits():
    """CAP_SYS_RESOURCE, which not every test machine has."""
    return subprocess.run(['prlimit', '--nofile=10:10', 'prlimit', '--nofile=10:11', 'true'], capture_output=True).returncode == 0


@pytest.mark.parametrize('is_joined', [False, True])
def test_what_only_the_host_may_do_for_a_user_namespace(runtime, bundle, pod, is_joined):
    """Limits above the runtime's own and the oom score are set from outside; an ipc namespace's files have an owner."""
    if is_joined:
        member(bundle, pod, ('user',))
    else:
        shifted(bundle)
    bundle.process['oomScoreAdj'] = 321
    limits = '3000\n4000\n' if may_raise_limits() else '1000\n1000\n'
    bundle.process['rlimits'] = [{'type': 'RLIMIT_NOFILE', 'soft': 3000, 'hard': 4000}] if may_raise_limits() else []
    script = 'ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; stat -c %u /dev/mqueue'
    bundle.shell(f'{script}; exec sleep 1000').save()
    c = runtime.id()
    with open(f'{bundle.path}/out', 'w') as out:
        subprocess.run(['prlimit', '--nofile=1000:1000', RUNTIME, '--root', runtime.root, 'run', '--detach', '--bundle', bundle.path, c],
                       check=True, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    wait_for_sleep(runtime.state(c)['pid'])
    done = subprocess.run(['prlimit', '--nofile=1000:1000', RUNTIME, '--root', runtime.root, 'exec', c, 'sh', '-c', script],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stdout + done.stderr == open(f'{bundle.path}/out').read() == f'{limits}321\n0\n'


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
