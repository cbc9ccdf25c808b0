"""Images through the API of a real daemon: hostile archives, a daemon killed while loading, a busy image, many images."""
import json, pathlib, sys, time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import evil_layers
from conftest import archive
from harness import daemon as daemons

TAR = {'Content-Type': 'application/x-tar'}


@pytest.fixture(scope='module')
def daemon():
    one = daemons.Daemon()
    one.start()
    yield one
    one.close()


def load(daemon, data):
    """The messages of a load; an error is the last one or the answer itself."""
    with daemon.connect() as connection:
        try:
            connection.send('POST', '/images/load', data, headers=TAR)
        except BrokenPipeError:
            pass  # the daemon has seen enough: its answer is there
        answer = connection.response('POST')
    if answer.status != 200:
        return [{'error': answer.message}]
    return answer.lines()


def files(daemon):
    """What the store has on the disk, once what was removed is off it: that happens behind the answer."""
    until = time.monotonic() + 60
    while any((daemon.data / 'tmp').glob('layer-*')) and time.monotonic() < until:
        time.sleep(0.01)
    return sorted(str(p.relative_to(daemon.data)) for part in ('layers', 'blobs', 'tmp') for p in (daemon.data / part).rglob('*') if p.is_file())


def test_hostile_archives(daemon, tmp_path, monkeypatch):
    canary = tmp_path / 'canary'
    monkeypatch.setattr(evil_layers, 'CANARY', str(canary))
    evil_layers.arm(str(canary))
    pid = daemon.process.pid
    for name, (verdict, make) in evil_layers.layers.items():
        lines = load(daemon, archive([make()], f'{name}:1'))
        if verdict == 'accept':
            assert any('Loaded image' in line.get('stream', '') for line in lines), (name, lines)
            assert daemon.request('DELETE', f'/images/{name}:1').status == 200
        else:
            assert any(line.get('error') for line in lines), (name, lines)
        assert files(daemon) == [], name
    assert daemon.process.poll() is None and daemon.process.pid == pid
    assert evil_layers.check(str(canary)) == []


def test_killed_while_loading(daemon):
    data = archive([evil_layers.Writer().add('f', data=b'x' * 30_000_000).bytes()], 'big:1')
    for part in (0.2, 0.6, 0.95):
        connection = daemon.connect()
        connection.send('POST', '/images/load', data[:int(len(data) * part)], headers=TAR | {'Content-Length': str(len(data))})
        daemon.kill()
        connection.close()
        daemon.start()
        assert json.loads(daemon.request('GET', '/images/json').body) == []
        assert files(daemon) == []


def test_many_images_with_shared_layers(daemon):
    base, top = evil_layers.Writer().add('base', data=b'x' * 100000).bytes(), evil_layers.Writer().add('top').bytes()
    for i in range(60):
        assert 'error' not in load(daemon, archive([base, top], f'many:{i}', author=str(i)))[-1]
    assert len([name for name in files(daemon) if name.endswith('/tar')]) == 2
    began = time.monotonic()
    assert len(json.loads(daemon.request('GET', '/images/json', query={'shared-size': '1'}).body)) == 60
    assert time.monotonic() - began < 2
    for i in range(60):
        assert daemon.request('DELETE', f'/images/many:{i}').status == 200
    assert files(daemon) == []


def test_loads_removals_and_prunes_at_once(daemon):
    """Threads that load, tag, remove and prune images of shared layers: every answer is one of Docker's, nothing is left."""
    import random, threading
    layers = [evil_layers.Writer().add(f'f{i}', data=bytes([i]) * 200000).bytes() for i in range(3)]
    archives = [archive(layers[:n], f'race:{n}') for n in (1, 2, 3)]
    wrong = []

    def work(seed):
        rng = random.Random(seed)
        for _ in range(25):
            n = rng.randint(1, 3)
            action = rng.choice(['load', 'load', 'rm', 'prune', 'inspect', 'save'])
            if action == 'load':
                lines = load(daemon, archives[n - 1])
                if any(line.get('error') for line in lines):
                    wrong.append(lines)
                continue
            method, path = {'rm': ('DELETE', f'/images/race:{n}'), 'prune': ('POST', '/images/prune'),
                            'inspect': ('GET', f'/images/race:{n}/json'), 'save': ('GET', f'/images/race:{n}/get')}[action]
            answer = daemon.request(method, path)
            if answer.status not in (200, 404):
                wrong.append((action, answer.status, answer.body))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    for n in (1, 2, 3):
        daemon.request('DELETE', f'/images/race:{n}')
    daemon.request('POST', '/images/prune')
    assert files(daemon) == []
