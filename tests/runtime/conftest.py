"""Bundles of a static busybox for the real minato-runtime; every test gets its own --root and must leave nothing."""
import json, os, shutil, socket, subprocess, time
import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OWN_RUNTIME = f'{TOP}/build/src/runtime/minato-runtime'
RUNTIME = os.environ.get('MINATO_RUNTIME', OWN_RUNTIME)
APPLETS = ('sh ls cat echo sleep true false mount id hostname ps touch mkdir mknod stat grep wc dd kill ln head env readlink '
           'test umount chroot date uname tr cut rm od nproc ulimit sync find awk sort usleep').split()
DOCKER_CAPS = [f'CAP_{c}' for c in ('CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP '
                                    'NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE').split()]


class Bundle:
    """A root file system and a configuration that tests change before they run it."""

    def __init__(self, runtime, path):
        self.runtime, self.path, self.root = runtime, path, f'{path}/rootfs'
        os.makedirs(f'{self.root}/bin')
        for name in ('etc', 'proc', 'sys', 'dev', 'tmp'):
            os.mkdir(f'{self.root}/{name}')
        shutil.copy('/bin/busybox', f'{self.root}/bin/busybox')
        for name in APPLETS:
            os.symlink('busybox', f'{self.root}/bin/{name}')
        with open(f'{self.root}/etc/passwd', 'w') as f:
            f.write('root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n')
        subprocess.run([OWN_RUNTIME, 'spec', '--bundle', path, '--seccomp-default'], check=True)
        with open(f'{path}/config.json') as f:
            self.config = json.load(f)
        self.config['root']['readonly'] = False
        self.process = self.config['process']
        self.linux = self.config['linux']
        for kind in ('bounding', 'effective', 'permitted'):
            self.process['capabilities'][kind] = list(DOCKER_CAPS)

    def shell(self, script):
        self.process['args'] = ['sh', '-c', script]
        return self

    def save(self):
        with open(f'{self.path}/config.json', 'w') as f:
            json.dump(self.config, f)
        return self

    def run(self, *args, check=True, **kwargs):
        """Runs to the end in the foreground; the completed process with its output."""
        return self.runtime('run', *args, '--bundle', self.path, self.runtime.id(), bundle=self, check=check, **kwargs)

    def output(self, script, **kwargs):
        return self.shell(script).run(**kwargs).stdout

    def fails(self, text):
        """The configuration is refused with one line that has `text` in it."""
        result = self.run(check=False)
        assert result.returncode == 1, result
        assert text in result.stderr and result.stderr.count('\n') == 1, result.stderr
        return result

    def mount(self, destination):
        return next(m for m in self.config['mounts'] if m['destination'] == destination)

    def without(self, *destinations):
        self.config['mounts'] = [m for m in self.config['mounts'] if m['destination'] not in destinations]
        return self

    def namespace(self, kind, path=None):
        self.linux['namespaces'] = [n for n in self.linux['namespaces'] if n['type'] != kind]
        self.linux['namespaces'].append({'type': kind, **({'path': path} if path else {})})


class Runtime:
    program = RUNTIME

    def __init__(self, path):
        self.path, self.root, self.count, self.prefix = path, f'{path}/state', 0, f'mt{os.getpid()}x{time.monotonic_ns() % 10**9}'

    def id(self):
        self.count += 1
        self.last = f'{self.prefix}-{self.count}'
        return self.last

    def __call__(self, *args, check=True, bundle=None, **kwargs):
        if bundle:
            bundle.save()
        if 'input' not in kwargs:
            kwargs.setdefault('stdin', subprocess.DEVNULL)
        kwargs.setdefault('stdout', subprocess.PIPE)
        kwargs.setdefault('stderr', subprocess.PIPE)
        kwargs.setdefault('timeout', 60)
        result = subprocess.run([RUNTIME, '--root', self.root, *args], text=True, errors='replace', **kwargs)
        assert not check or result.returncode == 0, f'{args}: {result.returncode}: {result.stderr}'
        return result

    def bundle(self):
        self.count += 1
        return Bundle(self, f'{self.path}/bundle{self.count}')

    def start(self, bundle, *args, **kwargs):
        """A running container in the background; its id. Its output goes to <bundle>/out."""
        container = self.id()
        with open(f'{bundle.path}/out', 'w') as out:
            self('run', '--detach', *args, '--bundle', bundle.path, container, bundle=bundle, stdout=out, stderr=out, **kwargs)
        return container

    def status(self, container):
        return json.loads(self('state', container).stdout)['status']

    def state(self, container):
        return json.loads(self('state', container).stdout)

    def wait_status(self, container, status, seconds=10):
        end = time.monotonic() + seconds
        while self.status(container) != status:
            assert time.monotonic() < end, f'{container} is {self.status(container)}, not {status}'
            time.sleep(0.01)


def shifted(bundle):
    """Gives the bundle a user namespace and its root file system to that namespace's root."""
    bundle.namespace('user')
    bundle.linux['uidMappings'] = bundle.linux['gidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]
    every = [f'CAP_{c}' for c in ('SYS_ADMIN SYS_PTRACE DAC_READ_SEARCH SYS_RESOURCE NET_ADMIN').split()] + DOCKER_CAPS
    for kind in ('bounding', 'effective', 'permitted'):
        bundle.process['capabilities'][kind] = every
    for path in (bundle.path, os.path.dirname(bundle.path), os.path.dirname(os.path.dirname(bundle.path))):
        os.chmod(path, 0o755)
    subprocess.run(['chown', '-hR', '100000:100000', bundle.root], check=True)


def mounts(path):
    with open('/proc/self/mountinfo') as f:
        return [line for line in f if path in line]


def leftovers(prefix):
    found = []
    for top, dirs, _ in os.walk('/sys/fs/cgroup'):
        found += [f'{top}/{d}' for d in dirs if d.startswith(prefix)]
    return found


@pytest.fixture
def runtime(tmp_path):
    if os.geteuid():
        pytest.skip('needs root')
    rt = Runtime(str(tmp_path))
    yield rt
    if os.path.isdir(rt.root):
        for container in os.listdir(rt.root):
            rt('delete', '--force', container, check=False)
        assert os.listdir(rt.root) == []
    assert leftovers(rt.prefix) == []
    assert mounts(str(tmp_path)) == []


@pytest.fixture
def bundle(runtime):
    return runtime.bundle()


@pytest.fixture
def canary(tmp_path):
    """A directory of the host that no container may change; asserts that at the end."""
    path = tmp_path / 'canary'
    path.mkdir(mode=0o700)
    for name in ('ptmx', 'file', 'sub'):
        (path / name).mkdir() if name == 'sub' else (path / name).write_text(name)
    os.chmod(path / 'file', 0o640)

    def picture():
        rows = []
        for top, dirs, files in os.walk(path):
            for name in ['.'] + dirs + files:
                st = os.lstat(f'{top}/{name}')
                rows.append((f'{top}/{name}', st.st_mode, st.st_uid, st.st_gid, st.st_nlink, st.st_size, st.st_mtime_ns))
        return sorted(rows)
    before = picture()
    yield str(path)
    assert picture() == before


class ConsoleSocket:
    """Receives the terminal of a container as an engine would."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)

    def receive(self):
        connection, _ = self.listener.accept()
        _, fds, _, _ = socket.recv_fds(connection, 4096, 1)
        connection.close()
        return fds[0]


@pytest.fixture
def console(tmp_path):
    s = ConsoleSocket(str(tmp_path / 'console.sock'))
    yield s
    s.listener.close()


def hybrid():
    return not os.path.exists('/sys/fs/cgroup/cgroup.controllers')
