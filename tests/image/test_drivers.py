"""Every way a layer can be mounted, forced by options: EROFS over files and over loop devices, directories; as detached mounts
and attached in a mount namespace of the store, which is what kernels before 6.15 need."""
import json, os, pathlib, subprocess, sys, time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import evil_layers
from conftest import Store, archive
from harness import daemon as daemons
from test_layers import in_root

DRIVERS = ['erofs,erofs.backing=file', 'erofs,erofs.backing=loop', 'unpack']
PLACES = {'detached': 'detached', 'attached': 'in a mount namespace of the daemon', 'string': 'in a mount namespace of the daemon, named in one string'}
needs_loop = pytest.mark.skipif(not os.path.exists("/dev/loop-control"), reason="this machine has no loop devices")


def images():
    lower = evil_layers.Writer().dir('d').add('d/a', data=b'1').add('d/b', data=b'2' * 5000).add('f', data=b'4').link('l', 'd/b')
    upper = evil_layers.Writer().add('d/.wh.a').add('d/c', data=b'3').add('.wh.f')
    return archive([lower.bytes(), upper.bytes()])


def loops_below(directory):
    """Backing files of loop devices that lie below the directory."""
    backing = [p.read_text().strip() for p in pathlib.Path('/sys/block').glob('loop*/loop/backing_file')]
    return [name for name in backing if name.startswith(str(directory))]


@needs_loop
@pytest.mark.parametrize('place', ['detached', 'attached', 'string'])
@pytest.mark.parametrize('driver', DRIVERS)
def test_each_way_gives_the_same_root(tmp_path, driver, place):
    store = Store(tmp_path, f'{driver},overlay.layers={place}')
    store.run('load', stdin=images())
    done = in_root(store, tmp_path, 'find d f l 2>/dev/null | sort | tr "\\n" " "; wc -c < l; echo new > d/n && cat d/n; rm d/b; ls d')
    assert done.stdout == 'd d/b d/c l 5000\nnew\nc\nn\n', done.stderr
    store.run('rmf', 'test:1')
    assert loops_below(tmp_path) == []


@pytest.mark.parametrize('place', PLACES)
def test_an_image_of_the_most_layers(tmp_path, place):
    """480; the names of all of them fit where one string has to hold them."""
    store = Store(tmp_path, f'unpack,overlay.layers={place}')
    layers = [evil_layers.Writer().add(f'f{i}', data=str(i).encode()).bytes() for i in range(480)]
    store.run('load', stdin=archive(layers))
    done = in_root(store, tmp_path, 'ls | grep -c "^f"; cat f0 f479; echo new > f0 && cat f0')
    assert done.stdout == '480\n0479new\n', done.stderr


def test_options_that_nobody_knows(tmp_path):
    for options, words in (('erofs,erofs.backing=tape', 'unknown storage option "erofs.backing=tape"'), ('zfs', 'storage driver "zfs" is unknown'),
                           (',overlay2.size=10G', 'unknown storage option'), ('unpack,x', 'unknown storage option')):
        assert words in Store(tmp_path, options.lstrip(',') if options[0] != ',' else 'erofs' + options).run('list', ok=False)


def test_layers_outlive_a_change_of_the_driver(tmp_path):
    """What one driver has stored is mounted, saved and removed under the other."""
    for first, second in (('erofs', 'unpack'), ('unpack', 'erofs')):
        root = tmp_path / first
        root.mkdir()
        Store(root, first).run('load', stdin=images())
        saved = Store(root, first).run('save', 'test:1')
        later = Store(root, second)
        assert in_root(later, tmp_path, 'cat d/c').stdout == '3'
        assert later.run('save', 'test:1') == saved and later.run('check') == b''
        later.run('rmf', 'test:1')
        assert later.files() == []


@pytest.fixture
def tmpfs(tmp_path):
    """A file system EROFS does not mount files from."""
    subprocess.run(['mount', '-t', 'tmpfs', 'none', tmp_path], check=True)
    yield tmp_path
    subprocess.run(['umount', '-l', tmp_path], check=True)


@needs_loop
def test_loop_devices_are_found_where_files_are_refused(tmpfs):
    assert 'does not work on this host' in Store(tmpfs, 'erofs,erofs.backing=file').run('list', ok=False)
    store = Store(tmpfs, 'erofs')
    store.run('load', stdin=images())
    assert [name for name in store.files() if name.endswith('/index')]


@needs_loop
@pytest.mark.parametrize('place', ['detached', 'attached', 'string'])
def test_a_killed_daemon_leaks_nothing(place):
    """Containers run from loop devices; the daemon is killed, the next one goes on; in the end no device is left."""
    one = daemons.Daemon('--storage-driver', 'erofs', '--storage-opt', 'erofs.backing=loop', '--storage-opt', f'overlay.layers={place}')
    with one:
        mounts = pathlib.Path('/proc/self/mountinfo').read_text()
        info = one.request('GET', '/info').json()
        assert info['Driver'] == 'erofs'
        assert info['DriverStatus'] == [['Layers read from', 'loop devices'],
                                        ['Layer mounts', PLACES[place]]]
        with open(daemons.starter_image(), 'rb') as image:
            assert one.request('POST', '/images/load', image.read(), headers={'Content-Type': 'application/x-tar'}).status == 200
        body = {'Image': 'busybox', 'Cmd': ['sleep', '1000'], 'HostConfig': {'NetworkMode': 'none'}}
        container = one.request('POST', '/containers/create', body).json()['Id']
        assert one.request('POST', f'/containers/{container}/start').status == 204
        assert loops_below(one.data)
        one.kill()
        one.start()
        assert one.request('GET', f'/containers/{container}/json').json()['State']['Running']
        assert one.request('DELETE', f'/containers/{container}', query={'force': '1'}).status == 204
        assert one.request('DELETE', '/images/busybox').status == 200
        one.kill()
        assert pathlib.Path('/proc/self/mountinfo').read_text() == mounts
        until = time.monotonic() + 30
        while loops_below(one.data) and time.monotonic() < until:
            time.sleep(0.02)
        assert loops_below(one.data) == []
