"""The network module against the kernel: who reaches whom, what survives a kill, what is left behind."""
import os, socket, sys, threading, time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import *  # noqa: F401,F403

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
UDP = socket.SOCK_DGRAM


@pytest.fixture
def lab():
    lab = Lab()
    yield lab
    lab.close()


@pytest.fixture
def driver(lab):
    return lab.start('no_prepared=1')


def links(lab):
    return [line.split()[0] for line in run(lab.host, 'ip', '-br', 'link').splitlines()]


def port(container_port, host_port='', ip='', protocol='tcp'):
    return {f'{container_port}/{protocol}': [{'HostIp': ip, 'HostPort': str(host_port)}]}


def fails(status, text):
    class Check:
        def __enter__(self):
            return self

        def __exit__(self, kind, failure, trace):
            assert kind is Failure, f'expected a failure, got {kind} {failure}'
            assert text in failure.message, failure.message
            assert failure.status == status, (failure.status, failure.message)
            return True
    return Check()


class fails_to_open:
    def __init__(self, text):
        self.text = text

    def __enter__(self):
        return self

    def __exit__(self, kind, failure, trace):
        assert kind is Died and self.text in str(failure), failure
        return True


# ---- the default bridge ----

def test_default_bridge(lab, driver):
    a, b = lab.container(driver), lab.container(driver)
    assert lab.address(a) == '172.17.0.2' and lab.address(b) == '172.17.0.3'
    assert lab.address(a, field='Gateway') == '172.17.0.1'
    Server(b.netns, 80)
    Server(lab.lan, 80)
    assert reach(a.netns, '172.17.0.3', 80) == '172.17.0.2'
    assert reach(lab.host, '172.17.0.3', 80) == '172.17.0.1'
    assert reach(a.netns, LAN_IP, 80) == HOST_IP  # masqueraded
    assert 'inet6' not in run(a.netns, 'ip', 'addr', 'show', 'eth0')
    assert run(lab.host, 'cat', '/proc/sys/net/ipv6/conf/minato0/accept_ra') == '0\n'


def test_published_port_from_everywhere(lab, driver):
    driver.ask('create', create={'Name': 'other'})
    web = lab.container(driver, ports={**port(80, 8080), **port(81, 8081, protocol='udp')})
    near, far = lab.container(driver), lab.container(driver, networks=['other'])
    Server(web.netns, 80)
    Server(web.netns, 81, UDP)
    for public, kind in ((8080, socket.SOCK_STREAM), (8081, UDP)):
        assert reach(lab.lan, HOST_IP, public, kind) == LAN_IP  # the client's address is kept
        assert reach(lab.host, HOST_IP, public, kind)
        assert reach(lab.host, '127.0.0.1', public, kind)
        assert reach(lab.host, '172.17.0.1', public, kind)
        assert reach(near.netns, HOST_IP, public, kind)
        assert reach(near.netns, '172.17.0.1', public, kind)
        assert reach(far.netns, HOST_IP, public, kind)
        assert reach(web.netns, HOST_IP, public, kind)  # hairpin
    driver.ask('release', id=web.id)
    assert reach(lab.lan, HOST_IP, 8080, timeout=0.3) is None


def test_loopback_publishing_is_for_the_host_only(lab, driver):
    web = lab.container(driver, ports=port(80, 8080, '127.0.0.1'))
    other = lab.container(driver)
    Server(web.netns, 80)
    assert reach(lab.host, '127.0.0.1', 8080)
    assert reach(lab.lan, HOST_IP, 8080, timeout=0.3) is None
    # A neighbour that sends packets for 127.0.0.1 over the wire, and one that routes to the container.
    run(lab.lan, 'sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1')
    run(lab.lan, 'ip', 'route', 'del', 'local', '127.0.0.0/8', 'dev', 'lo', 'table', 'local')
    run(lab.lan, 'ip', 'route', 'del', 'local', '127.0.0.1', 'dev', 'lo', 'table', 'local')
    run(lab.lan, 'ip', 'route', 'add', '127.0.0.1/32', 'via', HOST_IP, 'src', LAN_IP)
    assert reach(lab.lan, '127.0.0.1', 8080, timeout=0.5) is None
    run(lab.lan, 'ip', 'route', 'add', '172.17.0.0/16', 'via', HOST_IP)
    assert reach(lab.lan, '172.17.0.2', 80, timeout=0.5) is None
    # A container must not reach the host's loopback through the bridge either.
    Server(lab.host, 9000, address='127.0.0.1')
    run(other.netns, 'sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1')
    run(other.netns, 'ip', 'route', 'del', 'local', '127.0.0.0/8', 'dev', 'lo', 'table', 'local')
    run(other.netns, 'ip', 'route', 'del', 'local', '127.0.0.1', 'dev', 'lo', 'table', 'local')
    run(other.netns, 'ip', 'route', 'add', '127.0.0.1/32', 'via', '172.17.0.1', 'src', '172.17.0.3')
    assert reach(other.netns, '127.0.0.1', 9000, timeout=0.5) is None
    assert reach(other.netns, '127.0.0.1', 8080, timeout=0.5) is None


def test_direct_routing_is_dropped(lab, driver):
    web = lab.container(driver, ports=port(80, 8080))
    Server(web.netns, 80)
    Server(web.netns, 81)
    run(lab.lan, 'ip', 'route', 'add', '172.17.0.0/16', 'via', HOST_IP)
    assert reach(lab.lan, '172.17.0.2', 80, timeout=0.5) is None
    assert reach(lab.lan, '172.17.0.2', 81, timeout=0.5) is None
    assert reach(lab.lan, HOST_IP, 8080)


def test_host_is_no_router_for_others(lab, driver):
    assert run(lab.host, 'cat', '/proc/sys/net/ipv4/ip_forward') == '1\n'
    far = lab.namespace()
    run(lab.host, 'ip', 'link', 'add', 'far0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', far.split('/')[2])
    run(lab.host, 'ip', 'addr', 'add', '198.51.100.1/24', 'dev', 'far0')
    run(lab.host, 'ip', 'link', 'set', 'far0', 'up')
    run(far, 'ip', 'addr', 'add', '198.51.100.2/24', 'dev', 'eth0')
    run(far, 'ip', 'link', 'set', 'eth0', 'up')
    run(far, 'ip', 'route', 'add', 'default', 'via', '198.51.100.1')
    run(lab.lan, 'ip', 'route', 'add', 'default', 'via', HOST_IP)
    Server(far, 80)
    assert reach(lab.lan, '198.51.100.2', 80, timeout=0.5) is None


def test_icc_off(lab):
    driver = lab.start('no_icc=1')
    a, b = lab.container(driver, ports=port(80, 8080)), lab.container(driver)
    Server(a.netns, 80)
    Server(lab.lan, 80)
    assert reach(b.netns, '172.17.0.2', 80, timeout=0.5) is None
    assert reach(b.netns, LAN_IP, 80) == HOST_IP
    assert reach(lab.lan, HOST_IP, 8080)


def test_daemon_options(lab):
    driver = lab.start('bip=10.99.0.1/24', 'fixed_cidr=10.99.0.128/25', 'mtu=1400', 'default_ip=127.0.0.1')
    c = lab.container(driver, ports=port(80, 8080))
    assert lab.address(c) == '10.99.0.128'
    assert 'mtu 1400' in run(c.netns, 'ip', 'link', 'show', 'eth0')
    assert c.describe()['Ports'] == {'80/tcp': [{'HostIp': '127.0.0.1', 'HostPort': '8080'}]}
    driver.close()
    driver = lab.start('bridge=none')
    assert [n['Name'] for n in driver.ask('list')] == ['host', 'none']
    with fails(NOT_FOUND, 'network bridge not found'):
        lab.container(driver)


def test_bridge_of_the_users(lab):
    with fails_to_open('must be created manually'):
        lab.start('bridge=mine')
    run(lab.host, 'ip', 'link', 'add', 'mine', 'type', 'bridge')
    run(lab.host, 'ip', 'addr', 'add', '10.44.0.1/24', 'dev', 'mine')
    driver = lab.start('bridge=mine', 'default_gateway=10.44.0.77')
    c = lab.container(driver)
    assert lab.address(c) == '10.44.0.2' and lab.address(c, field='Gateway') == '10.44.0.77'
    assert 'default via 10.44.0.77' in run(c.netns, 'ip', 'route')
    driver.kill()
    driver = lab.start()  # back to our own
    assert driver.ask('inspect', network='bridge')['Options']['com.docker.network.bridge.name'] == 'minato0'


# ---- other networks ----

def test_networks_are_isolated(lab, driver):
    driver.ask('create', create={'Name': 'one'})
    driver.ask('create', create={'Name': 'two'})
    a, b = lab.container(driver, networks=['one']), lab.container(driver, networks=['two'])
    Server(b.netns, 80)
    address = lab.address(b, 'two')
    assert address == '172.19.0.2'
    assert reach(a.netns, address, 80, timeout=0.5) is None
    assert reach(lab.host, address, 80)
    both = lab.container(driver, networks=['one', 'two'])
    assert reach(both.netns, address, 80)


def test_internal_network(lab, driver):
    driver.ask('create', create={'Name': 'inner', 'Internal': True})
    a = lab.container(driver, networks=['inner'], dns=[LAN_IP])
    b = lab.container(driver, 'b', networks=['inner'])
    Server(lab.lan, 80)
    Server(b.netns, 80)
    spy = Upstream(lab.lan, LAN_IP)
    assert lab.address(a, 'inner', 'Gateway') == ''
    assert reach(a.netns, lab.address(b, 'inner'), 80)
    assert reach(a.netns, LAN_IP, 80, timeout=0.3) is None
    run(a.netns, 'ip', 'route', 'add', 'default', 'via', '172.18.0.1')
    assert reach(a.netns, LAN_IP, 80, timeout=0.5) is None
    assert resolve(a.netns, 'b')[1] == [lab.address(b, 'inner')]
    assert resolve(a.netns, 'secret.example.com') == (3, [])
    assert resolve(a.netns, 'secret.example.com', tcp=True) == (3, [])
    assert spy.asked == []


def test_none_and_host(lab, driver):
    none = lab.container(driver, networks=['none'])
    assert run(none.netns, 'ip', '-br', 'link').split()[0] == 'lo' and len(run(none.netns, 'ip', '-br', 'link').splitlines()) == 1
    assert reach(none.netns, '127.0.0.1', 1, timeout=0.1) is None
    assert driver.ask('sandbox', id='f' * 64, name='h', endpoints={'host': None})['netns'].endswith('/-1')
    assert list(driver.ask('inspect', network='host')['Containers']) == ['f' * 64]
    with fails(INVALID, 'container cannot be disconnected from host network or connected to host network'):
        driver.ask('connect', id='f' * 64, network='bridge')
    with fails(INVALID, 'multiple networks with one of the networks in private (none) mode'):
        driver.ask('connect', id=none.id, network='bridge')


def test_ipv6_network(lab, driver):
    driver.ask('create', create={'Name': 'six', 'EnableIPv6': True, 'IPAM': {'Config': [{'Subnet': 'fd00:6::/64'}]}})
    a, b = lab.container(driver, 'a', networks=['six'], ports=port(80, 8080)), lab.container(driver, 'b', networks=['six'])
    assert lab.address(a, 'six', 'GlobalIPv6Address') == 'fd00:6::2'
    assert lab.address(a, 'six', 'IPv6Gateway') == 'fd00:6::1'
    Server(a.netns, 80, family=socket.AF_INET6)
    assert reach(b.netns, 'fd00:6::2', 80) == 'fd00:6::3'
    assert resolve(b.netns, 'a', 28)[1] == ['fd00:6::2']
    run(lab.host, 'ip', 'addr', 'add', '2001:db8::1/64', 'dev', 'lan0', 'nodad')
    run(lab.lan, 'ip', 'addr', 'add', '2001:db8::2/64', 'dev', 'eth0', 'nodad')
    assert reach(lab.lan, '2001:db8::1', 8080, timeout=4) == '2001:db8::2'  # the test's own links wait for DAD
    assert reach(lab.host, '2001:db8::1', 8080)
    run(lab.lan, 'ip', 'route', 'add', 'fd00:6::/64', 'via', '2001:db8::1')
    assert reach(lab.lan, 'fd00:6::2', 80, timeout=0.5) is None
    Server(lab.lan, 81, family=socket.AF_INET6)
    assert reach(b.netns, '2001:db8::2', 81) == '2001:db8::1'
    driver.ask('create', create={'Name': 'auto6', 'EnableIPv6': True})
    subnets = [c['Subnet'] for c in driver.ask('inspect', network='auto6')['IPAM']['Config']]
    assert any(s.startswith('fd') and s.endswith('::/64') for s in subnets)


def test_connect_and_disconnect(lab, driver):
    driver.ask('create', create={'Name': 'one'})
    driver.ask('create', create={'Name': 'in', 'Internal': True})
    web = lab.container(driver, 'web', networks=['in'], ports=port(80, 8080))
    peer = lab.container(driver, 'peer', networks=['one'])
    Server(web.netns, 80)
    assert web.describe()['Ports'] == {}
    driver.ask('connect', id=web.id, network='one', endpoints={'one': {'Aliases': ['site']}})
    assert resolve(peer.netns, 'site')[1] == [lab.address(web, 'one')]
    assert reach(peer.netns, lab.address(web, 'one'), 80)
    assert reach(lab.lan, HOST_IP, 8080) == LAN_IP
    assert 'default via 172.18.0.1' in run(web.netns, 'ip', 'route')
    with fails(FORBIDDEN, 'already exists in network one'):
        driver.ask('connect', id=web.id, network='one')
    driver.ask('disconnect', id=web.id, network='one')
    assert reach(lab.lan, HOST_IP, 8080, timeout=0.3) is None
    assert resolve(peer.netns, 'site', timeout=0.5) in (None, (2, []), (3, []))
    assert 'default' not in run(web.netns, 'ip', 'route')
    with fails(FORBIDDEN, 'is not connected to the network one'):
        driver.ask('disconnect', id=web.id, network='one')
    with fails(NOT_FOUND, 'network nowhere not found'):
        driver.ask('connect', id=web.id, network='nowhere')


def test_ports_follow_the_gateway(lab, driver):
    driver.ask('create', create={'Name': 'zz'})
    web = lab.container(driver, networks=['zz'], ports=port(80, 8080))
    Server(web.netns, 80)
    assert reach(lab.lan, HOST_IP, 8080)
    driver.ask('connect', id=web.id, network='bridge')  # sorts first: the new way outside
    assert 'default via 172.17.0.1' in run(web.netns, 'ip', 'route')
    assert reach(lab.lan, HOST_IP, 8080) == LAN_IP
    driver.ask('disconnect', id=web.id, network='bridge')
    assert 'default via 172.18.0.1' in run(web.netns, 'ip', 'route')
    assert reach(lab.lan, HOST_IP, 8080) == LAN_IP
    first = lab.container(driver, networks={'bridge': None, 'zz': {'GwPriority': 1}})
    assert 'default via 172.18.0.1' in run(first.netns, 'ip', 'route')


# ---- ports ----

def test_port_conflicts(lab, driver):
    a = lab.container(driver, 'a', ports=port(80, 8080))
    with fails(8, 'Bind for 0.0.0.0:8080 failed: port is already allocated') as _:
        lab.container(driver, 'b', ports=port(80, 8080))
    with inside(lab.host):
        holder = socket.socket()
    holder.bind(('0.0.0.0', 9090))
    holder.listen()
    with fails(8, 'failed to bind host port 0.0.0.0:9090/tcp: address already in use'):
        lab.container(driver, 'c', ports=port(80, 9090))
    with fails(8, 'driver failed programming external connectivity on endpoint c ('):
        lab.container(driver, 'c', ports=port(80, 9090))
    with inside(lab.host):
        for reuse in (0, 1):
            program = socket.socket()
            program.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
            with pytest.raises(OSError):
                program.bind(('0.0.0.0', 8080))
                program.listen()
    assert len(driver.ask('inspect', network='bridge')['Containers']) == 1  # failures left nothing
    assert run(lab.host, 'ip', '-br', 'link').count('veth') == 1
    holder.close()
    lab.container(driver, 'c', ports=port(80, 9090))
    driver.ask('release', id=a.id)
    lab.container(driver, 'd', ports=port(80, 8080))


def test_udp_client_that_never_stops(lab, driver):
    with inside(lab.lan):
        client = socket.socket(socket.AF_INET, UDP)
    client.settimeout(0.1)
    client.connect((HOST_IP, 8081))

    def ask():
        try:
            client.send(b'?')
            return client.recv(100)
        except OSError:
            return None
    for _ in range(3):
        assert ask() is None  # the flow is known now, and leads nowhere
    for round in range(2):
        c = lab.container(driver, ports=port(81, 8081, protocol='udp'))
        Server(c.netns, 81, UDP)
        assert any(ask() == LAN_IP.encode() for _ in range(10))
        driver.ask('release', id=c.id)
        c.kill()
        lab.container(driver)  # has the old address; the next one gets another
        assert ask() is None


def test_ephemeral_and_ranges(lab, driver):
    c = lab.container(driver, ports={'80/tcp': [{'HostIp': '', 'HostPort': ''}], '81/tcp': [{'HostIp': '', 'HostPort': '7000-7002'}],
                                     '82/tcp': [{'HostIp': '', 'HostPort': '7000-7002'}]})
    ports = c.describe()['Ports']
    assert 32768 <= int(ports['80/tcp'][0]['HostPort']) <= 60999
    assert [ports[p][0]['HostPort'] for p in ('81/tcp', '82/tcp')] == ['7000', '7001']
    lab.container(driver, ports=port(80, '7000-7002'))
    with fails(8, 'all ports are allocated'):
        lab.container(driver, ports=port(80, '7000-7002'))
    c = lab.container(driver, exposed=['443/tcp', '53/udp'], publish_all=True)
    assert sorted(c.describe()['Ports']) == ['443/tcp', '53/udp']


@pytest.mark.parametrize('key,host,ip', [('x/tcp', '', ''), ('80/icmp', '', ''), ('80/tcp', '99999', ''), ('80/tcp', '9-8', ''),
                                         ('0/tcp', '', ''), ('80/tcp', '', '300.1.1.1'), ('80/tcp', '-1', ''), ('', '', '')])
def test_bad_ports(lab, driver, key, host, ip):
    with fails(INVALID, 'invalid'):
        lab.container(driver, ports={key: [{'HostIp': ip, 'HostPort': host}]})


def test_hundreds_of_ports(lab, driver):
    many = {f'{p}/tcp': [{'HostIp': '', 'HostPort': str(10000 + p)}] for p in range(1, 601)}
    c = lab.container(driver, ports=many)
    Server(c.netns, 600)
    assert reach(lab.lan, HOST_IP, 10600)
    driver.ask('release', id=c.id)
    assert 'elements' not in run(lab.host, 'nft', 'list', 'map', 'inet', 'minato', 'any4')


# ---- addresses ----

def test_static_addresses(lab, driver):
    driver.ask('create', create={'Name': 'net', 'IPAM': {'Config': [{'Subnet': '10.5.0.0/16', 'IPRange': '10.5.9.0/24',
                                                                     'Gateway': '10.5.0.254', 'AuxiliaryAddresses': {'nas': '10.5.9.0'}}]}})
    c = lab.container(driver, networks={'net': {'IPAMConfig': {'IPv4Address': '10.5.0.9'}, 'MacAddress': '02:11:22:33:44:55'}})
    assert lab.address(c, 'net') == '10.5.0.9' and lab.address(c, 'net', 'MacAddress') == '02:11:22:33:44:55'
    assert '02:11:22:33:44:55' in run(c.netns, 'ip', 'link', 'show', 'eth0')
    d = lab.container(driver, networks=['net'])
    assert lab.address(d, 'net') == '10.5.9.1' and lab.address(d, 'net', 'Gateway') == '10.5.0.254'
    with fails(CONFLICT, 'Address already in use'):
        lab.container(driver, networks={'net': {'IPAMConfig': {'IPv4Address': '10.5.0.9'}}})
    with fails(INVALID, 'no configured subnet or ip-range contain the IP address 10.6.0.9'):
        lab.container(driver, networks={'net': {'IPAMConfig': {'IPv4Address': '10.6.0.9'}}})
    with fails(INVALID, 'user specified IP address is supported on user defined networks only'):
        lab.container(driver, networks={'bridge': {'IPAMConfig': {'IPv4Address': '172.17.0.9'}}})
    status = driver.ask('inspect', network='net')['Status']['IPAM']['Subnets']['10.5.0.0/16']
    assert status == {'IPsInUse': 6, 'DynamicIPsAvailable': 254}


def test_reused_address_is_reachable_at_once(lab, driver):
    for _ in range(5):
        c = lab.container(driver, ports=port(80, 8080))
        assert lab.address(c) == '172.17.0.2'
        Server(c.netns, 80)
        assert reach(lab.lan, HOST_IP, 8080, timeout=0.5) == LAN_IP
        assert reach(lab.host, '127.0.0.1', 8080, timeout=0.5)
        driver.ask('release', id=c.id)
        c.kill()


def test_exhaustion(lab, driver):
    driver.ask('create', create={'Name': 'tiny', 'IPAM': {'Config': [{'Subnet': '10.7.0.0/29'}]}})
    for _ in range(5):
        lab.container(driver, networks=['tiny'])
    with fails(CONFLICT, 'no available IPv4 addresses'):
        lab.container(driver, networks=['tiny'])


def test_routes_of_the_host_are_avoided(lab):
    run(lab.host, 'ip', 'route', 'add', '172.17.0.0/16', 'via', LAN_IP)
    run(lab.host, 'ip', 'route', 'add', '172.18.5.0/24', 'via', LAN_IP)
    driver = lab.start()
    assert driver.ask('inspect', network='bridge')['IPAM']['Config'][0]['Subnet'] == '172.19.0.0/16'


def test_more_networks_than_docker(lab, driver):
    for i in range(40):
        driver.ask('create', create={'Name': f'n{i}'})
    assert driver.ask('inspect', network='n39')['IPAM']['Config'][0]['Subnet'].startswith('10.')
    assert len(driver.ask('prune')['NetworksDeleted']) == 40
    assert run(lab.host, 'ip', '-br', 'link', 'show', 'type', 'bridge').split()[0] == 'minato0'


# ---- network rules ----

@pytest.mark.parametrize('request_,status,text', [
    ({'Name': ''}, INVALID, 'name is empty'),
    ({'Name': 'a b'}, INVALID, 'only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed'),
    ({'Name': 'bridge'}, FORBIDDEN, 'operation is not permitted on predefined bridge network'),
    ({'Name': 'x', 'Driver': 'foo'}, NOT_FOUND, 'plugin "foo" not found'),
    ({'Name': 'x', 'Driver': 'host'}, FORBIDDEN, 'only one instance of "host" network is allowed'),
    ({'Name': 'x', 'Driver': 'overlay'}, FORBIDDEN, 'This node is not a swarm manager'),
    ({'Name': 'x', 'IPAM': {'Config': [{'Subnet': '10.1.1.1/8'}]}}, INVALID, 'invalid subnet 10.1.1.1/8: it should be 10.0.0.0/8'),
    ({'Name': 'x', 'IPAM': {'Config': [{'Subnet': 'bad'}]}}, INVALID, 'invalid subnet bad: invalid CIDR block notation'),
    ({'Name': 'x', 'IPAM': {'Config': [{'Subnet': '10.0.0.0/24', 'Gateway': '10.0.1.1'}]}}, INVALID, "doesn't contain this address"),
    ({'Name': 'x', 'IPAM': {'Config': [{'Subnet': '10.0.0.0/24', 'IPRange': '10.0.1.0/25'}]}}, INVALID, "doesn't contain ip-range"),
    ({'Name': 'x', 'IPAM': {'Config': [{'Subnet': '172.17.5.0/24'}]}}, FORBIDDEN, 'Pool overlaps with other one on this address space'),
    ({'Name': 'x', 'Options': {'com.docker.network.bridge.enable_icc': 'maybe'}}, INVALID, 'enable_icc'),
    ({'Name': 'x', 'Options': {'com.docker.network.bridge.name': 'a-name-that-is-too-long'}}, INVALID, 'bridge name'),
    ({'Name': 'x', 'Options': {'com.docker.network.bridge.name': 'minato0'}}, FORBIDDEN, 'same bridge name'),
])
def test_bad_networks(lab, driver, request_, status, text):
    before = links(lab)
    with fails(status, text):
        driver.ask('create', create=request_)
    assert len(driver.ask('list')) == 3 and links(lab) == before


def test_remove_rules(lab, driver):
    id = driver.ask('create', create={'Name': 'net', 'Labels': {'a': 'b'}})
    c = lab.container(driver, 'web', networks=['net'])
    with fails(FORBIDDEN, f'network net id {id} has active endpoints (name:"web" id:"'):
        driver.ask('remove', network='net')
    with fails(CONFLICT, 'network with name net already exists'):
        driver.ask('create', create={'Name': 'net'})
    with fails(FORBIDDEN, 'bridge is a pre-defined network and cannot be removed'):
        driver.ask('remove', network='bridge')
    assert driver.ask('inspect', network=id[:8])['Name'] == 'net'
    assert driver.ask('prune')['NetworksDeleted'] == []
    driver.ask('release', id=c.id)
    driver.ask('remove', network=id[:12])
    with fails(NOT_FOUND, 'network net not found'):
        driver.ask('inspect', network='net')


# ---- names ----

def test_names(lab, driver):
    driver.ask('create', create={'Name': 'net'})
    a = lab.container(driver, 'alpha', networks={'net': {'Aliases': ['db', 'shared']}}, hostname='box')
    b = lab.container(driver, 'beta', networks={'net': {'Aliases': ['shared']}})
    outside = lab.container(driver, 'gamma')
    ip_a, ip_b = lab.address(a, 'net'), lab.address(b, 'net')
    for name in ('alpha', 'ALPHA', 'db', 'box', a.id[:12], 'alpha.net', 'db.net'):
        assert resolve(b.netns, name) == (0, [ip_a]), name
        assert resolve(b.netns, name, tcp=True) == (0, [ip_a]), name
    assert resolve(b.netns, 'alpha', edns=True) == (0, [ip_a])
    assert sorted(resolve(b.netns, 'shared')[1]) == sorted([ip_a, ip_b])
    began = time.monotonic()
    assert resolve(b.netns, 'alpha', 28) == (0, [])
    assert time.monotonic() - began < 0.2
    assert resolve(b.netns, '.'.join(reversed(ip_a.split('.'))) + '.in-addr.arpa', 12) == (0, ['alpha.net'])
    assert resolve(outside.netns, 'alpha', timeout=0.3) is None  # the default bridge has no name server
    assert resolve(b.netns, 'gamma', timeout=0.5) != (0, ['172.17.0.2'])
    driver.ask('release', id=a.id)
    assert resolve(b.netns, 'shared') == (0, [ip_b])


def test_forwarding(lab, driver):
    driver.ask('create', create={'Name': 'net'})
    dead = Upstream(lab.lan, LAN_IP, reply=False)
    run(lab.lan, 'ip', 'addr', 'add', '192.0.2.3/24', 'dev', 'eth0')
    upstream = Upstream(lab.lan, '192.0.2.3')
    c = lab.container(driver, networks=['net'], dns=[LAN_IP, '192.0.2.3'])
    began = time.monotonic()
    assert resolve(c.netns, 'www.example.com') == (0, ['203.0.113.9'])
    assert time.monotonic() - began < 0.5  # a silent first resolver does not delay the second
    assert resolve(c.netns, 'www.example.com', tcp=True) == (0, ['203.0.113.9'])
    assert upstream.asked and dead.asked
    results = []
    threads = [threading.Thread(target=lambda i=i: results.append(resolve(c.netns, f'h{i}.example.com', number=i))) for i in range(60)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert results.count((0, ['203.0.113.9'])) == 60


def test_hostile_queries(lab, driver):
    driver.ask('create', create={'Name': 'net'})
    c = lab.container(driver, 'c', networks=['net'])
    with inside(c.netns):
        client = socket.socket(socket.AF_INET, UDP)
        stream = socket.create_connection(('127.0.0.11', 53))
    for message in (b'', b'\0', b'\xff' * 12, b'\0' * 12, b'\0\1\1\0\0\1' + b'\0' * 6, b'\0\1\1\0\0\1' + b'\0' * 6 + b'\x3fabc',
                    b'\0\1\1\0\0\1' + b'\0' * 6 + b'\xc0\x0c\0\1\0\1', b'\0\1\1\0\0\1' + b'\0' * 6 + b'\x3f' * 4000, os.urandom(4000)):
        client.sendto(message, ('127.0.0.11', 53))
    stream.sendall((b'\0\x17' + question('c')[:23].ljust(23, b'\0')) * 2000 + b'\xff\xff')
    assert resolve(c.netns, 'c') == (0, [lab.address(c, 'net')])
    many = b''.join(struct.pack('>H', len(question('c'))) + question('c') for _ in range(500))
    with inside(c.netns):
        stream = socket.create_connection(('127.0.0.11', 53), timeout=2)
    stream.sendall(many)
    got = b''
    while len(got) < 500 * (2 + len(question('c')) + 16):
        got += stream.recv(65536)


def test_port_53_stays_free(lab, driver):
    driver.ask('create', create={'Name': 'net'})
    a, b = lab.container(driver, 'a', networks=['net']), lab.container(driver, 'b', networks=['net'])
    Server(a.netns, 53, UDP)
    Server(a.netns, 53)
    assert reach(b.netns, lab.address(a, 'net'), 53, UDP) and reach(b.netns, lab.address(a, 'net'), 53)
    assert resolve(a.netns, 'b') == (0, [lab.address(b, 'net')])


def test_files(lab, driver):
    driver.ask('create', create={'Name': 'net'})
    a, b = lab.container(driver, networks=['net']), lab.container(driver)
    files = driver.ask('files', id=a.id, hostname='box', extra=['db:10.0.0.1', 'gw:host-gateway', 'six:[::1]'])
    assert 'nameserver 127.0.0.11\n' in files['resolv'] and 'ndots:0' in files['resolv']
    for line in ('10.0.0.1\tdb\n', '172.17.0.1\tgw\n', '::1\tsix\n', '172.18.0.2\tbox\n', '127.0.0.1\tlocalhost\n'):
        assert line in files['hosts']
    assert '127.0.0.11' not in driver.ask('files', id=b.id)['resolv']
    assert 'nameserver 9.9.9.9\n' in driver.ask('files', id=b.id, dns=['9.9.9.9'])['resolv']
    for bad in ('a\n1.2.3.4 bank:10.0.0.1', 'a b:10.0.0.1', 'a:10.0.0.1\n', 'a', ':1.2.3.4', 'a:1.2.3'):
        with fails(INVALID, 'add-host'):
            driver.ask('files', id=a.id, extra=[bad])


# ---- surviving ----

def test_kill_and_take_over(lab, driver):
    id = driver.ask('create', create={'Name': 'net', 'Labels': {'a': 'b'}})
    web = lab.container(driver, 'web', networks={'net': {'Aliases': ['site']}}, ports=port(80, 8080))
    gone = lab.container(driver, 'gone', networks=['net'], ports=port(80, 8081))
    peer = lab.container(driver, 'peer', networks=['net'])
    Server(web.netns, 80)
    before = web.describe()
    driver.kill()
    gone.kill()
    assert reach(lab.lan, HOST_IP, 8080) == LAN_IP  # nobody notices
    driver = lab.start(start=False)
    for container in (web, peer):
        driver.ask('restore', id=container.id, pid=container.process.pid)
    with fails(NOT_FOUND, 'not in the network namespace'):
        driver.ask('restore', id=gone.id, pid=os.getpid())
    assert reach(lab.lan, HOST_IP, 8080) == LAN_IP
    driver.ask('start')
    assert driver.ask('describe', id=web.id) == before
    assert driver.ask('inspect', network='net')['Id'] == id
    assert len(driver.ask('inspect', network='net')['Containers']) == 2
    assert reach(lab.lan, HOST_IP, 8080) == LAN_IP and reach(lab.lan, HOST_IP, 8081, timeout=0.3) is None
    assert resolve(peer.netns, 'site') == (0, ['172.18.0.2'])
    with fails(8, 'port is already allocated'):
        lab.container(driver, ports=port(80, 8080))
    fresh = lab.container(driver, networks=['net'])
    assert driver.ask('describe', id=fresh.id)['Networks']['net']['IPAddress'] == '172.18.0.3'
    driver.ask('release', id=web.id)
    assert reach(lab.lan, HOST_IP, 8080, timeout=0.3) is None
    assert sorted(os.listdir(f'{lab.directory}/network')) == sorted(['forwarding', peer.id, fresh.id])


def test_lost_bridge_comes_back(lab, driver):
    driver.ask('create', create={'Name': 'net', 'Options': {'com.docker.network.bridge.name': 'mybr'}})
    a, b = lab.container(driver, 'a', networks=['net']), lab.container(driver, 'b', networks=['net'])
    Server(b.netns, 80)
    driver.kill()
    run(lab.host, 'ip', 'link', 'del', 'mybr')
    run(lab.host, 'nft', 'flush', 'ruleset')
    driver = lab.start(start=False)
    for container in (a, b):
        driver.ask('restore', id=container.id, pid=container.process.pid)
    driver.ask('start')
    assert reach(a.netns, '172.18.0.3', 80, timeout=3)
    assert reach(lab.host, '172.18.0.3', 80)


def test_flush_ruleset_is_repaired(lab, driver):
    web = lab.container(driver, ports=port(80, 8080))
    Server(web.netns, 80)
    run(lab.host, 'nft', 'flush', 'ruleset')
    deadline = time.monotonic() + 1
    while 'table inet minato' not in run(lab.host, 'nft', 'list', 'tables'):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert reach(lab.lan, HOST_IP, 8080) == LAN_IP
    run(lab.host, 'nft', 'flush', 'ruleset')
    driver.ask('release', id=web.id)
    assert run(lab.host, 'nft', 'list', 'map', 'inet', 'minato', 'any4').count('8080') == 0


def test_other_tables_are_left_alone(lab, driver):
    run(lab.host, 'nft', 'add table inet mine; add chain inet mine c { type filter hook input priority 0; policy accept; }; '
                         'add rule inet mine c tcp dport 1 drop')
    mine = run(lab.host, 'nft', 'list', 'table', 'inet', 'mine')
    driver.ask('create', create={'Name': 'net'})
    driver.ask('release', id=lab.container(driver, ports=port(80, 8080)).id)
    driver.ask('remove', network='net')
    driver.kill()
    lab.start()
    assert run(lab.host, 'nft', 'list', 'table', 'inet', 'mine') == mine


def test_two_instances(lab, driver):
    os.mkdir(f'{lab.directory}/two')
    second = lab.start('instance=other', 'bip=10.88.0.1/24', directory=f'{lab.directory}/two')
    a, b = lab.container(driver, ports=port(80, 8080)), lab.container(second, ports=port(80, 8081))
    Server(a.netns, 80)
    Server(b.netns, 80)
    assert reach(lab.lan, HOST_IP, 8080) and reach(lab.lan, HOST_IP, 8081)
    assert reach(a.netns, '10.88.0.2', 80, timeout=0.5) is None
    second.kill()
    second = lab.start('instance=other', 'bip=10.88.0.1/24', directory=f'{lab.directory}/two')
    assert reach(lab.lan, HOST_IP, 8080) and reach(lab.lan, HOST_IP, 8081, timeout=0.3) is None


def test_nothing_is_left(lab, driver):
    before = links(lab)
    table = run(lab.host, 'nft', 'list', 'ruleset')
    for i in range(10):
        driver.ask('create', create={'Name': f'n{i}', 'EnableIPv6': i % 2 == 0})
    containers = [lab.container(driver, networks=[f'n{i}', 'bridge'], ports=port(80, 9000 + i)) for i in range(10)]
    for c in containers:
        driver.ask('release', id=c.id)
        c.kill()
    assert len(driver.ask('prune')['NetworksDeleted']) == 10
    deadline = time.monotonic() + 5
    while links(lab) != before:
        assert time.monotonic() < deadline, links(lab)
        time.sleep(0.05)
    assert run(lab.host, 'nft', 'list', 'ruleset') == table
    assert os.listdir(f'{lab.directory}/network') == ['forwarding']


def test_prepared_namespaces(lab):
    driver = lab.start()
    time.sleep(0.1)
    assert run(lab.host, 'ip', '-br', 'link').count('veth') == 2
    a = lab.container(driver, ports=port(80, 8080))
    assert lab.address(a) == '172.17.0.2' and '02:42:ac:11:00:02' in run(a.netns, 'ip', 'link', 'show', 'eth0')
    Server(a.netns, 80)
    assert reach(lab.lan, HOST_IP, 8080) == LAN_IP and reach(a.netns, HOST_IP, 8080)
    time.sleep(0.1)
    run(lab.host, 'ip', 'link', 'del', 'minato0')
    b = lab.container(driver, ports=port(80, 8081))
    Server(b.netns, 80)
    assert reach(lab.lan, HOST_IP, 8081) == LAN_IP
    driver.kill()
    deadline = time.monotonic() + 5
    while run(lab.host, 'ip', '-br', 'link').count('veth') != 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_sequence_of_starts(lab, driver):
    """Stays quick; generous because the machine is shared."""
    times = []
    for i in range(20):
        c = lab.container(driver, ports=port(80, 9000 + i))
        times.append(c.us)
        driver.ask('release', id=c.id)
        c.kill()
    times.sort()
    print('median start, us:', times[10])
    assert times[10] < 20000
