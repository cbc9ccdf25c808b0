"""An image store in a directory of its own, driven by build/tests/image/image-tool: no daemon."""
import hashlib, io, json, os, pathlib, subprocess, tarfile

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ.get('IMAGE_TOOL', TOP / 'build/tests/image/image-tool')
LAYER_TOOL = TOP / 'build/tests/image/layer-tool'


def archive(layers, tag='test:1', diff_ids=None, **config):
    """A docker-archive as bytes: one image of these layers (uncompressed tars)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as out:
        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
        for i, layer in enumerate(layers):
            add(f'{i}/layer.tar', layer)
        ids = diff_ids or ['sha256:' + hashlib.sha256(layer).hexdigest() for layer in layers]
        text = json.dumps({'architecture': 'amd64', 'os': 'linux', 'rootfs': {'type': 'layers', 'diff_ids': ids}, 'config': {}} | config).encode()
        name = hashlib.sha256(text).hexdigest() + '.json'
        add(name, text)
        add('manifest.json', json.dumps([{'Config': name, 'RepoTags': [tag] if tag else None,
                                          'Layers': [f'{i}/layer.tar' for i in range(len(layers))]}]).encode())
    return buffer.getvalue()


class Store:
    def __init__(self, root, driver):
        self.root, self.driver = root, driver

    def argv(self, *args):
        return [str(TOOL), str(self.root), '--driver', self.driver, *map(str, args)]

    def run(self, *args, stdin=b'', ok=True):
        done = subprocess.run(self.argv(*args), input=stdin, capture_output=True)
        assert done.returncode in (0, 1), done  # never a signal
        if ok:
            assert done.returncode == 0, done.stderr.decode()
            return done.stdout
        assert done.returncode == 1, done.stdout
        return done.stderr.decode()

    def json(self, *args):
        return json.loads(self.run(*args))

    def layers(self):
        return sorted(p.name for p in (self.root / 'layers').iterdir())

    def files(self):
        """All files of layers and blobs, and what is left in tmp."""
        return sorted(str(p.relative_to(self.root)) for part in ('layers', 'blobs', 'tmp')
                      for p in (self.root / part).rglob('*') if p.is_file())


@pytest.fixture(params=['erofs', 'unpack'])
def store(request, tmp_path):
    return Store(tmp_path, request.param)


@pytest.fixture
def erofs_store(tmp_path):
    return Store(tmp_path, 'erofs')
