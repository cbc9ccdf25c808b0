"""The worker of the driver `unpack`: what it keeps of its rights, what its end means, and that the tar comes out of the tree."""
import ctypes, hashlib, io, os, pathlib, signal, socket, struct, subprocess, sys, tarfile, time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import evil_layers
from conftest import Store, TOP, archive
from test_layers import NASTY, in_root, set_attributes

PROGRAM = TOP / 'build/src/image/minato-unpack'


class Worker:
    """minato-unpack as the daemon starts it: a socket as 3, the layer's directory as 4."""

    def __init__(self, directory):
        self.ours, theirs = socket.socketpair()
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        high = [os.dup(fd) for fd in (theirs.fileno(), folder)]
        low = [os.dup2(fd, fd + 100) for fd in high]

        def place():
            for to, fd in enumerate(low, 3):
                os.dup2(fd, to)
            os.closerange(5, 300)
        self.process = subprocess.Popen([PROGRAM], env={}, preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for fd in (*high, *low, folder):
            os.close(fd)
        theirs.close()

    def send(self, data):
        self.ours.sendall(struct.pack('<I', len(data)) + data)


def until_it_reads(pid):
    """Waits until the worker sleeps in its read, behind all it does before."""
    while 'unix_stream' not in pathlib.Path(f'/proc/{pid}/wchan').read_text() and pathlib.Path(f'/proc/{pid}/syscall').read_text().split()[0] != '0':
        time.sleep(0.005)


def test_what_the_worker_keeps(tmp_path):
    worker = Worker(tmp_path)
    worker.send(evil_layers.Writer().add('f', data=b'x' * 2000).bytes()[:1024])
    proc = pathlib.Path(f'/proc/{worker.process.pid}')
    until_it_reads(worker.process.pid)
    status = dict(line.split(':\t', 1) for line in (proc / 'status').read_text().splitlines() if ':\t' in line)
    # CHOWN DAC_OVERRIDE FOWNER FSETID MKNOD SETFCAP
    kept = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 27 | 1 << 31
    assert [int(status[name], 16) for name in ('CapPrm', 'CapEff', 'CapBnd', 'CapInh', 'CapAmb')] == [kept, kept, 0, 0, 0]
    assert status['NoNewPrivs'] == '1' and status['Seccomp'] == '2'
    for name in ('mnt', 'net', 'ipc', 'uts'):
        assert os.readlink(proc / 'ns' / name) != os.readlink(f'/proc/self/ns/{name}')
    mounts = (proc / 'mountinfo').read_text().splitlines()
    assert len(mounts) == 1 and {'nodev', 'nosuid', 'noexec'} <= set(mounts[0].split()[5].split(','))
    assert sorted(os.listdir(proc / 'root')) == ['data', 'split', 'tree']
    opened = {fd: os.readlink(proc / 'fd' / fd) for fd in os.listdir(proc / 'fd')}
    assert [opened[fd] for fd in '012'] [:2] == ['/dev/null'] * 2 and opened['3'].startswith('socket:')
    assert all(target.startswith(('/data', '/split')) for fd, target in opened.items() if int(fd) > 3)
    limits = (proc / 'limits').read_text()
    assert 'Max processes             0 ' in limits and 'Max address space         3221225472' in limits and 'Max open files            64 ' in limits
    worker.ours.close()
    worker.process.stderr.close()
    assert worker.process.wait() == 2  # the daemon is gone: it ends without finishing anything


# Calls that hostile code in the worker would make (x86-64), x32's socket, and one that is on the list.
CALLS = {'execve': 59, 'socket': 41, 'mount': 165, 'openat': 257, 'ptrace': 101, 'clone': 56, 'ioctl': 16, 'setns': 308, 'bpf': 321,
         'io_uring_setup': 425, 'x32 socket': 0x40000000 + 41, 'close': 3}


@pytest.mark.skipif(os.uname().machine != 'x86_64', reason='knows the registers of x86-64')
@pytest.mark.parametrize('call', CALLS)
def test_a_call_that_is_not_on_the_list_ends_the_worker(tmp_path, call):
    """Another system call is put in the place of the worker's next read."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    libc.ptrace.restype = ctypes.c_long
    attach, to_syscall, poke_user, proceed, orig_rax = 16, 24, 6, 7, 120
    worker = Worker(tmp_path)
    pid = worker.process.pid
    worker.send(evil_layers.Writer().add('f', data=b'x').bytes()[:512])
    until_it_reads(pid)
    assert libc.ptrace(attach, pid, 0, 0) == 0
    os.waitpid(pid, 0)
    assert libc.ptrace(to_syscall, pid, 0, 0) == 0  # the read begins anew
    os.waitpid(pid, 0)
    assert libc.ptrace(poke_user, pid, orig_rax, CALLS[call]) == 0
    assert libc.ptrace(proceed, pid, 0, 0) == 0
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGSYS if call != 'close' else os.WEXITSTATUS(status) == 2
    worker.process.returncode = 0  # reaped here
    worker.process.stderr.close()
    worker.ours.close()


def test_the_end_of_the_worker_is_an_error(tmp_path):
    """Killed in the middle of a load: the load fails, the tool (as the daemon) goes on, nothing is left."""
    store = Store(tmp_path, 'unpack')
    data = archive([evil_layers.Writer().add('f', data=b'x' * 20_000_000).bytes()])
    process = subprocess.Popen(store.argv('load'), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(data[:5_000_000])
    process.stdin.flush()
    children = pathlib.Path(f'/proc/{process.pid}/task')
    found = []
    while not found:
        found = [int(pid) for task in children.glob('*/children') for pid in task.read_text().split()
                 if pathlib.Path(f'/proc/{pid}/comm').read_text().strip() == 'minato-unpack' and list(tmp_path.glob('tmp/*/data/1'))]
    os.kill(found[0], signal.SIGKILL)
    _, errors = process.communicate(data[5_000_000:])
    assert process.returncode == 1 and b'the unpacking process was ended by signal 9' in errors
    assert store.json('list') == [] and store.files() == []
    store.run('load', stdin=data)


def nasty_tar(tmp_path, form):
    source = tmp_path / 'source'
    source.mkdir()
    subprocess.run(['bash', '-c', NASTY], cwd=source, check=True)
    set_attributes(source)
    for i in range(60):
        (source / f'text-{i}').write_bytes(os.urandom(200_000))
    return subprocess.run(['tar', '-C', source, f'--format={form}', *(['--xattrs', '--xattrs-include=*'] if form == 'posix' else []), '-S',
                           '-cf', '-', '.'], check=True, capture_output=True).stdout


@pytest.mark.parametrize('form', ['posix', 'gnu'])
def test_the_tar_comes_out_as_it_went_in(tmp_path, form):
    """Saved layers hash to their diff ids, and there is no second copy: at most 1.05 times what `tar x` takes."""
    data = nasty_tar(tmp_path, form)
    root, plain = tmp_path / 'root', tmp_path / 'plain'
    root.mkdir()
    plain.mkdir()
    store = Store(root, 'unpack')
    store.run('load', stdin=archive([data]))
    saved = tarfile.open(fileobj=io.BytesIO(store.run('save', 'test:1')))
    assert saved.extractfile('blobs/sha256/' + hashlib.sha256(data).hexdigest()).read() == data
    subprocess.run(['tar', '-C', plain, '-xpf', '-'], input=data, check=True)
    assert not list(root.glob('layers/*/tar'))
    usage = [int(subprocess.run(['du', '-s', '-B1', path], capture_output=True, text=True, check=True).stdout.split()[0]) for path in (root / 'layers', plain)]
    assert usage[0] <= 1.05 * usage[1], usage


def test_replaced_files_come_out_too(tmp_path):
    """Contents no name of the tree has any more, an ignored file of aufs, data behind the end."""
    data = evil_layers.Writer().add('a', data=b'first' * 300).add('a', data=b'second').add('d/.wh.x', data=b'w' * 700).add('.wh..wh.plnk', data=b'p' * 600).add('b', data=b'').bytes() + b'\0' * 10240 + b'rest'.ljust(512, b'!')
    store = Store(tmp_path, 'unpack')
    store.run('load', stdin=archive([data]))
    layer, = (tmp_path / 'layers').iterdir()
    assert sorted(p.name for p in (layer / 'data').iterdir()) == ['1', '3', '4'] and (layer / 'tree/a').read_bytes() == b'second'
    assert data in store.run('save', 'test:1') and store.run('check') == b''


def test_damage_is_found_before_it_travels(tmp_path):
    """Contents that changed on the disk do not go into an archive, and a description that lies opens nothing outside."""
    store = Store(tmp_path, 'unpack')
    store.run('load', stdin=archive([evil_layers.Writer().add('f', data=b'x' * 600).bytes()]))
    layer, = (tmp_path / 'layers').iterdir()
    good = (layer / 'names').read_bytes()
    (layer / 'tree/f').write_bytes(b'y' * 600)
    assert 'damaged' in store.run('save', 'test:1', ok=False) and b'do not have its digest' in store.run('check')
    for name in (b'/etc/passwd', b'tree/../../../state.db', b'tree', b'nothing', b''):
        (layer / 'names').write_bytes(struct.pack('<I', len(name)) + name)
        assert store.run('check') and 'damaged' in store.run('save', 'test:1', ok=False)
    os.symlink('/etc/passwd', layer / 'tree/link')
    os.mkfifo(layer / 'tree/fifo')
    for name in (b'tree/link', b'tree/fifo'):
        (layer / 'names').write_bytes(struct.pack('<I', len(name)) + name)
        assert 'damaged' in store.run('save', 'test:1', ok=False)
    (layer / 'names').write_bytes(good)
    (layer / 'tree/f').write_bytes(b'x' * 600)
    assert b"times or attributes in its tree are not the layer's" in store.run('check')  # and two names more
    assert b'(its tree was made anew)' in store.run('check', 'repair') and store.run('check') == b''
    assert [p.name for p in (layer / 'tree').iterdir()] == ['f'] and store.run('save', 'test:1')


def test_opaque_directories_and_deep_paths(tmp_path):
    """Marks are set by the daemon, also on a directory whose path is longer than the kernel takes at once."""
    names = ['n' * 200 for _ in range(18)]
    w = evil_layers.Writer()
    for n in range(1, len(names) + 1):
        w.dir('/'.join(names[:n]))
    short = evil_layers.Writer().link('s', '/'.join(names))
    deep = '/'.join(['s'] + names[:10])
    lower = w.dir('o').add('o/hidden').bytes()
    upper = evil_layers.Writer().dir('o').add('o/.wh..wh..opq').add('o/seen')
    for part in range(1, len(names) + 1):
        upper.dir('/'.join(names[:part]))
    upper.link('s', '/'.join(names))
    for part in range(1, 11):
        upper.dir('/'.join(['s'] + names[:part]))
    upper.add(deep + '/.wh..wh..opq').add(deep + '/file', data=b'deep')
    store = Store(tmp_path, 'unpack')
    store.run('load', stdin=archive([lower, upper.bytes()]))
    assert in_root(store, tmp_path, 'ls o').stdout == 'seen\n'
    assert store.run('check') == b''
    tree = next(p for p in (tmp_path / 'layers').iterdir() if (p / 'tree/s').is_symlink()) / 'tree'
    fd = os.open(tree, os.O_PATH)
    for name in names + names[:10]:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=fd)
    assert os.getxattr(f'/proc/self/fd/{fd}', 'trusted.overlay.opaque') == b'y'
