# SPDX-License-Identifier: Apache-2.0
"""The verification policy: exactly the good signatures count, everything else refuses before anything is stored."""
import base64, json, subprocess, time

import pytest
from fake_registry import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST, digest_of

SIMPLE = 'application/vnd.dev.cosign.simplesigning.v1+json'
BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
PREDICATE = 'https://sigstore.dev/cosign/sign/v1'


@pytest.fixture(scope='module')
def keys(tmp_path_factory):
    """Key pairs by kind: (private, public) files."""
    d, made = tmp_path_factory.mktemp('keys'), {}
    for name, options in (('ec', ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256']), ('other', ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256']),
                          ('rsa', ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048']), ('weak', ['RSA', '-pkeyopt', 'rsa_keygen_bits:1024']),
                          ('ed', ['ED25519'])):
        private, public = d / f'{name}.key', d / f'{name}.pub'
        subprocess.run(['openssl', 'genpkey', '-algorithm', *options, '-out', private], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(['openssl', 'pkey', '-in', private, '-pubout', '-out', public], check=True)
        made[name] = private, public
    return made


def sign(key, data, tmp, *options):
    (tmp / 'data').write_bytes(data)
    if 'ed.key' in str(key):
        argv = ['openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', key, '-in', tmp / 'data']
    else:
        argv = ['openssl', 'dgst', '-sha256', '-sign', key, *options, tmp / 'data']
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout


def payload_for(digest, reference, **changes):
    critical = {'identity': {'docker-reference': reference}, 'image': {'docker-manifest-digest': digest},
                'type': 'cosign container image signature', **changes}
    return json.dumps({'critical': critical, 'optional': None}).encode()


def attach_simple(registry, digest, entries, repository='app'):
    """entries: [(payload, signature)]; the tag layout."""
    layers = [{'mediaType': SIMPLE, 'size': len(payload), 'digest': registry.add_blob(payload),
               'annotations': {'dev.cosignproject.cosign/signature': base64.b64encode(signature).decode()}} for payload, signature in entries]
    config = b'{}'
    document = {'schemaVersion': 2, 'mediaType': OCI_MANIFEST, 'layers': layers,
                'config': {'mediaType': 'application/vnd.oci.image.config.v1+json', 'size': len(config), 'digest': registry.add_blob(config)}}
    registry.add_manifest(repository, digest.replace(':', '-') + '.sig', document, OCI_MANIFEST)


def pae(kind, body):
    return b'DSSEv1 %d %s %d ' % (len(kind), kind.encode(), len(body)) + body


def attach_bundle(registry, digest, key, tmp, name='', predicate=PREDICATE, subject=None, repository='app', kind='application/vnd.in-toto+json'):
    statement = json.dumps({'_type': 'https://in-toto.io/Statement/v1', 'predicateType': predicate, 'predicate': {},
                            'subject': [{'name': name, 'digest': {'sha256': (subject or digest)[7:]}}]}).encode()
    bundle = json.dumps({'mediaType': BUNDLE, 'verificationMaterial': {'publicKey': {'hint': 'x'}},
                         'dsseEnvelope': {'payload': base64.b64encode(statement).decode(), 'payloadType': kind,
                                          'signatures': [{'sig': base64.b64encode(sign(key, pae(kind, statement), tmp)).decode()}]}}).encode()
    empty = b'{}'
    document = {'schemaVersion': 2, 'mediaType': OCI_MANIFEST, 'artifactType': BUNDLE,
                'config': {'mediaType': 'application/vnd.oci.empty.v1+json', 'size': 2, 'digest': registry.add_blob(empty)},
                'layers': [{'mediaType': BUNDLE, 'size': len(bundle), 'digest': registry.add_blob(bundle)}],
                'subject': {'mediaType': OCI_MANIFEST, 'digest': digest, 'size': 1}}
    registry.add_manifest(repository, digest_of(json.dumps(document).encode()), document, OCI_MANIFEST)


class Policy:
    def __init__(self, tmp):
        self.path = tmp / 'policy.json'

    def write(self, *requirements, scope=None, default='reject'):
        document = {'default': [{'type': default}]}
        if scope is None:
            document['default'] = list(requirements)
        else:
            document['transports'] = {'docker': {scope: list(requirements)}}
        self.path.write_text(json.dumps(document))
        return ('--policy', self.path)


@pytest.fixture
def policy(tmp_path):
    return Policy(tmp_path)


def signed_by(key, identity='matchRepository', **more):
    return {'type': 'sigstoreSigned', 'keyPath': str(key[1]), 'signedIdentity': {'type': identity, **more}}


def refused(driver, registry, options, words='', reference='app'):
    began = time.monotonic()
    result = driver.pull(f'{registry.address}/{reference}', *options)
    assert result.code == 1 and result.errors.startswith('error 3: image '), (result.output, result.errors)
    assert words in result.errors, result.errors
    assert driver.is_empty() and not driver.files('layers') and driver.partials() == []
    assert time.monotonic() - began < 5


def accepted(driver, registry, options, reference='app'):
    result = driver.pull(f'{registry.address}/{reference}', *options)
    assert result.code == 0, result.errors
    subprocess.run(['rm', '-rf', driver.store])


@pytest.mark.parametrize('kind', ['ec', 'rsa', 'ed'])
def test_a_good_signature(registry, driver, policy, keys, tmp_path, kind):
    image = registry.add_image()
    options = policy.write(signed_by(keys[kind]))
    refused(driver, registry, options, 'no signature was found')
    payload = payload_for(image.digest, f'{registry.address}/app')
    attach_simple(registry, image.digest, [(payload, sign(keys[kind][0], payload, tmp_path))])
    accepted(driver, registry, options)
    accepted(driver, registry, (*options, '--verify'))
    refused(driver, registry, policy.write(signed_by(keys['other'])), 'by other keys')


def test_rsa_pss(registry, driver, policy, keys, tmp_path):
    image = registry.add_image()
    payload = payload_for(image.digest, f'{registry.address}/app')
    signature = sign(keys['rsa'][0], payload, tmp_path, '-sigopt', 'rsa_padding_mode:pss')
    attach_simple(registry, image.digest, [(payload, signature)])
    accepted(driver, registry, policy.write(signed_by(keys['rsa'])))


def test_signatures_that_do_not_count(registry, driver, policy, keys, tmp_path):
    image, other = registry.add_image(), registry.add_image('app', 'other')
    options, key = policy.write(signed_by(keys['ec'])), keys['ec'][0]
    name = f'{registry.address}/app'
    good = payload_for(image.digest, name)
    signature = sign(key, good, tmp_path)
    swapped = payload_for(other.digest, name)
    twice = good.replace(b'"type": "cosign container image signature"', b'"type": "x", "type": "cosign container image signature"')
    for payload, sig, words in (
            (swapped, signature, 'by other keys'),                      # payload exchanged
            (swapped, sign(key, swapped, tmp_path), 'of other images'),  # of another image
            (good, signature[:-1], 'by other keys'), (good, b'', 'by other keys'), (good + b' ', signature, 'by other keys'),
            (twice, sign(key, twice, tmp_path), 'of other images'),      # two members of one name
            *[(p, sign(key, p, tmp_path), 'of other images') for p in (
                payload_for(image.digest, name, type='atomic container signature'), payload_for('sha256:..', name),
                payload_for(None, name), b'{}', b'[]', b'null', b'not json')],
            *[(p, sign(key, p, tmp_path), 'for other names') for p in (
                payload_for(image.digest, f'{registry.address}/other'), payload_for(image.digest, 'docker.io/library/app'),
                payload_for(image.digest, ''), payload_for(image.digest, 'NOT A NAME'))]):
        attach_simple(registry, image.digest, [(payload, sig)])
        refused(driver, registry, options, words)
    attach_simple(registry, image.digest, [(swapped, signature), (good, b'x'), (good, signature)])  # one good among bad
    accepted(driver, registry, options)


def test_identities(registry, driver, policy, keys, tmp_path):
    image = registry.add_image('team/app', '1')
    registry.add_manifest('team/app', '2', image.manifest)
    key, name = keys['ec'], f'{registry.address}/team/app'

    def attach(reference):
        payload = payload_for(image.digest, reference)
        attach_simple(registry, image.digest, [(payload, sign(key[0], payload, tmp_path))], 'team/app')
    attach(f'{name}:1')
    for identity, pulled, is_good in ((dict(identity='matchExact'), 'team/app:1', True), (dict(identity='matchExact'), 'team/app:2', False),
                                      (dict(identity='matchRepoDigestOrExact'), 'team/app:1', True), (dict(identity='matchRepoDigestOrExact'), 'team/app:2', False),
                                      (dict(identity='matchRepoDigestOrExact'), f'team/app@{image.digest}', True),
                                      (dict(identity='matchRepository'), 'team/app:2', True),
                                      (dict(identity='exactReference', dockerReference=f'{name}:1'), 'team/app:2', True),
                                      (dict(identity='exactReference', dockerReference=f'{name}:2'), 'team/app:2', False),
                                      (dict(identity='exactRepository', dockerRepository=name), 'team/app:2', True),
                                      (dict(identity='exactRepository', dockerRepository=f'{name}x'), 'team/app:2', False),
                                      (dict(identity='matchDigest'), 'team/app:2', True)):
        options = policy.write(signed_by(key, **identity))
        accepted(driver, registry, options, pulled) if is_good else refused(driver, registry, options, 'for other names', pulled)
    attach('vendor.example/apps/app:1')
    remap = signed_by(key, 'remapIdentity', prefix=f'{registry.address}/team', signedPrefix='vendor.example/apps')
    accepted(driver, registry, policy.write(remap), 'team/app:1')
    refused(driver, registry, policy.write(remap), 'for other names', 'team/app:2')
    no_type = {'type': 'sigstoreSigned', 'keyPath': str(key[1])}  # the default is the strict one
    refused(driver, registry, policy.write(no_type), 'for other names', 'team/app:1')


def test_bundles(registry, driver, policy, keys, tmp_path):
    image = registry.add_image()
    name = f'{registry.address}/app'
    attach_bundle(registry, image.digest, keys['other'][0], tmp_path, name)
    options = policy.write(signed_by(keys['ec']))
    refused(driver, registry, options, 'by other keys')
    for wrong in (dict(predicate='https://slsa.dev/provenance/v1'), dict(subject='sha256:' + 'a' * 64)):
        attach_bundle(registry, image.digest, keys['ec'][0], tmp_path, name, **wrong)
        refused(driver, registry, options, 'of other images')
    attach_bundle(registry, image.digest, keys['ec'][0], tmp_path)  # names nothing, as cosign's do
    refused(driver, registry, options, 'for other names')
    accepted(driver, registry, policy.write(signed_by(keys['ec'], 'matchDigest')))
    attach_bundle(registry, image.digest, keys['ec'][0], tmp_path, name)
    accepted(driver, registry, options)


def test_an_index_or_its_child_may_be_signed(registry, driver, policy, keys, tmp_path):
    image = registry.add_image('app', 'child')
    index = digest_of(registry.add_index('app', 'multi', [(image, 'linux/amd64')]))
    options = policy.write(signed_by(keys['ec']))
    for digest in (index, image.digest):
        refused(driver, registry, options, 'no signature', 'app:multi')
        payload = payload_for(digest, f'{registry.address}/app')
        attach_simple(registry, digest, [(payload, sign(keys['ec'][0], payload, tmp_path))])
        accepted(driver, registry, options, 'app:multi')
        del registry.manifests['app', digest.replace(':', '-') + '.sig']


def test_all_requirements_must_hold(registry, driver, policy, keys, tmp_path):
    image = registry.add_image()
    payload = payload_for(image.digest, f'{registry.address}/app')
    attach_simple(registry, image.digest, [(payload, sign(keys['ec'][0], payload, tmp_path))])
    refused(driver, registry, policy.write(signed_by(keys['ec']), signed_by(keys['rsa'])), 'by other keys')
    refused(driver, registry, policy.write(signed_by(keys['ec']), {'type': 'reject'}), 'rejected by policy')
    either = {'type': 'sigstoreSigned', 'keyPaths': [str(keys['rsa'][1]), str(keys['ec'][1])], 'signedIdentity': {'type': 'matchRepository'}}
    accepted(driver, registry, policy.write(either))
    data = {'type': 'sigstoreSigned', 'keyData': base64.b64encode(keys['ec'][1].read_bytes()).decode(), 'signedIdentity': {'type': 'matchRepository'}}
    accepted(driver, registry, policy.write(data))


def test_scopes(registry, driver, policy):
    registry.add_image('team/app', '1')
    accept, name = {'type': 'insecureAcceptAnything'}, f'{registry.address}/team/app'
    for scope, is_match in ((f'{name}:1', True), (name, True), (f'{registry.address}/team', True), (registry.address, True), ('', True),
                            (f'{name}:2', False), (f'{registry.address}/tea', False), ('docker.io', False), ('*.0.0.1', True), ('*.1', True), ('*.2', False)):
        options = policy.write(accept, scope=scope)
        accepted(driver, registry, options, 'team/app:1') if is_match else refused(driver, registry, options, 'rejected', 'team/app:1')
    most_specific = {'default': [accept], 'transports': {'docker': {registry.address: [accept], name: [{'type': 'reject'}]}}}
    policy.path.write_text(json.dumps(most_specific))
    refused(driver, registry, ('--policy', policy.path), 'rejected', 'team/app:1')


def test_what_is_not_understood_refuses(registry, driver, policy, keys, tmp_path):
    registry.add_image()
    for requirement in ({'type': 'signedBy', 'keyType': 'GPGKeys', 'keyPath': '/x'}, {'type': 'sigstoreSigned', 'fulcio': {}},
                        {'type': 'sigstoreSigned', 'keyPath': str(keys['ec'][1]), 'rekorPublicKeyPath': '/x'},
                        {'type': 'sigstoreSigned'}, {'type': 'unknown'}, {}, {'type': 'reject', 'more': 1},
                        {'type': 'sigstoreSigned', 'keyPath': '/nonexistent'}, {'type': 'sigstoreSigned', 'keyPath': '/etc/passwd'},
                        {'type': 'sigstoreSigned', 'keyPath': str(keys['weak'][1])}, {'type': 'sigstoreSigned', 'keyPath': str(keys['ec'][0])},
                        {'type': 'sigstoreSigned', 'keyData': '!!'}, signed_by(keys['ec'], 'sameAsEver'), signed_by(keys['ec'], 'exactReference'),
                        signed_by(keys['ec'], 'remapIdentity', prefix='x')):
        refused(driver, registry, policy.write(requirement))
    for text in ('', '{}', '[]', 'null', '{"default":[]}', '{"default":[{"type":"insecureAcceptAnything"}],"x":1}',
                 '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}',
                 '{"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker":{"a.example":[]}}}'):
        policy.path.write_text(text)
        refused(driver, registry, ('--policy', policy.path), 'policy "')
    policy.path.unlink()
    refused(driver, registry, ('--policy', policy.path), 'cannot read the policy')


def test_verify_wants_a_key(registry, driver, policy):
    registry.add_image()
    refused(driver, registry, ('--verify',), 'names no public key')
    refused(driver, registry, (*policy.write({'type': 'insecureAcceptAnything'}), '--verify'), 'names no public key')


def test_a_registry_that_hides_or_floods(registry, driver, policy, keys, tmp_path):
    image = registry.add_image()
    options = (*policy.write(signed_by(keys['ec'])), '--attempts', '2')
    payload = payload_for(image.digest, f'{registry.address}/app')
    signature = sign(keys['ec'][0], payload, tmp_path)
    attach_simple(registry, image.digest, [(payload, b'bad')] * 100 + [(payload, signature)])
    refused(driver, registry, options, 'none of 64 signatures')
    attach_simple(registry, image.digest, [(payload, signature)])
    for fault in (dict(status=500), dict(status=403), dict(replace=b'{}'), dict(replace=b'<html>'), dict(endless=True)):
        registry.faults.clear()
        registry.fault('GET', r'\.sig', times=99, **fault)
        registry.fault('GET', '/referrers/', times=99, status=404)
        refused(driver, registry, options)
    registry.faults.clear()
    accepted(driver, registry, options)
