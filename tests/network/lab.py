"""A small world for network tests: a host, a neighbour on its LAN, and containers, each a network namespace of its own.

Nothing of it touches the machine's own network, and nothing is left: the namespaces die with their processes."""
import contextlib, ctypes, json, os, socket, struct, subprocess, tempfile, shutil, threading, time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DRIVER = os.environ.get('BUILD', f'{TOP}/build') + '/tests/network/network-driver'
HOST_IP, LAN_IP = '192.0.2.1', '192.0.2.2'
libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(netns):
    """This thread is in the namespace for the time of the block."""
    home = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    assert libc.setns(there, 0x40000000) == 0
    os.close(there)
    try:
        yield
    finally:
        assert libc.setns(home, 0x40000000) == 0
        os.close(home)


def run(netns, *argv, check=True):
    return subprocess.run(['nsenter', f'--net={netns}', *argv], check=check, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT).stdout


class Failure(Exception):
    def __init__(self, answer):
        super().__init__(answer['error'])
        self.status, self.message = answer['status'], answer['error']


INVALID, FORBIDDEN, NOT_FOUND, CONFLICT = 1, 3, 4, 5


class Died(Exception):
    """The driver ended; its last words."""


class Container:
    """A namespace made by the driver, kept alive by a process, as a container would."""

    def __init__(self, id, netns):
        self.id = id
        self.process = subprocess.Popen(['nsenter', f'--net={netns}', 'sleep', '1000'])
        self.netns = f'/proc/{self.process.pid}/ns/net'
        wanted = os.stat(netns).st_ino
        while os.stat(self.netns).st_ino != wanted:
            time.sleep(0.002)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Driver:
    def __init__(self, lab, directory, *options):
        self.lab, self.directory = lab, directory
        self.process = subprocess.Popen(['nsenter', f'--net={lab.host}', DRIVER, directory, *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ask(self, op, **fields):
        try:
            self.process.stdin.write(json.dumps(dict(op=op, **fields)) + '\n')
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            raise Died(self.process.stderr.read())
        answer = json.loads(line)
        if isinstance(answer, dict) and 'error' in answer:
            raise Failure(answer)
        return answer

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0


class Lab:
    def __init__(self):
        self.processes, self.containers, self.drivers = [], {}, []
        self.directory = tempfile.mkdtemp(prefix='minato-network-')
        self.host, self.lan = self.namespace(), self.namespace()
        # A new namespace begins with what the machine has: whether the daemon switches it on is a part of the tests.
        run(self.host, 'sh', '-c', 'echo 0 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv6/conf/all/forwarding')
        run(self.host, 'ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', self.lan.split('/')[2])
        for netns, link, address in ((self.host, 'lan0', HOST_IP), (self.lan, 'eth0', LAN_IP)):
            run(netns, 'ip', 'addr', 'add', f'{address}/24', 'dev', link)
            run(netns, 'ip', 'link', 'set', link, 'up')
            run(netns, 'ip', 'link', 'set', 'lo', 'up')
        self.count = 0

    def namespace(self):
        process = subprocess.Popen(['unshare', '-n', 'sleep', '1000'])
        self.processes.append(process)
        netns = f'/proc/{process.pid}/ns/net'
        own = os.stat('/proc/self/ns/net').st_ino
        while os.stat(netns).st_ino == own:
            time.sleep(0.002)
        return netns

    def start(self, *options, directory=None, start=True):
        driver = Driver(self, directory or self.directory, *options)
        self.drivers.append(driver)
        if start:
            driver.ask('start')
        return driver

    def container(self, driver, name=None, networks=('bridge',), **fields):
        """A running container; `networks` are names, or a dictionary to endpoint settings."""
        self.count += 1
        id = f'{self.count:02d}' + os.urandom(31).hex()
        endpoints = networks if isinstance(networks, dict) else {n: None for n in networks}
        answer = driver.ask('sandbox', id=id, name=name or f'c{self.count}', endpoints=endpoints, **fields)
        container = Container(id, answer['netns'])
        container.us = answer['us']
        self.containers[id] = container
        container.describe = lambda: driver.ask('describe', id=id)
        return container

    def address(self, container, network='bridge', field='IPAddress'):
        return container.describe()['Networks'][network][field]

    def close(self):
        for driver in self.drivers:
            if driver.process.poll() is None:
                driver.kill()
        for container in self.containers.values():
            container.kill()
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.directory)


class Server(threading.Thread):
    """Answers each client with the address it sees it under."""

    def __init__(self, netns, port, kind=socket.SOCK_STREAM, family=socket.AF_INET, address=None):
        super().__init__(daemon=True)
        with inside(netns):
            self.socket = socket.socket(family, kind)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address or ('::' if family == socket.AF_INET6 else '0.0.0.0'), port))
        self.kind = kind
        if kind == socket.SOCK_STREAM:
            self.socket.listen(16)
        self.start()

    def run(self):
        while True:
            try:
                if self.kind == socket.SOCK_STREAM:
                    connection, peer = self.socket.accept()
                    connection.sendall(peer[0].encode())
                    connection.close()
                else:
                    _, peer = self.socket.recvfrom(100)
                    self.socket.sendto(peer[0].encode(), peer)
            except OSError:
                return


def reach(netns, address, port, kind=socket.SOCK_STREAM, timeout=1.0):
    """What the server says, or None when it is out of reach."""
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    with inside(netns):
        client = socket.socket(family, kind)
    client.settimeout(timeout)
    try:
        client.connect((address, port))
        if kind == socket.SOCK_DGRAM:
            client.send(b'?')
        return client.recv(100).decode() or None
    except OSError:
        return None
    finally:
        client.close()


def question(name, kind=1, number=0x1234, edns=False):
    labels = b''.join(bytes([len(l)]) + l.encode() for l in name.split('.')) + b'\0'
    opt = b'\0' + struct.pack('>HHIH', 41, 1232, 0, 0) if edns else b''
    return struct.pack('>HHHHHH', number, 0x100, 1, 0, 0, 1 if edns else 0) + labels + struct.pack('>HH', kind, 1) + opt


def answers(message):
    """(code, [address, ...]) of a response to one question."""
    number, flags, _, count = struct.unpack('>HHHH', message[:8])
    position = 12
    while message[position]:
        position += message[position] + 1
    position += 5
    found = []
    for _ in range(count):
        assert message[position] & 0xc0 == 0xc0
        kind, _, _, length = struct.unpack('>HHIH', message[position + 2:position + 12])
        data = message[position + 12:position + 12 + length]
        if kind in (1, 28):
            found.append(socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, data))
        else:
            labels = []
            while data[0]:
                labels.append(data[1:1 + data[0]].decode())
                data = data[1 + data[0]:]
            found.append('.'.join(labels))
        position += 12 + length
    return flags & 15, found


def resolve(netns, name, kind=1, server='127.0.0.11', timeout=2.0, tcp=False, **more):
    """(code, addresses), or None without an answer."""
    with inside(netns):
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    client.settimeout(timeout)
    message = question(name, kind, **more)
    try:
        client.connect((server, 53))
        client.sendall(struct.pack('>H', len(message)) + message if tcp else message)
        answer = client.recv(65535)
        if tcp:
            while len(answer) < 2 or len(answer) < 2 + struct.unpack('>H', answer[:2])[0]:
                answer += client.recv(65535)
            answer = answer[2:]
        assert answer[:2] == message[:2]
        return answers(answer)
    except OSError:
        return None
    finally:
        client.close()


class Upstream(threading.Thread):
    """A resolver that knows every name as 203.0.113.9 and counts what it is asked."""

    def __init__(self, netns, address, reply=True):
        super().__init__(daemon=True)
        self.asked, self.reply = [], reply
        with inside(netns):
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.udp.bind((address, 53))
        self.tcp.bind((address, 53))
        self.tcp.listen(16)
        threading.Thread(target=self.serve_tcp, daemon=True).start()
        self.start()

    def answer(self, message):
        position = 12
        name = []
        while message[position]:
            name.append(message[position + 1:position + 1 + message[position]].decode())
            position += message[position] + 1
        self.asked.append('.'.join(name))
        end = position + 5
        return (message[:2] + b'\x81\x80\0\1\0\1\0\0\0\0' + message[12:end] +
                b'\xc0\x0c' + struct.pack('>HHIH', 1, 1, 60, 4) + socket.inet_aton('203.0.113.9'))

    def run(self):
        while True:
            message, peer = self.udp.recvfrom(4096)
            answer = self.answer(message)
            if self.reply:
                self.udp.sendto(answer, peer)

    def serve_tcp(self):
        while True:
            connection, _ = self.tcp.accept()
            message = connection.recv(4096)
            answer = self.answer(message[2:])
            connection.sendall(struct.pack('>H', len(answer)) + answer)
            connection.close()
