"""The store: loading, names, removal, what is left on the disk."""
import gzip, json, subprocess

import evil_layers
from conftest import archive


def simple(text=b'hello'):
    return evil_layers.Writer().add('file', data=text).bytes()


def test_load_list_inspect_history(store):
    assert store.run('load', stdin=archive([simple()], history=[{'created_by': 'me'}], config={'Env': ['A=b', 'HOME*', 'x', '=y'], 'Labels': {'k': 'v'}})) == b'Loaded image: test:1\n'
    image, = store.json('list')
    assert image['RepoTags'] == ['test:1'] and image['Labels'] == {'k': 'v'}
    shown = store.json('inspect', image['Id'][7:15])
    assert shown['Id'] == image['Id'] and shown['Config']['Env'] == ['A=b'] and len(shown['RootFS']['Layers']) == 1
    assert store.json('history', 'test:1')[0]['CreatedBy'] == 'me'
    assert 'No such image: nope:latest' in store.run('inspect', 'nope', ok=False)


def test_compressed_archives_and_layers(store):
    store.run('load', stdin=gzip.compress(archive([simple()])))
    store.run('rm', 'test:1')
    packed = subprocess.run(['zstd', '-q'], input=archive([simple()]), capture_output=True).stdout
    store.run('load', stdin=packed)
    assert len(store.json('list')) == 1


def test_layer_is_stored_once(store):
    store.run('load', stdin=archive([simple()], 'a:1'))
    store.run('load', stdin=archive([simple(), simple(b'more')], 'b:1'))
    assert len(store.layers()) == 2
    store.run('rm', 'b:1')
    assert len(store.layers()) == 1
    store.run('rm', 'a:1')
    assert store.files() == []


def test_names(store):
    store.run('load', stdin=archive([simple()]))
    store.run('tag', 'test:1', 'localhost:5000/other', 'x')
    assert store.json('list')[0]['RepoTags'] == ['localhost:5000/other:x', 'test:1']
    assert store.json('rm', 'test:1') == [{'Untagged': 'test:1'}]
    image = store.json('list')[0]['Id']
    store.run('tag', 'localhost:5000/other:x', 'b', '1')
    assert 'referenced in multiple repositories' in store.run('rm', image[7:19], ok=False)
    assert {'Deleted': image} in store.json('rmf', image[7:19])
    assert store.files() == []


def test_retag_leaves_a_dangling_image(store):
    store.run('load', stdin=archive([simple(b'1')]))
    store.run('load', stdin=archive([simple(b'2')]))
    assert sorted(len(image['RepoTags']) for image in store.json('list')) == [0, 1]
    pruned = store.json('prune')
    assert len(pruned['ImagesDeleted']) == 1 and len(store.json('list')) == 1


def test_bad_archives(store):
    good = archive([simple()])
    wrong_id = archive([simple()], diff_ids=['sha256:' + '0' * 64])
    traversal = archive([simple()], diff_ids=['sha256:../../etc/passwd'])
    for data in (b'', b'rubbish' * 1000, good[:-9000], gzip.compress(good)[:-20], wrong_id, traversal):
        assert 'error' in store.run('load', stdin=data, ok=False)
        assert store.json('list') == [] and store.files() == []


def test_each_leaf_of_the_configuration(erofs_store):
    """Every value of a valid configuration replaced by others: an error or an image, never a crash, nothing left."""
    config = {'config': {'Env': ['A=b'], 'Cmd': ['x'], 'Volumes': {'/v': {}}, 'Labels': {'a': 'b'}, 'ExposedPorts': {'80/tcp': {}}},
              'history': [{'created': '2020-01-01T00:00:00Z', 'empty_layer': True}], 'created': '2020-01-01T00:00:00Z'}
    for key in config:
        for value in (None, 1, -1, 'text', [], {}, [None], {'': None}, True, 1e400):
            data = archive([simple()], **(config | {key: value}))
            done = subprocess.run(erofs_store.argv('load'), input=data, capture_output=True)
            assert done.returncode in (0, 1)


def test_check_finds_flipped_bits(erofs_store):
    erofs_store.run('load', stdin=archive([simple()]))
    assert erofs_store.run('check') == b''
    layer, = (erofs_store.root / 'layers').iterdir()
    index = bytearray((layer / 'index').read_bytes())
    index[1400] ^= 1
    (layer / 'index').write_bytes(index)
    assert b'index does not fit' in erofs_store.run('check')
    assert b'made anew' in erofs_store.run('check', 'repair') and erofs_store.run('check') == b''
    tar = bytearray((layer / 'tar').read_bytes())
    tar[600] ^= 1
    (layer / 'tar').write_bytes(tar)
    assert b'digest is' in erofs_store.run('check')


def test_orphans_go_at_start(store):
    store.run('load', stdin=archive([simple()]))
    before = store.files()
    for name in ('layers/' + '0' * 64, 'tmp/layer-0123456789abcdef'):
        (store.root / name).mkdir()
        (store.root / name / 'tar').write_bytes(b'x')
    (store.root / 'blobs/sha256' / ('0' * 64)).write_bytes(b'x')
    store.run('list')
    assert store.files() == before


def test_killed_while_loading(erofs_store):
    data = archive([simple(b'x' * 50_000_000)])
    for delay in range(0, 40, 4):
        process = subprocess.Popen(erofs_store.argv('load'), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            process.stdin.write(data[:delay * 1_200_000])
            process.stdin.flush()
        except BrokenPipeError:
            pass
        process.kill()
        process.wait()
        assert erofs_store.json('list') == [] and erofs_store.files() == []


def test_save_round_trip(store):
    store.run('load', stdin=archive([simple(), simple(b'2')]))
    saved = store.run('save', 'test:1')
    assert saved == store.run('save', 'test:1')
    image = store.json('list')[0]['Id']
    store.run('rm', 'test:1')
    assert store.files() == []
    store.run('load', stdin=saved)
    assert store.json('list')[0]['Id'] == image


def tar_of(members):
    """A tar of (name, bytes) files and (name, '-> target') symbolic links."""
    import io, tarfile
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as out:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if isinstance(data, str):
                info.type, info.linkname = tarfile.SYMTYPE, data[3:]
                out.addfile(info)
            else:
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def sha(data):
    import hashlib
    return hashlib.sha256(data).hexdigest()


def test_old_docker_archive_with_linked_layers(store):
    """As Docker before 25 saves: a directory per layer, equal layers as symbolic links to the first."""
    layer = simple()
    config = json.dumps({'architecture': 'amd64', 'os': 'linux', 'rootfs': {'type': 'layers', 'diff_ids': ['sha256:' + sha(layer)] * 2}}).encode()
    store.run('load', stdin=tar_of([
        ('aaa/VERSION', b'1.0'), ('aaa/json', b'{}'), ('aaa/layer.tar', layer), ('bbb/VERSION', b'1.0'), ('bbb/layer.tar', '-> ../aaa/layer.tar'),
        (sha(config) + '.json', config), ('repositories', b'{"old":{"1":"bbb"}}'),
        ('manifest.json', json.dumps([{'Config': sha(config) + '.json', 'RepoTags': ['old:1'], 'Layers': ['aaa/layer.tar', 'bbb/layer.tar']}]).encode())]))
    shown = store.json('inspect', 'old:1')
    assert len(shown['RootFS']['Layers']) == 2 and shown['Size'] == 2 * len(layer)
    assert len(store.layers()) == 1


def test_archive_from_before_manifests(store):
    """What Docker wrote before 1.10 (`repositories`, a folder with `json` and `VERSION` for each layer) is refused as Docker 29 does."""
    layer = evil_layers.Writer().add('f', data=b'old').bytes()
    name = 'a' * 64
    old = tar_of([(f'{name}/VERSION', b'1.0'), (f'{name}/json', json.dumps({'id': name, 'os': 'linux', 'config': {}}).encode()),
                  (f'{name}/layer.tar', layer), ('repositories', json.dumps({'old': {'1': name}}).encode())])
    assert 'invalid archive: does not contain a manifest.json' in store.run('load', stdin=old, ok=False)
    assert store.json('list') == [] and store.files() == []


def oci_layout(layer, mutate=lambda name, data: data):
    """An OCI layout: an index with two platforms, of which the host's has a gzip layer."""
    import platform
    blobs = []

    def blob(media_type, data, **more):
        blobs.append(('blobs/sha256/' + sha(data), data))
        return {'mediaType': media_type, 'digest': 'sha256:' + sha(data), 'size': len(data)} | more
    machine = {'x86_64': 'amd64', 'aarch64': 'arm64'}[platform.machine()]
    config = blob('application/vnd.oci.image.config.v1+json', json.dumps({'architecture': machine, 'os': 'linux', 'rootfs': {'type': 'layers', 'diff_ids': ['sha256:' + sha(layer)]}}).encode())
    manifest = blob('application/vnd.oci.image.manifest.v1+json', json.dumps({'schemaVersion': 2, 'config': config, 'layers': [
        blob('application/vnd.oci.image.layer.v1.tar+gzip', gzip.compress(layer, mtime=0))]}).encode(), platform={'os': 'linux', 'architecture': machine})
    absent = manifest | {'digest': 'sha256:' + '1' * 64, 'platform': {'os': 'linux', 'architecture': 's390x'}}
    inner = blob('application/vnd.oci.image.index.v1+json', json.dumps({'schemaVersion': 2, 'manifests': [absent, manifest]}).encode(),
                 annotations={'io.containerd.image.name': 'docker.io/library/layout:3'})
    index = json.dumps({'schemaVersion': 2, 'manifests': [inner]}).encode()
    return tar_of([('oci-layout', b'{"imageLayoutVersion":"1.0.0"}'), ('index.json', index)] + [(name, mutate(name, data)) for name, data in blobs])


def test_oci_layout(store):
    assert store.run('load', stdin=oci_layout(simple())) == b'Loaded image: layout:3\n'
    assert store.json('inspect', 'layout:3')['Architecture'] in ('amd64', 'arm64')


def test_oci_layout_with_a_changed_blob(store):
    """Each blob in turn replaced by other bytes of the same length: refused, nothing left."""
    import io, tarfile
    names = [member.name for member in tarfile.open(fileobj=io.BytesIO(oci_layout(simple()))) if member.name.startswith('blobs/')]
    for wrong in names:
        data = oci_layout(simple(), lambda name, data: data if name != wrong else data.replace(b'linux', b'linuy') if b'linux' in data else data[:-1] + b'?')
        store.run('load', stdin=data, ok=False)
        assert store.json('list') == [] and store.files() == []
