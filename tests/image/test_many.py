# SPDX-License-Identifier: Apache-2.0
"""Many images at once: what they cost the disk does not grow with their number, and nothing of it is visible by half."""
import json, re, subprocess, sys, pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from conftest import Store
from harness import layout

SYNCS = 'fsync,fdatasync,syncfs'
SINGLE = 16  # documents up to which each is synced by itself


def syncs(store, *args, stdin=b'', more=(), calls=SYNCS):
    """(what the tool ended with, how often it waited for the disk)"""
    trace = store.root / 'trace'
    done = subprocess.run(['strace', '-f', '-qq', '-o', trace, '-e', f'trace={calls}', *more, *store.argv(*args)], input=stdin, capture_output=True)
    return done, len(re.findall(rf'(?:{calls.replace(",", "|")})\(', trace.read_text()))


@pytest.fixture
def store(tmp_path):
    one = Store(tmp_path, 'erofs')
    one.run('list')  # the database is there
    return one


@pytest.mark.parametrize('driver', ['erofs', 'unpack'])
@pytest.mark.parametrize('platforms', [('amd64',), ('amd64', 'arm64')])
def test_syncs_do_not_grow_with_the_images(tmp_path, platforms, driver):
    counts = []
    for root, number in (('few', 8), ('many', 80)):
        one = Store(tmp_path / root, driver)
        one.root.mkdir()
        one.run('list')
        done, loading = syncs(one, 'load', stdin=layout.many(number, platforms, has_own_layers=True))
        assert done.returncode == 0 and len(one.json('list')) == number * len(platforms)
        done, pruning = syncs(one, 'prune', 'all')
        assert done.returncode == 0 and one.json('list') == [] and one.files() == []
        assert len(json.loads(done.stdout)['ImagesDeleted']) == number * (1 + len(platforms))
        counts.append((loading, pruning))
    few, many = counts
    assert many[0] <= few[0] + SINGLE and many[1] <= few[1] + 2, counts


def test_a_removal_is_one_commit(store):
    store.run('load', stdin=layout.many(2))
    _, one = syncs(store, 'tag', 'many:0', 'other', '1', calls='fdatasync')  # the database's, with opening and closing
    for name in ('other:1', 'many:0'):  # a name; the last name, the image, its index
        done, count = syncs(store, 'rm', name, calls='fdatasync')
        assert done.returncode == 0 and count == one, (name, done.stderr)


def test_what_cannot_be_synced_is_not_there(store):
    data = layout.many(40)
    done, _ = syncs(store, 'load', stdin=data, more=('-e', 'inject=syncfs:error=EIO'))
    assert done.returncode == 1 and store.json('list') == [] and store.files() == []
    store.run('load', stdin=data)
    done, _ = syncs(store, 'prune', 'all', more=('-e', 'inject=fdatasync:error=EIO'))
    assert done.returncode == 1 and len(store.json('list')) == 40 and store.run('check') == b''


def test_layers_that_cannot_be_synced_are_not_there(store):
    """Also not for another load that has the same layers, whose turn comes later."""
    data = layout.many(10, has_own_layers=True)
    done, _ = syncs(store, 'load', stdin=data, more=('-e', 'inject=syncfs:error=EIO'))
    assert done.returncode == 1 and store.json('list') == [] and store.files() == []
    assert syncs(store, 'load', stdin=data)[0].returncode == 0 and store.run('check') == b''


def test_names_that_meet_in_one_archive(store):
    """Two platforms of a name, a name given twice, an image under two names: as if they had come one by one."""
    store.run('load', stdin=layout.many(3, ('arm64', 'amd64', 's390x')))
    assert len(store.json('list')) == 9
    for number in range(3):
        shown = store.json('inspect', f'many:{number}')
        assert shown['Architecture'] == 'amd64' and [m['Available'] for m in shown['Manifests']] == [True] * 3
    store.run('rm', 'many:1')
    assert len(store.json('list')) == 6 and store.run('check') == b''
