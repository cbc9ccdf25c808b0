"""`system check [--repair]`: every kind of damage is found, what can be mended is, and a pull or load brings the rest again."""
import json, os, pathlib, shutil, subprocess, sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import evil_layers
from conftest import archive
from harness import daemon as daemons

TAR = {'Content-Type': 'application/x-tar'}
IMAGE = archive([evil_layers.Writer().add('f', data=b'x' * 5000).dir('d').add('d/g', data=b'y' * 700).bytes(),
                 evil_layers.Writer().add('top', data=b'z' * 900).bytes()], 'whole:1')


@pytest.fixture(scope='module', params=['erofs', 'unpack'])
def daemon(request):
    one = daemons.Daemon('--storage-driver', request.param)
    one.driver = request.param
    with one:
        yield one


def load(daemon):
    assert daemon.request('POST', '/images/load', IMAGE, headers=TAR).status == 200


def check(daemon, *options):
    """What the command line prints, and its exit status."""
    done = subprocess.run([daemons.program('minato'), '-H', f'unix://{daemon.socket}', 'system', 'check', *options], capture_output=True, text=True)
    return done.stdout, done.returncode


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def layer_of(daemon, name):
    """The directory of the layer that has a file."""
    if daemon.driver == 'unpack':
        return next(p for p in (daemon.data / 'layers').iterdir() if (p / 'tree' / name).exists())
    return next(p for p in (daemon.data / 'layers').iterdir() if (p / 'tar').read_bytes().startswith(name.encode() + b'\0'))


def config_of(daemon):
    return daemon.data / 'blobs/sha256' / daemon.request('GET', '/images/whole:1/json').json()['Id'][7:]


def contents(daemon):
    layer = layer_of(daemon, 'f')
    if daemon.driver == 'unpack':
        flip(layer / 'tree/f', 17)
    else:
        flip(layer / 'tar', 512 + 17)


def metadata(daemon):
    """The index, or the description of the tar."""
    layer = layer_of(daemon, 'f')
    flip(layer / ('split' if daemon.driver == 'unpack' else 'index'), 1400 if daemon.driver == 'erofs' else 40)


def half_a_layer(daemon):
    layer = layer_of(daemon, 'f')
    (layer / ('names' if daemon.driver == 'unpack' else 'index')).unlink()


DAMAGE = {
    'contents': (contents, 'digest', True),
    'metadata': (metadata, '', False),
    'half a layer': (half_a_layer, 'layer sha256:', False),
    'a layer is missing': (lambda d: shutil.rmtree(layer_of(d, 'f')), 'is missing', True),
    'configuration': (lambda d: flip(config_of(d), 5), 'is damaged', True),
    'a configuration is missing': (lambda d: config_of(d).unlink(), 'missing', True),
}


@pytest.mark.parametrize('kind', DAMAGE)
def test_damage(daemon, kind):
    """Found without --repair and left alone; with it mended or taken away; after another load all is well."""
    do, words, needs_load = DAMAGE[kind]
    load(daemon)
    assert check(daemon) == ('', 0)
    do(daemon)
    text, status = check(daemon)
    assert status == 1 and words in text and '(' not in text.split(': ', 1)[1].split('sha256')[0], text
    assert check(daemon) == (text, 1)
    check(daemon, '--repair')
    left = check(daemon)
    if not needs_load and daemon.driver == 'erofs':
        assert left == ('', 0)
    load(daemon)
    assert check(daemon) == ('', 0)
    saved = daemon.request('GET', '/images/whole:1/get')
    assert saved.status == 200 and len(saved.body) > 8000
    assert daemon.request('DELETE', '/images/whole:1').status == 200
    assert check(daemon) == ('', 0)


def test_orphans(daemon):
    load(daemon)
    (daemon.data / 'layers' / ('0' * 64)).mkdir()
    (daemon.data / 'layers' / ('0' * 64) / 'tar').write_bytes(b'x' * 1024)
    (daemon.data / 'blobs/sha256' / ('1' * 64)).write_bytes(b'{}')
    text, status = check(daemon, '--quick')
    assert status == 1 and text.count('no image has it') == 2
    text, status = check(daemon, '--repair', '--quick')
    assert status == 0 and text.count('(removed)') == 2
    assert check(daemon) == ('', 0)
    assert not (daemon.data / 'layers' / ('0' * 64)).exists() and not (daemon.data / 'blobs/sha256' / ('1' * 64)).exists()
    assert daemon.request('DELETE', '/images/whole:1').status == 200


def test_quick_does_not_read(daemon):
    load(daemon)
    contents(daemon)
    assert check(daemon, '--quick') == ('', 0)
    assert check(daemon, '--repair')[0].endswith('(removed; pull or load the image again)\n')
    assert daemon.request('DELETE', '/images/whole:1').status == 200


def test_checking_while_others_load_and_remove(daemon):
    """Nothing that is being stored counts as an orphan, and nothing that goes meanwhile as damage."""
    import threading
    stop, wrong = threading.Event(), []

    def work(n):
        data = archive([evil_layers.Writer().add(f'w{n}', data=bytes([n]) * 300_000).bytes()], f'busy:{n}')
        while not stop.is_set():
            for answer in (daemon.request('POST', '/images/load', data, headers=TAR), daemon.request('DELETE', f'/images/busy:{n}')):
                if answer.status != 200 or b'"error"' in answer.body:
                    wrong.append(answer.body)
    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(3)]
    for thread in threads:
        thread.start()
    try:
        found = [check(daemon, *options) for options in ((), ('--repair',)) * 8]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == [] and found == [('', 0)] * 16


# ---- what the driver `unpack` has beside contents ----

TREE = archive([evil_layers.Writer().dir('d').add('d/plain', data=b'p' * 3000).add('empty', data=b'')
                .link('link', 'd/plain').hard('again', 'd/plain').dir('void')
                .add('attribute', data=b'a', pax={'SCHILY.xattr.user.one': 'value'}).bytes()], 'tree:1')
CHANGES = {
    'mode': lambda tree: (tree / 'd/plain').chmod(0o777),
    'owner': lambda tree: os.chown(tree / 'd', 12, 34),
    'time': lambda tree: os.utime(tree / 'empty', (5, 5)),
    'time of a link': lambda tree: os.utime(tree / 'link', (5, 5), follow_symlinks=False),
    'time of the root': lambda tree: os.utime(tree, (5, 5)),
    'target of a link': lambda tree: ((tree / 'link').unlink(), (tree / 'link').symlink_to('/etc/passwd')),
    'attribute gone': lambda tree: os.removexattr(tree / 'attribute', 'user.one'),
    'attribute changed': lambda tree: os.setxattr(tree / 'attribute', 'user.one', b'other'),
    'attribute more': lambda tree: os.setxattr(tree / 'empty', 'trusted.more', b'x'),
    'opaque': lambda tree: os.setxattr(tree / 'd', 'trusted.overlay.opaque', b'y'),
    'empty directory gone': lambda tree: (tree / 'void').rmdir(),
    'another file': lambda tree: (tree / 'd/new').write_text('x'),
    'a name less': lambda tree: (tree / 'again').unlink(),
    'a directory is a file': lambda tree: ((tree / 'void').rmdir(), (tree / 'void').write_text('')),
}


def listing(tree):
    """What the test knows of a tree, by itself."""
    found = {}
    for path in [tree, *sorted(tree.rglob('*'))]:
        st = path.lstat()
        found[str(path.relative_to(tree))] = (
            st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, st.st_nlink, os.readlink(path) if path.is_symlink() else '',
            {name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False) if not name.startswith('security.')})
    return found


@pytest.fixture(scope='module')
def unpacked():
    with daemons.Daemon('--storage-driver', 'unpack') as one:
        one.driver = 'unpack'
        yield one


@pytest.mark.parametrize('kind', CHANGES)
def test_metadata_of_a_tree(unpacked, kind):
    assert unpacked.request('POST', '/images/load', TREE, headers=TAR).status == 200
    tree = layer_of(unpacked, 'attribute') / 'tree'
    before = listing(tree)
    assert check(unpacked) == ('', 0)
    CHANGES[kind](tree)
    changed = listing(tree)
    assert changed != before
    text, status = check(unpacked)
    assert status == 1 and text.count('\n') == 1 and ("are not the layer's" in text or kind == 'a name less'), text
    assert listing(tree) == changed and check(unpacked, '--quick') == ('', 0)
    text, status = check(unpacked, '--repair')
    if kind == 'a name less':  # the tar cannot be put together without it
        assert '(its tree was made anew)' in text or '(removed; pull or load the image again)' in text
        assert unpacked.request('POST', '/images/load', TREE, headers=TAR).status == 200
    else:
        assert status == 0 and text.endswith('(its tree was made anew)\n'), text
    assert listing(tree) == before and check(unpacked) == ('', 0)
    saved = unpacked.request('GET', '/images/tree:1/get')
    assert saved.status == 200
    assert unpacked.request('DELETE', '/images/tree:1').status == 200


def test_a_tree_in_use_is_left_alone(unpacked):
    """A running container reads its files by name."""
    with open(daemons.starter_image(), 'rb') as image:
        assert unpacked.request('POST', '/images/load', image.read(), headers=TAR).status == 200
    made = unpacked.request('POST', '/containers/create', {'Image': 'busybox', 'Cmd': ['sleep', '1000'], 'HostConfig': {'NetworkMode': 'none'}}).json()['Id']
    assert unpacked.request('POST', f'/containers/{made}/start').status == 204
    tree = next(p for p in (unpacked.data / 'layers').iterdir() if (p / 'tree/bin/busybox').exists()) / 'tree'
    before = (tree / 'bin').stat().st_mode
    (tree / 'bin').chmod(0o700)
    text, status = check(unpacked, '--repair')
    assert status == 1 and 'in use by a running container' in text and '(' not in text and (tree / 'bin').stat().st_mode & 0o777 == 0o700
    assert unpacked.request('DELETE', f'/containers/{made}', query={'force': '1'}).status == 204
    text, status = check(unpacked, '--repair')
    assert status == 0 and '(its tree was made anew)' in text and (tree / 'bin').stat().st_mode == before
    made = unpacked.request('POST', '/containers/create', {'Image': 'busybox', 'Cmd': ['true'], 'HostConfig': {'NetworkMode': 'none'}}).json()['Id']
    assert unpacked.request('POST', f'/containers/{made}/start').status == 204  # from the new tree
    assert unpacked.request('POST', f'/containers/{made}/wait').json()['StatusCode'] == 0
    assert unpacked.request('DELETE', f'/containers/{made}').status == 204
    assert unpacked.request('DELETE', '/images/busybox').status == 200
