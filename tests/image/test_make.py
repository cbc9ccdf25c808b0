# SPDX-License-Identifier: Apache-2.0
"""Images made here: diff, commit, export, import, save, through the daemon and its command line."""
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.daemon import Daemon, program, starter_image

CHANGES = 'echo hi > /new; mkdir -p /d/e; echo x > /d/e/f; rm -rf /etc/passwd /bin/false; chmod 600 /bin/true; ln -s /new /lnk'


class Client:
    def __init__(self, daemon):
        self.environment = {**os.environ, 'MINATO_HOST': f'unix://{daemon.socket}', 'DOCKER_CONFIG': str(daemon.folder / 'client')}

    def raw(self, *argv, data=b''):
        return subprocess.run([program('minato'), *argv], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60, env=self.environment)

    def __call__(self, *argv):
        done = self.raw(*argv)
        assert done.returncode == 0, (argv, done.stderr)
        return done.stdout.decode().strip()


@pytest.fixture(scope='module')
def minato():
    with Daemon() as daemon:
        client = Client(daemon)
        client('load', '-i', str(starter_image()))
        client('run', '--network', 'none', '--name', 'changed', 'busybox', 'sh', '-c', CHANGES)
        yield client


def test_diff(minato):
    assert minato('diff', 'changed').splitlines() == ['C /bin', 'D /bin/false', 'C /bin/true', 'A /d', 'A /d/e', 'A /d/e/f',
                                                      'C /etc', 'D /etc/passwd', 'A /lnk', 'A /new']


def test_commit_keeps_what_was_written_and_hides_what_was_removed(minato):
    minato('commit', '-m', 'why', '-a', 'me', '-c', 'CMD ["cat","/new"]', '-c', 'ENV X=1', 'changed', 'mine:1')
    assert minato('run', '--rm', '--network', 'none', 'mine:1') == 'hi'
    seen = minato('run', '--rm', '--network', 'none', 'mine:1', 'sh', '-c',
                  'ls /etc/passwd /bin/false 2>/dev/null; cat /d/e/f; readlink /lnk; stat -c %a /bin/true; echo $X')
    assert seen.splitlines() == ['x', '/new', '600', '1']
    assert minato('inspect', 'mine:1', '--format', '{{.Author}} {{.Comment}} {{len .RootFS.Layers}}') == 'me why 2'


def test_a_container_that_wrote_nothing_adds_no_layer(minato):
    minato('run', '--network', 'none', '--name', 'quiet', 'busybox', 'true')
    minato('commit', 'quiet', 'same:1')
    assert minato('inspect', 'same:1', '--format', '{{len .RootFS.Layers}}') == '1'


def test_export_and_import(minato):
    archive = minato.raw('export', 'changed').stdout
    done = minato.raw('import', '-c', 'CMD ["cat","/new"]', '-', 'flat:1', data=archive)
    assert done.returncode == 0 and done.stdout.startswith(b'sha256:'), done.stderr
    assert minato('run', '--rm', '--network', 'none', 'flat:1') == 'hi'
    bad = minato.raw('import', '-c', 'FOO x', '-', 'bad:1', data=archive)
    assert bad.returncode == 1 and b'unknown instruction: FOO' in bad.stderr
    for data in (b'no tar at all' * 100, archive[:len(archive) // 2]):
        assert minato.raw('import', '-', 'bad:1', data=data).returncode == 1
    assert 'bad' not in minato('images').split()


def test_save_is_the_same_twice_and_loads_again(minato):
    minato('tag', 'busybox', 'other/name:2')
    first = minato.raw('save', 'busybox', 'other/name:2')
    assert first.returncode == 0 and first.stdout == minato.raw('save', 'busybox', 'other/name:2').stdout
    minato('rmi', 'other/name:2')
    assert b'Loaded image: other/name:2' in minato.raw('load', data=first.stdout).stdout
    gone = minato.raw('save', 'nothing:1')
    assert gone.returncode == 1 and b'No such image: nothing:1' in gone.stderr and not gone.stdout


LOOK = 'ls /etc/passwd /bin/false 2>/dev/null; cat /new /d/e/f; readlink /lnk; stat -c "%a %u %y" /bin/true; echo $X; find / -xdev | wc -l'


def test_squash_has_all_in_one_layer(minato):
    minato('commit', '-c', 'ENV X=1', '-c', 'CMD ["cat","/new"]', 'changed', 'layered:1')
    minato('run', '--network', 'none', '--name', 'more', 'layered:1', 'sh', '-c', 'rm /d/e/f; echo y > /d/e/f; ln /new /hard; dd if=/dev/zero of=/big bs=1M count=3')
    minato('commit', 'more', 'layered:2')
    minato('run', '--network', 'none', '--name', 'less', 'layered:2', 'rm', '/big')
    minato('commit', 'less', 'layered:3')
    made = minato('image', 'squash', '-m', 'one', 'layered:3', 'flat/name:9')
    assert made == minato('inspect', '--format', '{{.Id}}', 'flat/name:9')
    shape = '{{len .RootFS.Layers}} {{.Comment}} {{.Architecture}} {{.Os}} {{.Config.Env}} {{.Config.Cmd}}'
    layered, flat = (minato('image', 'inspect', '--format', shape, name).split(' ', 2) for name in ('layered:3', 'flat/name:9'))
    assert layered[0] == '4' and flat[:2] == ['1', 'one'] and layered[2].split('one')[-1].split()[-3:] == flat[2].split()[-3:]
    seen = [minato('run', '--rm', '--network', 'none', name, 'sh', '-c', LOOK) for name in ('layered:3', 'flat/name:9')]
    assert seen[0] == seen[1] and seen[0].startswith('hi\ny\n/new\n600 0 '), seen
    assert minato('run', '--rm', '--network', 'none', 'flat/name:9', 'stat', '-c', '%h', '/new') == '2'
    sizes = [int(minato('image', 'inspect', '--format', '{{.Size}}', name)) for name in ('layered:3', 'flat/name:9')]
    assert sizes[1] < sizes[0] - 3_000_000  # what a layer had and a later one removed
    history = minato('history', '--format', '{{.Comment}} {{.Size}}', 'flat/name:9').splitlines()
    assert history[0].startswith('one ') and len(history) == len(minato('history', '-q', 'layered:3').splitlines()) + 1
    assert all(line.endswith(' 0B') for line in history[1:])
    assert minato('rmi', 'layered:3')


def test_squash_refuses(minato):
    for argv, words in ((('nothing:1',), b'No such image: nothing:1'), (('busybox', 'BAD'), b'must be lowercase'),
                        (('--platform', 'linux/s390x', 'busybox'), b'does not match the specified platform')):
        done = minato.raw('image', 'squash', *argv)
        assert done.returncode == 1 and words in done.stderr, done.stderr
