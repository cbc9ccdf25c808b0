"""Commands and their exit codes, the states of a container, hooks, terminals."""
import json, os, signal, subprocess, time
import pytest
from conftest import RUNTIME


def test_run_passes_the_exit_code_on(bundle):
    assert bundle.shell('exit 7').run(check=False).returncode == 7
    assert bundle.shell('kill -9 $$').run(check=False).returncode in (0, 137)  # pid 1 ignores its own signal


def test_create_start_kill_delete(runtime, bundle):
    bundle.process['args'] = ['sleep', '100']
    c = runtime.id()
    with open(f'{bundle.path}/out', 'w') as out:
        runtime('create', '--bundle', bundle.path, '--pid-file', f'{bundle.path}/pid', c, bundle=bundle, stdout=out, stderr=out)
    state = runtime.state(c)
    assert state['status'] == 'created' and state['pid'] == int(open(f'{bundle.path}/pid').read())
    assert os.path.realpath(f'/proc/{state["pid"]}/exe') != '/bin/busybox'
    refused = runtime('delete', c, check=False)
    assert refused.returncode == 1 and 'that is not stopped' in refused.stderr
    runtime('start', c)
    assert runtime.status(c) == 'running'
    assert runtime('start', c, check=False).returncode == 1
    runtime('kill', c, 'KILL')
    runtime.wait_status(c, 'stopped')
    assert runtime('kill', c, 'TERM', check=False).returncode == 1
    runtime('delete', c)
    gone = runtime('state', c, check=False)
    assert gone.returncode == 1 and 'does not exist' in gone.stderr


def test_an_id_is_taken_once_and_checked(runtime, bundle):
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    again = runtime('run', '--detach', '--bundle', bundle.path, c, check=False)
    assert again.returncode == 1 and 'already exists' in again.stderr
    assert runtime.status(c) == 'running'
    for bad in ('..', '.', 'a/b', '', 'x' * 256, 'a b', 'ü'):
        assert runtime('run', '--bundle', bundle.path, bad, check=False).returncode == 1


def test_exec(runtime, bundle):
    bundle.process['args'] = ['sleep', '100']
    bundle.process['user'] = {'uid': 1000, 'gid': 1000, 'additionalGids': [5]}
    c = runtime.start(bundle)
    assert runtime('exec', c, 'id').stdout.startswith('uid=1000(user) gid=1000')
    assert runtime('exec', '--user', '0:0', '--cwd', '/tmp', '-e', 'X=1', c, 'sh', '-c', 'id -u; pwd; echo $X $HOME').stdout.split() == \
        ['0', '/tmp', '1', '/root']
    assert runtime('exec', c, 'sh', '-c', 'exit 9', check=False).returncode == 9
    assert 'executable file not found in $PATH' in runtime('exec', c, 'nosuch', check=False).stderr
    assert runtime('exec', c, 'nosuch', check=False).returncode == 255
    lost = runtime('exec', '--cwd', '/nosuch', c, 'pwd', check=False)
    assert lost.returncode == 255 and 'chdir to cwd ("/nosuch")' in lost.stderr
    assert not os.path.exists(f'{bundle.path}/rootfs/nosuch')  # that is made for a container only
    process = {'args': ['cat', '/proc/self/status'], 'cwd': '/', 'env': ['PATH=/bin'], 'user': {'uid': 0, 'gid': 0}}
    with open(f'{bundle.path}/process.json', 'w') as f:
        json.dump(process, f)
    status = runtime('exec', '--process', f'{bundle.path}/process.json', c).stdout
    assert 'CapEff:\t0000000000000000' in status
    runtime('exec', '--detach', '--pid-file', f'{bundle.path}/xpid', c, 'sleep', '50',
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid = int(open(f'{bundle.path}/xpid').read())
    assert pid in json.loads(runtime('ps', '-f', 'json', c).stdout)
    assert os.readlink(f'/proc/{pid}/ns/pid') == os.readlink(f'/proc/{runtime.state(c)["pid"]}/ns/pid')
    assert open(f'/proc/{pid}/cgroup').read() == open(f'/proc/{runtime.state(c)["pid"]}/cgroup').read()


def test_pause_and_resume(runtime, bundle):
    c = runtime.start(bundle.shell('i=0; while :; do i=$((i+1)); echo $i; usleep 10000; done'))
    runtime('pause', c)
    assert runtime.status(c) == 'paused'
    size = os.path.getsize(f'{bundle.path}/out')
    time.sleep(0.1)
    assert os.path.getsize(f'{bundle.path}/out') == size
    assert runtime('exec', c, 'true', check=False).returncode == 255
    runtime('resume', c)
    time.sleep(0.2)
    assert os.path.getsize(f'{bundle.path}/out') > size
    runtime('pause', c)
    runtime('delete', '--force', c)  # also when it cannot run


def test_delete_force_takes_children_along(runtime, bundle):
    c = runtime.start(bundle.shell('trap "" TERM; for i in 1 2 3 4 5; do sleep 100 & done; wait'))
    pids = json.loads(runtime('ps', '-f', 'json', c).stdout)
    runtime('delete', '--force', c)
    for pid in pids:
        try:
            assert open(f'/proc/{pid}/stat').read().split()[2] == 'Z'
        except FileNotFoundError:
            pass


def test_kill_takes_names_and_numbers(runtime, bundle):
    c = runtime.start(bundle.shell('trap "exit 3" USR1; trap "echo got >> /tmp/x" HUP; while :; do usleep 20000; done'))
    time.sleep(0.1)
    runtime('kill', c, '1')
    runtime('kill', c, 'sigusr1')
    runtime.wait_status(c, 'stopped')
    assert open(f'{bundle.root}/tmp/x').read() == 'got\n'
    assert runtime('kill', c, 'NOSUCH', check=False).returncode == 1


def test_program_that_is_not_there(bundle):
    for args, text in ((['nosuch'], 'exec: "nosuch": executable file not found in $PATH'),
                       (['/nosuch'], 'exec: "/nosuch": stat /nosuch: no such file or directory'),
                       (['/etc/passwd'], 'exec: "/etc/passwd": permission denied')):
        bundle.process['args'] = args
        bundle.fails(text)


def test_terminal(runtime, bundle, console):
    bundle.process['terminal'] = True
    bundle.process['consoleSize'] = {'height': 33, 'width': 77}
    bundle.shell('tty=$(readlink /proc/self/fd/0); echo tty $tty; stat -c "%t" /dev/console; cat; true')
    c = runtime.id()
    runtime('run', '--detach', '--console-socket', console.path, '--bundle', bundle.path, c, bundle=bundle,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    master = console.receive()
    import fcntl, struct, termios
    assert struct.unpack('HHHH', fcntl.ioctl(master, termios.TIOCGWINSZ, b'\0' * 8))[:2] == (33, 77)
    os.write(master, b'hello\n')
    seen = b''
    end = time.monotonic() + 5
    while seen.count(b'hello') < 2 and time.monotonic() < end:
        seen += os.read(master, 4096)
    assert b'tty /dev/pts/0' in seen and b'88' in seen and seen.count(b'hello') == 2, seen
    os.write(master, b'\x03')  # Ctrl-C reaches the foreground process
    runtime.wait_status(c, 'stopped')
    os.close(master)


def test_exec_with_terminal(runtime, bundle, console):
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    runtime('exec', '--detach', '--tty', '--console-socket', console.path, c, 'sh', '-c', 'test -t 0 && echo yes; sleep 1',
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    master = console.receive()
    assert b'yes' in os.read(master, 4096)
    os.close(master)


def test_hooks_run_in_order_with_the_state(runtime, bundle):
    log = f'{bundle.path}/hooks.log'
    hook = f'{bundle.path}/hook.sh'
    with open(hook, 'w') as f:
        f.write(f'#!/bin/sh\ns=$(cat)\necho "$1 $s" >> {log}\n')
    os.chmod(hook, 0o755)
    with open(f'{bundle.root}/in.sh', 'w') as f:
        f.write('#!/bin/sh\ncat > /tmp/state; echo startContainer >> /tmp/order\n')
    os.chmod(f'{bundle.root}/in.sh', 0o755)
    kinds = ('prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop')
    bundle.config['hooks'] = {kind: [{'path': hook, 'args': ['hook', kind], 'timeout': 5}] for kind in kinds}
    bundle.config['hooks']['startContainer'] = [{'path': '/in.sh'}]
    bundle.config['annotations'] = {'a': 'b'}
    bundle.shell('echo program >> /tmp/order').run()
    lines = open(log).read().splitlines()
    assert [line.split()[0] for line in lines] == list(kinds)
    for line, status in zip(lines, ('creating', 'creating', 'creating', 'running', 'stopped')):
        state = json.loads(line.split(' ', 1)[1])
        assert state['status'] == status and state['bundle'] == bundle.path and state['annotations'] == {'a': 'b'}
    assert open(f'{bundle.root}/tmp/order').read() == 'startContainer\nprogram\n'
    assert json.load(open(f'{bundle.root}/tmp/state'))['status'] == 'created'


def test_a_failing_hook_ends_the_start(bundle):
    bundle.config['hooks'] = {'createRuntime': [{'path': '/bin/false'}]}
    bundle.shell('touch /tmp/ran').fails('hooks.createRuntime[0]: "/bin/false" exited with status 1')
    bundle.config['hooks'] = {'prestart': [{'path': '/bin/sleep', 'args': ['sleep', '20'], 'timeout': 1}]}
    bundle.fails('timed out after 1 s')
    assert not os.path.exists(f'{bundle.root}/tmp/ran')


def test_log_in_runcs_forms(runtime, bundle):
    bundle.process['args'] = ['nosuch']
    log = f'{bundle.path}/log.json'
    result = subprocess.run([RUNTIME, '--root', runtime.root, '--log', log, '--log-format', 'json', 'run', '--bundle',
                             bundle.save().path, runtime.id()], stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    entry = json.loads(open(log).read().splitlines()[-1])
    assert entry['level'] == 'error' and 'executable file not found' in entry['msg']


def test_preserved_descriptors(runtime, bundle):
    r, w = os.pipe()
    bundle.shell('echo $LISTEN_FDS >&3').run('--preserve-fds', '1', pass_fds=(3,), preexec_fn=lambda: os.dup2(w, 3))
    os.close(w)
    assert os.read(r, 100) == b'1\n'
    os.close(r)


def test_list_and_features(runtime, bundle):
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    assert runtime('list', '--quiet').stdout.split() == [c]
    assert json.loads(runtime('list', '--format', 'json').stdout)[0]['id'] == c
    features = json.loads(runtime('features').stdout)
    assert features['ociVersionMax'] == '1.3.0' and 'time' in features['linux']['namespaces']
    assert features['mountOptions'] == sorted(features['mountOptions'])
    assert features['linux']['netDevices'] == {'enabled': True} and features['linux']['intelRdt']['monitoring']
    assert features['potentiallyUnsafeConfigAnnotations'] == ['io.minato.seccomp', 'io.minato.cgroup']


def test_events_and_update(runtime, bundle):
    bundle.linux['resources']['memory'] = {'limit': 64 << 20}
    bundle.linux['resources']['pids'] = {'limit': 50}
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    data = json.loads(runtime('events', '--stats', c).stdout)['data']
    assert data['memory']['usage']['limit'] == 64 << 20 and data['pids'] == {'current': 1, 'limit': 50}
    runtime('update', '--memory', str(128 << 20), '--memory-swap', str(256 << 20), '--pids-limit', '60', '--cpu-quota', '50000', c)
    data = json.loads(runtime('events', '--stats', c).stdout)['data']
    assert data['memory']['usage']['limit'] == 128 << 20 and data['pids']['limit'] == 60
    runtime('update', '--resources', '-', c, stdin=None, input='{"memory": {"limit": 67108864}, "cpu": {"cpus": "0"}}')
    assert json.loads(runtime('events', '--stats', c).stdout)['data']['memory']['usage']['limit'] == 64 << 20
    assert runtime('exec', c, 'nproc').stdout == '1\n'


def test_foreground_forwards_signals(runtime, bundle):
    bundle.shell('trap "exit 5" TERM; echo up; while :; do usleep 20000; done').save()
    p = subprocess.Popen([RUNTIME, '--root', runtime.root, 'run', '--bundle', bundle.path, runtime.id()],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert p.stdout.readline() == b'up\n'
    p.send_signal(signal.SIGTERM)
    assert p.wait(10) == 5
    p.stdout.close()


def test_no_pivot_is_refused(bundle):
    result = bundle.run('--no-pivot', check=False)
    assert result.returncode == 1 and '--no-pivot' in result.stderr


@pytest.mark.parametrize('way', ['run', 'create'])
def test_cycles_leave_nothing(runtime, bundle, way):
    """A short form of the 1,000-cycle leak test; the fixture looks for mounts, cgroups and state."""
    bundle.process['args'] = ['true']
    bundle.save()
    def held():
        """Our descriptors, and children that nobody has waited for."""
        zombies = subprocess.run(['ps', '-o', 'stat=', '--ppid', str(os.getpid())], capture_output=True, text=True).stdout.split()
        return len(os.listdir('/proc/self/fd')), sum(s.startswith('Z') for s in zombies)
    before = held()
    for _ in range(int(os.environ.get('MINATO_CYCLES', '20'))):
        c = runtime.id()
        if way == 'run':
            runtime('run', '--bundle', bundle.path, c)
        else:
            runtime('create', '--bundle', bundle.path, c, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            runtime('start', c)
            runtime('delete', '--force', c)
    assert held() == before


def test_a_process_nobody_has_waited_for_has_stopped(runtime, bundle):
    bundle.process['args'] = ['sleep', '100']
    bundle.save()
    c = runtime.id()
    foreground = subprocess.Popen([RUNTIME, '--root', runtime.root, 'run', '--bundle', bundle.path, c], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while runtime('state', c, check=False).returncode or runtime.status(c) != 'running':
            time.sleep(0.01)
        pid = runtime.state(c)['pid']
        foreground.send_signal(signal.SIGSTOP)
        runtime('kill', c, 'KILL')
        runtime.wait_status(c, 'stopped')
        assert open(f'/proc/{pid}/stat').read().split()[2] == 'Z'
        assert runtime('exec', c, 'true', check=False).returncode == 255
    finally:
        foreground.send_signal(signal.SIGCONT)
        assert foreground.wait(10) == 137


def test_state_of_an_earlier_version(runtime, bundle):
    """A record that does not say that there are no hooks: config.json is read."""
    log = f'{bundle.path}/log'
    bundle.config['hooks'] = {'poststop': [{'path': '/bin/sh', 'args': ['sh', '-c', f'echo ran > {log}']}]}
    for is_plain in (False, True):
        if is_plain:
            del bundle.config['hooks']
        bundle.process['args'] = ['sleep', '100']
        c = runtime.start(bundle)
        path = f'{runtime.root}/{c}/state.json'
        record = json.load(open(path))
        assert record.pop('plain', False) == is_plain
        json.dump(record, open(path, 'w'))
        runtime('delete', '--force', c)
        assert open(log).read() == 'ran\n' and os.listdir(runtime.root) == []
