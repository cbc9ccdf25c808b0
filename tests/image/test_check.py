"""`system check [--repair]`: every kind of damage is found, what can be mended is, and a pull or load brings the rest again."""
import json, pathlib, shutil, subprocess, sys

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
