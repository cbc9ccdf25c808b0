# SPDX-License-Identifier: Apache-2.0
"""A network namespace of its own for this folder's tests, and the registry client as a program (driver.c)."""
import base64, ctypes, hashlib, json, os, pathlib, subprocess

import pytest
from fake_registry import FakeRegistry

TOP = pathlib.Path(__file__).resolve().parents[2]
DRIVER = TOP / os.environ.get('BUILD', 'build') / 'tests/registry/registry-driver'
FAR = [f'10.99.0.{i}' for i in (1, 2, 3)]  # addresses that are not loopback's


@pytest.fixture(scope='session', autouse=True)
def own_network():
    """Nothing here may reach, or be reached from, the host's network."""
    if os.geteuid() != 0:
        pytest.skip('needs root for a network namespace')
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open('/proc/self/ns/net', os.O_RDONLY)
    assert libc.unshare(0x40000000) == 0, os.strerror(ctypes.get_errno())
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    for address in FAR:
        subprocess.run(['ip', 'address', 'add', address + '/32', 'dev', 'lo'], check=True)
    yield
    libc.setns(before, 0)
    os.close(before)


@pytest.fixture
def registry():
    fake = FakeRegistry()
    yield fake
    fake.close()


def auth(user=None, password=None, **more):
    """An X-Registry-Auth header."""
    fields = {'username': user, 'password': password, **more}
    return base64.urlsafe_b64encode(json.dumps({k: v for k, v in fields.items() if v}).encode()).decode()


class Result:
    def __init__(self, done, usage):
        self.code, self.errors, self.output = done.returncode, done.stderr, done.stdout
        self.messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]
        self.statuses = [m.get('status', '') for m in self.messages]
        self.peak_mib = usage / 1024


class Driver:
    """Runs the client; each has its own store and folder for partial blobs."""

    def __init__(self, directory):
        self.directory = directory
        self.store, self.tmp = directory / 'store', directory / 'tmp'
        self.environment = {k: v for k, v in os.environ.items() if not k.lower().endswith('_proxy')}

    def argv(self, command, argument, *options):
        return [DRIVER, '--store', self.store, '--tmp', self.tmp, '--peak', self.directory / 'peak', *options, command, argument]

    def run(self, command, argument, *options, timeout=60):
        done = subprocess.run(self.argv(command, argument, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=timeout, env=self.environment)
        return Result(done, int((self.directory / 'peak').read_text()) if done.returncode in (0, 1) else 0)

    def pull(self, reference, *options, **more):
        return self.run('pull', reference, *options, **more)

    def files(self, folder):
        path = self.store / folder
        return sorted(p.name for p in path.iterdir()) if path.exists() else []

    def partials(self):
        path = self.tmp / 'partial'
        return sorted(p.name for p in path.iterdir()) if path.exists() else []

    def has(self, image):
        """The image, all of it and byte for byte."""
        for _, tar in image.layers:
            path = self.store / 'layers' / hashlib.sha256(tar).hexdigest()
            if not path.exists() or path.read_bytes() != tar:
                return False
        config = self.store / 'images' / image.id.removeprefix('sha256:')
        return config.exists() and config.read_bytes() == image.config

    def is_empty(self):
        """Nothing stored: no layer that an image does not have, no image, no reference."""
        return not self.files('refs') and not self.files('images')


@pytest.fixture
def driver(tmp_path):
    return Driver(tmp_path)
