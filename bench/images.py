"""Images side by side: load, save, pull and rmi of a real Debian layer and of an image of three gzip layers.

Every timed operation meets an engine that does not have the layers. Trees are not removed between timed runs of the same
engine more than needed: after a big removal ext4 creates files ten times slower for minutes, which would flatter an engine
that stores layers as single files. So each engine gets fresh daemons per repetition, and their data is removed at the end."""
import contextlib, io, json, os, random, shutil, subprocess, tarfile, time
import peers
from report import report, value

CACHE = os.environ.get('MINATO_TEST_CACHE', '/var/tmp/minato-test-cache')
REPEAT = int(os.environ.get('BENCH_IMAGE_ROUNDS', '3'))


def debian_tree():
    """A real Debian minbase as one tar of about 170 MB, made once per machine by mmdebstrap."""
    os.makedirs(CACHE, exist_ok=True)
    tree = f'{CACHE}/debian-minbase.tar'
    if not os.path.exists(tree):
        subprocess.run(['mmdebstrap', '--variant=minbase', '--quiet', 'bookworm', tree + '.part.tar'], check=True)
        os.rename(tree + '.part.tar', tree)
    return tree


def extra_layer(directory, number, files=600, size=190 * 1024):
    """About 115 MB in `files` files that compress like text does."""
    rng = random.Random(number)
    words = [bytes(rng.choices(b'abcdefghijklmnopqrstuvwxyz', k=rng.randint(3, 9))) for _ in range(4000)]
    path = f'{directory}/layer-{number}.tar'
    with tarfile.open(path, 'w') as tar:
        for i in range(files):
            text = b' '.join(rng.choices(words, k=size // 7))[:size]
            info = tarfile.TarInfo(f'opt/layer{number}/{i // 50}/file-{i}')
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    return path


def oci_archive(directory):
    """An OCI layout of three gzip layers, about 400 MB unpacked, as one tar."""
    import gzip, hashlib
    archive = f'{CACHE}/three-layers.tar'
    if os.path.exists(archive):
        return archive
    layout = f'{directory}/layout'
    os.makedirs(f'{layout}/blobs/sha256')

    def blob(data_or_path):
        data = open(data_or_path, 'rb').read() if isinstance(data_or_path, str) else data_or_path
        digest = hashlib.sha256(data).hexdigest()
        open(f'{layout}/blobs/sha256/{digest}', 'wb').write(data)
        return {'digest': 'sha256:' + digest, 'size': len(data)}

    layers, diff_ids = [], []
    for tar in (debian_tree(), extra_layer(directory, 1), extra_layer(directory, 2)):
        diff_ids.append('sha256:' + hashlib.sha256(open(tar, 'rb').read()).hexdigest())
        with open(tar, 'rb') as source, gzip.GzipFile(f'{directory}/layer.gz', 'wb', 6, mtime=0) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        layers.append({'mediaType': 'application/vnd.docker.image.rootfs.diff.tar.gzip', **blob(f'{directory}/layer.gz')})
    config = {'architecture': 'amd64', 'os': 'linux', 'config': {'Cmd': ['sh']}, 'rootfs': {'type': 'layers', 'diff_ids': diff_ids},
              'history': [{'created_by': f'layer {i}'} for i in range(3)], 'created': '2026-01-01T00:00:00Z'}
    manifest = {'schemaVersion': 2, 'mediaType': 'application/vnd.docker.distribution.manifest.v2+json',
                'config': {'mediaType': 'application/vnd.docker.container.image.v1+json', **blob(json.dumps(config).encode())}, 'layers': layers}
    described = blob(json.dumps(manifest).encode())
    open(f'{layout}/oci-layout', 'w').write('{"imageLayoutVersion":"1.0.0"}')
    open(f'{layout}/index.json', 'w').write(json.dumps({'schemaVersion': 2, 'manifests': [
        {'mediaType': manifest['mediaType'], **described, 'annotations': {
            'io.containerd.image.name': 'docker.io/library/three:latest', 'org.opencontainers.image.ref.name': 'latest'}}]}))
    # docker-archive's manifest.json beside it, which every engine reads
    open(f'{layout}/manifest.json', 'w').write(json.dumps([{
        'Config': 'blobs/sha256/' + manifest['config']['digest'][7:], 'RepoTags': ['three:latest'],
        'Layers': ['blobs/sha256/' + layer['digest'][7:] for layer in layers]}]))
    subprocess.run(['tar', '-C', layout, '-cf', archive + '.part', '.'], check=True)
    os.rename(archive + '.part', archive)
    shutil.rmtree(layout)
    return archive


def timed(engine, *args, warm=None):
    if warm:
        subprocess.run(['cat', warm], stdout=subprocess.DEVNULL)
    began = time.monotonic()
    engine.run(*args)
    return (time.monotonic() - began) * 1e6


def du_bytes(path):
    return int(subprocess.run(['du', '-s', '-B1', path], capture_output=True, text=True).stdout.split()[0])


@contextlib.contextmanager
def registry(engine, storage):
    """Debian's docker-registry on loopback in the engine's network namespace."""
    config = f'{engine.dir}/registry.yml'
    open(config, 'w').write(f'version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {storage}}}}}\n'
                            'http: {addr: 127.0.0.1:5000}\n')
    enter = ['nsenter', '-t', str(engine.process.pid), '-n', '--']
    process = subprocess.Popen([*enter, 'docker-registry', 'serve', config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while subprocess.run([*enter, 'curl', '-sf', 'http://127.0.0.1:5000/v2/'], capture_output=True).returncode:
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def peak_kib(engine):
    pid = next(p for p in peers.tree(engine.process.pid) if peers.processes().get(p, (0, ''))[1] == 'minatod')
    return next(int(line.split()[1]) for line in open(f'/proc/{pid}/status') if line.startswith('VmHWM'))


def section(_, image, directory):
    tree, three = debian_tree(), oci_archive(directory)
    raw = {name: {'import': [], 'load': [], 'save': [], 'rmi': [], 'pull': []} for name in ('minato', 'docker')}
    storage = f'{directory}/registry'
    disk = peak = None
    for repetition in range(REPEAT):
        with peers.running(peers.minato, peers.docker) as engines:
            for engine in engines:
                times = raw[engine.name]
                times['import'].append(timed(engine, 'import', tree, 'debian:bench', warm=tree))
                if engine.name == 'minato' and disk is None:
                    disk = du_bytes(f'{engine.dir}/data') / os.path.getsize(tree)
                single = f'{CACHE}/debian-archive.tar'
                if not os.path.exists(single):
                    engine.run('save', '-o', single, 'debian:bench')
                engine.run('rmi', 'debian:bench')
                times['load'].append(timed(engine, 'load', '-q', '-i', single, warm=single))
                times['save'].append(timed(engine, 'save', '-o', f'{engine.dir}/saved.tar', 'debian:bench'))
                times['rmi'].append(timed(engine, 'rmi', 'debian:bench'))
                with registry(engine, storage):
                    if not os.path.isdir(f'{storage}/docker'):
                        engine.run('load', '-q', '-i', three)
                        engine.run('tag', 'three:latest', '127.0.0.1:5000/three:latest')
                        engine.run('push', '-q', '127.0.0.1:5000/three:latest')
                        engine.run('rmi', 'three:latest', '127.0.0.1:5000/three:latest')
                    subprocess.run(f'find {storage} -type f -exec cat {{}} + > /dev/null', shell=True)
                    times['pull'].append(timed(engine, 'pull', '-q', '127.0.0.1:5000/three:latest'))
                    if engine.name == 'minato':
                        peak = peak_kib(engine)
    print(f'images: a Debian layer of {os.path.getsize(tree) / 1e6:.0f} MB; an image of three gzip layers, 400 MB unpacked')
    for what, wanted in (('import', 4), ('load', 10), ('save', 2), ('rmi', 10), ('pull', 4)):
        report(what, raw['minato'][what], raw['docker'][what], wanted)
    value('disk used, of 1.05 times the unpacked size', 1.05 / disk, 1, f'minato {disk:.3f} times')
    value('peak memory after a whole pull, of 64 MiB', 64 * 1024 / peak, 1, f'minato {peak / 1024:.0f} MiB')
