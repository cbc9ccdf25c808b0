# SPDX-License-Identifier: Apache-2.0
"""Prune with last-used times, --keep and --dry-run, through the API and the command line."""
import json, os, subprocess, time

import pytest

import evil_layers
from conftest import archive
from test_daemon import daemon, load  # noqa: F401 (fixture)
from harness.daemon import program


def make(daemon, tag, text, **config):
    layer = evil_layers.Writer().add('file', data=text).bytes()
    assert load(daemon, archive([layer], tag, **config)) == [{'stream': f'Loaded image: {tag}\n'}]


def names(daemon):
    return sorted(t for i in daemon.request('GET', '/images/json').json() for t in i['RepoTags'])


def prune(daemon, dry_run=False, **filters):
    query = {'filters': json.dumps({k.replace('_', '-'): [v] for k, v in filters.items()})}
    answer = daemon.request('POST', '/images/prune', query={**query, **({'dry-run': '1'} if dry_run else {})})
    assert answer.status == 200, answer.body
    return answer.json()


def test_a_dry_run_tells_what_the_run_then_does(daemon):
    for i in range(4):
        make(daemon, f'app:{i}', b'x' * 100_000 + bytes([i]))
    make(daemon, 'app:0', b'y' * 50_000)  # app:0 of before is dangling now
    before = names(daemon)
    for filters in ({}, {'dangling': 'false', 'keep': '2'}, {'dangling': 'false'}):
        said = prune(daemon, dry_run=True, **filters)
        assert names(daemon) == before and said['ImagesDeleted'] and said['SpaceReclaimed'] > 0
        did = prune(daemon, **filters)
        key = lambda row: sorted(row.items())
        assert sorted(did['ImagesDeleted'], key=key) == sorted(said['ImagesDeleted'], key=key)
        assert did['SpaceReclaimed'] == said['SpaceReclaimed']
        before = names(daemon)
    assert before == []


def test_keep_leaves_the_last_used_of_each_repository(daemon):
    for repository in ('a', 'b'):
        for i in range(4):
            make(daemon, f'{repository}:{i}', repository.encode() + bytes([i]))
    assert daemon.request('POST', '/images/b:0/tag', query={'repo': 'b', 'tag': 'again'}).status == 201  # a use
    prune(daemon, dangling='false', keep='2')
    assert names(daemon) == ['a:2', 'a:3', 'b:0', 'b:3', 'b:again']
    prune(daemon, dangling='false', keep='1')
    assert names(daemon) == ['a:3', 'b:0', 'b:again']


def test_unused_for_counts_from_the_last_container(daemon):
    for tag in ('used:1', 'idle:1'):
        make(daemon, tag, tag.encode())
    made = daemon.request('POST', '/containers/create', {'Image': 'used:1', 'Cmd': ['/file']}).json()['Id']
    shown = daemon.request('GET', '/images/used:1/json').json()['Metadata']
    assert shown['LastUsedTime'] >= shown['LastTagTime'][:20]
    time.sleep(1.5)
    assert prune(daemon, dangling='false', unused_for='1h')['ImagesDeleted'] in (None, [])
    assert daemon.request('DELETE', f'/containers/{made}').status == 204  # the end of its use
    prune(daemon, dangling='false', unused_for='1s')
    assert names(daemon) == ['used:1']
    uses = daemon.request('GET', '/images/json').json()[0]['LastUsed']
    daemon.terminate()
    daemon.start()
    assert uses - 61 <= daemon.request('GET', '/images/json').json()[0]['LastUsed'] <= uses
    prune(daemon, dangling='false', unused_for='0s')
    assert names(daemon) == []


def test_until_and_labels(daemon):
    make(daemon, 'old:1', b'1', created='2001-01-01T00:00:00Z', config={'Labels': {'keep': 'yes'}})
    make(daemon, 'old:2', b'2', created='2001-01-01T00:00:00Z')
    make(daemon, 'new:1', b'3', created='2100-01-01T00:00:00Z')
    prune(daemon, **{'dangling': 'false', 'until': '2002-01-01', 'label!': 'keep=yes'})
    assert names(daemon) == ['new:1', 'old:1']
    prune(daemon, dangling='false', label='keep')
    assert names(daemon) == ['new:1']
    prune(daemon, dangling='false')


@pytest.mark.parametrize('filters', [{'unused-for': 'soon'}, {'unused-for': '-3d'}, {'keep': 'all'}, {'keep': '-1'}, {'unknown': '1'}])
def test_wrong_filters(daemon, filters):
    answer = daemon.request('POST', '/images/prune', query={'filters': json.dumps({k: [v] for k, v in filters.items()})})
    assert answer.status == 400 and 'invalid filter' in answer.json()['message']


def test_command_line(daemon):
    def do(*argv):
        return subprocess.run([program('minato'), *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30,
                              env={**os.environ, 'MINATO_HOST': f'unix://{daemon.socket}'})
    for i in range(3):
        make(daemon, f'app:{i}', bytes([i]))
    listed = do('images', '--format', '{{.Tag}} {{.LastUsed}}')
    assert listed.returncode == 0 and all(line.endswith(' ago') for line in listed.stdout.splitlines()), listed.stdout
    dry = do('image', 'prune', '-a', '--keep', '1', '--dry-run')
    assert dry.returncode == 0 and dry.stdout.startswith('Would delete Images:\nuntagged: app:') and 'Total reclaimable space: ' in dry.stdout
    assert len(names(daemon)) == 3
    assert do('image', 'prune', '-af', '--keep', '1').returncode == 0
    assert len(names(daemon)) == 1
    assert do('image', 'prune', '-af', '--unused-for', '30d').stdout == 'Total reclaimed space: 0B\n'
    assert do('image', 'prune', '-af', '--unused-for', '0s').returncode == 0 and names(daemon) == []
