"""Images side by side: import, load, save, pull and rmi with Minato, docker.io and podman.

How it is measured:
- Every timed operation meets an engine that does not have its layers: each of them gets a layer of its own. Each round has fresh
  daemons with fresh directories, and the engines take turns; their order is another one in each round.
- After the removal of a big tree ext4 creates files ten times slower for minutes, which would flatter an engine that keeps a layer as
  one file. So nothing is removed before all creating is done: `rmi` is timed in a second phase, on the directories of the first, and the
  directories themselves go at the very end.
- Inputs are read into the page cache and what others have written is synced before each timed operation.
- A virtual machine gets its memory from its host when it first touches it, which costs up to ten times what copying the same bytes does, and
  gives free memory back. Who happens to be the first to use a page would pay, so some memory is touched and freed right before each.
"""
import contextlib, io, json, mmap, os, random, re, shutil, statistics, subprocess, tarfile, time
import archives, peers
from report import report, value

ROUNDS = int(os.environ.get('BENCH_IMAGE_ROUNDS', '3'))
WANTED = {'import': 4, 'load': 10, 'save': 2, 'pull': 4, 'load of three gzip layers': 4, 'rmi': 10}


TOUCHED = 1 << 30  # bytes; the largest operation writes 400 MB


def timed(engine, *args, warm=None):
    if warm:
        subprocess.run(['cat', warm], stdout=subprocess.DEVNULL)
    os.sync()
    mmap.mmap(-1, TOUCHED, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x8000).close()  # MAP_POPULATE
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


def fill_registry(archive, storage):
    """The registry's storage with 127.0.0.1:5000/three, pushed by a daemon that takes no part in the comparison."""
    with peers.running(peers.minato) as (engine,), registry(engine, storage):
        engine.run('load', '-q', '-i', archive)
        engine.run('tag', 'three:latest', '127.0.0.1:5000/three:latest')
        engine.run('push', '-q', '127.0.0.1:5000/three:latest')


def peak_kib(engine):
    """The most memory the daemon ever had."""
    pid = next(p for p in peers.tree(engine.process.pid) if peers.processes().get(p, (0, ''))[1] == 'minatod')
    return next(int(line.split()[1]) for line in open(f'/proc/{pid}/status') if line.startswith('VmHWM'))


# ---- phase one: what creates ----

def create(engine, inputs, storage, times, facts):
    before = du_bytes(f'{engine.dir}/data') if engine.name == 'minato' else 0
    times['import'].append(timed(engine, 'import', inputs.trees[0], 'debian:imported', warm=inputs.trees[0]))
    if engine.name == 'minato':
        os.sync()
        facts['disk'].append((du_bytes(f'{engine.dir}/data') - before) / os.path.getsize(inputs.trees[0]))
    times['load'].append(timed(engine, 'load', '-q', '-i', inputs.single, warm=inputs.single))
    times['save'].append(timed(engine, 'save', '-q' if engine.name == 'podman' else '-o', *(['-o'] if engine.name == 'podman' else []),
                               f'{engine.dir}/saved.tar', 'debian:bench'))
    os.unlink(f'{engine.dir}/saved.tar')  # one file
    with registry(engine, storage):
        subprocess.run(f'find {storage} -type f -exec cat {{}} + > /dev/null', shell=True)
        times['pull'].append(timed(engine, 'pull', '-q', *(['--tls-verify=false'] if engine.name == 'podman' else []),
                                   '127.0.0.1:5000/three:latest'))
    if engine.name == 'minato':
        facts['peak'].append(peak_kib(engine))
    times['load of three gzip layers'].append(timed(engine, 'load', '-q', '-i', inputs.other_three, warm=inputs.other_three))


# ---- phase two: what removes ----

def remove(engine, times):
    for name in ('debian:bench', 'debian:imported'):
        times['rmi'].append(timed(engine, 'rmi', name))


# ---- further figures ----

def stages(inputs, directory):
    """Rates of each step of a load alone, and of the whole load, both of one gzip layer without a daemon."""
    scratch = f'{directory}/stages'
    os.makedirs(scratch)
    out = subprocess.run([peers.find('layer-tool'), 'stages', inputs.gzip_layer, scratch], capture_output=True, text=True, check=True).stdout
    alone = {m[1].strip(): float(m[2]) for m in re.finditer(r'^(.+?)\s+(\d+) MiB/s', out, re.M)}
    size = os.path.getsize(inputs.trees[1]) / (1 << 20)
    rates = []
    for i in range(5):
        root = f'{scratch}/{i}'
        os.makedirs(root)
        subprocess.run(['cat', inputs.gzip_single], stdout=subprocess.DEVNULL)
        os.sync()
        began = time.monotonic()
        with open(inputs.gzip_single, 'rb') as archive:
            subprocess.run([peers.find('image-tool'), root, 'load'], stdin=archive, stdout=subprocess.DEVNULL, check=True)
        rates.append(size / (time.monotonic() - began))
    print('  stages alone, MiB/s of tar: ' + ', '.join(f'{name} {rate:.0f}' for name, rate in alone.items()))
    slowest = min(alone, key=alone.get)
    rate = statistics.median(rates)
    print(f'  the whole load of that layer: {rate:.0f} MiB/s, {rate / alone[slowest]:.2f} of the slowest stage alone ({slowest})', flush=True)


def thousand_images(directory):
    """1,000 images of three shared layers: the time of `images`, and what a hundred of them do to the daemon's memory."""
    archive = archives.thousand(f'{directory}/thousand.tar')
    with peers.running(peers.minato) as (engine,):
        engine.run('load', '-q', '-i', archive)
        pid = next(p for p in peers.tree(engine.process.pid) if peers.processes().get(p, (0, ''))[1] == 'minatod')
        samples, memory = [], []
        for _ in range(100):
            began = time.monotonic()
            lines = engine.run('images').count('\n')
            samples.append((time.monotonic() - began) * 1e3)
            memory.append(peers.memory_kib(pid, 'Rss'))
        if lines != 1000:
            raise SystemExit(f'bench: images shows {lines} of 1000')
    median = statistics.median(samples)
    value('`images` with 1,000 of them, of 20 ms', 20 / median, 1, f'minato {median:.1f} ms (min {min(samples):.1f}, max {max(samples):.1f})')
    print(f'    the daemon\'s memory: {memory[9] / 1024:.1f} MiB after 10 calls, {memory[-1] / 1024:.1f} MiB after 100')


def section(_, image, directory):
    inputs = archives.prepare()
    storage = f'{directory}/registry'
    fill_registry(inputs.three, storage)
    makers = [peers.minato, peers.docker, peers.podman]
    raw = {maker.__name__: {what: [] for what in WANTED} for maker in makers}
    facts = {'disk': [], 'peak': []}
    kept = []
    try:
        for number in range(ROUNDS):
            with peers.running(*makers[number % 3:], *makers[:number % 3], keeps=kept) as engines:
                for engine in engines:
                    create(engine, inputs, storage, raw[engine.name], facts)
        for number in range(ROUNDS):
            for engine in kept[3 * number:3 * number + 3]:
                engine.start()
                remove(engine, raw[engine.name])
                engine.stop(keeps=True)
    finally:
        for engine in kept:
            engine.remove()
    size = os.path.getsize(inputs.trees[0]) / 1e6
    print(f'images: a Debian layer of {size:.0f} MB; an image of three gzip layers, 400 MB unpacked; {ROUNDS} rounds')
    for what, wanted in WANTED.items():
        for peer in ('docker', 'podman'):
            report(what, raw['minato'][what], raw[peer][what], wanted, peer)
    disk, peak = max(facts['disk']), max(facts['peak'])
    value('disk used, of 1.05 times the unpacked size', 1.05 / disk, 1, f'minato {disk:.3f} times')
    value('peak memory of a daemon through import, load, save and pull, of 64 MiB', 64 * 1024 / peak, 1, f'minato {peak / 1024:.0f} MiB')
    stages(inputs, directory)
    thousand_images(directory)
