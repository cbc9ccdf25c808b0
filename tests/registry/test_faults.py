# SPDX-License-Identifier: Apache-2.0
"""Pulling from a registry that truncates, lies, resets, stalls, trickles and loops: either the right bytes or an error, in
bounded time, and nothing half-made left."""
import json, os, random, signal, subprocess, time

import pytest
from fake_registry import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, FakeRegistry, digest_of, make_layer

SIZE = 512 * 1024


def check_refused(driver, registry, words, reference='app', *options, within=20):
    began = time.monotonic()
    result = driver.pull(f'{registry.address}/{reference}', '--attempts', '3', *options)
    assert result.code == 1, result.output
    assert words in result.errors, result.errors
    assert time.monotonic() - began < within
    assert driver.is_empty()
    return result


# ---- breaks: resumed ----

@pytest.mark.parametrize('kind', ['truncate', 'reset', 'stall'])
def test_a_blob_broken_off_is_resumed_where_it_broke(registry, driver, kind):
    image = registry.add_image(layers=1, size=SIZE)
    for _ in range(2 if kind == 'stall' else 7):  # libcurl takes some seconds to call a stall one
        registry.fault('GET', r'/blobs/' + image.manifest.decode().split('"layers"')[1].split('"digest": "')[1][:71], **{kind: 65536})
    result = driver.pull(f'{registry.address}/app', '--stall-ms', '1000')
    assert result.code == 0, result.errors
    assert driver.has(image)
    ranges = [r.headers.get('range') for r in registry.requests if r.headers.get('range')]
    assert len(ranges) >= (2 if kind == 'stall' else 6)
    # what came twice is at most what a reset destroyed in flight
    assert registry.sent < len(image.layers[0][0]) + len(image.manifest) + 10_000 + (8 * 65536 if kind == 'reset' else 0)


def test_one_more_break_than_attempts_without_progress_is_an_error(registry, driver):
    image = registry.add_image(layers=1, size=SIZE)
    registry.fault('GET', r'/blobs/' + image.manifest.decode().split('"digest": "')[1][:71], times=3, truncate=0)
    check_refused(driver, registry, 'blob')


def test_resume_across_a_killed_client(registry, driver):
    image = registry.add_image(layers=1, size=4 * SIZE)
    registry.fault('GET', '/blobs/' + digest_of(image.layers[0][0]), stall=1_500_000)
    child = subprocess.Popen(driver.argv('pull', f'{registry.address}/app'), stdout=subprocess.DEVNULL, env=driver.environment)
    deadline = time.monotonic() + 20
    while not driver.partials() or (driver.tmp / 'partial' / driver.partials()[0]).stat().st_size < 1_400_000:
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert driver.is_empty()
    registry.sent = 0
    assert driver.pull(f'{registry.address}/app').code == 0
    assert driver.has(image) and driver.partials() == []
    assert registry.sent < len(image.layers[0][0]) - 1_300_000


def test_a_spoilt_partial_is_thrown_away(registry, driver):
    image = registry.add_image(layers=1, size=SIZE)
    blob = image.layers[0][0]
    (driver.tmp / 'partial').mkdir(parents=True)
    name = driver.tmp / 'partial' / digest_of(blob).replace(':', '-')
    for content in (b'x' * 1000, blob + b'too long', b'x' * len(blob)):
        name.write_bytes(content)
        assert driver.pull(f'{registry.address}/app').code == 0
        assert driver.has(image)
        subprocess.run(['rm', '-rf', driver.store])


@pytest.mark.parametrize('refusal', ['no_range', 'wrong_range'])
def test_a_registry_that_cannot_resume(registry, driver, refusal):
    image = registry.add_image(layers=1, size=SIZE)
    registry.fault('GET', r'/blobs/sha256:' + digest_of(image.layers[0][0])[7:], truncate=100_000)
    registry.fault('GET', r'/blobs/sha256:' + digest_of(image.layers[0][0])[7:], **{refusal: True})
    assert driver.pull(f'{registry.address}/app').code == 0 and driver.has(image)


# ---- refusals that pass ----

@pytest.mark.parametrize('status', [429, 500, 502, 503, 504, 408])
@pytest.mark.parametrize('where', [r'^/v2/$', '/manifests/', '/blobs/'])
def test_a_burst_of_errors_is_waited_out(registry, driver, status, where):
    image = registry.add_image(layers=2)
    registry.fault('GET', where, times=3, status=status)
    assert driver.pull(f'{registry.address}/app').code == 0 and driver.has(image)


def test_retry_after_is_kept_to(registry, driver):
    registry.add_image(layers=1)
    registry.fault('GET', '/manifests/', status=429, headers={'Retry-After': '2'})
    began = time.monotonic()
    assert driver.pull(f'{registry.address}/app').code == 0
    assert 2 <= time.monotonic() - began < 6


@pytest.mark.parametrize('status,words', [(401, '401'), (403, '403'), (404, 'not found'), (400, '400'), (501, '501'), (503, '503'), (302, '302')])
def test_errors_that_last(registry, driver, status, words):
    registry.add_image()
    registry.fault('GET', '/manifests/', times=99, status=status)
    check_refused(driver, registry, words)


@pytest.mark.parametrize('status', [401, 403, 404, 500])
def test_blob_errors_that_last(registry, driver, status):
    registry.add_image(layers=3)
    registry.fault('GET', '/blobs/', times=99, status=status)
    check_refused(driver, registry, str(status))


# ---- lies ----

def lying_layer(field, value):
    def change(manifest, config):
        manifest['layers'][1][field] = value(manifest['layers'][1])
    return change


@pytest.mark.parametrize('change,words', [
    (lying_layer('size', lambda d: d['size'] + 1), 'bytes'),
    (lying_layer('size', lambda d: d['size'] - 1), 'bytes'),
    (lying_layer('size', lambda d: 0), 'verification failed'),
    (lying_layer('size', lambda d: -1), 'negative size'),
    (lying_layer('size', lambda d: 2**63), 'size'),
    (lying_layer('size', lambda d: None), 'size'),
    (lying_layer('digest', lambda d: 'sha256:../../etc/passwd'), 'invalid digest'),
    (lying_layer('digest', lambda d: d['digest'].upper()), 'invalid digest'),
    (lying_layer('digest', lambda d: d['digest'] + '\n'), 'invalid digest'),
    (lying_layer('digest', lambda d: 'md5:' + 'a' * 32), 'invalid digest'),
    (lying_layer('digest', lambda d: None), 'digest'),
    (lying_layer('digest', lambda d: 7), 'digest'),
    (lying_layer('mediaType', lambda d: 'application/x'), 'unsupported type'),
    (lying_layer('mediaType', lambda d: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'), 'foreign'),
    (lying_layer('urls', lambda d: ['http://127.0.0.1:1/x']), 'foreign'),
])
def test_descriptors_that_lie(registry, driver, change, words):
    registry.add_image(layers=2, size=1000, change=change)
    check_refused(driver, registry, words)
    assert driver.partials() == [] or all((driver.tmp / 'partial' / p).stat().st_size for p in driver.partials())


def test_other_bytes_of_the_right_size(registry, driver):
    image = registry.add_image(layers=1, size=1000)
    blob = image.layers[0][0]
    registry.blobs[digest_of(blob)] = bytes(len(blob))
    check_refused(driver, registry, 'filesystem layer verification failed for digest ' + digest_of(blob))
    assert driver.partials() == []


def test_more_bytes_than_announced(registry, driver):
    registry.add_image(layers=1, size=1000)
    registry.fault('GET', '/blobs/', times=99, extra=b'more', header={'Connection': 'close'})
    driver.pull(f'{registry.address}/app')  # what is beyond Content-Length is not part of the answer
    assert len(driver.files('layers')) <= 1


def test_another_tar_in_the_layer(registry, driver):
    def other(manifest, config):
        config['rootfs']['diff_ids'][0] = 'sha256:' + 'a' * 64
    registry.add_image(layers=1, size=1000, change=other)
    check_refused(driver, registry, 'diff id')
    assert driver.partials() == []


def test_a_config_that_does_not_fit(registry, driver):
    for change, words in ((lambda m, c: c['rootfs']['diff_ids'].pop(), 'layers'),
                          (lambda m, c: c.pop('rootfs'), 'rootfs'),
                          (lambda m, c: c['rootfs'].update(diff_ids=['sha256:x', 'sha256:y']), 'invalid digest'),
                          (lambda m, c: c.update(os='windows'), 'operating system "windows"'),
                          (lambda m, c: m['config'].update(mediaType='application/vnd.oci.empty.v1+json'), 'not an image'),
                          (lambda m, c: m['config'].update(size=3), 'bytes'),
                          (lambda m, c: m['config'].update(digest='sha256:' + 'b' * 64), 'blob unknown')):
        registry.add_image('app', 'latest', size=1000, change=change)
        check_refused(driver, registry, words)


def test_a_manifest_other_than_the_digest_asked_for(registry, driver):
    image = registry.add_image('app', '1')
    other = registry.add_image('app', '2')
    registry.fault('GET', '/manifests/', times=99, replace=other.manifest)
    check_refused(driver, registry, 'manifest verification failed', f'app@{image.digest}')
    check_refused(driver, registry, 'manifest verification failed', 'app:1')  # the header announces another


def test_an_index_that_lies_about_its_child(registry, driver):
    image = registry.add_image('app', 'child', size=1000)
    document = json.loads(registry.add_index('app', 'multi', [(image, 'linux/amd64')]))
    for change, words in (({'size': 1}, 'bytes, its index says'), ({'digest': 'sha256:' + 'c' * 64}, 'not found'),
                          ({'digest': 'sha256:..'}, 'invalid digest')):
        document['manifests'][0] = {**json.loads(registry.manifests['app', 'multi'][1])['manifests'][0], **change}
        registry.add_manifest('app', 'bad', document, DOCKER_LIST)
        check_refused(driver, registry, words, 'app:bad')


# ---- ambiguous documents ----

def both(image):
    document = json.loads(image.manifest)
    document['manifests'] = []
    return document


@pytest.mark.parametrize('served_as', [DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX, 'application/json', ''])
def test_both_index_and_image(registry, driver, served_as):
    image = registry.add_image(size=1000)
    for own_type in (DOCKER_MANIFEST, DOCKER_LIST, OCI_INDEX, None):
        document = both(image)
        document['mediaType'] = own_type
        data = registry.add_manifest('app', 'both', document, served_as)
        check_refused(driver, registry, 'both an index and a manifest', 'app:both')
        check_refused(driver, registry, 'both an index and a manifest', f'app@{digest_of(data)}')


def test_type_in_the_header_and_in_the_document(registry, driver):
    image = registry.add_image(size=1000)
    for served_as in (OCI_MANIFEST, DOCKER_LIST, OCI_INDEX):
        registry.add_manifest('app', 'mixed', image.manifest, served_as)
        check_refused(driver, registry, 'served as', 'app:mixed')
    registry.add_manifest('app', 'plain', image.manifest, 'application/json; charset=utf-8')
    assert driver.pull(f'{registry.address}/app:plain').code == 0


@pytest.mark.parametrize('text,words', [
    (b'', 'manifest'), (b'{', 'manifest'), (b'[]', 'manifest'), (b'null', 'manifest'), (b'{}', 'manifest'),
    (b'[' * 100_000, 'manifest'), (b'{"layers":[],' * 100, 'manifest'), (b'{"layers":[],"layers":[]}', 'manifest'),
    (b'\xff\xfe', 'manifest'), (b'{"schemaVersion":1,"fsLayers":[]}', 'schema 1'), (b'<html>', 'manifest'),
    (json.dumps({'schemaVersion': 2, 'config': {}, 'layers': [{}] * 5}).encode(), 'manifest'),
    (json.dumps({'schemaVersion': 2, 'layers': []}).encode(), 'config'),
])
def test_documents_that_are_none(registry, driver, text, words):
    registry.add_manifest('app', 'latest', text, '')
    check_refused(driver, registry, words)


def leaves(value, path=()):
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key], path + (key,))
    elif isinstance(value, list):
        for i, element in enumerate(value):
            yield from leaves(element, path + (i,))
    yield path


def put(document, path, value):
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value


def test_every_leaf_of_manifest_and_config_mutated(registry, driver):
    """No crash, whatever stands where: an error, or an image that is what the documents say."""
    image = registry.add_image(layers=1, size=100)
    for which in ('manifest', 'config'):
        for path in leaves(json.loads(getattr(image, which))):
            for value in (None, 7, -1, 'x', '', [], {}, [None], 'y' * 70_000):
                manifest, config = json.loads(image.manifest), json.loads(image.config)
                if not path:
                    continue
                put(manifest if which == 'manifest' else config, path, value)
                if which == 'config':
                    data = json.dumps(config).encode()
                    manifest['config'] = {**manifest['config'], 'size': len(data), 'digest': registry.add_blob(data)}
                registry.add_manifest('app', 'latest', manifest, '')
                result = driver.pull(f'{registry.address}/app', '--attempts', '1')
                assert result.code in (0, 1), (which, path, value, result.code)


# ---- too much ----

@pytest.mark.parametrize('where', [r'^/v2/$', '/manifests/', 'config', 'layer', '/tags/'])
@pytest.mark.parametrize('announced', [None, 10**12])
def test_bodies_without_end(registry, driver, where, announced):
    image = registry.add_image(layers=1, size=1000)
    pattern = {'config': image.id, 'layer': digest_of(image.layers[0][0])}.get(where, where)
    registry.fault('GET', pattern, times=99, endless=True, **({'length': announced} if announced else {}))
    options = ['--all-tags'] if where == '/tags/' else []
    result = check_refused(driver, registry, '', 'app', *options, within=5)
    assert result.peak_mib < 40, result.peak_mib


@pytest.mark.parametrize('where', ['/manifests/', '/blobs/'])
def test_error_bodies_and_headers_without_end(registry, driver, where):
    registry.add_image(layers=1, size=1000)
    registry.fault('GET', where, times=99, endless=True, status=404)
    check_refused(driver, registry, '', within=5)
    registry.faults.clear()
    registry.fault('GET', where, times=99, raw=b'HTTP/1.1 200 OK\r\n' + b'X-A: ' + b'y' * 60_000 + b'\r\n' + b'X-B: z\r\n' * 40_000 + b'\r\n')
    check_refused(driver, registry, '', within=5)


def test_a_token_service_without_end(registry, driver):
    registry.add_image(layers=1, size=1000)
    registry.realm, registry.token_answer = f'http://{registry.address}/token', lambda request: {}
    registry.fault('GET', '/token', times=99, endless=True)
    check_refused(driver, registry, 'larger than allowed', within=5)


@pytest.mark.parametrize('raw', [b'', b'\r\n', b'nonsense\r\n\r\n', b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
                                 b'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n', b'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n',
                                 b'HTTP/9.9 999 X\r\n\r\n', b'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc'])
def test_answers_that_are_no_http(registry, driver, raw):
    image = registry.add_image(layers=1, size=1000)
    registry.fault('GET', digest_of(image.layers[0][0]), times=1, raw=raw)
    result = driver.pull(f'{registry.address}/app', '--attempts', '3')
    assert driver.has(image) if result.code == 0 else driver.is_empty()
    registry.fault('GET', '/manifests/', times=99, raw=raw)
    driver = type(driver)(driver.directory / 'second')
    driver.directory.mkdir()
    check_refused(driver, registry, '')


def test_a_trickle_is_broken_off(registry, driver):
    registry.add_image(layers=1, size=100_000)
    registry.fault('GET', '/blobs/', times=99, pause=0.1, piece=10)
    check_refused(driver, registry, '', 'app', '--stall-ms', '1000', within=20)


def test_nobody_listens_any_more(registry, driver):
    registry.add_image(layers=3, size=SIZE)
    registry.fault('GET', '/blobs/', times=99, pause=0.05, piece=2000)
    began = time.monotonic()
    result = driver.pull(f'{registry.address}/app', '--hang-up-after', '6')
    assert result.code == 1 and 'context canceled' in result.errors and time.monotonic() - began < 5
    assert driver.is_empty()


# ---- redirects ----

def test_redirects_are_followed_but_not_for_ever(registry, driver):
    image = registry.add_image(layers=1)
    registry.fault('GET', '/manifests/latest', status=307, headers={'Location': '/v2/app/manifests/other'})
    registry.manifests['app', 'other'] = registry.manifests['app', 'latest']
    assert driver.pull(f'{registry.address}/app').code == 0 and driver.has(image)
    registry.requests.clear()
    registry.fault('GET', '/manifests/', times=99, status=302, headers={'Location': '/v2/app/manifests/latest'})
    subprocess.run(['rm', '-rf', driver.store])
    check_refused(driver, registry, 'stopped after 10 redirects')
    assert len(registry.requests) < 15
    for location in ('', '::', 'ftp://127.0.0.1/x', 'file:///etc/passwd', 'gopher://127.0.0.1:1/x', 'http://u:p@127.0.0.1/', 'http:///x'):
        registry.faults.clear()
        registry.fault('GET', '/manifests/', times=99, status=302, headers={'Location': location})
        check_refused(driver, registry, '')


# ---- everything at once ----

FAULTS = [dict(truncate=0), dict(truncate=1), dict(truncate=65536), dict(truncate=100_000), dict(reset=30_000), dict(reset=0),
          dict(status=500), dict(status=503), dict(status=429), dict(raw=b''), dict(no_range=True), dict(wrong_range=True),
          dict(raw=b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'), dict(length=10), dict(replace=b'')]


@pytest.mark.parametrize('seed', range(int(os.environ.get('FAULT_SCHEDULES', '60'))))
def test_random_schedules_give_the_right_bytes_or_none(registry, driver, seed):
    choose = random.Random(seed)
    image = registry.add_image(layers=3, size=150_000, seed=bytes([seed % 256]))
    for _ in range(choose.randrange(1, 12)):
        registry.fault('GET', choose.choice(['/blobs/', '/blobs/', '/manifests/', '^/v2/$']), times=choose.randrange(1, 3), **choose.choice(FAULTS))
    result = driver.pull(f'{registry.address}/app', timeout=30)
    if result.code == 0:
        assert driver.has(image)
    else:
        assert driver.is_empty(), result.errors
        registry.faults.clear()  # and the next pull, on what is left, is right
        assert driver.pull(f'{registry.address}/app').code == 0 and driver.has(image)


def test_wrong_bytes_that_somebody_read_already(registry, driver):
    """The layer is stored while it comes; what turns out wrong is read again from the right file."""
    image = registry.add_image(layers=1, size=SIZE)
    blob = image.layers[0][0]
    for have in (100, 70_000, len(blob)):
        (driver.tmp / 'partial').mkdir(parents=True, exist_ok=True)
        (driver.tmp / 'partial' / digest_of(blob).replace(':', '-')).write_bytes(b'\x1f\x8b' + b'x' * (have - 2))
        registry.fault('GET', digest_of(blob), pause=0.01, piece=65536)
        root = driver.directory / f'root{have}'
        root.mkdir()
        result = driver.pull(f'{registry.address}/app', '--root', root)
        assert result.code == 0, result.errors
        assert result.statuses[-1].startswith('Status: Downloaded newer image')
