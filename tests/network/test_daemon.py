"""Networks through the whole engine: the real daemon and command line, containers of the starter image."""
import json, os, pathlib, subprocess, sys, time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import leaks
from harness.daemon import Daemon, program, starter_image

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
SERVE = 'mkdir -p /www; echo "$0" >/www/index.html; exec httpd -f -p 80 -h /www'
GET = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 %s %d | tail -1"


class Engine:
    def __init__(self, daemon):
        self.daemon = daemon

    def __call__(self, *args, check=True):
        result = subprocess.run(self.daemon.command(program('minato'), '-H', f'unix://{self.daemon.socket}', *args),
                                capture_output=True, text=True)
        assert not check or result.returncode == 0, (args, result.stdout, result.stderr)
        return result.stdout.strip() if check else result

    def serve(self, name, *options):
        self('run', '-d', '--name', name, *options, 'busybox', 'sh', '-c', SERVE, name)

    def get(self, host, port, *options, container=None):
        """What a container reads from there, a new one or a running one."""
        how = ['exec', container] if container else ['run', '--rm', *options, 'busybox']
        return self(*how, 'sh', '-c', GET % (host, port))

    def fetch(self, url):
        """What the host reads."""
        command = self.daemon.command('curl', '-s', '--max-time', '2', url)
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    def wait_for(self, want, ask):
        deadline = time.monotonic() + 5
        while (got := ask()) != want and time.monotonic() < deadline:
            time.sleep(0.05)
        assert got == want


@pytest.fixture(scope='module')
def engine():
    with Daemon() as daemon:
        engine = Engine(daemon)
        engine('load', '-i', str(starter_image()))
        yield engine


@pytest.fixture(autouse=True)
def clean(engine):
    before = leaks.look(engine.daemon)
    yield
    for container in engine('ps', '-aq').split():
        engine('rm', '-f', container)
    engine('network', 'prune', '-f')
    leaks.assert_none(engine.daemon, before)


def test_default_bridge_and_ports(engine):
    engine.serve('web', '-p', '8080:80')
    engine.wait_for('web', lambda: engine.fetch('http://127.0.0.1:8080/'))
    assert engine.fetch('http://172.17.0.1:8080/') == 'web'
    assert engine.get('172.17.0.1', 8080) == 'web'
    assert engine.get('172.17.0.1', 8080, container='web') == 'web'
    assert engine.get('172.17.0.2', 80) == 'web'
    assert engine('port', 'web') == '80/tcp -> 0.0.0.0:8080'
    result = engine('run', '-d', '--name', 'second', '-p', '8080:80', 'busybox', 'true', check=False)
    assert result.returncode == 125 and 'Bind for 0.0.0.0:8080 failed: port is already allocated' in result.stderr


def test_names_on_a_user_network(engine):
    engine('network', 'create', 'net')
    engine.serve('web', '--network', 'net', '--network-alias', 'site')
    engine.wait_for('web', lambda: engine.get('site', 80, '--network', 'net'))
    assert engine.get('web.net', 80, '--network', 'net') == 'web'
    assert 'nameserver 127.0.0.11' in engine('run', '--rm', '--network', 'net', 'busybox', 'cat', '/etc/resolv.conf')
    hosts = engine('run', '--rm', '--network', 'net', '--hostname', 'box', '--add-host', 'gw:host-gateway', 'busybox', 'cat', '/etc/hosts')
    assert '172.18.0.3\tbox' in hosts and '172.17.0.1\tgw' in hosts


def test_connect_and_disconnect(engine):
    engine('network', 'create', 'net')
    engine.serve('web')
    engine('run', '-d', '--name', 'client', '--network', 'net', 'busybox', 'sleep', '1000')
    engine('network', 'connect', '--alias', 'site', 'net', 'web')
    engine.wait_for('web', lambda: engine.get('site', 80, container='client'))
    assert sorted(json.loads(engine('inspect', '-f', '{{json .NetworkSettings.Networks}}', 'web'))) == ['bridge', 'net']
    assert '172.18.0.3' in engine('exec', 'web', 'cat', '/etc/hosts')
    assert 'nameserver 127.0.0.11' in engine('exec', 'web', 'cat', '/etc/resolv.conf')
    engine('restart', '-t', '0', 'web')  # remembered
    engine.wait_for('web', lambda: engine.get('site', 80, container='client'))
    engine('network', 'disconnect', 'net', 'web')
    assert engine.get('172.18.0.3', 80, container='client') == ''
    result = engine('network', 'disconnect', 'net', 'web', check=False)
    assert 'is not connected to the network net' in result.stderr


def test_shared_and_host_network(engine):
    engine.serve('web')
    engine.wait_for('web', lambda: engine.get('127.0.0.1', 80, '--network', 'container:web'))
    links = engine('run', '--rm', '--network', 'host', 'busybox', 'ip', '-o', 'link')
    assert 'lo:' in links and 'eth0' not in links
    assert 'eth0' not in engine('run', '--rm', '--network', 'none', 'busybox', 'ip', '-o', 'link')


def test_the_daemon_is_killed(engine):
    engine('network', 'create', 'net')
    engine.serve('web', '--network', 'net', '-p', '8080:80')
    engine('run', '-d', '--name', 'client', '--network', 'net', 'busybox', 'sleep', '1000')
    engine.wait_for('web', lambda: engine.fetch('http://127.0.0.1:8080/'))
    before = engine('inspect', '-f', '{{json .NetworkSettings}}', 'web')
    engine.daemon.kill()
    assert engine.fetch('http://127.0.0.1:8080/') == 'web'
    engine.daemon.start()
    assert engine.fetch('http://127.0.0.1:8080/') == 'web'
    assert engine('inspect', '-f', '{{json .NetworkSettings}}', 'web') == before
    assert engine.get('web', 80, container='client') == 'web'
    engine('rm', '-f', 'web')
    assert engine.fetch('http://127.0.0.1:8080/') == ''
    engine.serve('again', '--network', 'net', '-p', '8080:80')
    engine.wait_for('again', lambda: engine.fetch('http://127.0.0.1:8080/'))


def test_many_at_once(engine):
    engine('network', 'create', 'net')
    options = ['--network', 'net', '-p', '80']
    command = engine.daemon.command(program('minato'), '-H', f'unix://{engine.daemon.socket}', 'run', '-d', *options, 'busybox', 'sleep', '1000')
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(12)]
    ids = [process.communicate()[0].strip() for process in started]
    assert all(process.returncode == 0 for process in started)
    settings = [json.loads(engine('inspect', '-f', '{{json .NetworkSettings}}', id)) for id in ids]
    assert len({s['Networks']['net']['IPAddress'] for s in settings}) == 12
    assert len({s['Ports']['80/tcp'][0]['HostPort'] for s in settings}) == 12
    assert len(json.loads(engine('network', 'inspect', 'net'))[0]['Containers']) == 12
    for id in ids[:3]:
        assert 'Address: ' + settings[ids.index(id)]['Networks']['net']['IPAddress'] in engine('exec', ids[-1], 'nslookup', id[:12])
