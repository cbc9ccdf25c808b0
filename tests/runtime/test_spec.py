"""Fields of config.json have their effect, or are refused by name."""
import ctypes, json, os, socket, subprocess
import pytest
from conftest import hybrid


def value(bundle, script, **kwargs):
    return bundle.output(script, **kwargs).strip()


def test_namespaces_are_new(bundle):
    inside = value(bundle, 'for n in cgroup ipc mnt net pid uts; do readlink /proc/self/ns/$n; done').split()
    for line, name in zip(inside, ('cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts')):
        assert line != os.readlink(f'/proc/self/ns/{name}'), name
    assert value(bundle, 'echo $$; hostname') == '1\nminato'


def test_namespaces_are_joined_by_path(runtime, bundle):
    bundle.process['args'] = ['sleep', '100']
    pid = runtime.state(runtime.start(bundle))['pid']
    second = runtime.bundle()
    for kind, file in (('network', 'net'), ('ipc', 'ipc'), ('uts', 'uts'), ('pid', 'pid')):
        second.namespace(kind, f'/proc/{pid}/ns/{file}')
    second.config['hostname'] = ''
    out = value(second, 'for n in net ipc uts pid; do readlink /proc/self/ns/$n; done').split()
    assert out == [os.readlink(f'/proc/{pid}/ns/{n}') for n in ('net', 'ipc', 'uts', 'pid')]
    second.namespace('network', f'/proc/{pid}/ns/ipc')
    second.fails('is not a network namespace')


def test_root_and_network_by_descriptor(runtime, bundle):
    """What Minato's shim does: a detached mount as fd 10, a network namespace as fd 11."""
    libc = ctypes.CDLL(None, use_errno=True)
    mount = libc.syscall(428, -100, bundle.root.encode(), 1 | 0o2000000 | 0x8000)  # open_tree, a clone
    assert mount >= 0
    holder = subprocess.Popen(['unshare', '-n', 'sh', '-c', 'echo; sleep 100'], stdout=subprocess.PIPE)
    holder.stdout.readline()
    ns = os.open(f'/proc/{holder.pid}/ns/net', os.O_RDONLY)
    try:
        def place():
            high = os.dup(mount), os.dup(ns)
            os.dup2(high[0], 10)
            os.dup2(high[1], 11)
        bundle.config['root']['path'] = '/proc/self/fd/10'
        bundle.namespace('network', '/proc/self/fd/11')
        assert value(bundle, 'readlink /proc/self/ns/net; ls /proc/self/fd | wc -l', pass_fds=(10, 11), preexec_fn=place) == \
            f'{os.readlink(f"/proc/{holder.pid}/ns/net")}\n4'
    finally:
        for fd in (mount, ns):
            os.close(fd)
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_user_namespace(bundle):
    bundle.namespace('user')
    maps = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]
    bundle.linux['uidMappings'] = bundle.linux['gidMappings'] = maps
    os.chmod(bundle.path, 0o755)
    for d in (bundle.path, os.path.dirname(bundle.path), os.path.dirname(os.path.dirname(bundle.path))):
        os.chmod(d, 0o755)
    subprocess.run(['chown', '-hR', '100000:100000', bundle.root], check=True)
    bundle.without('/sys/fs/cgroup')
    out = value(bundle, 'id -u; cat /proc/self/uid_map; ls -ld /bin | cut -d" " -f5; echo x > /dev/null; grep CapEff /proc/self/status')
    assert out.split()[:4] == ['0', '0', '100000', '65536'] and 'CapEff:\t00000000a80425fb' in out
    bundle.linux['uidMappings'] = maps + [{'containerID': 10, 'hostID': 300000, 'size': 5}]
    bundle.fails('linux.uidMappings[1]: overlaps [0]')


def test_idmapped_mount(bundle, tmp_path):
    source = tmp_path / 'source'
    source.mkdir()
    (source / 'file').write_text('x')
    os.chown(source / 'file', 5000, 5000)
    maps = [{'containerID': 5000, 'hostID': 7000, 'size': 1}]
    bundle.config['mounts'].append({'destination': '/mnt', 'type': 'bind', 'source': str(source), 'options': ['rbind'],
                                    'uidMappings': maps, 'gidMappings': maps})
    assert value(bundle, 'stat -c %u:%g /mnt/file') == '7000:7000'
    bundle.config['mounts'][-1]['gidMappings'] = []
    bundle.fails('uidMappings and gidMappings come together')


@pytest.mark.parametrize('option,below', [('ridmap', '7000:7000'), ('idmap', '5000:5000')])
def test_idmapped_mount_below(bundle, tmp_path, option, below):
    """`ridmap` reaches the mounts below the source, `idmap` does not."""
    source = tmp_path / 'source'
    (source / 'sub').mkdir(parents=True)
    (tmp_path / 'other').mkdir()
    subprocess.run(['mount', '--bind', tmp_path / 'other', source / 'sub'], check=True)
    try:
        for path in (source / 'file', source / 'sub' / 'file'):
            path.write_text('x')
            os.chown(path, 5000, 5000)
        maps = [{'containerID': 5000, 'hostID': 7000, 'size': 1}]
        bundle.config['mounts'].append({'destination': '/mnt', 'type': 'bind', 'source': str(source), 'options': ['rbind', option],
                                        'uidMappings': maps, 'gidMappings': maps})
        assert value(bundle, 'stat -c %u:%g /mnt/file /mnt/sub/file').split() == ['7000:7000', below]
    finally:
        subprocess.run(['umount', source / 'sub'], check=True)


def test_idmap_without_mappings(bundle, tmp_path):
    """There is nothing to map with: an error, as the specification says."""
    bundle.config['mounts'].append({'destination': '/mnt', 'type': 'bind', 'source': str(tmp_path), 'options': ['rbind', 'idmap']})
    bundle.shell('true').fails('mounts[7]')


def test_cpu_affinity_of_exec(runtime, bundle):
    """execCPUAffinity is for exec alone: `final` is where the process runs."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip('one processor')
    bundle.process['execCPUAffinity'] = {'initial': str(cpus[0]), 'final': str(cpus[1])}
    bundle.shell('grep Cpus_allowed_list /proc/self/status; sleep 100')
    c = runtime.start(bundle)
    look = lambda *args: runtime('exec', *args, c, *([] if args else ['grep', 'Cpus_allowed_list', '/proc/self/status'])).stdout.split()[1]
    assert look() == str(cpus[1])
    assert open(f'{bundle.path}/out').read().split()[1] != str(cpus[1])
    process = {'args': ['grep', 'Cpus_allowed_list', '/proc/self/status'], 'cwd': '/', 'env': ['PATH=/bin'], 'user': {'uid': 0, 'gid': 0},
               'execCPUAffinity': {'final': str(cpus[0])}}
    with open(f'{bundle.path}/process.json', 'w') as f:
        json.dump(process, f)
    assert look('--process', f'{bundle.path}/process.json') == str(cpus[0])


def test_time_namespace(bundle):
    bundle.namespace('time')
    bundle.linux['timeOffsets'] = {'boottime': {'secs': 1000000, 'nanosecs': 5}, 'monotonic': {'secs': 100}}
    up = float(open('/proc/uptime').read().split()[0])
    assert up + 1000000 - 5 < float(value(bundle, 'cut -d" " -f1 /proc/uptime')) < up + 1000000 + 60


def test_mount_options(bundle, tmp_path):
    source = tmp_path / 'source'
    (source / 'sub').mkdir(parents=True)
    def add(destination, options, source_path=str(source), kind='bind'):
        bundle.config['mounts'].append({'destination': destination, 'type': kind, 'source': source_path, 'options': options})
    add('/ro', ['rbind', 'ro', 'nosuid', 'nodev', 'noexec', 'noatime'])
    add('/rro', ['rbind', 'rro'])
    add('/t', ['ro', 'size=1m', 'mode=0700', 'nosymfollow'], 'tmpfs', 'tmpfs')
    add('/etc/one', ['bind'], str(source / 'file'))
    add('/a/b/c', ['bind', 'rprivate'])
    (source / 'file').write_text('one')
    (tmp_path / 'bundle1').exists()
    out = value(bundle, 'grep -E " /(ro|rro|t|a/b/c|etc/one) " /proc/mounts; cat /etc/one; touch /ro/x; touch /rro/sub/x; touch /a/b/c/ok', check=False)
    lines = {line.split()[1]: line.split()[3].split(',') for line in out.splitlines() if line.count(' ') > 3}
    assert {'ro', 'nosuid', 'nodev', 'noexec', 'noatime'} <= set(lines['/ro'])
    assert 'ro' in lines['/rro'] and {'ro', 'mode=700', 'nosymfollow'} <= set(lines['/t'])
    assert 'one' in out and (source / 'ok').exists() and not (source / 'x').exists()


def test_a13_recursive_readonly(bundle, tmp_path):
    """A13: a submount of a recursively read-only bind is read-only too; "ro" alone is not recursive."""
    source = tmp_path / 'source'
    (source / 'sub').mkdir(parents=True)
    subprocess.run(['mount', '-t', 'tmpfs', 'x', str(source / 'sub')], check=True)
    try:
        for options, result in ((['rbind', 'ro'], 'written'), (['rbind', 'rro'], 'refused')):
            bundle.without('/v').config['mounts'].append({'destination': '/v', 'type': 'bind', 'source': str(source), 'options': options})
            assert value(bundle, 'touch /v/sub/x 2>/dev/null && echo written || echo refused') == result
    finally:
        subprocess.run(['umount', str(source / 'sub')], check=True)


def test_tmpcopyup(bundle):
    with open(f'{bundle.root}/etc/data', 'w') as f:
        f.write('kept')
    os.symlink('/canary', f'{bundle.root}/etc/link')
    os.chown(f'{bundle.root}/etc/data', 12, 13)
    bundle.config['mounts'].append({'destination': '/etc', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['tmpcopyup']})
    assert value(bundle, 'cat /etc/data; stat -c " %u:%g" /etc/data; readlink /etc/link; touch /etc/new') == 'kept 12:13\n/canary'
    assert not os.path.exists(f'{bundle.root}/etc/new')


def test_readonly_root(bundle):
    bundle.config['root']['readonly'] = True
    assert value(bundle, 'touch /x 2>&1; touch /dev/x && echo ok') == 'touch: /x: Read-only file system\nok'


@pytest.mark.parametrize('kind', ['private', 'slave', 'shared', 'unbindable'])
def test_rootfs_propagation(bundle, kind):
    bundle.linux['rootfsPropagation'] = kind
    fields = value(bundle, 'head -1 /proc/self/mountinfo').split(' - ')[0]
    assert {'private': 'shared' not in fields and 'master' not in fields, 'slave': 'shared' not in fields,
            'shared': 'shared:' in fields, 'unbindable': 'unbindable' in fields}[kind], fields


def test_masked_and_readonly_paths(bundle):
    os.makedirs(f'{bundle.root}/secret/dir')
    with open(f'{bundle.root}/secret/file', 'w') as f:
        f.write('secret')
    with open(f'{bundle.root}/secret/dir/file', 'w') as f:
        f.write('secret')
    bundle.linux['maskedPaths'] += ['/secret/file', '/secret/dir', '/missing']
    bundle.linux['readonlyPaths'] += ['/tmp']
    assert value(bundle, 'cat /secret/file; ls /secret/dir; cat /proc/keys; ls /sys/firmware; touch /tmp/x 2>/dev/null || echo ro; '
                         'echo 1 > /proc/sys/kernel/pid_max || echo ro; stat -c %t:%T /secret/file', stderr=subprocess.DEVNULL) == 'ro\nro\n1:3'


def test_devices(bundle):
    bundle.linux['devices'] = [{'path': '/dev/fuse', 'type': 'c', 'major': 10, 'minor': 229, 'fileMode': 0o666, 'uid': 5, 'gid': 6},
                               {'path': '/dev/sub/pipe', 'type': 'p'}]
    assert value(bundle, 'stat -c "%t:%T %u:%g %a" /dev/fuse; test -p /dev/sub/pipe && echo pipe; ls /dev | sort | tr "\\n" " "') == \
        'a:e5 5:6 666\npipe\nfd full fuse mqueue null ptmx pts random shm stderr stdin stdout sub tty urandom zero'


def test_b17_device_access(runtime, bundle):
    """B17: nodes can be made but not opened, also after an update of the limits."""
    script = ('mknod /tmp/mem c 1 1; mknod /tmp/zero c 1 5; mknod /tmp/fuse c 10 229; '
              'for d in mem zero fuse; do (: < /tmp/$d) 2>/dev/null && echo $d open || echo $d refused; rm /tmp/$d; done')
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    for _ in range(2):
        assert runtime('exec', c, 'sh', '-c', script).stdout.split('\n')[:3] == ['mem refused', 'zero open', 'fuse refused']
        runtime('update', '--memory', str(64 << 20), c)
    privileged = runtime.bundle()
    privileged.linux['resources']['devices'] = [{'allow': True, 'access': 'rwm'}]
    assert 'fuse open' in value(privileged, script)


def test_capabilities(bundle):
    caps = bundle.process['capabilities']
    caps['ambient'] = caps['inheritable'] = ['CAP_NET_RAW']
    bundle.process['user']['uid'] = 1000
    out = value(bundle, 'grep Cap /proc/self/status')
    assert 'CapInh:\t0000000000002000' in out and 'CapAmb:\t0000000000002000' in out and 'CapEff:\t0000000000002000' in out
    caps['bounding'].append('CAP_NOSUCH')  # the specification wants a warning here, not an error
    result = bundle.shell('true').run()
    assert 'warning: process.capabilities.bounding: unknown capability "CAP_NOSUCH" is left out' in result.stderr


def test_b4_b5_credentials(bundle):
    """B4: inheritable and ambient sets are empty, a plain user has nothing. B5: the primary group is always a member."""
    out = value(bundle, 'grep Cap /proc/self/status')
    assert 'CapInh:\t0000000000000000' in out and 'CapAmb:\t0000000000000000' in out and 'CapEff:\t00000000a80425fb' in out
    bundle.process['user'] = {'uid': 1000, 'gid': 1000, 'additionalGids': [2000]}
    with open(f'{bundle.root}/tmp/denied', 'w') as f:
        f.write('x')
    os.chown(f'{bundle.root}/tmp/denied', 0, 1000)
    os.chmod(f'{bundle.root}/tmp/denied', 0o604)
    out = value(bundle, 'grep -E "CapPrm|CapEff" /proc/self/status; id -G; cat /tmp/denied 2>/dev/null || echo refused')
    assert out.count('0000000000000000') == 2 and '1000 2000' in out and out.endswith('refused')


def test_rlimits(bundle):
    bundle.process['rlimits'] = [{'type': 'RLIMIT_NOFILE', 'soft': 100, 'hard': 200}]
    assert value(bundle, 'grep "open files" /proc/self/limits').split()[3:5] == ['100', '200']
    bundle.process['rlimits'] = [{'type': 'RLIMIT_NOFILE', 'soft': 1 << 40, 'hard': 1 << 40}]
    result = bundle.shell('ulimit -n').run()
    assert int(result.stdout) > 100
    if 'clamped' not in result.stderr:
        assert os.path.exists('/proc/self/status')
    bundle.process['rlimits'] = [{'type': 'RLIMIT_NOSUCH', 'soft': 1, 'hard': 2}]
    bundle.fails('process.rlimits[0].type')
    bundle.process['rlimits'] = [{'type': 'RLIMIT_CORE', 'soft': 3, 'hard': 2}]
    bundle.fails('process.rlimits[0]: soft is above hard')


def test_sysctl(bundle):
    bundle.linux['sysctl'] = {'net.ipv4.ip_forward': '1', 'kernel.shmmax': '123456', 'net.ipv4.conf.lo.rp_filter': '2'}
    assert value(bundle, 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax /proc/sys/net/ipv4/conf/lo/rp_filter') == '1\n123456\n2'


@pytest.mark.parametrize('name,sysctl', [
    ('kernel.core_pattern', '|/x'), ('net/../kernel/core_pattern', 'x'), ('net.ipv4/../../kernel.panic', '1'),
    ('net.ipv4.ip_forward', '1\n2'), ('kernel.hostname', 'x'), ('fs.file-max', '1'), ('', 'x'), ('/proc/sys/kernel/panic', '1')])
def test_b15_sysctl_of_the_host(bundle, name, sysctl):
    """B15: only what belongs to the container's own namespaces."""
    before = open('/proc/sys/kernel/core_pattern').read()
    bundle.linux['sysctl'] = {name: sysctl}
    bundle.fails('linux.sysctl')
    assert open('/proc/sys/kernel/core_pattern').read() == before


def test_scheduling(bundle):
    bundle.process['oomScoreAdj'] = 300
    bundle.process['ioPriority'] = {'class': 'IOPRIO_CLASS_IDLE', 'priority': 0}
    bundle.process['scheduler'] = {'policy': 'SCHED_BATCH', 'nice': 5}
    bundle.linux['personality'] = {'domain': 'LINUX32'}
    assert value(bundle, 'cat /proc/self/oom_score_adj; uname -m; cut -d" " -f19,41 /proc/self/stat').split() == ['300', 'i686', '5', '3']
    bundle.process['scheduler'] = {'policy': 'SCHED_NOSUCH'}
    bundle.fails('process.scheduler.policy')


def test_umask_cwd_env(bundle):
    bundle.process['user']['umask'] = 0o077
    bundle.process['cwd'] = '/made/by/runtime'
    bundle.process['env'] = ['PATH=/bin', 'A=b c']
    assert value(bundle, 'umask; pwd; echo $A; echo $HOME') == '0077\n/made/by/runtime\nb c\n/root'


def test_no_new_privileges(bundle):
    bundle.process['noNewPrivileges'] = False
    assert 'NoNewPrivs:\t0' in value(bundle, 'grep NoNewPrivs /proc/self/status')
    bundle.process['noNewPrivileges'] = True
    assert 'NoNewPrivs:\t1' in value(bundle, 'grep NoNewPrivs /proc/self/status')


def test_security_labels_without_a_module(bundle):
    if not os.path.exists('/sys/kernel/security/apparmor'):
        bundle.process['apparmorProfile'] = 'docker-default'
        bundle.fails('process.apparmorProfile: this kernel has no AppArmor')
        bundle.process['apparmorProfile'] = 'unconfined'
        bundle.shell('true').run()


def test_seccomp_rules(bundle):
    bundle.linux['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_X86_64'], 'syscalls': [
        {'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 28},
        {'names': ['kill'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 17, 'args': [{'index': 1, 'value': 10, 'op': 'SCMP_CMP_EQ'}]},
        {'names': ['nosuchcall'], 'action': 'SCMP_ACT_KILL'}]}
    out = value(bundle, 'mkdir /tmp/x 2>&1; kill -10 1 2>&1; kill -0 1 && echo alive')
    assert 'No space left' in out and 'File exists' in out and out.endswith('alive')
    bundle.linux['seccomp']['syscalls'][1]['args'][0]['op'] = 'SCMP_CMP_X'
    bundle.fails('linux.seccomp.syscalls[1].args[0].op')
    bundle.linux['seccomp'] = {'defaultAction': 'SCMP_ACT_NOSUCH'}
    bundle.fails('linux.seccomp.defaultAction')


def test_seccomp_built_in_by_annotation(bundle):
    del bundle.linux['seccomp']
    bundle.config['annotations'] = {'io.minato.seccomp': 'default'}
    out = value(bundle, 'grep Seccomp: /proc/self/status; mount -t tmpfs x /tmp 2>&1; hostname other 2>&1; true')
    assert 'Seccomp:\t2' in out and 'permission denied' in out and 'not permitted' in out


def test_working_directory_of_others(runtime, bundle):
    """One that only the runtime may enter is entered with its privileges, as runc does it; with them gone it is of no more use than to others."""
    os.mkdir(f'{bundle.root}/private', 0o700)
    bundle.process['user'] = {'uid': 1000, 'gid': 1000}
    bundle.process['cwd'] = '/private'
    assert 'ermission denied' in value(bundle, 'pwd; ls 2>&1; true')
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    assert runtime('exec', '--user', '1000:1000', c, 'sh', '-c', 'pwd').stdout == '/private\n'


class Agent:
    """What listens at linux.seccomp.listenerPath: the next state that is sent, with the descriptor checked and closed."""

    def __init__(self, path):
        self.path, self.listener = path, socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(4)  # the runtime does not wait for us: states queue up here
        self.listener.settimeout(10)

    def state(self):
        connection, _ = self.listener.accept()
        with connection:
            data, fds, _, _ = socket.recv_fds(connection, 65536, 1)
        try:
            assert 'seccomp' in os.readlink(f'/proc/self/fd/{fds[0]}')
        finally:
            os.close(fds[0])
        return json.loads(data)


@pytest.fixture
def agent(tmp_path):
    a = Agent(str(tmp_path / 'agent.sock'))
    yield a
    a.listener.close()


def notifying(bundle, agent, *names):
    bundle.linux['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': agent.path, 'listenerMetadata': 'meta',
                               'syscalls': [{'names': list(names) or ['swapon'], 'action': 'SCMP_ACT_NOTIFY'}]}


@pytest.mark.parametrize('command', ['run', 'create'])
def test_seccomp_listener(runtime, bundle, agent, command):
    """The agent gets the descriptor with the state of the container, and again with each exec."""
    notifying(bundle, agent)
    bundle.process['args'] = ['sleep', '100']
    c = runtime.id()
    with open(f'{bundle.path}/out', 'w') as out:
        runtime(command, *(['--detach'] if command == 'run' else []), '--bundle', bundle.path, c, bundle=bundle, stdout=out, stderr=out)
    if command == 'create':
        runtime('start', c)
    pid = runtime.state(c)['pid']
    state = agent.state()
    assert state['fds'] == ['seccompFd'] and state['metadata'] == 'meta'
    assert state['pid'] == state['state']['pid'] == pid
    assert state['state']['id'] == c and state['state']['status'] == 'creating' and state['state']['bundle'] == bundle.path
    runtime('exec', '--detach', '--pid-file', f'{bundle.path}/pid', c, 'sleep', '100', stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    state, exec_pid = agent.state(), int(open(f'{bundle.path}/pid').read())
    assert state['fds'] == ['seccompFd'] and state['metadata'] == 'meta'
    assert (state['pid'], state['state']['pid'], state['state']['status']) == (exec_pid, pid, 'running') and exec_pid != pid
    assert 'Seccomp:\t2' in open(f'/proc/{exec_pid}/status').read()
    assert os.listdir(f'/proc/{exec_pid}/fd') == ['0', '1', '2']
    agent.listener.close()
    failed = runtime('exec', c, 'true', check=False)
    assert failed.returncode == 255 and 'linux.seccomp.listenerPath' in failed.stderr


def test_seccomp_listener_refused(bundle, agent):
    notifying(bundle, agent, 'swapon', 'sendmsg')
    bundle.process['args'] = ['true']
    bundle.fails('linux.seccomp.syscalls[0].action: SCMP_ACT_NOTIFY is not possible for sendmsg')
    notifying(bundle, agent)
    bundle.linux['seccomp']['defaultAction'] = 'SCMP_ACT_NOTIFY'
    bundle.fails('linux.seccomp.defaultAction: SCMP_ACT_NOTIFY')
    bundle.linux['seccomp']['defaultAction'] = 'SCMP_ACT_ALLOW'
    del bundle.linux['seccomp']['listenerPath']
    bundle.fails('linux.seccomp.listenerMetadata: needs a listenerPath')
    del bundle.linux['seccomp']['listenerMetadata']
    bundle.fails('linux.seccomp.listenerPath')


def test_cgroup_limits(bundle):
    bundle.linux['resources'].update({'memory': {'limit': 32 << 20, 'reservation': 16 << 20}, 'cpu': {'shares': 512, 'quota': 50000, 'period': 100000},
                                      'pids': {'limit': 30}})
    if hybrid() and os.path.exists('/sys/dev/block/254:0'):
        bundle.linux['resources']['blockIO'] = {'throttleReadBpsDevice': [{'major': 254, 'minor': 0, 'rate': 1048576}]}
    if hybrid():
        out = value(bundle, 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory/memory.soft_limit_in_bytes cpu/cpu.shares '
                            'cpu/cpu.cfs_quota_us pids/pids.max blkio/blkio.throttle.read_bps_device')
        assert out.split()[:5] == [str(32 << 20), str(16 << 20), '512', '50000', '30']
        assert 'blockIO' not in bundle.linux['resources'] or out.split()[5:] == ['254:0', '1048576']
    else:
        out = value(bundle, 'cd /sys/fs/cgroup; cat memory.max memory.low cpu.weight cpu.max pids.max')
        assert out.split() == [str(32 << 20), str(16 << 20), '20', '50000', '100000', '30']


def test_hugepage_limits(runtime, bundle):
    """The limit is one of use and of reservations, wherever the controller is."""
    bundle.linux['resources']['hugepageLimits'] = [{'pageSize': '2MB', 'limit': 4 << 20}]
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    paths = json.load(open(f'{runtime.root}/{c}/state.json'))['cgroupPaths'].values()
    found = [open(f'{path}/{name}').read() for path in paths for name in os.listdir(path)
             if name in ('hugetlb.2MB.max', 'hugetlb.2MB.rsvd.max', 'hugetlb.2MB.limit_in_bytes', 'hugetlb.2MB.rsvd.limit_in_bytes')]
    assert found == [f'{4 << 20}\n'] * 2


def test_memory_limit_kills(bundle):
    bundle.linux['resources']['memory'] = {'limit': 8 << 20, 'swap': 8 << 20}
    assert bundle.shell('x=$(head -c 100000000 /dev/zero | tr "\\0" x); echo survived').run(check=False).stdout == ''


def test_tiny_memory_limit_starts(bundle):
    """512 KiB: the limit comes last, so setting up does not count against it."""
    bundle.linux['resources']['memory'] = {'limit': 512 << 10}
    bundle.process['args'] = ['true']
    assert bundle.run().returncode == 0


def test_pids_limit(bundle):
    bundle.linux['resources']['pids'] = {'limit': 5}
    result = bundle.shell('for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait; echo end').run(check=False)
    assert "can't fork" in result.stderr


@pytest.mark.parametrize('change,text', [
    ({'ociVersion': '2.0.0'}, 'ociVersion'), ({'ociVersion': '1.0'}, 'ociVersion'), ({'ociVersion': '1.x.0'}, 'ociVersion'), ({'ociVersion': '1.0.0x'}, 'ociVersion'), ({'ociVersion': 5}, 'ociVersion: expected string'), ({'process': None}, 'process: missing'),
    ({'root': None}, 'root: missing'), ({'mounts': [{'type': 'proc'}]}, 'mounts[0].destination'),
    ({'mounts': [{'destination': '/x', 'type': 'bind', 'source': '/nonexistent', 'options': ['bind']}]}, 'source "/nonexistent"'),
    ({'mounts': [{'destination': '/x', 'type': 'nosuchfs'}]}, 'mounts[0] ("/x"): type "nosuchfs"'),
    ({'mounts': [{'destination': '/x', 'type': 'tmpfs', 'options': ['nosuchoption=1']}]}, 'mounts[0] ("/x")'),
    ({'mounts': [{'destination': '/x', 'type': 'tmpfs', 'options': ['x' * 5000]}]}, 'longer than'),
    ({'mounts': [{'destination': '/x', 'type': 'tmpfs'}] * 10000}, 'mounts: more than'),
])
def test_bad_configurations(bundle, change, text):
    bundle.config.update(change)
    bundle.shell('true').fails(text)


@pytest.mark.parametrize('path,bad,text', [
    (('process', 'user', 'uid'), -1, 'process.user.uid'), (('process', 'user', 'uid'), 4294967295, 'process.user'),
    (('process', 'user', 'uid'), 1 << 63, 'process.user.uid'), (('process', 'user', 'uid'), '0', 'process.user.uid'),
    (('process', 'args'), [], 'process.args'), (('process', 'cwd'), 'relative', 'process.cwd'), (('process', 'env'), ['NOEQUALS'], 'process.env[0]'),
    (('process', 'oomScoreAdj'), 5000, 'process.oomScoreAdj'), (('linux', 'namespaces'), [{'type': 'nosuch'}], 'linux.namespaces[0].type'),
    (('linux', 'namespaces'), [{'type': 'pid'}, {'type': 'pid'}], 'linux.namespaces[1].type'),
    (('linux', 'namespaces'), [{'type': 'network', 'path': '/nonexistent'}], 'linux.namespaces[0].path'),
    (('linux', 'cgroupsPath'), 'a/../../b', 'linux.cgroupsPath'), (('linux', 'maskedPaths'), ['relative'], 'linux.maskedPaths'),
    (('linux', 'rootfsPropagation'), 'nosuch', 'linux.rootfsPropagation'), (('linux', 'intelRdt'), {'closID': 'x'}, 'linux.intelRdt: no resctrl file system is mounted'),
    (('linux', 'intelRdt'), {'closID': '../x'}, 'linux.intelRdt.closID'), (('linux', 'mountLabel'), 'system_u:x', 'linux.mountLabel: '),
    (('linux', 'resources', 'blockIO'), {'leafWeight': 10}, 'linux.resources.blockIO.leafWeight'),
    (('linux', 'resources', 'blockIO'), {'weightDevice': [{'major': 8, 'minor': 0, 'leafWeight': 10}]}, 'linux.resources.blockIO.weightDevice.leafWeight'),
    (('linux', 'resources', 'devices'), [{'allow': True, 'type': 'x'}], 'linux.resources.devices[0].type'),
    (('linux', 'resources', 'memory'), {'limit': 1e30}, 'linux.resources.memory.limit'),
    (('linux', 'resources', 'unified'), {'../x': '1'}, 'linux.resources.unified'),
    (('linux', 'timeOffsets'), {'monotonic': {'secs': 1}}, 'linux.timeOffsets'),
    (('linux', 'devices'), [{'path': '/dev/x', 'type': 'q'}], 'linux.devices[0].type'),
    (('process', 'execCPUAffinity'), {'final': '0-9223372036854775807'}, 'process.execCPUAffinity.final'),
    (('linux', 'memoryPolicy'), {'mode': 'MPOL_BIND', 'nodes': '0-4294967295'}, 'linux.memoryPolicy.nodes'),
    (('linux', 'resources', 'memory'), {'limit': 1 << 63}, 'linux.resources.memory.limit'),
    (('linux', 'resources', 'pids'), {'limit': 'many'}, 'linux.resources.pids.limit'),
    (('linux', 'resources', 'cpu'), {'shares': -1}, 'linux.resources.cpu.shares'),
    (('linux', 'uidMappings'), [{'containerID': i * 2, 'hostID': 100000 + i * 2, 'size': 1} for i in range(10000)], 'linux.uidMappings: more than'),
    (('linux', 'gidMappings'), [{'containerID': 0, 'hostID': 4294967290, 'size': 10}], 'linux.gidMappings[0]: empty or past the last id'),
    (('linux', 'sysctl'), {'net.ipv4.ip_forward': 1}, 'linux.sysctl'), (('linux', 'maskedPaths'), '/proc', 'linux.maskedPaths'),
    (('linux', 'seccomp'), {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': [], 'action': 'SCMP_ACT_ERRNO'}]}, 'linux.seccomp.syscalls[0].names'),
    (('linux', 'seccomp'), {'defaultAction': 'SCMP_ACT_NOSUCH'}, 'linux.seccomp.defaultAction'),
    (('linux', 'seccomp'), {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['a'], 'action': 5}]}, 'linux.seccomp.syscalls[0].action'),
    (('mounts', 0, 'destination'), '', 'mounts[0]'), (('mounts', 0, 'options'), [7], 'mounts[0].options[0]'),
    (('hooks',), {'poststop': [{'path': 'relative'}]}, 'hooks.poststop[0].path'), (('hooks',), {'prestart': [{}]}, 'hooks.prestart[0].path'),
    (('root', 'path'), 'nosuch/../../../../nosuch', 'root.path'), (('process', 'rlimits'), [{'type': 'RLIMIT_CORE', 'soft': -1, 'hard': 0}], 'process.rlimits[0].soft'),
    (('process', 'terminal'), 'yes', 'process.terminal'), (('hooks',), {'createContainer': [{'path': '/x', 'timeout': 0}]}, 'hooks.createContainer[0].timeout'), (('annotations',), {'a': 1}, 'annotations'),
])
def test_bad_values(bundle, path, bad, text):
    bundle.shell('true')
    at = bundle.config
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = bad
    bundle.fails(text)


@pytest.mark.parametrize('text', ['', '{', 'null', '[]', '{"ociVersion": NaN}', '{"a":' * 1000, '\x00', '{"ociVersion":"1.0.0","ociVersion":"1.0.0"}'])
def test_config_that_is_not_json(runtime, bundle, text):
    with open(f'{bundle.path}/config.json', 'w') as f:
        f.write(text)
    result = runtime('run', '--bundle', bundle.path, runtime.id(), check=False)
    assert result.returncode == 1 and result.stderr.count('\n') == 1


def test_exec_enters_user_and_time_namespaces(runtime, bundle):
    bundle.namespace('user')
    bundle.namespace('time')
    bundle.linux['timeOffsets'] = {'boottime': {'secs': 1000000, 'nanosecs': 0}}
    bundle.linux['uidMappings'] = bundle.linux['gidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]
    for d in (bundle.path, os.path.dirname(bundle.path), os.path.dirname(os.path.dirname(bundle.path))):
        os.chmod(d, 0o755)
    subprocess.run(['chown', '-hR', '100000:100000', bundle.root], check=True)
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    uid, host, up = runtime('exec', c, 'sh', '-c', 'id -u; awk "{print \\$2}" /proc/self/uid_map; cut -d. -f1 /proc/uptime').stdout.split()
    assert (uid, host) == ('0', '100000') and int(up) > 1000000


def test_namespaces_of_the_host(runtime, bundle):
    """Only a mount namespace of its own: the others are inherited, cgroups are bound and not the host's tree."""
    bundle.linux['namespaces'] = [{'type': 'mount'}]
    bundle.config['hostname'] = ''
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    out = runtime('exec', c, 'sh', '-c', 'readlink /proc/self/ns/net; ls -d /sys/fs/cgroup/*/* 2>/dev/null | grep -c release_agent; true').stdout if hybrid() \
        else runtime('exec', c, 'sh', '-c', 'readlink /proc/self/ns/net; echo 0').stdout
    assert out.split() == [os.readlink('/proc/self/ns/net'), '0']
    runtime('kill', c, 'KILL')
    runtime.wait_status(c, 'stopped')
