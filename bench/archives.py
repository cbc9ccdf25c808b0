"""What the image bench loads, made once per machine and kept in MINATO_TEST_CACHE: a real Debian minbase in several variants that differ
in one small file, so that no two operations share a layer."""
import collections, gzip, hashlib, io, json, os, random, shutil, subprocess, tarfile

CACHE = os.environ.get('MINATO_TEST_CACHE', '/var/tmp/minato-test-cache')
Inputs = collections.namedtuple('Inputs', 'trees single gzip_layer gzip_single three other_three')


def cached(name, make):
    """The path of a file in the cache; `make(part)` writes it when it is missing."""
    path = f'{CACHE}/{name}'
    if not os.path.exists(path):
        make(path + '.part')
        os.rename(path + '.part', path)
    return path


def debian_tree():
    """A Debian minbase as one tar of about 170 MB."""
    def make(part):
        subprocess.run(['mmdebstrap', '--variant=minbase', '--quiet', '--format=tar', 'bookworm', part], check=True)
    return cached('debian-minbase.tar', make)


def variant(number):
    """The same with one more file in front."""
    def make(part):
        info = tarfile.TarInfo(f'.variant-{number}')
        header = info.tobuf(tarfile.USTAR_FORMAT)
        with open(debian_tree(), 'rb') as source, open(part, 'wb') as target:
            target.write(header)
            shutil.copyfileobj(source, target, 1 << 20)
    return cached(f'debian-variant-{number}.tar', make)


def text_layer(number, files=600, size=190 * 1024):
    """About 115 MB in `files` files that compress like text does."""
    def make(part):
        rng = random.Random(number)
        words = [bytes(rng.choices(b'abcdefghijklmnopqrstuvwxyz', k=rng.randint(3, 9))) for _ in range(4000)]
        with tarfile.open(part, 'w') as tar:
            for i in range(files):
                text = b' '.join(rng.choices(words, k=size // 7))[:size]
                info = tarfile.TarInfo(f'opt/layer{number}/{i // 50}/file-{i}')
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text))
    return cached(f'text-{number}.tar', make)


def packed(tar):
    def make(part):
        with open(tar, 'rb') as source, gzip.GzipFile(part, 'wb', 6, mtime=0) as target:
            shutil.copyfileobj(source, target, 1 << 20)
    return cached(os.path.basename(tar) + '.gz', make)


def digest_of(path):
    with open(path, 'rb') as f:
        return hashlib.file_digest(f, 'sha256').hexdigest() if hasattr(hashlib, 'file_digest') else hashlib.sha256(f.read()).hexdigest()


def docker_archive(part, images, layers):
    """`layers`: {name in the archive: (file, diff id)}; `images`: [(configuration, [repo tags], [layer names])]."""
    with tarfile.open(part, 'w') as out:
        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
        for name, (path, _) in layers.items():
            out.add(path, name)
        rows = []
        for config, tags, names in images:
            config = {'architecture': 'amd64', 'os': 'linux', 'created': '2026-01-01T00:00:00Z', 'config': {'Cmd': ['sh']},
                      'history': [{'created_by': name} for name in names],
                      'rootfs': {'type': 'layers', 'diff_ids': ['sha256:' + layers[name][1] for name in names]}} | config
            text = json.dumps(config).encode()
            add(hashlib.sha256(text).hexdigest() + '.json', text)
            rows.append({'Config': hashlib.sha256(text).hexdigest() + '.json', 'RepoTags': tags, 'Layers': names})
        add('manifest.json', json.dumps(rows).encode())


def image(name, tars, tag, is_packed):
    def make(part):
        layers = {f'{i}/layer.tar': (packed(tar) if is_packed else tar, digest_of(tar)) for i, tar in enumerate(tars)}
        docker_archive(part, [({}, [tag], list(layers))], layers)
    return cached(name, make)


def thousand(path):
    """1,000 images that share three small layers."""
    layers = {}
    for i in range(3):
        tar = f'{path}.{i}'
        with tarfile.open(tar, 'w') as out:
            info = tarfile.TarInfo(f'file-{i}')
            info.size = 50000
            out.addfile(info, io.BytesIO(bytes([i]) * info.size))
        layers[f'{i}/layer.tar'] = (tar, digest_of(tar))
    docker_archive(path, [({'author': str(n)}, [f'app-{n % 50}:v{n}'], list(layers)) for n in range(1000)], layers)
    return path


def prepare():
    os.makedirs(CACHE, exist_ok=True)
    trees = [variant(n) for n in range(4)]
    return Inputs(trees=trees, single=image('single.tar', trees[1:2], 'debian:bench', False), gzip_layer=packed(trees[1]),
                  gzip_single=image('single-gzip.tar', trees[1:2], 'debian:gzip', True),
                  three=image('three.tar', [trees[2], text_layer(1), text_layer(2)], 'three:latest', True),
                  other_three=image('other-three.tar', [trees[3], text_layer(3), text_layer(4)], 'other:latest', True))
