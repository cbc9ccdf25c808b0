# SPDX-License-Identifier: Apache-2.0
"""Against the real thing: Debian's docker-registry on loopback, with and without basic authentication."""
import contextlib, json, shutil, socket, subprocess, threading, time, urllib.request

import pytest
from conftest import auth
from fake_registry import FakeRegistry, digest_of

pytestmark = pytest.mark.skipif(not shutil.which('docker-registry'), reason='docker-registry is not installed')


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


def start(directory, more=''):
    port = free_port()
    directory.mkdir()
    config = directory / 'config.yml'
    config.write_text(f'version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {directory}/data}}, delete: {{enabled: true}}}}\n'
                      f'http: {{addr: "127.0.0.1:{port}"}}\n{more}')
    process = subprocess.Popen(['docker-registry', 'serve', config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return process, f'127.0.0.1:{port}'
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def real(tmp_path):
    process, address = start(tmp_path / 'registry')
    yield address
    process.terminate()
    process.wait()


@pytest.fixture
def locked(tmp_path):
    users = subprocess.run(['htpasswd', '-Bbn', 'joe', 's3cret'], check=True, stdout=subprocess.PIPE).stdout
    (tmp_path / 'users').write_bytes(users)
    process, address = start(tmp_path / 'locked', f'auth: {{htpasswd: {{realm: basic, path: {tmp_path}/users}}}}\n')
    yield address
    process.terminate()
    process.wait()


def retag(driver, old, new):
    refs = driver.store / 'refs'
    (refs / new.replace('/', '!')).write_text((refs / old.replace('/', '!')).read_text())


def filled(driver, registry, new, **image):
    """Pulls an image from the fake and gives it a name in the real registry."""
    made = registry.add_image(**image)
    assert driver.pull(f'{registry.address}/app:latest').code == 0
    retag(driver, f'{registry.address}/app:latest', new)
    return made


def test_push_and_pull_back(registry, real, driver, tmp_path):
    image = filled(driver, registry, f'{real}/team/app:1', layers=3, size=2_000_000)
    pushed = driver.run('push', f'{real}/team/app:1')
    assert pushed.code == 0, pushed.errors
    assert pushed.statuses[0] == f'The push refers to repository [{real}/team/app]'
    assert pushed.statuses.count('Pushed') == 3
    aux = pushed.messages[-1]['aux']
    assert pushed.statuses[-2] == f'1: digest: {aux["Digest"]} size: {aux["Size"]}'
    second = type(driver)(tmp_path / 'second')
    second.directory.mkdir()
    pulled = second.pull(f'{real}/team/app:1')
    assert pulled.code == 0 and second.has(image) and f'Digest: {aux["Digest"]}' in pulled.statuses
    by_digest = second.pull(f'{real}/team/app@{aux["Digest"]}')
    assert by_digest.code == 0
    again = driver.run('push', f'{real}/team/app:1')
    assert again.statuses.count('Layer already exists') == 3 and again.messages[-1]['aux'] == aux


def test_the_same_push_from_nothing_gives_the_same_digest(registry, real, driver):
    filled(driver, registry, f'{real}/one:1', layers=2, size=300_000)
    retag(driver, f'{real}/one:1', f'{real}/two:1')
    first = driver.run('push', f'{real}/one:1').messages[-1]['aux']['Digest']
    shutil.rmtree(driver.store / 'sources')
    (driver.store / 'sources').mkdir()
    second = driver.run('push', f'{real}/two:1')
    assert second.statuses.count('Pushed') == 2 and second.messages[-1]['aux']['Digest'] == first


def test_layers_are_mounted_from_another_repository(registry, real, driver):
    filled(driver, registry, f'{real}/one:1', layers=2)
    retag(driver, f'{real}/one:1', f'{real}/two:1')
    driver.run('push', f'{real}/one:1')
    assert driver.run('push', f'{real}/two:1').statuses.count('Mounted from one') == 2


def test_all_tags(registry, real, driver, tmp_path):
    filled(driver, registry, f'{real}/app:1')
    retag(driver, f'{real}/app:1', f'{real}/app:2')
    assert driver.run('push', f'{real}/app').code == 0
    tags = json.load(urllib.request.urlopen(f'http://{real}/v2/app/tags/list'))['tags']
    assert sorted(tags) == ['1', '2']
    assert driver.pull(f'{real}/app', '--all-tags').code == 0


def test_what_is_not_there(real, driver):
    assert driver.run('push', f'{real}/app:1').errors == f'error 4: An image does not exist locally with the tag: {real}/app\n'
    assert f'manifest for {real}/app:1 not found: manifest unknown: manifest unknown' in driver.pull(f'{real}/app:1').errors


def test_basic_authentication(registry, locked, driver, tmp_path):
    image = filled(driver, registry, f'{locked}/app:1')
    good, bad = auth('joe', 's3cret'), auth('joe', 'wrong')
    assert 'no basic auth credentials' in driver.run('push', f'{locked}/app:1').errors
    assert 'unauthorized: authentication required' in driver.run('push', f'{locked}/app:1', '--auth', bad).errors
    assert driver.run('push', f'{locked}/app:1', '--auth', good).code == 0
    second = type(driver)(tmp_path / 'second')
    second.directory.mkdir()
    assert second.pull(f'{locked}/app:1', '--auth', bad).code == 1 and second.is_empty()
    assert second.pull(f'{locked}/app:1', '--auth', good).code == 0 and second.has(image)


def test_login(real, locked, driver):
    assert driver.run('login', locked, '--auth', auth('joe', 's3cret')).output.startswith('Login Succeeded')
    wrong = driver.run('login', locked, '--auth', auth('joe', 'wrong'))
    assert wrong.errors == f'error 2: login attempt to http://{locked}/v2/ failed with status: 401 Unauthorized\n'
    assert driver.run('login', real, '--auth', auth('any', 'body')).code == 0
    closed = driver.run('login', '127.0.0.1:1', '--auth', auth('a', 'b'))
    assert closed.errors == 'error 8: Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused\n'


def test_login_at_a_token_service(registry, driver):
    registry.realm, registry.tokens = f'http://{registry.address}/token', {'tok'}
    registry.token_answer = lambda request: {'token': 'tok', 'refresh_token': 'refresh'} if 'offline_token=true' in request.query else {'token': 'tok'}
    assert driver.run('login', registry.address, '--auth', auth('joe', 'x')).output == 'Login Succeeded refresh\n'
    registry.token_answer = lambda request: (401, {'details': 'incorrect username or password'})
    assert driver.run('login', registry.address, '--auth', auth('joe', 'y')).errors == \
        f'error 2: Get "http://{registry.address}/v2/": unauthorized: incorrect username or password\n'


def test_inspect_of_a_manifest_and_an_index(registry, real, driver):
    filled(driver, registry, f'{real}/app:1')
    driver.run('push', f'{real}/app:1')
    document = json.loads(driver.run('inspect', f'{real}/app:1').output)
    assert document['Descriptor']['mediaType'].endswith('manifest.v2+json') and document['Descriptor']['size'] > 0
    assert document['Platforms'] == [{'architecture': 'amd64', 'os': 'linux'}]
    image = registry.add_image('app', 'a', architecture='arm64')
    data = registry.add_index('app', 'multi', [(image, 'linux/arm64/v8'), (image, 'linux/amd64')])
    document = json.loads(driver.run('inspect', f'{registry.address}/app:multi').output)
    assert document['Descriptor']['digest'] == digest_of(data)
    assert document['Platforms'][0] == {'architecture': 'arm64', 'os': 'linux', 'variant': 'v8'}
    assert driver.run('inspect', f'{real}/app:nope').errors.startswith('error 4:')


def test_search(registry, driver):
    results = [{'name': 'busybox', 'description': 'small', 'star_count': 5, 'is_official': True, 'is_automated': False},
               {'name': 'me/busybox', 'description': 'mine', 'star_count': 0, 'is_official': False, 'is_automated': False}]
    registry.handle = lambda request, fault: (200, {}, json.dumps({'num_results': 2, 'results': results}).encode())
    found = json.loads(driver.run('search', 'busybox & co', '--index', f'http://{registry.address}').output)
    assert found == results and 'q=busybox%20%26%20co' in registry.requests[-1].target
    json.loads(driver.run('search', f'{registry.address}/busybox').output)
    registry.handle = lambda request, fault: (404, {}, b'')
    assert '404 Not Found' in driver.run('search', 'x', '--index', f'http://{registry.address}').errors


def test_push_with_faults_on_the_way(registry, driver):
    """Uploads are tried again from the beginning; what arrives is right."""
    target = FakeRegistry()
    image = filled(driver, registry, f'{target.address}/app:1', layers=3, size=400_000)
    for method, pattern in (('POST', '/uploads/'), ('PATCH', '/uploads/'), ('PUT', '/uploads/'), ('PUT', '/manifests/'), ('HEAD', '/blobs/')):
        target.fault(method, pattern, status=503)
        target.fault(method, pattern, raw=b'')
    result = driver.run('push', f'{target.address}/app:1')
    assert result.code == 0, result.errors
    manifest = json.loads(target.manifests['app', '1'][1])
    assert len(manifest['layers']) == 3 and all(d['digest'] in target.blobs for d in manifest['layers'] + [manifest['config']])
    target.fault('PUT', '/manifests/', times=9, status=403, body=b'{"errors":[{"code":"DENIED","message":"no"}]}')
    assert 'denied: no' in driver.run('push', f'{target.address}/app:1').errors


def test_a_broken_upload_goes_on_where_it_broke(registry, driver):
    target = FakeRegistry()
    filled(driver, registry, f'{target.address}/app:1', layers=1, size=3_000_000)
    for cut in (1_000_000, 70_000, 1_500_000):
        target.fault('PATCH', '/uploads/', take=cut)
    result = driver.run('push', f'{target.address}/app:1')
    assert result.code == 0, result.errors
    layer = json.loads(target.manifests['app', '1'][1])['layers'][0]
    assert layer['digest'] in target.blobs and len(target.blobs[layer['digest']]) == layer['size']
    sent = [len(r.body) for r in target.requests if r.method == 'PATCH']
    assert sent == [layer['size'], layer['size'] - 1_000_000, layer['size'] - 1_070_000, layer['size'] - 2_570_000]
    target.close()


@pytest.mark.parametrize('status', [
    dict(status=404, body=b''), dict(status=204, headers={}), dict(status=204, headers={'Range': '0-99999999999'}),
    dict(status=204, headers={'Range': 'bytes=5-9'}), dict(status=204, headers={'Range': '0--1'}), dict(raw=b''),
    dict(status=204, headers={'Range': '0-10', 'Location': 'ftp://x/'})])
def test_a_registry_that_does_not_know_how_far_it_is(registry, driver, status):
    target = FakeRegistry()
    filled(driver, registry, f'{target.address}/app:1', layers=1, size=400_000)
    target.fault('PATCH', '/uploads/', take=100_000)
    target.fault('GET', '/uploads/', **status)
    result = driver.run('push', f'{target.address}/app:1')
    assert result.code == 0, result.errors
    layer = json.loads(target.manifests['app', '1'][1])['layers'][0]
    assert len(target.blobs[layer['digest']]) == layer['size']
    target.close()


def test_a_registry_that_lost_what_it_had(registry, driver):
    """It says that it has the bytes, but they are others: the upload begins anew once."""
    target = FakeRegistry()
    filled(driver, registry, f'{target.address}/app:1', layers=1, size=400_000)
    target.fault('PATCH', '/uploads/', take=100_000)
    target.fault('GET', '/uploads/', status=204, headers={'Range': '0-200000'})
    result = driver.run('push', f'{target.address}/app:1')
    assert result.code == 0, result.errors
    target.close()


class Relay:
    """Between a client and a registry: closes a connection when so many bytes of an upload went through it, each limit once."""

    def __init__(self, port, limits):
        self.port, self.limits, self.lock = port, list(limits), threading.Lock()
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.address = f'127.0.0.1:{self.listener.getsockname()[1]}'
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(('127.0.0.1', self.port))
            for pair in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.copy, args=pair, daemon=True).start()

    def copy(self, source, to, is_request):
        count = 0
        try:
            while data := source.recv(65536):
                to.sendall(data)
                count += len(data)
                with self.lock:
                    if is_request and self.limits and count > self.limits[0]:
                        self.limits.pop(0)
                        break
        except OSError:
            pass
        for end in (source, to):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_connections_that_break_while_docker_registry_gets_a_layer(registry, real, driver):
    """distribution 2.8 forgets an upload whose stream broke: it begins anew."""
    relay = Relay(int(real.split(':')[1]), [900_000, 900_000])
    filled(driver, registry, f'{relay.address}/app:1', layers=1, size=4_000_000)
    # a connection that only stands still is given up after thirty seconds
    result = driver.run('push', f'{relay.address}/app:1', timeout=240)
    assert result.code == 0 and result.statuses.count('Retrying') == 2 and not relay.limits, result.errors
    assert driver.pull(f'{real}/app:1').code == 0
    relay.listener.close()
