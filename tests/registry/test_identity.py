# SPDX-License-Identifier: Apache-2.0
"""Signatures through the daemon: the signer shows in inspect, and what a registry may try with signed indexes."""
import json

import pytest

from fake_registry import FakeRegistry, digest_of
from test_daemon import Daemon, network_of, pull
from test_policy import attach_bundle, attach_simple, keys, payload_for, sign, signed_by  # noqa: F401 (fixture)


@pytest.fixture
def policy_file(tmp_path):
    path = tmp_path / 'policy.json'
    path.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    return path


@pytest.fixture
def daemon(policy_file):
    with Daemon('--verification-policy', str(policy_file)) as d:
        yield d


@pytest.fixture
def fake(daemon):
    with network_of(daemon):
        registry = FakeRegistry()
    yield registry
    registry.close()


def require(policy_file, *requirements):
    policy_file.write_text(json.dumps({'default': list(requirements)}))


def identity(daemon, name):
    return daemon.request('GET', f'/images/{name}/json').json().get('Identity')


def attach(fake, digest, key, tmp_path, reference, repository='app'):
    payload = payload_for(digest, reference)
    attach_simple(fake, digest, [(payload, sign(key[0], payload, tmp_path))], repository)


def test_the_signer_shows_in_inspect(daemon, fake, policy_file, keys, tmp_path):
    image, name = fake.add_image('app', '1'), f'{fake.address}/app'
    attach(fake, image.digest, keys['ec'], tmp_path, name)
    assert pull(daemon, f'{name}:1').status == 200
    assert identity(daemon, f'{name}:1') == {'Pull': [{'Repository': name}]}  # nobody had to look
    require(policy_file, signed_by(keys['ec']))
    again = pull(daemon, f'{name}:1')
    assert b'Image is up to date' in again.body  # nothing new, but verified now
    signature, = identity(daemon, f'{name}:1')['Signature']
    assert signature['SignatureType'] == 'simplesigning-v1' and signature['Name'].startswith('key sha256:')
    daemon.terminate()
    daemon.start()
    assert identity(daemon, f'{name}:1')['Signature'] == [signature]
    assert daemon.request('POST', f'/images/{name}:1/tag', query={'repo': 'mine'}).status == 201
    assert identity(daemon, 'mine')['Signature'] == [signature]  # of the image, whatever its name
    require(policy_file, {'type': 'insecureAcceptAnything'})
    assert pull(daemon, f'{name}:1').status == 200 and identity(daemon, 'mine')['Signature'] == [signature]


def test_one_signer_for_each_requirement(daemon, fake, policy_file, keys, tmp_path):
    image, name = fake.add_image('app', '1'), f'{fake.address}/app'
    payload = payload_for(image.digest, name)
    attach_simple(fake, image.digest, [(payload, sign(keys['rsa'][0], payload, tmp_path))])
    attach_bundle(fake, image.digest, keys['ec'][0], tmp_path, name)
    require(policy_file, signed_by(keys['rsa']), signed_by(keys['ec']))
    assert pull(daemon, f'{name}:1', verify='1').status == 200
    found = identity(daemon, f'{name}:1')['Signature']
    assert [s['SignatureType'] for s in found] == ['simplesigning-v1', 'bundle-v0.3'] and found[0]['Name'] != found[1]['Name']


def refused(daemon, reference, words, status=403, **query):
    answer = pull(daemon, reference, **query)
    assert answer.status == status and words in answer.json()['message'], answer.body
    assert daemon.request('GET', '/images/json', query={'all': '1'}).json() == []
    assert not list((daemon.data / 'layers').iterdir()) and not list((daemon.data / 'blobs').rglob('*.*'))


def test_a_signed_index_covers_all_its_platforms_and_nothing_else(daemon, fake, policy_file, keys, tmp_path):
    amd, arm = fake.add_image('app', 'amd'), fake.add_image('app', 'arm', architecture='arm64')
    evil, name = fake.add_image('app', 'evil'), f'{fake.address}/app'
    index = digest_of(fake.add_index('app', '1', [(amd, 'linux/amd64'), (arm, 'linux/arm64')]))
    attach(fake, index, keys['ec'], tmp_path, name)
    require(policy_file, signed_by(keys['ec']))
    fake.manifests['app', amd.digest] = fake.manifests['app', evil.digest]  # another manifest under the signed index's digest
    refused(daemon, f'{name}:1', 'manifest verification failed', 500)
    fake.add_index('app', '1', [(evil, 'linux/amd64'), (arm, 'linux/arm64')])  # another index under the tag
    refused(daemon, f'{name}:1', 'no signature was found')
    attach(fake, evil.digest, keys['other'], tmp_path, name)
    refused(daemon, f'{name}:1', 'by other keys')
    fake.add_index('app', '1', [(amd, 'linux/amd64'), (arm, 'linux/arm64')])
    fake.manifests['app', amd.digest] = ('application/vnd.docker.distribution.manifest.v2+json', amd.manifest)
    for platform in ('linux/amd64', 'linux/arm64'):  # neither manifest is signed itself
        assert pull(daemon, f'{name}:1', platform=platform, verify='1').status == 200
    assert identity(daemon, f'{name}:1')['Signature']


def test_a_signature_for_another_tag(daemon, fake, policy_file, keys, tmp_path):
    image, name = fake.add_image('app', 'old'), f'{fake.address}/app'
    attach(fake, image.digest, keys['ec'], tmp_path, f'{name}:old')
    fake.add_manifest('app', 'new', image.manifest)  # a roll-back: the old, signed image under the new tag
    require(policy_file, signed_by(keys['ec'], 'matchExact'))
    refused(daemon, f'{name}:new', 'for other names')
    assert pull(daemon, f'{name}:old').status == 200


def test_ten_thousand_signatures(daemon, fake, policy_file, keys, tmp_path):
    """More than a manifest may have: refused at once, the good one among them does not count."""
    image, name = fake.add_image('app', '1'), f'{fake.address}/app'
    payload = payload_for(image.digest, name)
    attach_simple(fake, image.digest, [(payload, b'bad')] * 10_000 + [(payload, sign(keys['ec'][0], payload, tmp_path))])
    require(policy_file, signed_by(keys['ec']))
    before = daemon.memory_kib()
    refused(daemon, f'{name}:1', 'cannot be verified: no signature was found')
    assert daemon.memory_kib() - before < 64 << 10


def test_no_network_but_the_registry_is_asked(daemon, fake, policy_file, keys, tmp_path):
    """Offline: the registry itself is all a verification speaks to; keyless signatures are refused without a look."""
    image, name = fake.add_image('app', '1'), f'{fake.address}/app'
    attach(fake, image.digest, keys['ec'], tmp_path, name)
    require(policy_file, {'type': 'sigstoreSigned', 'fulcio': {'caPath': '/x', 'oidcIssuer': 'https://i.example', 'subjectEmail': 'a@b'},
                          'rekorPublicKeyPath': '/x'})
    refused(daemon, f'{name}:1', 'GPG and keyless signatures cannot be verified')
