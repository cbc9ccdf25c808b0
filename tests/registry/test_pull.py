# SPDX-License-Identifier: Apache-2.0
"""Pulling from a registry that behaves."""
import json

from conftest import auth
from fake_registry import DOCKER_LIST, OCI_INDEX, FakeRegistry, digest_of


def test_by_tag_then_up_to_date(registry, driver):
    image = registry.add_image('app', '1', layers=3)
    first = driver.pull(f'{registry.address}/app:1')
    assert first.code == 0, first.errors
    assert driver.has(image)
    assert first.statuses[0] == 'Pulling from app' and first.messages[0]['id'] == '1'
    assert first.statuses.count('Pulling fs layer') == first.statuses.count('Pull complete') == 3
    assert first.statuses[-2:] == [f'Digest: {image.digest}', f'Status: Downloaded newer image for {registry.address}/app:1']
    assert driver.partials() == []
    again = driver.pull(f'{registry.address}/app:1')
    assert again.statuses[-1] == f'Status: Image is up to date for {registry.address}/app:1'
    assert 'Pulling fs layer' not in again.statuses


def test_each_layer_tells_its_states_in_order(registry, driver):
    registry.add_image(layers=1, size=300_000)
    states = [m['status'] for m in driver.pull(f'{registry.address}/app').messages if len(m.get('id', '')) == 12]
    order = ['Pulling fs layer', 'Downloading', 'Verifying Checksum', 'Download complete', 'Extracting', 'Pull complete']
    assert list(dict.fromkeys(states)) == order


def test_by_digest_and_by_tag_with_digest(registry, driver):
    image = registry.add_image('app', '1')
    registry.add_image('app', '2')
    by_digest = driver.pull(f'{registry.address}/app@{image.digest}')
    assert by_digest.code == 0 and driver.has(image)
    assert by_digest.messages[0]['id'] == image.digest
    assert by_digest.statuses[-1].endswith(f'app@{image.digest}')
    both = driver.pull(f'{registry.address}/app:2@{image.digest}')  # the digest wins
    assert both.statuses[-1].startswith('Status: Image is up to date')


def test_unknown_tag_and_repository(registry, driver):
    registry.add_image('app', '1')
    gone = driver.pull(f'{registry.address}/app:nope')
    assert gone.errors.startswith('error 4: manifest for ') and gone.errors.strip().endswith(
        'app:nope not found: manifest unknown: manifest unknown')
    registry.fault('GET', r'/manifests/', status=401, body=json.dumps(
        {'errors': [{'code': 'DENIED', 'message': 'requested access to the resource is denied'}]}).encode())
    denied = driver.pull(f'{registry.address}/other')
    assert f"pull access denied for {registry.address}/other, repository does not exist or may require 'docker login': " \
           'denied: requested access to the resource is denied' in denied.errors


def test_platforms_of_an_index(registry, driver):
    images = {p: registry.add_image('app', p.replace('/', '-'), architecture=p.split('/')[1])
              for p in ('linux/amd64', 'linux/arm64', 'linux/arm/v6', 'linux/arm/v7')}
    for media_type in (DOCKER_LIST, OCI_INDEX):
        index = registry.add_index('app', 'multi', [(i, p) for p, i in images.items()], media_type)
        for wanted, found in (('linux/amd64', 'linux/amd64'), ('linux/arm64/v8', 'linux/arm64'), ('linux/aarch64', 'linux/arm64'),
                              ('linux/arm/v6', 'linux/arm/v6'), ('linux/arm', 'linux/arm/v7'), ('arm64', 'linux/arm64')):
            result = driver.pull(f'{registry.address}/app:multi', '--platform', wanted)
            assert result.code == 0, (wanted, result.errors)
            assert driver.has(images[found]), wanted
            assert f'Digest: {digest_of(index)}' in result.statuses
    none = driver.pull(f'{registry.address}/app:multi', '--platform', 'linux/s390x')
    assert 'no matching manifest for linux/s390x in the manifest list entries' in none.errors
    other = driver.pull(f'{registry.address}/app:linux-arm64', '--platform', 'linux/amd64')
    assert 'does not match the specified platform (linux/amd64)' in other.errors
    for bad in ('linux/amd64/v1/x', 'li nux/amd64', 'linux//x', 'nowhere'):
        assert driver.pull(f'{registry.address}/app:multi', '--platform', bad).errors.startswith('error 1:'), bad


def test_all_tags_over_pages(registry, driver):
    images = [registry.add_image('app', f't{i}', layers=1, size=100) for i in range(5)]
    registry.page = 2
    result = driver.pull(f'{registry.address}/app', '--all-tags')
    assert result.code == 0, result.errors
    assert all(driver.has(image) for image in images)
    assert [m['id'] for m in result.messages if m.get('status') == 'Pulling from app'] == [f't{i}' for i in range(5)]


def test_a_layer_that_is_there_is_not_fetched(registry, driver):
    registry.add_image('app', '1', layers=2, seed=b'x')
    registry.add_image('app', '2', layers=3, seed=b'x')
    driver.pull(f'{registry.address}/app:1')
    registry.requests.clear()
    second = driver.pull(f'{registry.address}/app:2')
    assert second.statuses.count('Already exists') == 2 and second.statuses.count('Pull complete') == 1
    assert len([r for r in registry.requests if '/blobs/' in r.path]) == 2  # one layer, the config


def test_the_same_layer_twice_in_an_image(registry, driver):
    def twice(manifest, config):
        manifest['layers'].append(manifest['layers'][0])
        config['rootfs']['diff_ids'].append(config['rootfs']['diff_ids'][0])
    image = registry.add_image(layers=1, change=twice)
    result = driver.pull(f'{registry.address}/app')
    assert result.code == 0 and driver.has(image)
    assert len([r for r in registry.requests if '/blobs/' in r.path]) == 2


def test_many_layers_three_at_a_time(registry, driver):
    image = registry.add_image(layers=40, size=1000)
    assert driver.pull(f'{registry.address}/app').code == 0 and driver.has(image)


def test_no_layers_at_all(registry, driver):
    image = registry.add_image(layers=0)
    assert driver.pull(f'{registry.address}/app').code == 0 and driver.has(image)


def test_basic_credentials(registry, driver):
    image = registry.add_image()
    registry.basic = ('joe', 's3cret')
    assert 'no basic auth credentials' in driver.pull(f'{registry.address}/app').errors
    assert 'unauthorized: authentication required' in driver.pull(f'{registry.address}/app', '--auth', auth('joe', 'no')).errors
    assert driver.is_empty()
    assert driver.pull(f'{registry.address}/app', '--auth', auth('joe', 's3cret')).code == 0 and driver.has(image)


def test_credentials_as_one_base64_field(registry, driver):
    import base64
    registry.add_image()
    registry.basic = ('joe', 's3cret')
    field = base64.b64encode(b'joe:s3cret').decode()
    assert driver.pull(f'{registry.address}/app', '--auth', auth(auth=field)).code == 0


def token_service(registry, **answer):
    registry.realm = f'http://{registry.address}/token'
    registry.tokens = {'tok'}
    registry.token_answer = lambda request: {'token': 'tok', 'expires_in': 300, **answer}


def test_token_with_and_without_credentials(registry, driver):
    image = registry.add_image()
    token_service(registry)
    assert driver.pull(f'{registry.address}/app').code == 0 and driver.has(image)
    asked = [r for r in registry.requests if r.path == '/token']
    assert len(asked) == 1 and 'authorization' not in asked[0].headers
    assert 'scope=repository%3Aapp%3Apull' in asked[0].query and 'service=fake' in asked[0].query
    registry.requests.clear()
    driver.pull(f'{registry.address}/app', '--auth', auth('joe', 's3cret'))
    asked = [r for r in registry.requests if r.path == '/token']
    assert asked[0].headers['authorization'].startswith('Basic ') and 'account=joe' in asked[0].query
    assert all(r.headers.get('authorization') == 'Bearer tok' for r in registry.requests if '/manifests/' in r.path)


def test_identity_token_is_refreshed_by_post(registry, driver):
    registry.add_image()
    token_service(registry)
    assert driver.pull(f'{registry.address}/app', '--auth', auth(identitytoken='refresh-me')).code == 0
    asked = [r for r in registry.requests if r.path == '/token']
    assert asked[0].method == 'POST' and b'refresh_token=refresh-me' in asked[0].body and b'grant_type=refresh_token' in asked[0].body


def test_registry_token_is_used_as_it_is(registry, driver):
    registry.add_image()
    token_service(registry)
    assert driver.pull(f'{registry.address}/app', '--auth', auth(registrytoken='tok')).code == 0
    assert not [r for r in registry.requests if r.path == '/token']


def test_token_that_expires_during_the_pull(registry, driver):
    image = registry.add_image(layers=6, size=1000)
    token_service(registry)
    numbers = iter(range(100))

    def fresh(request):
        token = f'tok{next(numbers)}'
        registry.tokens, registry.token_uses = {token}, 3
        return {'token': token, 'expires_in': 300}
    registry.token_answer = fresh
    result = driver.pull(f'{registry.address}/app')
    assert result.code == 0, result.errors
    assert driver.has(image)
    assert len([r for r in registry.requests if r.path == '/token']) > 1


def test_token_service_refuses(registry, driver):
    registry.add_image()
    token_service(registry)
    registry.token_answer = lambda request: (401, {'details': 'incorrect username or password'})
    result = driver.pull(f'{registry.address}/app', '--auth', auth('joe', 'bad'))
    assert 'unauthorized: incorrect username or password' in result.errors


def test_a_token_cannot_smuggle_headers(registry, driver):
    registry.add_image()
    token_service(registry)
    registry.token_answer = lambda request: {'token': 'tok\r\nX-Evil: 1'}
    assert driver.pull(f'{registry.address}/app').code != 0
    assert not registry.saw('X-Evil') and not [r for r in registry.requests if 'x-evil' in r.headers]


def test_malformed_auth_header_is_not_quoted(registry, driver):
    result = driver.pull(f'{registry.address}/app', '--auth', 'c2VjcmV0')  # "secret", no JSON
    assert result.errors.strip() == 'error 1: invalid X-Registry-Auth header: not the JSON of credentials'


def test_mirrors_come_first_and_get_no_credentials(registry, driver):
    mirror = FakeRegistry()
    image = registry.add_image()
    registry.basic = ('joe', 's3cret')
    mirror.blobs, mirror.manifests = registry.blobs, registry.manifests
    options = ('--mirror-of', registry.address, '--mirror', f'http://{mirror.address}', '--auth', auth('joe', 's3cret'))
    assert driver.pull(f'{registry.address}/app', *options).code == 0 and driver.has(image)
    assert registry.requests == [] and not mirror.saw('Basic')


def test_a_mirror_that_fails_is_passed_over(registry, driver):
    image = registry.add_image(layers=3)
    mirror = FakeRegistry()
    options = ('--mirror-of', registry.address, '--mirror', f'http://{mirror.address}')
    assert driver.pull(f'{registry.address}/app', *options).code == 0 and driver.has(image)  # has nothing
    mirror.manifests = registry.manifests  # has only manifests
    other = registry.add_image('app', '2', layers=3)
    assert driver.pull(f'{registry.address}/app:2', *options).code == 0 and driver.has(other)
    mirror.close()
    third = registry.add_image('app', '3')
    assert driver.pull(f'{registry.address}/app:3', *options).code == 0 and driver.has(third)


def test_proxy_is_used_but_not_for_loopback(registry, driver):
    from conftest import FAR
    proxy = FakeRegistry()
    far = FakeRegistry(FAR[0])
    image = far.add_image()
    proxy.blobs, proxy.manifests = far.blobs, far.manifests
    proxy.handle_plain = proxy.handle

    def relay(request, fault):  # a proxy gets absolute URLs
        request.path = request.path.removeprefix(f'http://{far.address}')
        return proxy.handle_plain(request, fault)
    proxy.handle = relay
    options = ('--insecure', far.address, '--proxy', f'http://{proxy.address}')
    driver.environment['HTTPS_PROXY'] = f'http://{proxy.address}'
    result = driver.pull(f'{far.address}/app', *options)
    assert result.code == 0, result.errors
    assert driver.has(image) and far.requests == []
    registry.add_image()
    used = len(proxy.requests)
    assert driver.pull(f'{registry.address}/app', *options).code == 0 and len(proxy.requests) == used
