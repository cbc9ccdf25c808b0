"""Layers: identical to what tar makes of them, hostile ones harm nothing."""
import hashlib, io, os, pathlib, shutil, subprocess, tarfile

import pytest

import compare_trees, evil_layers
from conftest import LAYER_TOOL, archive

NASTY = r'''
set -e
mkdir -p dir/sub empty "$(printf 'new\nline')" many
printf hello >file; printf '' >zero; ln file dir/hard; ln -s ../x link; ln -s "$(printf '%0600d' 7)" long-link
dd if=/dev/zero of=block bs=512 count=1 status=none; head -c 513 /dev/urandom >odd; head -c 300000 /dev/urandom >big
truncate -s 3M sparse; printf x | dd of=sparse bs=1 seek=1234567 conv=notrunc status=none; truncate -s 1M all-hole
mknod null c 1 3; mknod disk b 8 300; mkfifo pipe; cp file su; chmod 6755 su; chmod 1777 empty; chown 1234:70000 dir
for i in $(seq 1 700); do echo $i >many/file-with-a-rather-long-name-number-$i; done
touch "$(printf '%0255d' 1)" ./-dash ./...; n=$(printf '%0100d' 2); mkdir -p $n/$n/$n; printf deep >$n/$n/$n/file
touch -d '2001-02-03 04:05:06.123456789' file; touch -h -d '1960-01-01 00:00:00.5' link; touch -d '2100-01-01' dir
'''


def set_attributes(source):
    """What the shell has no standard program for: extended attributes and a file capability."""
    os.setxattr(source / 'file', 'user.colour', b'blue')
    os.setxattr(source / 'file', 'user.empty', b'')
    os.setxattr(source / 'big', 'security.capability', bytes.fromhex('0100000200200000000000000000000000000000'))
    for i in range(5):
        os.setxattr(source / 'odd', f'user.n{i}', b'v' * 400)



def tar_options(form):
    return ['--format=gnu', '-S'] if form == 'gnu' else ['--format=posix', '--xattrs', '--xattrs-include=*'] + (['-S'] if form != 'pax' else [])


def mounted(command, tar, index, target):
    """Runs a shell command in a mount namespace in which the layer is mounted at the target."""
    script = f'"{LAYER_TOOL}" mount "$1" "$2" "$3" && {command}'
    return subprocess.run(['unshare', '-m', 'sh', '-c', script, 'sh', str(tar), str(index), str(target)], capture_output=True, text=True)


@pytest.mark.parametrize('form', ['gnu', 'pax', 'pax-sparse'])
def test_nasty_layer_is_what_tar_extracts(tmp_path, form):
    source, left, right = (tmp_path / name for name in ('source', 'left', 'right'))
    for directory in (source, left, right):
        directory.mkdir()
    made = subprocess.run(['bash', '-c', NASTY], cwd=source, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    set_attributes(source)
    tar, index = tmp_path / 'tar', tmp_path / 'index'
    subprocess.run(['tar', '-C', source, *tar_options(form), '-cf', tar, '.'], check=True)
    subprocess.run(['tar', '-C', left, '--xattrs', '--xattrs-include=*', '-xpf', tar], check=True)
    subprocess.run([LAYER_TOOL, 'index', tar, index], check=True)
    compare = pathlib.Path(compare_trees.__file__)
    done = mounted(f'/usr/bin/python3 {compare} "{left}" "$3"', tar, index, right)
    assert done.returncode == 0, done.stdout + done.stderr
    before = index.read_bytes()
    subprocess.run([LAYER_TOOL, 'index', tar, index], check=True)
    assert index.read_bytes() == before  # the same tar gives the same index


@pytest.mark.parametrize('name', evil_layers.layers)
def test_hostile_layer(store, tmp_path_factory, name, monkeypatch):
    canary = tmp_path_factory.mktemp('canary') / 'canary'
    monkeypatch.setattr(evil_layers, 'CANARY', str(canary))
    evil_layers.arm(str(canary))
    verdict, make = evil_layers.layers[name]
    data = archive([make()])
    if verdict == 'accept':
        store.run('load', stdin=data)
        assert store.json('list')
        store.run('rmf', 'test:1')
    else:
        store.run('load', stdin=data, ok=False)
        assert store.json('list') == []
    assert store.files() == []  # disk space is returned
    assert evil_layers.check(str(canary)) == []


def test_contents_of_a_hostile_layer(store, tmp_path):
    """A link that leads out is followed inside the image only."""
    w = evil_layers.Writer().link('out', '/inside').dir('inside').add('out/file', data=b'here').add('gone/.wh.x')
    store.run('load', stdin=archive([w.bytes()]))
    done = in_root(store, tmp_path, 'cat inside/file')
    assert done.stdout == 'here', done.stderr


def in_root(store, tmp_path, command):
    """Runs a shell command in the root file system of test:1 with a fresh writable layer."""
    container, target = tmp_path / 'container', tmp_path / 'target'
    for directory in (container, target):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
    script = ' '.join(f'"{a}"' for a in store.argv('rootfs', 'test:1', container, target)) + f' && cd "{target}" && {command}'
    return subprocess.run(['unshare', '-m', 'sh', '-c', script], capture_output=True, text=True)


def test_whiteouts_merge(store, tmp_path):
    lower = evil_layers.Writer().dir('d').add('d/a', data=b'1').add('d/b', data=b'2').dir('o').add('o/x', data=b'3').add('f', data=b'4').dir('again').add('again/old')
    upper = evil_layers.Writer().add('d/.wh.a').add('o/.wh..wh..opq').add('o/y', data=b'5').add('.wh.f').add('.wh.again').dir('again').add('again/new')
    store.run('load', stdin=archive([lower.bytes(), upper.bytes()]))
    done = in_root(store, tmp_path, 'find d o f again | sort | tr "\\n" " "')
    assert done.stdout == 'again again/new d d/b o o/y '


def test_init_layer_shields_the_runtime(store, tmp_path):
    w = evil_layers.Writer().link('dev', '/canary').link('etc', '/canary').link('proc', '/canary').dir('canary')
    store.run('load', stdin=archive([w.bytes()]))
    done = in_root(store, tmp_path, 'stat -c "%F %n" dev etc proc sys dev/pts dev/shm etc/hosts etc/hostname etc/resolv.conf dev/console .dockerenv && readlink etc/mtab && ls canary')
    assert done.returncode == 0, done.stderr
    assert 'symbolic' not in done.stdout and done.stdout.endswith('/proc/mounts\n')


@pytest.mark.parametrize('size', [1, 511, 512, 513, 70_001])
def test_an_archive_that_ends_with_its_last_byte(store, tmp_path, size):
    """No padding behind the contents, no closing blocks: Go's tar writes that when it is not closed, and reads it."""
    contents = os.urandom(size)
    whole = evil_layers.Writer().add('first', data=b'1' * 700).add('last', data=contents).bytes()
    cut = whole[:whole.index(contents) + size]
    store.run('load', stdin=archive([cut]))
    done = in_root(store, tmp_path, 'sha256sum < last && wc -c < first')
    assert done.stdout == hashlib.sha256(contents).hexdigest() + '  -\n700\n', done
    saved = tarfile.open(fileobj=io.BytesIO(store.run('save', 'test:1')))
    assert cut in [saved.extractfile(member).read() for member in saved if member.isfile()]


def test_root_keeps_its_mode(store, tmp_path):
    store.run('load', stdin=archive([evil_layers.Writer().dir('./', mode=0o710, uid=7).dir('etc', mode=0o750).bytes()]))
    assert in_root(store, tmp_path, 'stat -c "%a %u" . etc').stdout == '710 7\n750 0\n'


@pytest.mark.parametrize('form', ['gnu', 'pax', 'pax-sparse'])
def test_unpacked_layer_is_what_tar_extracts(tmp_path, form):
    from conftest import Store
    source, left, root = (tmp_path / name for name in ('source', 'left', 'root'))
    for directory in (source, left, root):
        directory.mkdir()
    subprocess.run(['bash', '-c', NASTY], cwd=source, check=True)
    set_attributes(source)
    tar = tmp_path / 'tar'
    subprocess.run(['tar', '-C', source, *tar_options(form), '-cf', tar, '.'], check=True)
    subprocess.run(['tar', '-C', left, '--xattrs', '--xattrs-include=*', '-xpf', tar], check=True)
    Store(root, 'unpack').run('load', stdin=archive([tar.read_bytes()]))
    tree, = (root / 'layers').glob('*/tree')
    assert compare_trees.differences(left, tree) == []
