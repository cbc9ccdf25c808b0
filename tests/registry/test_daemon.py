# SPDX-License-Identifier: Apache-2.0
"""Registries through the daemon: the API's statuses, both command lines, a full disk, kill -9 during a pull."""
import contextlib, ctypes, json, os, pathlib, shutil, signal, subprocess, sys, threading, time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from conftest import auth
from fake_registry import FakeRegistry, digest_of
from harness.daemon import Daemon, program
from test_docker_registry import free_port

DOCKER = shutil.which('docker')


@contextlib.contextmanager
def network_of(daemon):
    """The calling thread stands in the daemon's network namespace; sockets made there stay there."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
    there = os.open(f'/proc/{daemon.holder.pid}/ns/net', os.O_RDONLY)
    assert libc.setns(there, 0) == 0
    try:
        yield
    finally:
        libc.setns(before, 0)
        os.close(before)
        os.close(there)


@pytest.fixture
def daemon():
    with Daemon() as d:
        yield d


@pytest.fixture
def fake(daemon):
    with network_of(daemon):
        registry = FakeRegistry()
    yield registry
    registry.close()


@pytest.fixture
def real(daemon, tmp_path):
    """docker-registry with basic authentication in the daemon's network."""
    users = subprocess.run(['htpasswd', '-Bbn', 'joe', 's3cret'], check=True, stdout=subprocess.PIPE).stdout
    (tmp_path / 'users').write_bytes(users)
    port = free_port()
    (tmp_path / 'config.yml').write_text(
        f'version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/data}}}}\n'
        f'http: {{addr: "127.0.0.1:{port}"}}\nauth: {{htpasswd: {{realm: basic, path: {tmp_path}/users}}}}\n')
    process = subprocess.Popen(daemon.command('docker-registry', 'serve', tmp_path / 'config.yml'),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    yield f'127.0.0.1:{port}'
    process.terminate()
    process.wait()


def pull(daemon, reference, header=None, timeout=30, **query):
    name, _, tag = reference.rpartition(':')
    return daemon.request('POST', '/images/create', headers={'X-Registry-Auth': header} if header else None,
                          query={'fromImage': name, 'tag': tag, **query}, timeout=timeout)


def messages(answer):
    return [json.loads(line) for line in answer.body.splitlines() if line.strip()]


def images(daemon):
    return daemon.request('GET', '/images/json').json()


# ---- the API ----

def test_pull_and_its_stream(daemon, fake):
    image = fake.add_image('app', '1', layers=2)
    answer = pull(daemon, f'{fake.address}/app:1')
    assert answer.status == 200
    stream = messages(answer)
    assert stream[0] == {'status': 'Pulling from app', 'progressDetail': {}, 'id': '1'}
    assert stream[-1]['status'] == f'Status: Downloaded newer image for {fake.address}/app:1'
    found = images(daemon)
    assert [i['Id'] for i in found] == [image.id]
    assert found[0]['RepoTags'] == [f'{fake.address}/app:1'] and found[0]['RepoDigests'] == [f'{fake.address}/app@{image.digest}']


def test_errors_before_the_stream_have_a_status(daemon, fake):
    fake.add_image('app', '1')
    missing = pull(daemon, f'{fake.address}/app:nope')
    assert missing.status == 404 and 'manifest unknown: manifest unknown' in missing.json()['message']
    bad = pull(daemon, f'{fake.address}/APP:1')
    assert bad.status == 400 and 'must be lowercase' in bad.json()['message']
    closed = pull(daemon, '127.0.0.1:1/app:1')
    assert closed.status == 500 and 'connection refused' in closed.json()['message']
    push = daemon.request('POST', f'/images/{fake.address}/none/push', query={'tag': '1'}, headers={'X-Registry-Auth': auth()})
    assert push.status == 404 and 'An image does not exist locally with the tag' in push.json()['message']


def test_an_error_within_the_stream(daemon, fake):
    image = fake.add_image('app', '1', layers=1)
    fake.blobs[digest_of(image.layers[0][0])] = b'x' * len(image.layers[0][0])
    answer = pull(daemon, f'{fake.address}/app:1')
    assert answer.status == 200
    last = messages(answer)[-1]
    assert 'filesystem layer verification failed' in last['error'] and last['errorDetail']['message'] == last['error']
    assert images(daemon) == []


def test_inspect_in_the_registry_and_auth(daemon, fake):
    image = fake.add_image('app', '1')
    answer = daemon.request('GET', f'/distribution/{fake.address}/app:1/json')
    assert answer.status == 200 and answer.json()['Descriptor']['digest'] == image.digest
    assert daemon.request('GET', f'/distribution/{fake.address}/app:2/json').status == 404
    fake.basic = ('joe', 's3cret')
    good = daemon.request('POST', '/auth', {'username': 'joe', 'password': 's3cret', 'serveraddress': fake.address})
    assert good.status == 200 and good.json()['Status'] == 'Login Succeeded'
    assert daemon.request('POST', '/auth', {'username': 'joe', 'password': 'x', 'serveraddress': fake.address}).status == 401
    search = daemon.request('GET', '/images/search', query={'term': f'{fake.address}/x'})
    assert search.status == 500 and 'cannot search' in search.json()['message']


def test_secrets_reach_no_log(daemon, fake):
    fake.add_image('app', '1')
    fake.basic = ('joe', 'not-this')
    header = auth('joe', 'very-s3cret')
    assert pull(daemon, f'{fake.address}/app:1', header).status == 500
    for secret in ('very-s3cret', header, 'am9lOnZlcnktczNjcmV0'):
        assert secret not in daemon.log_text()


def test_two_pulls_of_one_image_fetch_it_once(daemon, fake):
    image = fake.add_image('app', '1', layers=2, size=400_000)
    fake.fault('GET', '/blobs/' + digest_of(image.layers[0][0]), pause=0.02, piece=20_000)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(pull(daemon, f'{fake.address}/app:1'))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a.status for a in answers] == [200] * 3 and all('error' not in m for a in answers for m in messages(a))
    for blob, _ in image.layers:
        assert len([r for r in fake.requests if digest_of(blob) in r.path]) == 1


def test_resume_after_kill_9(daemon, fake):
    image = fake.add_image('app', '1', layers=1, size=3_000_000)
    blob = image.layers[0][0]
    fake.fault('GET', digest_of(blob), stall=2_000_000)

    def broken_off():
        with contextlib.suppress(OSError, ValueError, EOFError):
            pull(daemon, f'{fake.address}/app:1')
    thread = threading.Thread(target=broken_off)
    thread.start()
    partial = daemon.data / 'tmp/partial' / digest_of(blob).replace(':', '-')
    deadline = time.monotonic() + 20
    while not partial.exists() or partial.stat().st_size < 1_900_000:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    daemon.kill()
    thread.join()
    daemon.start()
    assert images(daemon) == []
    fake.sent = 0
    answer = pull(daemon, f'{fake.address}/app:1')
    assert answer.status == 200 and 'error' not in messages(answer)[-1]
    assert fake.sent < 1_300_000 and [i['Id'] for i in images(daemon)] == [image.id]
    assert not partial.exists()


def test_a_full_disk_gets_its_space_back():
    daemon = Daemon()
    daemon.data.mkdir()
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', daemon.data], check=True)
    try:
        daemon.start()
        with network_of(daemon):
            fake = FakeRegistry()
        small, large = fake.add_image('app', 'small', layers=1, size=100_000), fake.add_image('app', 'large', layers=3, size=25_000_000)
        assert pull(daemon, f'{fake.address}/app:small').status == 200
        free = shutil.disk_usage(daemon.data).free
        stream = messages(pull(daemon, f'{fake.address}/app:large', timeout=60))
        assert 'no space left on device' in stream[-1]['error']
        assert [i['Id'] for i in images(daemon)] == [small.id]
        deadline = time.monotonic() + 5
        while shutil.disk_usage(daemon.data).free < free - 30_000_000 and time.monotonic() < deadline:
            time.sleep(0.1)
        # what is whole of the download may stay to be resumed, the layers' own files may not
        kept = sum(p.stat().st_size for p in (daemon.data / 'tmp/partial').iterdir())
        assert shutil.disk_usage(daemon.data).free >= free - kept - 1_000_000
        third = fake.add_image('app', 'third', layers=1, size=100_000)
        assert pull(daemon, f'{fake.address}/app:third').status == 200 and len(images(daemon)) == 2 and third
    finally:
        daemon.close()


def test_mirrors_of_any_registry(tmp_path):
    port, other = free_port(), free_port()
    with Daemon('--registry-mirror', 'http://127.0.0.1:%d' % port, '--registry-mirror', 'r.example=http://127.0.0.1:%d' % port,
                '--registry-mirror', 'r.example=http://127.0.0.1:%d' % other) as daemon:
        with network_of(daemon):
            mirror = FakeRegistry(port=port)
        hub, example = mirror.add_image('library/app', '1'), mirror.add_image('team/app', '1')
        assert pull(daemon, 'app:1').status == 200 and pull(daemon, 'r.example/team/app:1').status == 200
        assert {i['Id'] for i in images(daemon)} == {hub.id, example.id}
        config = daemon.request('GET', '/info').json()['RegistryConfig']
        assert config['Mirrors'] == [f'http://127.0.0.1:{port}']
        assert config['IndexConfigs']['r.example']['Mirrors'] == [f'http://127.0.0.1:{port}', f'http://127.0.0.1:{other}']


def test_a_reload_counts_at_once(daemon, fake):
    """Mirrors and insecure registries by SIGHUP, while another pull is under way."""
    image = fake.add_image('app', '1', layers=1, size=200_000)
    assert pull(daemon, 'quay.example/app:1').status == 500
    fake.fault('GET', '/blobs/' + json.loads(image.manifest)['layers'][0]['digest'], pause=0.2, piece=20_000)
    slow = threading.Thread(target=lambda: pull(daemon, f'{fake.address}/app:1'))
    slow.start()
    daemon.config.write_text(json.dumps({'registry-mirrors': [f'quay.example=http://{fake.address}'], 'insecure-registries': ['plain.example:5000']}))
    daemon.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while 'configuration reloaded' not in daemon.log_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert 'Downloaded newer image' in pull(daemon, 'quay.example/app:1').body.decode()
    info = daemon.request('GET', '/info').json()['RegistryConfig']
    assert info['IndexConfigs']['plain.example:5000']['Secure'] is False
    assert info['IndexConfigs']['quay.example']['Mirrors'] == [f'http://{fake.address}']
    slow.join()
    assert sorted(t for i in images(daemon) for t in i['RepoTags']) == sorted([f'{fake.address}/app:1', 'quay.example/app:1'])
    daemon.config.write_text('{}')
    daemon.process.send_signal(signal.SIGHUP)
    while daemon.log_text().count('configuration reloaded') < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    fake.add_image('app', '2')
    assert pull(daemon, 'quay.example/app:2').status == 500


def test_the_daemons_policy(tmp_path):
    policy = tmp_path / 'policy.json'
    policy.write_text('{"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker":{"127.0.0.1":[{"type":"reject"}]}}}')
    with Daemon('--verification-policy', str(policy)) as daemon:
        with network_of(daemon):
            fake = FakeRegistry()
        fake.add_image('app', '1')
        accepted = run(daemon, tmp_path, program('minato'), 'pull', f'{fake.address}/app:1')
        assert accepted.returncode == 0, accepted.stdout  # the scope names another port: the default counts
        verified = run(daemon, tmp_path, program('minato'), 'pull', '--verify', f'{fake.address}/app:1')
        assert verified.returncode == 1 and 'names no public key' in verified.stdout, verified.stdout
        policy.write_text(policy.read_text().replace('127.0.0.1', fake.address))  # read at every pull
        rejected = pull(daemon, f'{fake.address}/app:1')
        assert rejected.status == 403 and 'rejected by policy' in rejected.json()['message']


# ---- command lines ----

def run(daemon, tmp_path, client, *argv, stdin=None):
    environment = {**os.environ, 'DOCKER_CONFIG': str(tmp_path / 'client'), 'MINATO_HOST': f'unix://{daemon.socket}',
                   'DOCKER_HOST': f'unix://{daemon.socket}', 'HOME': str(tmp_path)}
    return subprocess.run([client, *argv], input=stdin or '', stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, env=environment)


CLIENTS = [pytest.param(program('minato'), id='minato')] + ([pytest.param(DOCKER, id='docker')] if DOCKER else [])


@pytest.mark.parametrize('client', CLIENTS)
def test_login_push_pull_logout(daemon, fake, real, tmp_path, client):
    def do(*argv, stdin=None):
        return run(daemon, tmp_path, client, *argv, stdin=stdin)
    image = fake.add_image('app', '1', layers=2)
    first = do('pull', f'{fake.address}/app:1')
    assert first.returncode == 0, first.stdout
    assert do('tag', f'{fake.address}/app:1', f'{real}/team/app:2').returncode == 0
    denied = do('push', f'{real}/team/app:2')
    assert denied.returncode == 1 and 'no basic auth credentials' in denied.stdout, denied.stdout
    wrong = do('login', '-u', 'joe', '--password-stdin', real, stdin='wrong')
    assert wrong.returncode == 1 and '401' in wrong.stdout, wrong.stdout
    right = do('login', '-u', 'joe', '--password-stdin', real, stdin='s3cret')
    assert right.returncode == 0 and 'Login Succeeded' in right.stdout, right.stdout
    pushed = do('push', f'{real}/team/app:2')
    assert pushed.returncode == 0 and '2: digest: sha256:' in pushed.stdout, pushed.stdout
    digest = pushed.stdout.split('2: digest: ')[1].split()[0]
    assert do('rmi', '-f', image.id).returncode == 0 and images(daemon) == []
    pulled = do('pull', f'{real}/team/app:2')
    assert pulled.returncode == 0, pulled.stdout
    for line in ('2: Pulling from team/app', 'Pull complete', f'Digest: {digest}', f'Status: Downloaded newer image for {real}/team/app:2'):
        assert line in pulled.stdout, pulled.stdout
    assert f'{real}/team/app@{digest}' in images(daemon)[0]['RepoDigests']
    assert do('pull', '-q', f'{real}/team/app@{digest}').returncode == 0
    gone = do('pull', f'{real}/team/app:nope')
    assert gone.returncode == 1 and 'manifest unknown' in gone.stdout, gone.stdout
    assert do('logout', real).returncode == 0
    again = do('pull', f'{real}/team/app:2')
    assert again.returncode == 1 and 'no basic auth credentials' in again.stdout, again.stdout


@pytest.mark.parametrize('client', CLIENTS)
def test_all_tags_and_platform(daemon, fake, tmp_path, client):
    images_by_platform = {p: fake.add_image('multi', p.replace('/', '-'), architecture=p.split('/')[1]) for p in ('linux/amd64', 'linux/arm64')}
    fake.add_index('multi', 'all', [(i, p) for p, i in images_by_platform.items()])
    one = run(daemon, tmp_path, client, 'pull', '--platform', 'linux/arm64', f'{fake.address}/multi:all')
    assert one.returncode == 0, one.stdout
    assert images(daemon)[0]['Id'] == images_by_platform['linux/arm64'].id
    all_tags = run(daemon, tmp_path, client, 'pull', '-a', f'{fake.address}/multi')
    assert all_tags.returncode == 0, all_tags.stdout
    assert len({t for i in images(daemon) for t in i['RepoTags']}) == 3


@pytest.mark.parametrize('client', CLIENTS)
def test_a_missing_credential_helper_is_an_error(daemon, fake, tmp_path, client):
    """No fall-back: what is stored for one registry is shown to nobody when its helper is not there."""
    fake.add_image('app', '1')
    fake.basic = ('joe', 'stored')
    (tmp_path / 'client').mkdir()
    (tmp_path / 'client/config.json').write_text(json.dumps({'credHelpers': {fake.address: 'nope'}, 'auths': {
        'https://index.docker.io/v1/': {'auth': 'am9lOnN0b3JlZA=='}}}))
    result = run(daemon, tmp_path, client, 'pull', f'{fake.address}/app:1')
    assert result.returncode != 0
    assert not [r for r in fake.requests if 'authorization' in r.headers]
