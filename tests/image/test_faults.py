"""A full disk and failing system calls: a clean error, the space is back, the daemon serves, nothing is there by half."""
import json, os, pathlib, re, subprocess, sys, time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import evil_layers
from conftest import Store, archive
from harness import daemon as daemons

TAR = {'Content-Type': 'application/x-tar'}
STRACE = '/usr/bin/strace'
DISK = 48 << 20


def layer(name, megabytes):
    return evil_layers.Writer().add(name, data=os.urandom(1 << 20) * megabytes).bytes()


@pytest.fixture(scope='module', params=['erofs', 'unpack'])
def daemon(request):
    """Its data root is a file system of 48 MiB."""
    one = daemons.Daemon('--storage-driver', request.param)
    one.data.mkdir()
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={DISK}', 'none', one.data], check=True)
    try:
        one.start()
        with open(daemons.starter_image(), 'rb') as image:
            assert one.request('POST', '/images/load', image.read(), headers=TAR).status == 200
        yield one
    finally:
        one.close()


def free(daemon):
    """Bytes free once what was removed is off the disk."""
    until = time.monotonic() + 30
    while any((daemon.data / 'tmp').glob('layer-*')) and time.monotonic() < until:
        time.sleep(0.01)
    fs = os.statvfs(daemon.data)
    return fs.f_bavail * fs.f_frsize


def send(daemon, path, data, query=None):
    """The error of an upload: of the answer or of its last line."""
    with daemon.connect(60) as connection:
        try:
            connection.send('POST', path, data, headers=TAR, query=query)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = connection.response('POST')
    return answer.message if answer.status >= 400 else next((line['error'] for line in answer.lines() if 'error' in line), None)


def images(daemon):
    return sorted(tag for image in daemon.request('GET', '/images/json').json() for tag in image['RepoTags'])


def whole(daemon):
    return daemon.request('POST', '/system/check').json() == {'Findings': []}


def run(daemon, *command):
    container = daemon.request('POST', '/containers/create', {'Image': 'busybox', 'Cmd': list(command), 'HostConfig': {'NetworkMode': 'none'}}).json()['Id']
    assert daemon.request('POST', f'/containers/{container}/start').status == 204
    assert daemon.request('POST', f'/containers/{container}/wait', timeout=60).json()['StatusCode'] == 0
    return container


def full_disk(daemon, do):
    """What `do` says when the disk is too small for it; all is as before then."""
    names, before = images(daemon), free(daemon)
    error = do()
    assert error and 'no space left' in error.lower(), error
    assert images(daemon) == names and whole(daemon)
    assert free(daemon) >= before - 65536, 'the database may have grown, nothing else'
    run(daemon, 'true')


def test_load(daemon):
    full_disk(daemon, lambda: send(daemon, '/images/load', archive([layer('a', 1), layer('big', 50)], 'big:1')))


def test_import(daemon):
    full_disk(daemon, lambda: send(daemon, '/images/create', layer('big', 50), query={'fromSrc': '-', 'repo': 'big', 'tag': '2'}))


def test_commit(daemon):
    """The writable layer fits, its copy as an image does not."""
    container = run(daemon, 'sh', '-c', 'dd if=/dev/urandom of=/big bs=1M count=26 2>/dev/null')
    try:
        full_disk(daemon, lambda: daemon.request('POST', '/commit', query={'container': container, 'repo': 'big', 'tag': '3'}, timeout=60).message)
    finally:
        daemon.request('DELETE', f'/containers/{container}', query={'force': '1'})


def test_a_removal_makes_room_at_once(daemon):
    """What fills most of the disk is removed and the like of it loaded: the load waits for the space, it does not fail."""
    for number in range(4):
        assert send(daemon, '/images/load', archive([layer(f'f{number}', 30)], f'turn:{number}')) is None
        assert f'turn:{number}' in images(daemon)
        assert daemon.request('DELETE', f'/images/turn:{number}').status == 200


# ---- the k-th call fails ----

def traced(store, calls, error, k, *args, stdin=b''):
    """Runs the tool with the k-th of `calls` in each thread and process failing: (exit status, its error, the calls that failed)."""
    command = [STRACE, '-f', '-qq', '-o', f'{store.root}/trace', '-e', f'trace={calls}', '-e', f'inject={calls}:error={error}:when={k}', *store.argv(*args)]
    done = subprocess.run(command, input=stdin, capture_output=True)
    trace = pathlib.Path(f'{store.root}/trace').read_text()
    hit = [line for line in trace.splitlines() if 'INJECTED' in line]
    text = done.stderr.decode()
    if any('write(2,' in line for line in hit):
        text = 'error: its own words could not be written'
    return done.returncode, text, hit


SMALL = archive([evil_layers.Writer().add('f', data=b'x' * 3000).dir('d').add('d/g', data=b'y').bytes(), evil_layers.Writer().add('h', data=b'z').bytes()])
WRITES, NAMES = 'write,pwrite64,sendto', 'openat2,mkdirat,renameat,renameat2,linkat,ftruncate'


@pytest.mark.parametrize('driver', ['erofs', 'unpack'])
@pytest.mark.parametrize('calls,error', [(WRITES, 'ENOSPC'), (WRITES, 'EIO'), (NAMES, 'ENOSPC')])
def test_load_with_a_failing_call(tmp_path, driver, calls, error):
    failed = 0
    for k in range(1, 60):
        root = tmp_path / str(k)
        root.mkdir()
        store = Store(root, driver)
        store.run('list')  # the database is there
        status, text, hit = traced(store, calls, error, k, 'load', stdin=SMALL)
        assert status in (0, 1), (k, status, text)
        found = store.json('list')
        if status == 1:
            failed += 1
            assert 'error' in text, (k, text)
        assert status == 1 or len(found) == 1, (k, text)
        if not found:
            assert store.files() == [], k
        assert store.run('check') == b'', k
        if not hit:
            break
    assert failed > 1 and not hit


BIG = archive([evil_layers.Writer().add('f', data=b'x' * 1_200_000).bytes()])  # is synced by itself before it gets its name


def load_traced(store, trace, calls, data):
    """A load whose calls are traced from when the store is open: each thread's calls are counted by themselves, and the
    opening has its own."""
    load = subprocess.Popen(store.argv('load'), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not pathlib.Path(f'/proc/{load.pid}/syscall').read_text().startswith('0 0x0 '):  # reads its input
        assert load.poll() is None
        time.sleep(0.005)
    tracer = subprocess.Popen([STRACE, '-f', '-y', '-o', trace, *calls, '-p', str(load.pid)], stderr=subprocess.PIPE, text=True)
    while 'attached' not in tracer.stderr.readline():
        assert tracer.poll() is None
    load.communicate(data)
    tracer.communicate()
    return load.returncode


@pytest.mark.parametrize('size', ['small', 'big'])
@pytest.mark.parametrize('call,driver', [('fsync', 'erofs'), ('fdatasync', 'erofs'), ('fsync', 'unpack'), ('syncfs', 'unpack'), ('fdatasync', 'unpack')])
def test_a_sync_that_fails_is_not_durable(tmp_path, call, driver, size):
    """A load says no when a file or folder of its could not be synced; the database's log is written and synced once more."""
    seen = set()
    for k in range(1, 20):
        root = tmp_path / str(k)
        root.mkdir()
        store = Store(root, driver)
        store.run('list')
        calls = ['-e', 'trace=fsync,fdatasync,syncfs', '-e', f'inject={call}:error=EIO:when={k}']
        code = load_traced(store, f'{root}/trace', calls, {'small': SMALL, 'big': BIG}[size])
        trace = pathlib.Path(f'{root}/trace').read_text().splitlines()
        hits = [line for line in trace if 'INJECTED' in line]  # each thread's k-th
        if not hits:
            break
        found = {m[1] for line in hits if (m := re.search(rf'<{root}/(tmp|layers|blobs)', line))}
        if found:
            assert code == 1, (k, trace)
            seen |= found
        elif code == 0 and any('state.db-wal' in line for line in hits):
            layers = max(i for i, line in enumerate(trace) if f'<{root}/layers>' in line)
            assert any('state.db-wal' in line and line.endswith('= 0') for line in trace[layers:]), (k, trace)
        assert store.run('check') == b''
    place = {'small': 'layers', 'big': 'tmp'}[size]
    wanted = {'fsync': {'layers', 'blobs', place} if driver == 'erofs' else {'layers', 'blobs'}, 'syncfs': {place}, 'fdatasync': {place} if driver == 'erofs' else set()}
    assert not hits and seen == wanted[call]


@pytest.mark.parametrize('driver', ['erofs', 'unpack'])
@pytest.mark.parametrize('calls,error', [(WRITES, 'EIO'), ('fsync,fdatasync', 'EIO'), ('unlinkat,renameat', 'EIO')])
def test_removal_with_a_failing_call(tmp_path, driver, calls, error):
    for k in range(1, 40):
        root = tmp_path / str(k)
        root.mkdir()
        store = Store(root, driver)
        store.run('load', stdin=SMALL)
        status, text, hit = traced(store, calls, error, k, 'rm', 'test:1')
        assert status in (0, 1), (k, status, text)
        found = store.json('list')
        assert status == 1 or found == [], (k, text)
        if found:
            assert store.run('check') == b'', k
            store.run('rmf', found[0]['Id'])
        assert store.json('list') == [] and store.files() == [], k
        if not hit:
            break
    assert not hit
