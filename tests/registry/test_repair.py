# SPDX-License-Identifier: Apache-2.0
"""What `system check --repair` takes away, a pull from the registry it came from brings again."""
import json, shutil

import pytest

from conftest import auth
from fake_registry import FakeRegistry
from test_daemon import Daemon, messages, network_of, pull, real  # noqa: F401 (fixtures)
from test_index import push, retag, save
from test_keep_compressed import findings

JOE = auth('joe', 's3cret')


@pytest.fixture(params=['erofs', 'unpack'])
def daemon(request):
    with Daemon('--storage-driver', request.param) as d:
        d.driver = request.param
        yield d


@pytest.fixture
def image(daemon, real):
    """An image of docker-registry, pulled from there."""
    with network_of(daemon):
        fake = FakeRegistry()
    made = fake.add_image('app', '1', layers=2, size=300_000)
    assert pull(daemon, f'{fake.address}/app:1').status == 200
    made.name = f'{real}/app:1'
    retag(daemon, f'{fake.address}/app:1', made.name)
    answer = daemon.request('POST', f'/images/{real}/app/push', query={'tag': '1'}, headers={'X-Registry-Auth': JOE}, timeout=60)
    made.digest = next(line['aux']['Digest'] for line in messages(answer) if 'Digest' in line.get('aux', {}))
    fake.close()
    assert daemon.request('DELETE', f'/images/{made.id}', query={'force': '1'}).status == 200
    assert pull(daemon, made.name, JOE).status == 200
    return made


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def a_layer(daemon):
    return next((daemon.data / 'layers').glob('*/tree/file1' if daemon.driver == 'unpack' else '*/tar'))


def document(daemon, digest):
    return daemon.data / 'blobs/sha256' / digest.removeprefix('sha256:')


DAMAGE = {
    'contents': lambda daemon, image: flip(a_layer(daemon)),
    'a layer is gone': lambda daemon, image: [shutil.rmtree(p) for p in (daemon.data / 'layers').iterdir()],
    'configuration': lambda daemon, image: flip(document(daemon, image.id)),
    'manifest': lambda daemon, image: flip(document(daemon, image.digest)),
    'a manifest is gone': lambda daemon, image: document(daemon, image.digest).unlink(),
}


@pytest.mark.parametrize('kind', DAMAGE)
def test_a_pull_mends(daemon, image, kind):
    before = save(daemon, image.name)
    assert findings(daemon) == []
    DAMAGE[kind](daemon, image)
    found = findings(daemon, repair='1')
    assert found and all(f.get('Action') in ('', 'removed; pull or load the image again') for f in found), found
    assert findings(daemon) != []  # until it is here again
    answer = pull(daemon, image.name, JOE)
    assert answer.status == 200 and not any('error' in line for line in messages(answer)), answer.body
    assert findings(daemon) == [] and save(daemon, image.name) == before
    again = messages(pull(daemon, image.name, JOE))
    assert again[-1]['status'] == f'Status: Image is up to date for {image.name}'


def test_a_restart_between_changes_nothing(daemon, image):
    before = save(daemon, image.name)
    flip(a_layer(daemon))
    findings(daemon, repair='1')
    daemon.terminate()
    daemon.start()
    assert pull(daemon, image.name, JOE).status == 200
    assert findings(daemon) == [] and save(daemon, image.name) == before
