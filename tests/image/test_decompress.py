"""The worker that decompresses: what it keeps of its rights, and what its end means."""
import gzip, hashlib, os, pathlib, signal, socket, struct, subprocess, time

import pytest

import evil_layers
from conftest import Store, TOP, archive

PROGRAM = TOP / 'build/src/worker/minato-decompress'


@pytest.fixture
def worker():
    """minato-decompress as the daemon starts it: two sockets and the memory as 3, 4 and 5."""
    memory = os.memfd_create('slots')
    os.ftruncate(memory, 4 * (64 + 256) * 1024)
    (into, their_in), (out, their_out) = socket.socketpair(), socket.socketpair()
    into.settimeout(60)
    out.settimeout(60)
    high = [os.dup2(fd, fd + 100) for fd in (their_in.fileno(), their_out.fileno(), memory)]

    def place():
        for to, fd in enumerate(high, 3):
            os.dup2(fd, to)
        os.closerange(6, 300)
    process = subprocess.Popen([PROGRAM], env={}, preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    for fd in high:
        os.close(fd)
    their_in.close()
    their_out.close()
    yield process, into, out, memory
    process.kill()
    process.wait()
    os.close(memory)


def test_what_the_worker_keeps(worker):
    process, into, out, memory = worker
    packed = gzip.compress(b'abc' * 1000)
    os.pwrite(memory, packed, 0)
    into.sendall(struct.pack('II', 0xffffffff, len(packed)))  # gzip
    assert struct.unpack('Ii', out.recv(8)) == (3000, 0) and os.pread(memory, 3000, 4 * 64 * 1024) == b'abc' * 1000
    assert into.recv(1) == b'\0'  # it waits for the next slot now
    proc = pathlib.Path(f'/proc/{process.pid}')
    status = dict(line.split(':\t', 1) for line in (proc / 'status').read_text().splitlines() if ':\t' in line)
    assert [int(status[name], 16) for name in ('CapPrm', 'CapEff', 'CapBnd', 'CapInh', 'CapAmb')] == [0, 0, 0, 0, 0]
    assert status['Uid'].split() == status['Gid'].split() == ['65534'] * 4 and status['Groups'].strip() == ''
    assert status['NoNewPrivs'] == '1' and status['Seccomp'] == '2'
    limits = {line[:26].strip(): line[26:].split()[:2] for line in (proc / 'limits').read_text().splitlines()}
    assert limits['Max processes'] == limits['Max core file size'] == limits['Max locked memory'] == ['0', '0']
    assert limits['Max open files'] == ['8', '8'] and limits['Max address space'] == [str(512 << 20)] * 2
    assert sorted(os.listdir(proc / 'fd')) == ['0', '1', '2', '3', '4']
    into.sendall(struct.pack('I', 0))
    assert struct.unpack('Ii', out.recv(8)) == (0, 0)
    into.sendall(struct.pack('III', 0xffffffff, 3, 0))  # the next slot holds no gzip
    assert struct.unpack('Ii', out.recv(8)) == (0, -74) and process.wait() == 0


def test_it_ends_with_the_daemon(worker):
    process, into, out, _ = worker
    into.close()
    out.close()
    assert process.wait(60) == 2


def gzip_archive(data):
    """A docker-archive with one gzip layer of these bytes."""
    return archive([gzip.compress(data, 1)], diff_ids=['sha256:' + hashlib.sha256(data).hexdigest()])


@pytest.mark.parametrize('driver', ['erofs', 'unpack'])
def test_the_end_of_the_worker_is_an_error(tmp_path, driver):
    """Killed in the middle of a load: the load fails, the tool (as the daemon) goes on, nothing is left."""
    store = Store(tmp_path, driver)
    data = gzip_archive(evil_layers.Writer().add('f', data=os.urandom(20_000_000)).bytes())
    process = subprocess.Popen(store.argv('load'), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(data[:5_000_000])
    process.stdin.flush()
    found = []
    until = time.monotonic() + 60
    while not found and time.monotonic() < until:
        found = [int(pid) for task in pathlib.Path(f'/proc/{process.pid}/task').glob('*/children') for pid in task.read_text().split()
                 if pathlib.Path(f'/proc/{pid}/comm').read_text().strip().startswith('minato-decompr')]
    os.kill(found[0], signal.SIGKILL)
    _, errors = process.communicate(data[5_000_000:])
    assert process.returncode == 1 and b'invalid layer: the process that decompresses it came to an end' in errors, errors
    assert store.json('list') == [] and store.files() == []
    store.run('load', stdin=data)
    assert len(store.json('list')) == 1


def test_a_compressed_archive_is_decompressed_there_too(tmp_path):
    """One gzip stream over the whole archive, a layer of its own compression inside: two workers."""
    data = gzip.compress(gzip_archive(evil_layers.Writer().add('f', data=b'x' * 3_000_000).bytes()), 1)
    trace = tmp_path / 'trace'
    root = tmp_path / 'root'
    root.mkdir()
    store = Store(root, 'erofs')
    subprocess.run(['strace', '-f', '-e', 'trace=execve', '-o', trace, *store.argv('load')], input=data, check=True, capture_output=True)
    assert trace.read_text().count('minato-decompress", [') == 2
    assert len(store.json('list')) == 1
