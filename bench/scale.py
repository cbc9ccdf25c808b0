"""What an engine costs when there is much of it: commands against a thousand containers, many starts at once, thousands of
connections, a flood of output, and whether anything grows over thousands of runs. The figures of Docker come from fewer
containers where its own pace would make the bench last an hour; each line says how many."""
import concurrent.futures, contextlib, os, resource, signal, socket, statistics, subprocess, tempfile, time
import peers
from peers import docker, minato, running
from report import absolute, ms, report, value

CONTAINERS = int(os.environ.get('BENCH_CONTAINERS', '1000'))  # a bridge of the kernel has 1,023 ports
PARALLEL = int(os.environ.get('BENCH_PARALLEL', '64'))
CONNECTIONS = int(os.environ.get('BENCH_CONNECTIONS', '10000'))
FLOOD_MIB = int(os.environ.get('BENCH_FLOOD_MIB', '512'))
SOAK_RUNS = int(os.environ.get('BENCH_SOAK_RUNS', '2000'))
SOAK_EXECS = int(os.environ.get('BENCH_SOAK_EXECS', '4000'))


def at_once(threads, jobs, fn):
    """Runs fn(i) for every i below `jobs` in so many threads: seconds of the whole, [seconds of each]."""
    def one(i):
        began = time.monotonic()
        fn(i)
        return time.monotonic() - began
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        each = list(pool.map(one, range(jobs)))
    return time.monotonic() - began, each


def timed(fn, *args, **more):
    began = time.monotonic()
    fn(*args, **more)
    return time.monotonic() - began


def samples(rounds, fn):
    return [timed(fn) * 1e6 for _ in range(rounds)]


def cleared(engine):
    ids = engine.run('ps', '-aq').split()
    return timed(engine.run, 'rm', '-f', *ids, timeout=600) if ids else 0


# ---- commands ----

def commands(engines, image, pair):
    ours, theirs = engines
    print('commands: on one running container with 2,000 lines of log')
    for engine in engines:
        engine.run('run', '-d', '--name', 'one', '--network', 'none', image, 'sh', '-c',
                   'i=0; while [ $i -lt 2000 ]; do echo "line $i of the log"; i=$((i+1)); done; trap "exit 0" TERM; while :; do sleep 1000 & wait; done')
    for what, rounds, args, wanted in (('exec true', 15, ['exec', 'one', 'true'], 5), ('logs', 15, ['logs', 'one'], 5),
                                       ('logs --tail 10', 15, ['logs', '--tail', '10', 'one'], 5), ('inspect', 15, ['inspect', 'one'], 5),
                                       ('restart', 5, ['restart', '-t', '5', 'one'], 5), ('stats', 1, ['stats', '--no-stream', 'one'], 1)):
        a, b = pair(rounds, [*ours.cli, *args], [*theirs.cli, *args])
        report(what, a, b, wanted)
    for engine in engines:
        engine.run('rm', '-f', 'one')


# ---- many starts at once ----

def parallel(engines, image):
    """moby#42096: 64 starts at once are spread over seconds."""
    print(f'parallel: {PARALLEL} `run --rm true` at once on the default bridge, until the last has ended')
    spans = {}
    for engine in engines:
        span, each = at_once(PARALLEL, PARALLEL, lambda i: engine.run('run', '--rm', image, 'true', timeout=600))
        spans[engine.name] = span
        print(f'    {engine.name}: {span:.2f} s, median of one {statistics.median(each):.2f} s, slowest {max(each):.2f} s')
    value(f'{PARALLEL} starts at once', spans['docker'] / spans['minato'], 10,
          f'minato {spans["minato"]:.2f} s, docker {spans["docker"]:.2f} s')


# ---- a thousand ----

def shims(before):
    """Resident KiB of every shim that was not there before."""
    table = peers.processes()
    return [peers.memory_kib(pid, 'Rss') for pid, (_, name) in table.items() if name == 'minato-shim' and pid not in before]


def scale(image, archive):
    before = set(peers.processes())
    with running(minato) as (engine,):
        engine.run('load', '-i', archive)
        print(f'scale: {CONTAINERS} running containers on one bridge')
        idle = peers.memory_kib(engine.process.pid, 'Rss')
        span, _ = at_once(8, CONTAINERS, lambda i: engine.run('run', '-d', '--name', f'c{i}', image, 'sleep', '100000', timeout=600))
        absolute('starts per second, eight at a time', CONTAINERS / span, 30, '{:.0f}', is_more_better=True)
        daemon = peers.memory_kib(engine.process.pid, 'Rss')
        absolute('monitor of a container, RSS in KiB (median)', statistics.median(shims(before)), 300, '{:.0f}')
        absolute('daemon per container, RSS in KiB', (daemon - idle) / CONTAINERS, 100, '{:.1f}')
        for what, args in (('ps', ['ps']), ('exec true', ['exec', f'c{CONTAINERS // 2}', 'true']), ('logs', ['logs', 'c7'])):
            print(f'    {what}: {ms(samples(10, lambda: engine.run(*args)))}')
        adoption = restart_after_kill(engine)
        absolute(f'{CONTAINERS} containers taken over after kill -9, seconds', adoption, 2 * CONTAINERS / 1000, '{:.2f}')
        print(f'    stop of {CONTAINERS // 2}: {timed(engine.run, "stop", "-t", "0", *[f"c{i}" for i in range(0, CONTAINERS, 2)], timeout=600):.2f} s')
        print(f'    rm -f of all: {cleared(engine):.2f} s')


def restart_after_kill(engine):
    """Seconds from the new daemon's start until it lists all of them as running."""
    with contextlib.ExitStack() as stack:
        netns = os.open(f'/proc/{engine.process.pid}/ns/net', os.O_RDONLY)
        stack.callback(os.close, netns)
        engine.process.send_signal(signal.SIGKILL)
        engine.process.wait()
        began = time.monotonic()
        engine.process = subprocess.Popen(['nsenter', f'--net=/proc/{os.getpid()}/fd/{netns}', *engine.argv],
                                          stdin=subprocess.DEVNULL, stdout=engine.log, stderr=engine.log)
        while len(engine.run('ps', '-q', check=False).split()) != CONTAINERS:
            if time.monotonic() - began > 120:
                raise SystemExit('bench: the containers were not taken over')
            time.sleep(0.005)
        return time.monotonic() - began


# ---- connections ----

def ping(sock):
    sock.sendall(b'GET /_ping HTTP/1.1\r\nHost: bench\r\n\r\n')
    answer = b''
    while not answer.endswith(b'OK'):
        more = sock.recv(4096)
        if not more:
            raise EOFError
        answer += more


def connect(engine):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(engine.socket)  # waits where the queue is full, as one with a timeout would not
    sock.settimeout(20)
    return sock


def connections():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(CONNECTIONS, hard - 1000)
    with running(minato) as (engine,):
        print(f'connections: {count} kept open, one request on each')
        pid = engine.process.pid
        idle, idle_fds = peers.memory_kib(pid, 'Rss'), len(os.listdir(f'/proc/{pid}/fd'))
        socks = [connect(engine) for _ in range(count)]
        times = [timed(ping, sock) * 1e3 for sock in socks]
        absolute('more memory of the daemon, RSS in MiB', (peers.memory_kib(pid, 'Rss') - idle) / 1024, 40, '{:.1f}')
        absolute('answer to a ping, 99th percentile, ms', sorted(times)[len(times) * 99 // 100], 10, '{:.2f}')
        for sock in socks:
            sock.close()
        deadline = time.monotonic() + 20
        while (left := len(os.listdir(f'/proc/{pid}/fd')) - idle_fds) > 5 and time.monotonic() < deadline:
            time.sleep(0.1)
        absolute('descriptors left afterwards', max(0, left), 5, '{:.0f}')


# ---- output ----

def flood(image, archive):
    """A process that writes as fast as it may: cat of a file in memory, so that the producer costs least."""
    with tempfile.NamedTemporaryFile(dir='/dev/shm') as source, running(minato, docker) as engines:
        line = b'x' * 79 + b'\n'
        source.write(line * ((8 << 20) // len(line)))
        source.flush()
        os.chmod(source.name, 0o644)
        size = os.path.getsize(source.name)
        print('flood: lines of 80 bytes to the log as fast as it takes them')
        rates = {}
        for engine, mib in zip(engines, (FLOOD_MIB, max(32, FLOOD_MIB // 8))):
            engine.run('load', '-i', archive)
            rates[engine.name] = one_flood(engine, image, source.name, max(1, (mib << 20) // size), size)
        absolute('one stream, MiB/s', rates['minato'], 300, '{:.0f}', is_more_better=True)
        value('one stream', rates['minato'] / rates['docker'], 5, f'minato {rates["minato"]:.0f} MiB/s, docker {rates["docker"]:.0f} MiB/s')
        for driver, wanted in (('json-file', 2.0), ('local', 1.3)):
            amplification(engines[0], image, source.name, size, driver, wanted)


def monitor_of(engine, container):
    """The parent of its first process."""
    pid = int(engine.run('inspect', '-f', '{{.State.Pid}}', container))
    return peers.processes().get(pid, (0, ''))[0]


def one_flood(engine, image, path, times, size):
    engine.run('run', '-d', '--name', 'flood', '--network', 'none', '-v', f'{path}:/lines:ro', image, 'sh', '-c',
               'while [ ! -e /go ]; do usleep 1000; done; exec cat ' + '/lines ' * times)
    monitor, peak = monitor_of(engine, 'flood'), 0
    engine.run('exec', 'flood', 'touch', '/go')
    began = time.monotonic()
    with subprocess.Popen([*engine.cli, 'wait', 'flood'], stdout=subprocess.DEVNULL) as waiter:
        while waiter.poll() is None:
            peak = max(peak, peers.memory_kib(monitor, 'Rss'))
            time.sleep(0.02)
    span = time.monotonic() - began
    if engine.name == 'minato':
        absolute('monitor during the flood, RSS in KiB', peak, 1024, '{:.0f}')
    engine.run('rm', '-f', 'flood')
    return times * size / span / (1 << 20)


def amplification(engine, image, path, size, driver, wanted):
    times = 8
    engine.run('run', '-d', '--name', 'flood', '--network', 'none', '-v', f'{path}:/lines:ro', '--log-driver', driver, '--log-opt',
               'max-size=1g', image, 'sh', '-c', 'exec cat ' + '/lines ' * times)
    engine.run('wait', 'flood')
    container = engine.run('inspect', '-f', '{{.Id}}', 'flood')
    written = 0
    for folder, _, names in os.walk(f'{engine.dir}/data/containers/{container}'):
        written += sum(os.stat(f'{folder}/{name}').st_size for name in names if '.log' in name)
    engine.run('rm', '-f', 'flood')
    absolute(f'bytes on the disk per byte written, driver {driver}', written / (times * size), wanted, '{:.2f}')


# ---- growth ----

def soak(image, archive):
    """What is left after thousands of runs: the second half must not add to what the first half, with its threads and caches,
    has left."""
    with running(minato) as (engine,):
        engine.run('load', '-i', archive)
        engine.run('run', '-d', '--name', 'target', '--network', 'none', image, 'sleep', '100000')
        print(f'soak: {SOAK_RUNS} `run --rm`, {SOAK_EXECS} `exec`, four at a time; growth from the first half to the end')
        pid = engine.process.pid
        for what, count, args in (('run --rm', SOAK_RUNS, ['run', '--rm', image, 'true']), ('exec', SOAK_EXECS, ['exec', 'target', 'true'])):
            looks = []
            for _ in range(2):
                at_once(4, count // 2, lambda i: engine.run(*args, timeout=120))
                time.sleep(1)
                looks.append(look(pid))
            print(f'    {what}: daemon {looks[0][0]} -> {looks[1][0]} KiB, descriptors {looks[0][1]} -> {looks[1][1]}, '
                  f'mounts {looks[0][2]} -> {looks[1][2]}, memory cgroups {looks[0][3]} -> {looks[1][3]}')
            absolute(f'growth of the daemon per 1,000 {what}, KiB', max(0, looks[1][0] - looks[0][0]) * 1000 / (count / 2), 256, '{:.0f}')
        engine.run('rm', '-f', 'target')


def look(pid):
    cgroups = [int(line.split()[2]) for line in open('/proc/cgroups') if line.startswith('memory')]
    return (peers.memory_kib(pid, 'Rss'), len(os.listdir(f'/proc/{pid}/fd')), sum(1 for _ in open(f'/proc/{pid}/mountinfo')),
            cgroups[0] if cgroups else 0)
