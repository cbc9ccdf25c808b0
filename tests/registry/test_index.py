# SPDX-License-Identifier: Apache-2.0
"""Indexes of several platforms, kept whole: pull, list, inspect, run, save, load, push, remove."""
import hashlib, io, json, os, tarfile

import pytest

from conftest import auth
from fake_registry import OCI_INDEX, OCI_MANIFEST, FakeRegistry, digest_of
from test_daemon import CLIENTS, daemon, fake, messages, network_of, pull, run  # noqa: F401 (fixtures)

STATEMENT = {'_type': 'https://in-toto.io/Statement/v0.1', 'predicateType': 'https://slsa.dev/provenance/v0.2', 'subject': []}


def attestation(registry, image, repository='multi'):
    """An attestation manifest for the image as BuildKit makes them: its descriptor for the index."""
    statement = json.dumps({**STATEMENT, 'subject': [{'name': '_', 'digest': {'sha256': image.digest[7:]}}]}).encode()
    config = json.dumps({'architecture': 'unknown', 'os': 'unknown', 'config': {}, 'rootfs': {'type': 'layers', 'diff_ids': [digest_of(statement)]}}).encode()
    manifest = registry.add_manifest(repository, 'att-' + image.digest[7:15], {
        'schemaVersion': 2, 'mediaType': OCI_MANIFEST,
        'config': {'mediaType': 'application/vnd.oci.image.config.v1+json', 'digest': registry.add_blob(config), 'size': len(config)},
        'layers': [{'mediaType': 'application/vnd.in-toto+json', 'digest': registry.add_blob(statement), 'size': len(statement),
                    'annotations': {'in-toto.io/predicate-type': STATEMENT['predicateType']}}]}, OCI_MANIFEST)
    return {'mediaType': OCI_MANIFEST, 'digest': digest_of(manifest), 'size': len(manifest),
            'platform': {'architecture': 'unknown', 'os': 'unknown'},
            'annotations': {'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': image.digest}}


class Multi:
    """An image of two platforms, with an attestation for each, in the registry as multi:1."""

    def __init__(self, registry, tag='1', layers=2):
        self.amd = registry.add_image('multi', 'amd', layers=layers)
        self.arm = registry.add_image('multi', 'arm', layers=layers, architecture='arm64')
        entries = [{'mediaType': json.loads(i.manifest)['mediaType'], 'digest': i.digest, 'size': len(i.manifest),
                    'platform': {'architecture': a, 'os': 'linux'}} for i, a in ((self.amd, 'amd64'), (self.arm, 'arm64'))]
        self.attestations = [attestation(registry, self.amd), attestation(registry, self.arm)]
        self.index = registry.add_manifest('multi', tag, {'schemaVersion': 2, 'mediaType': OCI_INDEX,
                                                           'manifests': entries + self.attestations}, OCI_INDEX)
        self.digest = digest_of(self.index)
        self.name = f'{registry.address}/multi:{tag}'
        self.repository = f'{registry.address}/multi'


@pytest.fixture
def multi(fake):
    return Multi(fake)


def pull_both(daemon, multi):
    for platform in ('linux/amd64', 'linux/arm64'):
        answer = pull(daemon, multi.name, platform=platform)
        assert answer.status == 200 and b'"error"' not in answer.body, answer.body


def listed(daemon, **query):
    return daemon.request('GET', '/images/json', query={k.replace('_', '-'): v for k, v in query.items()}).json()


def inspected(daemon, name, **query):
    return daemon.request('GET', f'/images/{name}/json', query=query)


def blobs(daemon):
    return {p.name for p in (daemon.data / 'blobs/sha256').iterdir()}


ARM = json.dumps({'os': 'linux', 'architecture': 'arm64'})


def test_one_name_for_all_its_platforms(daemon, multi):
    pull_both(daemon, multi)
    image, = listed(daemon, manifests='1')
    assert image['Id'] == multi.amd.id and image['RepoTags'] == [multi.name]
    assert image['RepoDigests'] == [f'{multi.repository}@{multi.digest}']
    assert image['Descriptor'] == {'mediaType': OCI_INDEX, 'digest': multi.digest, 'size': len(multi.index)}
    kinds = [(m['ID'], m['Kind'], m['Available']) for m in image['Manifests']]
    assert kinds == [(multi.amd.digest, 'image', True), (multi.arm.digest, 'image', True),
                     (multi.attestations[0]['digest'], 'attestation', True), (multi.attestations[1]['digest'], 'attestation', True)]
    assert image['Manifests'][1]['ImageData']['Platform'] == {'architecture': 'arm64', 'os': 'linux'}
    assert image['Manifests'][2]['AttestationData'] == {'For': multi.amd.digest}
    assert image['Manifests'][2]['Descriptor'] == multi.attestations[0]
    for m in image['Manifests'][:2]:
        assert m['Size']['Total'] == m['Size']['Content'] + m['ImageData']['Size']['Unpacked'] > 200_000
    assert len(listed(daemon, all='1')) == 2
    again = messages(pull(daemon, multi.name, platform='linux/arm64'))
    assert again[-1]['status'].startswith('Status: Image is up to date')


def test_a_platform_that_is_not_here(daemon, multi):
    assert pull(daemon, multi.name).status == 200
    image, = listed(daemon, manifests='1')
    assert [(m['Available'], m['Size']['Total'] > 0) for m in image['Manifests']] == [(True, True), (False, False), (True, True), (False, False)]
    missing = inspected(daemon, multi.name, platform=ARM)
    assert missing.status == 404
    assert 'was found but its platform (linux/amd64) does not match the specified platform (linux/arm64)' in missing.json()['message']


def test_inspect_history_and_tag(daemon, multi):
    pull_both(daemon, multi)
    assert inspected(daemon, multi.name).json()['Id'] == multi.amd.id
    arm = inspected(daemon, multi.name, platform=ARM).json()
    assert arm['Id'] == multi.arm.id and arm['Architecture'] == 'arm64' and arm['RepoTags'] == [multi.name]
    assert arm['Descriptor']['digest'] == multi.arm.digest
    assert len(inspected(daemon, multi.name, manifests='1').json()['Manifests']) == 4
    both = inspected(daemon, multi.name, manifests='1', platform=ARM)
    assert both.status == 400 and 'conflicting options' in both.json()['message']
    bad = inspected(daemon, multi.name, platform='{"os":"linux"}')
    assert bad.status == 400
    history = daemon.request('GET', f'/images/{multi.name}/history', query={'platform': ARM}).json()
    assert history[0]['Id'] == multi.arm.id
    assert daemon.request('POST', f'/images/{multi.name}/tag', query={'repo': 'mine', 'tag': 'x'}).status == 201
    assert inspected(daemon, 'mine:x', platform=ARM).json()['Id'] == multi.arm.id


def test_create_for_a_platform(daemon, multi):
    pull_both(daemon, multi)
    made = daemon.request('POST', '/containers/create', {'Image': multi.name}, query={'platform': 'linux/arm64'})
    assert made.status == 201, made.body
    assert daemon.request('GET', f'/containers/{made.json()["Id"]}/json').json()['Image'] == multi.arm.id
    image, = listed(daemon, manifests='1')
    assert image['Manifests'][1]['ImageData']['Containers'] == [made.json()['Id']]
    refused = daemon.request('DELETE', f'/images/{multi.name}')
    assert refused.status == 409 and made.json()['Id'][:12] in refused.json()['message']
    assert made.json()['Warnings'] == []
    daemon.request('DELETE', f'/images/{multi.name}', query={'platforms': json.dumps({'os': 'linux', 'architecture': 'amd64'})})
    unasked = daemon.request('POST', '/containers/create', {'Image': multi.name})
    assert unasked.json()['Warnings'][0].startswith("The requested image's platform (linux/arm64) does not match the detected host platform (linux/")
    none = daemon.request('POST', '/containers/create', {'Image': multi.name}, query={'platform': 'linux/s390x'})
    assert none.status == 404 and 'does not match the specified platform (linux/s390x)' in none.json()['message']


def test_attestations(daemon, multi):
    pull_both(daemon, multi)
    def ask(**query):
        return daemon.request('GET', f'/images/{multi.name}/attestations', query=query)
    one, = ask().json()
    assert one['PredicateType'] == STATEMENT['predicateType'] and 'Statement' not in one
    whole, = ask(statement='true', platform=ARM).json()
    assert whole['Statement']['subject'][0]['digest']['sha256'] == multi.arm.digest[7:]
    assert ask(type='https://spdx.dev/Document').json() == []
    assert ask(platform=json.dumps({'os': 'linux', 'architecture': 's390x'})).status == 404


def test_removal_takes_all_along(daemon, multi):
    pull_both(daemon, multi)
    assert daemon.request('POST', f'/images/{multi.name}/tag', query={'repo': 'mine'}).status == 201
    assert daemon.request('DELETE', f'/images/{multi.name}').status == 200
    assert len(inspected(daemon, 'mine', manifests='1').json()['Manifests']) == 4
    removed = daemon.request('DELETE', '/images/mine').json()
    assert {r['Deleted'] for r in removed if 'Deleted' in r} == {multi.amd.id, multi.arm.id}
    assert blobs(daemon) == set() and not list((daemon.data / 'layers').iterdir())


def test_removal_of_one_platform(daemon, multi):
    pull_both(daemon, multi)
    removed = daemon.request('DELETE', f'/images/{multi.name}', query={'platforms': json.dumps({'os': 'linux', 'architecture': 'amd64'})})
    assert removed.status == 200 and {'Deleted': multi.amd.id} in removed.json(), removed.body
    image, = listed(daemon, manifests='1')
    assert image['Id'] == multi.arm.id and image['RepoTags'] == [multi.name]
    assert [m['Available'] for m in image['Manifests']][:2] == [False, True]
    assert daemon.request('DELETE', f'/images/{multi.name}', query={'platforms': ARM}).status == 200
    assert listed(daemon, all='1') == [] and blobs(daemon) == set()


def test_prune(daemon, fake, multi):
    pull_both(daemon, multi)
    dangling = daemon.request('POST', '/images/prune').json()
    assert not dangling['ImagesDeleted'] and len(listed(daemon, all='1')) == 2
    made = daemon.request('POST', '/containers/create', {'Image': multi.name}, query={'platform': 'linux/arm64'}).json()['Id']
    every = {'filters': json.dumps({'dangling': ['false']})}
    assert not daemon.request('POST', '/images/prune', query=every).json()['ImagesDeleted']
    assert daemon.request('DELETE', f'/containers/{made}').status == 204
    said = daemon.request('POST', '/images/prune', query={**every, 'dry-run': '1'}).json()
    did = daemon.request('POST', '/images/prune', query=every).json()
    assert len(did['ImagesDeleted']) == 4 and did == said
    assert blobs(daemon) == set()


def test_a_tag_that_moves_on(daemon, fake, multi):
    pull_both(daemon, multi)
    newer = Multi(fake)
    assert pull(daemon, newer.name).status == 200
    by_tag = {tuple(i['RepoTags']): i for i in listed(daemon)}
    assert by_tag[(newer.name,)]['Id'] == newer.amd.id and by_tag[()]['Id'] == multi.amd.id
    assert by_tag[()]['RepoDigests'] == [f'{multi.repository}@{multi.digest}']
    assert inspected(daemon, f'{multi.repository}@{multi.digest}', platform=ARM).json()['Id'] == multi.arm.id


def test_all_of_it_outlives_the_daemon(daemon, multi):
    pull_both(daemon, multi)
    before, kept = listed(daemon, manifests='1'), blobs(daemon)
    daemon.terminate()
    daemon.start()
    assert listed(daemon, manifests='1') == before and blobs(daemon) == kept


# ---- archives ----

def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}


def save(daemon, *names, **query):
    answer = daemon.request('GET', '/images/get', query={'names': list(names), **query})
    assert answer.status == 200, answer.body
    return answer.body


def load(daemon, data, **query):
    return daemon.request('POST', '/images/load', data, headers={'Content-Type': 'application/x-tar'}, query=query)


def check_layout(files):
    for name, data in files.items():
        if name.startswith('blobs/sha256/'):
            assert hashlib.sha256(data).hexdigest() == name.rsplit('/', 1)[1]
    return json.loads(files['index.json'])['manifests']


def test_save_and_load_whole(daemon, multi):
    pull_both(daemon, multi)
    data = save(daemon, multi.name)
    assert data == save(daemon, multi.name)
    entry, = check_layout(members(data))
    assert entry['mediaType'] == OCI_INDEX and entry['annotations']['io.containerd.image.name'] == multi.name
    index = json.loads(members(data)['blobs/sha256/' + entry['digest'][7:]])
    assert [m['platform']['architecture'] for m in index['manifests']] == ['amd64', 'arm64']
    assert daemon.request('DELETE', f'/images/{multi.name}').status == 200
    loaded = load(daemon, data)
    assert loaded.body.count(b'Loaded image: ') == 1, loaded.body
    image, = listed(daemon, manifests='1')
    assert image['Id'] == multi.amd.id and image['Descriptor']['digest'] == entry['digest']
    assert [m['Available'] for m in image['Manifests']] == [True, True]
    assert save(daemon, multi.name) == data  # from now on the digests stay


def test_save_and_load_one_platform(daemon, multi):
    pull_both(daemon, multi)
    whole, arm = save(daemon, multi.name), save(daemon, multi.name, platform=ARM)
    entry, = check_layout(members(arm))
    assert entry['mediaType'] == OCI_MANIFEST and len(arm) < len(whole) * 2 / 3
    missing = daemon.request('GET', '/images/get', query={'names': multi.name, 'platform': '{"os":"linux","architecture":"s390x"}'})
    assert missing.status == 404 and 'does not provide the specified platform (linux/s390x)' in missing.json()['message']
    assert daemon.request('DELETE', f'/images/{multi.name}').status == 200
    assert load(daemon, whole, platform=ARM).status == 200
    image, = listed(daemon, manifests='1')
    assert image['Id'] == multi.arm.id and [m['Available'] for m in image['Manifests']] == [False, True]
    none = load(daemon, whole, platform='{"os":"linux","architecture":"s390x"}')
    assert none.status == 404 and 'no image for the platform linux/s390x' in none.json()['message']


def as_layout(registry, multi, leave_out=()):
    """An OCI layout as `docker save` with containerd's store writes it: compressed, with all documents."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for (_, reference), (_, data) in registry.manifests.items():
            if reference.startswith('sha256:') and reference not in leave_out:
                add('blobs/sha256/' + reference[7:], data)
        for digest, data in registry.blobs.items():
            if digest not in leave_out:
                add('blobs/sha256/' + digest[7:], data)
        add('index.json', json.dumps({'schemaVersion': 2, 'manifests': [
            {'mediaType': OCI_INDEX, 'digest': multi.digest, 'size': len(multi.index),
             'annotations': {'io.containerd.image.name': 'docker.io/library/multi:1'}}]}).encode())
        add('oci-layout', b'{"imageLayoutVersion": "1.0.0"}')
    return out.getvalue()


def test_load_keeps_the_index_and_its_attestations(daemon, fake, multi):
    loaded = load(daemon, as_layout(fake, multi))
    assert loaded.status == 200 and b'Loaded image: multi:1' in loaded.body, loaded.body
    image, = listed(daemon, manifests='1')
    assert image['Descriptor']['digest'] == multi.digest and [m['Available'] for m in image['Manifests']] == [True] * 4
    assert len(daemon.request('GET', '/images/multi:1/attestations', query={'platform': ARM}).json()) == 1


def test_load_of_a_layout_with_parts_missing(daemon, fake, multi):
    assert load(daemon, as_layout(fake, multi, {multi.arm.digest, multi.attestations[1]['digest']})).status == 200
    image, = listed(daemon, manifests='1')
    assert [m['Available'] for m in image['Manifests']] == [True, False, True, False]
    layer = json.loads(multi.arm.manifest)['layers'][0]['digest']
    broken = load(daemon, as_layout(fake, multi, {layer}))
    assert b'is missing' in broken.body
    wrong = dict(fake.manifests)
    fake.manifests['multi', multi.attestations[0]['digest']] = (OCI_MANIFEST, b'{}' + b' ' * (multi.attestations[0]['size'] - 2))
    assert b'is damaged' in load(daemon, as_layout(fake, multi)).body
    fake.manifests = wrong


# ---- push ----

def push(daemon, name, **query):
    repository, _, tag = name.rpartition(':')
    answer = daemon.request('POST', f'/images/{repository}/push', query={'tag': tag, **query}, headers={'X-Registry-Auth': auth()}, timeout=30)
    return answer, messages(answer)


def retag(daemon, old, new):
    repository, _, tag = new.rpartition(':')
    assert daemon.request('POST', f'/images/{old}/tag', query={'repo': repository, 'tag': tag}).status == 201


def test_push_of_a_whole_index_keeps_its_digest(daemon, fake, multi):
    pull_both(daemon, multi)
    retag(daemon, multi.name, f'{fake.address}/copy:2')
    answer, stream = push(daemon, f'{fake.address}/copy:2')
    assert stream[-1]['aux'] == {'Tag': '2', 'Digest': multi.digest, 'Size': len(multi.index)}, stream
    assert fake.manifests['copy', '2'] == (OCI_INDEX, multi.index)
    for digest in [multi.amd.digest, multi.arm.digest, *(a['digest'] for a in multi.attestations)]:
        assert ('copy', digest) in fake.manifests
    assert f'{fake.address}/copy@{multi.digest}' in listed(daemon)[0]['RepoDigests']
    assert inspected(daemon, f'{fake.address}/copy@{multi.digest}', platform=ARM).status == 200


def test_a_single_image_keeps_its_digest_where_its_blobs_are(daemon, fake):
    image = fake.add_image('app', '1', layers=2)
    assert pull(daemon, f'{fake.address}/app:1').status == 200
    retag(daemon, f'{fake.address}/app:1', f'{fake.address}/other:1')
    assert push(daemon, f'{fake.address}/other:1')[1][-1]['aux']['Digest'] == image.digest


def test_push_elsewhere_writes_the_index_anew(daemon, fake, multi):
    pull_both(daemon, multi)
    with network_of(daemon):
        other = FakeRegistry()
    retag(daemon, multi.name, f'{other.address}/multi:1')
    answer, stream = push(daemon, f'{other.address}/multi:1')
    assert any('The index was written anew' in m.get('status', '') and multi.digest in m['status'] for m in stream), stream
    digest = stream[-1]['aux']['Digest']
    media_type, text = other.manifests['multi', '1']
    assert digest_of(text) == digest and [m['platform']['architecture'] for m in json.loads(text)['manifests']] == ['amd64', 'arm64']
    for m in json.loads(text)['manifests']:
        assert len(other.manifests['multi', m['digest']][1]) == m['size']
    other.close()


def test_push_of_what_is_not_all_there(daemon, fake, multi):
    assert pull(daemon, multi.name).status == 200
    retag(daemon, multi.name, f'{fake.address}/copy:1')
    answer, stream = push(daemon, f'{fake.address}/copy:1')
    assert stream[-1]['aux'] == {'manifestPushedInsteadOfIndex': True,
                                 'originalIndex': {'mediaType': OCI_INDEX, 'digest': multi.digest, 'size': len(multi.index)},
                                 'selectedManifest': {'mediaType': json.loads(multi.amd.manifest)['mediaType'], 'digest': multi.amd.digest,
                                                      'size': len(multi.amd.manifest)}}
    assert stream[-2]['aux']['Digest'] == multi.amd.digest and fake.manifests['copy', '1'][1] == multi.amd.manifest
    # the registry has the rest: the index is pushed
    retag(daemon, multi.name, f'{multi.repository}:again')
    assert push(daemon, f'{multi.repository}:again')[1][-1]['aux']['Digest'] == multi.digest


def test_push_of_two_of_three_platforms(daemon, fake):
    images = [(fake.add_image('three', a, architecture=a), f'linux/{a}') for a in ('amd64', 'arm64', 's390x')]
    fake.add_index('three', '1', images)
    name = f'{fake.address}/three:1'
    for platform in ('linux/amd64', 'linux/arm64'):
        assert pull(daemon, name, platform=platform).status == 200
    retag(daemon, name, f'{fake.address}/copy:1')
    answer, stream = push(daemon, f'{fake.address}/copy:1')
    assert "You're trying to push a manifest list/index which references multiple platform specific manifests" in stream[-1]['error']
    assert ('copy', '1') not in fake.manifests
    one = push(daemon, f'{fake.address}/copy:1', platform=ARM)[1]
    assert one[-1]['aux']['Digest'] == images[1][0].digest
    none = push(daemon, f'{fake.address}/copy:1', platform='linux/s390x')[0]
    assert none.status == 404


# ---- what a registry may do to attestations ----

def test_attestations_that_cannot_be_had(daemon, fake, multi):
    fake.fault('GET', multi.attestations[0]['digest'], status=404)
    assert pull(daemon, multi.name).status == 200
    assert [m['Available'] for m in listed(daemon, manifests='1')[0]['Manifests']] == [True, False, False, False]
    newer = Multi(fake, '2')
    fake.fault('GET', newer.attestations[0]['digest'], replace=b'{"schemaVersion":2}')
    assert pull(daemon, newer.name).status == 200
    assert daemon.request('GET', f'/images/{newer.name}/attestations').json() == []


# ---- command lines ----

@pytest.mark.parametrize('client', CLIENTS)
def test_command_lines(daemon, fake, multi, tmp_path, client):
    def do(*argv):
        return run(daemon, tmp_path, client, *argv)
    for platform in ('linux/amd64', 'linux/arm64'):
        assert do('pull', '-q', '--platform', platform, multi.name).returncode == 0
    tree = do('images', '--tree')
    assert tree.returncode == 0 and 'linux/amd64' in tree.stdout and 'linux/arm64' in tree.stdout, tree.stdout
    assert do('image', 'inspect', '--platform', 'linux/arm64', '-f', '{{.Architecture}}', multi.name).stdout.strip() == 'arm64'
    assert do('history', '-q', '--no-trunc', '--platform', 'linux/arm64', multi.name).stdout.startswith(multi.arm.id)
    archive = tmp_path / 'arm.tar'
    saved = do('save', '--platform', 'linux/arm64', '-o', str(archive), multi.name)
    assert saved.returncode == 0, saved.stdout
    assert do('tag', multi.name, f'{fake.address}/copy:1').returncode == 0
    pushed = do('push', f'{fake.address}/copy:1')
    assert f'1: digest: {multi.digest}' in pushed.stdout, pushed.stdout
    assert do('push', '--platform', 'linux/arm64', f'{fake.address}/copy:1').returncode == 0
    assert fake.manifests['copy', '1'][1] == multi.arm.manifest
    made = do('create', '--platform', 'linux/arm64', multi.name)
    assert made.returncode == 0, made.stdout
    assert do('rm', made.stdout.split()[-1]).returncode == 0
    assert do('rmi', multi.name, f'{fake.address}/copy:1').returncode == 0
    loaded = do('load', '--platform', 'linux/arm64', '-i', str(archive))
    assert loaded.returncode == 0 and 'Loaded image' in loaded.stdout, loaded.stdout
    alone = do('push', multi.name)
    assert alone.returncode == 0, alone.stdout
