# SPDX-License-Identifier: Apache-2.0
"""Secrets go to the registry they are for and nowhere else; TLS that fails is an error and never plain text."""
import base64, json, pathlib, socket, ssl, subprocess, threading

import pytest
from conftest import FAR, auth
from fake_registry import FakeRegistry, digest_of

SECRET = 's3cret-of-A'
AUTH = auth('joe', SECRET)
BASIC = base64.b64encode(f'joe:{SECRET}'.encode()).decode()


def assert_innocent(*servers):
    """None of them saw the password, the credentials or the token of the registry."""
    for server in servers:
        assert not server.saw(SECRET) and not server.saw(BASIC) and not server.saw('tok-of-A')
        assert all('authorization' not in r.headers for r in server.requests)


def protect(registry, way):
    if way == 'basic':
        registry.basic = ('joe', SECRET)
    else:
        registry.realm, registry.tokens = f'http://{registry.address}/token', {'tok-of-A'}
        registry.token_answer = lambda request: {'token': 'tok-of-A'}


@pytest.mark.parametrize('way', ['basic', 'token'])
@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
@pytest.mark.parametrize('host', ['127.0.0.1', '127.0.0.2'])
def test_a_redirect_takes_no_credentials_along(registry, driver, way, status, host):
    image = registry.add_image(layers=2)
    protect(registry, way)
    other = FakeRegistry(host)
    other.blobs = registry.blobs
    for blob, _ in image.layers:
        registry.fault('GET', digest_of(blob), status=status, headers={'Location': f'http://{other.address}/v2/app/blobs/{digest_of(blob)}?sig=1'})
    result = driver.pull(f'{registry.address}/app', '--auth', AUTH)
    assert result.code == 0, result.errors
    assert driver.has(image) and len(other.requests) == 2
    assert_innocent(other)


def test_a_redirect_that_asks_for_credentials_gets_none(registry, driver):
    registry.add_image(layers=1)
    protect(registry, 'basic')
    other = FakeRegistry('127.0.0.2')
    other.basic = ('joe', SECRET)
    registry.fault('GET', '/manifests/', times=9, status=307, headers={'Location': f'http://{other.address}/v2/app/manifests/latest'})
    result = driver.pull(f'{registry.address}/app', '--auth', AUTH)
    assert result.code == 1 and driver.is_empty()
    assert_innocent(other)
    other.basic = None
    other.fault('GET', '/manifests/', times=9, status=401, headers={'WWW-Authenticate': f'Bearer realm="http://{other.address}/token",service="x"'})
    other.token_answer = lambda request: {'token': 'x'}
    assert driver.pull(f'{registry.address}/app', '--auth', AUTH).code == 1
    assert_innocent(other)


def test_there_and_back_again(registry, driver):
    """Once a request left home it stays without credentials, wherever it is sent then."""
    registry.add_image(layers=1)
    protect(registry, 'basic')
    other = FakeRegistry('127.0.0.2')
    registry.fault('GET', '/manifests/', status=307, headers={'Location': f'http://{other.address}/back'})
    other.fault('GET', '/back', times=9, status=307, headers={'Location': f'http://{registry.address}/v2/app/manifests/latest'})
    driver.pull(f'{registry.address}/app', '--auth', AUTH)
    assert_innocent(other)
    back = [r for r in registry.requests if '/manifests/' in r.path]
    assert 'authorization' in back[0].headers and 'authorization' not in back[1].headers


def test_a_token_service_of_another_party_gets_nothing(registry, driver):
    registry.add_image()
    evil = FakeRegistry('127.0.0.3')
    evil.token_answer = lambda request: {'token': 'tok'}
    registry.realm, registry.tokens = f'https://{evil.address}/token', {'tok'}
    for header in (AUTH, auth(identitytoken=SECRET)):
        result = driver.pull(f'{registry.address}/app', '--auth', header)
        assert result.code == 1 and 'another party' in result.errors
    registry.realm = f'http://{evil.address}/token'
    result = driver.pull(f'{registry.address}/app', '--auth', AUTH)
    assert result.code == 1 and 'without TLS' in result.errors
    assert evil.requests == []


def test_foreign_layers_are_not_fetched(registry, driver):
    other = FakeRegistry('127.0.0.2')

    def change(manifest, config):
        manifest['layers'][0]['urls'] = [f'http://{other.address}/layer']
    registry.add_image(change=change)
    protect(registry, 'basic')
    assert driver.pull(f'{registry.address}/app', '--auth', AUTH).code == 1 and other.requests == []


def test_an_upload_elsewhere_gets_no_credentials(registry, driver):
    image = registry.add_image(layers=1)
    protect(registry, 'basic')
    assert driver.pull(f'{registry.address}/app', '--auth', AUTH).code == 0
    target, other = FakeRegistry('127.0.0.1'), FakeRegistry('127.0.0.2')
    target.basic = ('joe', SECRET)
    target.fault('POST', '/uploads/', times=9, status=202, headers={'Location': f'http://{other.address}/v2/app/blobs/uploads/u'})
    refs = driver.store / 'refs'
    (refs / f'{target.address}!app:latest').write_text((refs / f'{registry.address}!app:latest').read_text())
    driver.run('push', f'{target.address}/app:latest', '--auth', AUTH)
    assert other.requests
    assert_innocent(other)


def test_a_registry_elsewhere_may_not_send_us_to_this_machine(registry, driver):
    far = FakeRegistry(FAR[0])
    image = far.add_image(layers=1)
    registry.blobs = far.blobs
    for target in (registry.address, f'localhost:{registry.port}', f'[::ffff:127.0.0.1]:{registry.port}', f'0.0.0.0:{registry.port}', '169.254.169.254'):
        far.faults.clear()
        far.fault('GET', '/blobs/', times=99, status=307, headers={'Location': f'http://{target}/v2/app/blobs/{image.id}'})
        result = driver.pull(f'{far.address}/app', '--insecure', far.address)
        assert result.code == 1 and 'address of this machine' in result.errors, (target, result.errors)
    assert registry.requests == []
    far.faults.clear()
    elsewhere = FakeRegistry(FAR[1])
    elsewhere.blobs = far.blobs
    far.fault('GET', '/blobs/', status=307, headers={'Location': f'http://{elsewhere.address}/v2/app/blobs/{image.id}'})
    assert driver.pull(f'{far.address}/app', '--insecure', far.address).code == 0


def test_secrets_reach_no_output(registry, driver):
    registry.add_image()
    registry.basic = ('joe', 'another')
    result = driver.pull(f'{registry.address}/app', '--auth', AUTH)
    for secret in (SECRET, BASIC, AUTH):
        assert secret not in result.output + result.errors
    registry.basic = None
    registry.fault('GET', '/manifests/', times=9, status=307, headers={'Location': 'http://127.0.0.1:1/x?signature=SIGNED'})
    assert 'SIGNED' not in driver.pull(f'{registry.address}/app').errors


# ---- TLS ----

@pytest.fixture(scope='module')
def pki(tmp_path_factory):
    """A CA and servers' certificates: good for 10.99.0.1, for another name, expired, and one signed by itself."""
    d = tmp_path_factory.mktemp('pki')

    def openssl(*argv):
        subprocess.run(['openssl', *argv], check=True, cwd=d, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test ca')
    for name, address, days in (('good', FAR[0], '2'), ('other', '10.1.2.3', '2'), ('expired', FAR[0], '-1'), ('client', FAR[0], '2')):
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.csr', '-subj', f'/CN={name}')
        (d / 'ext').write_text(f'subjectAltName=IP:{address}\n')
        openssl('x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-out', f'{name}.crt', '-days', days, '-extfile', 'ext')
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'self.key', '-out', 'self.crt', '-subj', '/CN=self', '-addext', f'subjectAltName=IP:{FAR[0]}')
    return d


def server_context(pki, name, **settings):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / f'{name}.crt', pki / f'{name}.key')
    for key, value in settings.items():
        setattr(context, key, value)
    return context


def certs_dir(pki, directory, address, *files):
    folder = directory / 'certs.d' / address
    folder.mkdir(parents=True)
    for source, target in files:
        (folder / target).write_bytes((pki / source).read_bytes())
    return directory / 'certs.d'


def test_a_ca_for_this_registry(pki, driver, tmp_path):
    registry = FakeRegistry(FAR[0], tls=server_context(pki, 'good'))
    image = registry.add_image()
    refused = driver.pull(f'{registry.address}/app')
    assert refused.code == 1 and 'tls: failed to verify certificate' in refused.errors
    certs = certs_dir(pki, tmp_path, registry.address, ('ca.crt', 'ca.crt'))
    assert driver.pull(f'{registry.address}/app', '--certs', certs).code == 0 and driver.has(image)


def test_a_client_certificate_for_this_registry(pki, driver, tmp_path):
    context = server_context(pki, 'good', verify_mode=ssl.CERT_REQUIRED)
    context.load_verify_locations(pki / 'ca.crt')
    registry = FakeRegistry(FAR[0], tls=context)
    image = registry.add_image()
    certs = certs_dir(pki, tmp_path, registry.address, ('ca.crt', 'ca.crt'), ('client.crt', 'client.cert'), ('client.key', 'client.key'))
    assert driver.pull(f'{registry.address}/app', '--certs', certs).code == 0 and driver.has(image)


@pytest.mark.parametrize('name', ['other', 'expired', 'self'])
def test_bad_certificates(pki, driver, tmp_path, name):
    registry = FakeRegistry(FAR[0], tls=server_context(pki, name))
    registry.add_image()
    certs = certs_dir(pki, tmp_path, registry.address, ('ca.crt', 'ca.crt'))
    result = driver.pull(f'{registry.address}/app', '--certs', certs, '--auth', AUTH)
    assert result.code == 1 and 'tls' in result.errors and registry.requests == []
    allowed = driver.pull(f'{registry.address}/app', '--insecure', registry.address)
    assert allowed.code == 0, allowed.errors  # explicitly insecure: the certificate is not looked at


def test_old_tls_is_refused(pki, driver, tmp_path):
    context = server_context(pki, 'good', maximum_version=ssl.TLSVersion.TLSv1)
    context.set_ciphers('ALL:@SECLEVEL=0')
    context.minimum_version = ssl.TLSVersion.TLSv1
    registry = FakeRegistry(FAR[0], tls=context)
    registry.add_image()
    assert driver.pull(f'{registry.address}/app', '--certs', certs_dir(pki, tmp_path, registry.address, ('ca.crt', 'ca.crt'))).code == 1


def spying_server():
    """Accepts, keeps what comes first, and hangs up."""
    listener, seen = socket.create_server((FAR[0], 0)), []

    def run():
        while True:
            client, _ = listener.accept()
            client.settimeout(2)
            try:
                seen.append(client.recv(65536))
            except OSError:
                pass
            client.close()
    threading.Thread(target=run, daemon=True).start()
    return '%s:%d' % listener.getsockname(), seen


def test_no_plain_text_after_a_failed_handshake(driver):
    address, seen = spying_server()
    result = driver.pull(f'{address}/app', '--auth', AUTH, '--attempts', '2')
    assert result.code == 1
    assert seen and all(first[:1] == b'\x16' for first in seen), seen  # TLS greetings and nothing else


def test_plain_http_only_where_allowed(driver):
    registry = FakeRegistry(FAR[0])
    image = registry.add_image()
    assert driver.pull(f'{registry.address}/app').code == 1 and registry.requests == []
    for entry in (registry.address, FAR[0], '10.99.0.0/16'):
        subprocess.run(['rm', '-rf', driver.store])
        assert driver.pull(f'{registry.address}/app', '--insecure', entry).code == 0 and driver.has(image)
    for entry in ('10.98.0.0/16', FAR[1], f'{FAR[0]}:1', '10.99.0.0/33', 'x/8'):
        registry.requests.clear()
        assert driver.pull(f'{registry.address}/app', '--insecure', entry).code == 1 and registry.requests == []


def test_a_redirect_from_tls_to_plain_http(pki, driver, tmp_path):
    registry, other = FakeRegistry(FAR[0], tls=server_context(pki, 'good')), FakeRegistry(FAR[1])
    image = registry.add_image(layers=1)
    other.blobs = registry.blobs
    registry.fault('GET', '/blobs/', times=99, status=307, headers={'Location': f'http://{other.address}/v2/app/blobs/{image.id}'})
    certs = certs_dir(pki, tmp_path, registry.address, ('ca.crt', 'ca.crt'))
    result = driver.pull(f'{registry.address}/app', '--certs', certs)
    assert result.code == 1 and 'without TLS: refused' in result.errors and other.requests == []
