"""What the hostile layers would do to a naive extractor, and layers that are large, many or deep rather than hostile."""
import io, json, os, pathlib, subprocess, tarfile

import pytest

import evil_layers
from conftest import archive
from test_layers import in_root


def naive(data, target):
    """Unpacks as one who trusts names would: whiteouts and links as they stand, everything by path."""
    for member in tarfile.open(fileobj=io.BytesIO(data), ignore_zeros=False):
        path = os.path.join(target, member.name)
        name = os.path.basename(path)
        try:
            if name.startswith('.wh.') and len(name) > 4:
                hidden = os.path.join(os.path.dirname(path), name[4:])
                subprocess_free_remove(os.path.dirname(path) if name == '.wh..wh..opq' else hidden)
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if member.isdir():
                os.makedirs(path, exist_ok=True)
                os.chmod(path, member.mode)
            elif member.issym():
                os.symlink(member.linkname, path)
            elif member.islnk():
                os.link(os.path.join(target, member.linkname), path)
                os.chmod(path, member.mode)
            elif member.isfile():
                with open(path, 'wb') as out:
                    out.write(tarfile.open(fileobj=io.BytesIO(data)).extractfile(member.name).read(1 << 20))
        except (OSError, ValueError, KeyError, AttributeError, tarfile.TarError):
            pass


def subprocess_free_remove(path):
    """rm -rf without a program, for there is none in the jail."""
    if os.path.isdir(path) and not os.path.islink(path):
        for name in os.listdir(path):
            subprocess_free_remove(os.path.join(path, name))
        os.rmdir(path)
    elif os.path.lexists(path):
        os.unlink(path)


def harmed(jail, data):
    """In a jail of its own, where the canary has its usual name: what the naive extractor changed of it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.chroot(jail)
            os.chdir('/')
            evil_layers.arm('/canary')
            os.makedirs('/a/b/target')
            try:
                naive(data, '/a/b/target')
            except Exception:  # an archive it cannot read at all harms nothing
                pass
            os.write(writer, json.dumps(bool(evil_layers.check('/canary'))).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def test_positive_control(tmp_path, monkeypatch):
    """The layers bite: a naive extractor lets at least a dozen of them out, of every kind."""
    monkeypatch.setattr(evil_layers, 'CANARY', '/canary')
    out = set()
    for name, (_, make) in evil_layers.layers.items():
        jail = tmp_path / name
        jail.mkdir()
        data = make()
        if len(data) < 4 << 20 and harmed(jail, data):
            out.add(name)
    assert len(out) >= 10, out
    for kind in ('dotdot', 'absolute', 'sym', 'hard', 'wh'):
        assert any(name.startswith(kind) for name in out), (kind, out)


def test_many_layers(store, tmp_path):
    """130 layers, three more than other engines take: each adds a file, replaces one, and hides the one before."""
    layers = []
    for n in range(130):
        w = evil_layers.Writer().add(f'own-{n}', data=str(n).encode()).add('top', data=b'%d' % n).add(f'passing-{n}', data=b'x')
        if n:
            w.add(f'.wh.passing-{n - 1}')
        layers.append(w.bytes())
    store.run('load', stdin=archive(layers))
    done = in_root(store, tmp_path, 'cat top; echo; ls | grep -c own-; ls | grep passing; cat own-0 own-64 own-129')
    assert done.stdout == '129\n130\npassing-129\n064129', done.stderr
    assert len(store.layers()) == 131  # and the layer of what the runtime mounts onto
    store.run('rmf', 'test:1')
    assert store.files() == []


@pytest.mark.parametrize('form', ['gnu', 'posix'])
def test_sparse_file_over_4_gib(store, tmp_path, form):
    source = tmp_path / 'source'
    source.mkdir()
    with open(source / 'huge', 'wb') as f:
        for at in (0, 1 << 20, (1 << 32) - 3, (5 << 30) + 12345):
            f.seek(at)
            f.write(b'at %d' % at)
        f.truncate((6 << 30) + 1)
    data = subprocess.run(['tar', '-C', source, f'--format={form}', '-S', '-cf', '-', '.'], check=True, capture_output=True).stdout
    store.run('load', stdin=archive([data]))
    reads = '; '.join(f'dd if=huge bs=1 skip={at} count={len("at %d" % at)} 2>/dev/null; echo' for at in (0, 1 << 20, (1 << 32) - 3, (5 << 30) + 12345))
    done = in_root(store, tmp_path, f'stat -c %s huge; {reads}; tail -c 1 huge | od -An -tx1')
    assert done.stdout.split('\n')[:5] == [str((6 << 30) + 1)] + [f'at {at}' for at in (0, 1 << 20, (1 << 32) - 3, (5 << 30) + 12345)], done.stderr
    assert done.stdout.split()[-1] == '00'
    assert store.run('check') == b''
    usage = int(subprocess.run(['du', '-s', '-B1', store.root / 'layers'], capture_output=True, text=True).stdout.split()[0])
    assert usage < 2 << 20


def cpu_of(store, data):
    """Seconds of processor time a load takes, workers included; the least of three."""
    best = None
    for _ in range(3):
        before = os.times()
        store.run('load', stdin=data)
        after = os.times()
        store.run('rmf', 'test:1')
        spent = after.children_user - before.children_user
        best = spent if best is None else min(best, spent)
    return best


def test_opaque_whiteouts_are_linear(erofs_store):
    """22,000 opaque whiteouts of one directory cost no more than twice what 22,000 files do."""
    opaque, plain = evil_layers.Writer().dir('d'), evil_layers.Writer().dir('d')
    for n in range(22000):
        opaque.add('d/.wh..wh..opq')
        plain.add(f'd/{n}')
    assert cpu_of(erofs_store, archive([opaque.bytes()])) <= 2 * cpu_of(erofs_store, archive([plain.bytes()]))


@pytest.mark.parametrize('bomb', ['zeros', 'window'])
def test_bombs(store, bomb):
    """Refused early: little memory, the disk as before. A zstd window of 2 GiB is not even begun. (One of gzip is among the layers.)"""
    size = 1200 << 20
    info = tarfile.TarInfo('zeros')
    info.size = size
    head = info.tobuf(tarfile.GNU_FORMAT)
    packer = 'zstd -q -3' if bomb == 'zeros' else 'zstd -q --ultra -3 --long=31'
    script = f'{{ cat; head -c {size if bomb == "zeros" else 1 << 20} /dev/zero; }} | {packer}'
    packed = subprocess.run(['sh', '-c', script], input=head, capture_output=True, check=True).stdout
    data = archive([packed], diff_ids=['sha256:' + '0' * 64])
    done = subprocess.run(['/usr/bin/time', '-f', '%M', *store.argv('load')], input=data, capture_output=True, text=False)
    error, peak = done.stderr.decode().strip().rsplit('\n', 1)
    assert done.returncode == 1 and 'invalid layer' in error, error
    assert int(peak) < 64 << 10
    assert store.json('list') == [] and store.files() == []
