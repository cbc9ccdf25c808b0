# SPDX-License-Identifier: Apache-2.0
"""`keep-compressed-layers`: images leave with the digests they came with."""
import gzip, json, subprocess, time

import pytest

from conftest import auth
from fake_registry import FakeRegistry, digest_of
from test_daemon import Daemon, messages, network_of, pull, real  # noqa: F401 (fixtures)
from test_index import load, members, retag, save

@pytest.fixture(params=['erofs', 'unpack'])
def daemon(request):
    with Daemon('--keep-compressed-layers', '--storage-driver', request.param) as d:
        yield d


@pytest.fixture
def fake(daemon):
    with network_of(daemon):
        registry, other = FakeRegistry(), FakeRegistry()
    registry.other = other
    yield registry
    registry.close()
    other.close()


def push(daemon, name, tag, header=None):
    answer = daemon.request('POST', f'/images/{name}/push', query={'tag': tag}, headers={'X-Registry-Auth': header or auth()}, timeout=60)
    assert answer.status == 200, answer.body
    lines = messages(answer)
    assert not any('error' in line for line in lines), lines
    return next(line['aux']['Digest'] for line in lines if 'Digest' in line.get('aux', {}))


def kept(daemon):
    return sorted(p.name for p in (daemon.data / 'layers').glob('*/sha*'))


def findings(daemon, **query):
    return daemon.request('POST', '/system/check', query={'data': '1', **query}).json()['Findings']


def du(*paths):
    return sum(int(line.split()[0]) for line in subprocess.run(['du', '-s', '-B1', *paths], capture_output=True, text=True, check=True).stdout.splitlines())


def blobs(image):
    return sorted(digest_of(blob) for blob, _ in image.layers)


def test_push_elsewhere_keeps_the_digest(daemon, fake, real):
    image = fake.add_image('app', '1', layers=3, size=3_000_000)
    assert pull(daemon, f'{fake.address}/app:1').status == 200
    assert kept(daemon) == blobs(image)
    retag(daemon, f'{fake.address}/app:1', f'{real}/copy:1')
    assert push(daemon, f'{real}/copy', '1', auth('joe', 's3cret')) == image.digest
    remote = daemon.request('GET', f'/distribution/{real}/copy:1/json', headers={'X-Registry-Auth': auth('joe', 's3cret')})
    assert remote.json()['Descriptor']['digest'] == image.digest
    # and what was pushed can be had by who keeps nothing
    assert daemon.request('DELETE', f'/images/{image.id}', query={'force': '1'}).status == 200
    assert kept(daemon) == [] and list((daemon.data / 'layers').iterdir()) == []
    assert pull(daemon, f'{real}/copy:1', auth('joe', 's3cret')).status == 200
    assert daemon.request('GET', '/images/json').json()[0]['RepoDigests'] == [f'{real}/copy@{image.digest}']


def test_a_push_that_breaks_goes_on(daemon, fake):
    image = fake.add_image('app', '1', layers=1, size=3_000_000)
    pull(daemon, f'{fake.address}/app:1')
    fake.other.fault('PATCH', '/blobs/uploads/', status=503)
    retag(daemon, f'{fake.address}/app:1', f'{fake.other.address}/copy:1')
    assert push(daemon, f'{fake.other.address}/copy', '1') == image.digest
    assert fake.other.blobs[blobs(image)[0]] == image.layers[0][0]


def test_save_and_load_keep_the_index(daemon, fake):
    images = [(fake.add_image('multi', f'part{i}', layers=2, architecture=a), f'linux/{a}') for i, a in enumerate(('amd64', 'arm64'))]
    index = digest_of(fake.add_index('multi', '1', images))
    for _, platform in images:
        assert pull(daemon, f'{fake.address}/multi:1', platform=platform).status == 200
    data = save(daemon, f'{fake.address}/multi:1')
    files = members(data)
    assert json.loads(files['index.json'])['manifests'][0]['digest'] == index
    for image, _ in images:
        for blob, _ in image.layers:
            assert files['blobs/sha256/' + digest_of(blob).removeprefix('sha256:')] == blob
    layers = json.loads(files['manifest.json'])[0]['Layers']
    assert [gzip.decompress(files[name]) for name in layers] == [tar for _, tar in images[0][0].layers]
    assert daemon.request('DELETE', f'/images/{fake.address}/multi:1').status == 200 and kept(daemon) == []
    load(daemon, data)
    assert kept(daemon) == sorted(b for image, _ in images for b in blobs(image))
    assert save(daemon, f'{fake.address}/multi:1') == data
    retag(daemon, f'{fake.address}/multi:1', f'{fake.other.address}/copy:1')
    assert push(daemon, f'{fake.other.address}/copy', '1') == index


def test_counted_checked_and_mended(daemon, fake):
    image = fake.add_image('app', '1', layers=2, size=1_000_000)
    pull(daemon, f'{fake.address}/app:1')
    said = daemon.request('GET', '/v1.47/system/df').json()['LayersSize']
    assert said == pytest.approx(du(daemon.data / 'layers', daemon.data / 'blobs'), rel=0.01) and said > 4_000_000
    assert findings(daemon) == []
    victim = next((daemon.data / 'layers').glob(f'*/{blobs(image)[0]}'))
    with open(victim, 'r+b') as file:
        file.seek(5000)
        file.write(b'wrong')
    retag(daemon, f'{fake.address}/app:1', f'{fake.other.address}/copy:1')
    answer = daemon.request('POST', f'/images/{fake.other.address}/copy/push', query={'tag': '1'}, headers={'X-Registry-Auth': auth()}, timeout=60)
    assert 'is damaged' in messages(answer)[-1]['error']  # nothing wrong leaves
    found = findings(daemon)
    assert len(found) == 1 and f'compressed copy {victim.name} of layer' in found[0]['Problem'] and not found[0].get('Action')
    assert findings(daemon, repair='1')[0]['Action'] == 'the copy was removed' and findings(daemon) == []
    assert push(daemon, f'{fake.other.address}/copy', '1') != image.digest  # compressed anew
    before = daemon.request('POST', '/images/prune', query={'filters': '{"dangling":["false"]}', 'dry-run': '1'}).json()['SpaceReclaimed']
    did = daemon.request('POST', '/images/prune', query={'filters': '{"dangling":["false"]}'}).json()
    assert did['SpaceReclaimed'] == before > 3_000_000 and list((daemon.data / 'layers').iterdir()) == []


def test_a_layer_that_is_here_gets_its_copy(daemon, fake):
    """Without the option nothing is kept; with it, an image that shares the layer brings the copy. A reload counts at once."""
    daemon.terminate()
    daemon.args.remove('--keep-compressed-layers')
    daemon.start()
    image = fake.add_image('app', '1', layers=2)
    pull(daemon, f'{fake.address}/app:1')
    assert kept(daemon) == []
    daemon.config.write_text('{"keep-compressed-layers": true}')
    daemon.process.send_signal(1)
    end = time.monotonic() + 20
    while 'configuration reloaded' not in daemon.log_text() and time.monotonic() < end:
        time.sleep(0.01)
    config = json.loads(image.config) | {'author': 'another'}
    text = json.dumps(config).encode()
    manifest = json.loads(image.manifest)
    manifest['config'] |= {'size': len(text), 'digest': fake.add_blob(text)}
    fake.add_manifest('app', '2', manifest)
    assert pull(daemon, f'{fake.address}/app:2').status == 200
    assert kept(daemon) == blobs(image)


def test_killed_while_keeping(daemon, fake):
    image = fake.add_image('app', '1', layers=2, size=2_000_000)
    for rest in (1_500_000, 600_000, 1):
        fake.fault('GET', '/blobs/' + digest_of(image.layers[1][0]), pause=0.05, piece=100_000)
        with daemon.connect() as connection:
            connection.send('POST', f'/images/create?fromImage={fake.address}/app&tag=1')
            partial = daemon.data / 'tmp' / 'partial'
            end = time.monotonic() + 20
            while time.monotonic() < end and not any(p.stat().st_size >= 2_000_000 - rest for p in partial.glob('*')):
                time.sleep(0.01)
            daemon.kill()
        daemon.start()
        assert daemon.request('GET', '/images/json').json() == [] and kept(daemon) == []
    assert pull(daemon, f'{fake.address}/app:1').status == 200
    assert kept(daemon) == blobs(image) and findings(daemon) == []
