"""The engines that are compared: each runs as a daemon of its own in a network namespace of its own, on private roots,
and is ended by its pid."""
import contextlib, os, shutil, signal, subprocess, tempfile, time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get('MINATO_BUILD', os.path.join(TOP, 'build'))


def find(program):
    """The program inside the build directory, wherever the layout puts it."""
    for base, _, names in os.walk(BUILD):
        if program in names and os.access(os.path.join(base, program), os.X_OK):
            return os.path.join(base, program)
    raise SystemExit(f'bench: {program} is not built')


def processes():
    """pid -> (parent, command name) of every process."""
    table = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        with contextlib.suppress(OSError):
            stat = open(f'/proc/{pid}/stat').read()
            name, rest = stat[stat.index('(') + 1:].rsplit(')', 1)
            table[int(pid)] = (int(rest.split()[1]), name)
    return table


def tree(root):
    """The pids below and including `root`."""
    table, found = processes(), {root}
    while True:
        more = {pid for pid, (parent, _) in table.items() if parent in found} - found
        if not more:
            return found
        found |= more


def memory_kib(pid, field):
    """`Rss` or `Pss` of a process in KiB."""
    with contextlib.suppress(OSError):
        for line in open(f'/proc/{pid}/smaps_rollup'):
            if line.startswith(field + ':'):
                return int(line.split()[1])
    return 0


def command_line(pid):
    with contextlib.suppress(OSError):
        return open(f'/proc/{pid}/cmdline').read()
    return ''


class Engine:
    """A running daemon. `cli` is the argv prefix of its command line."""

    run_options = ()  # what `run` needs on this machine beside what is compared

    def __init__(self, name, daemon, client):
        self.name, self.client = name, client
        self.dir = tempfile.mkdtemp(prefix=f'bench-{name}-', dir=os.environ.get('BENCH_DIR', '/var/tmp'))
        self.socket = f'{self.dir}/{name}.sock'
        self.log = open(f'{self.dir}/log', 'w')
        # Where a distribution puts it: /run is memory there. Not so in every container or virtual machine.
        os.mkdir(f'{self.dir}/run')
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=711', 'bench', f'{self.dir}/run'], check=True)
        self.argv = daemon(self)
        self.process = None

    @property
    def cli(self):
        return self.client(self)

    def start(self):
        began = time.monotonic()
        self.process = subprocess.Popen(
            ['unshare', '--net', '--', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', *self.argv],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        while subprocess.run([*self.cli, 'version'], capture_output=True).returncode != 0:
            if self.process.poll() is not None or time.monotonic() - began > 60:
                raise SystemExit(f'bench: {self.name} did not start:\n' + open(self.log.name).read()[-3000:])
            time.sleep(0.02)

    def run(self, *args, check=True, **kw):
        result = subprocess.run([*self.cli, *args], capture_output=True, text=True, **kw)
        if check and result.returncode != 0:
            raise SystemExit(f'bench: {self.name} {" ".join(args)}: {result.stderr}\n{open(self.log.name).read()[-2000:]}')
        return result.stdout.strip()

    def run_status(self, *args):
        """What a command that fails says; None when it works."""
        result = subprocess.run([*self.cli, *args], capture_output=True, text=True)
        return result.stderr or f'exit status {result.returncode}' if result.returncode else None

    def stop(self, keeps=False):
        """Ends the daemon; `keeps`: its directories stay for another start, until remove()."""
        if self.process:
            ids = self.run('ps', '-aq', check=False).split()
            for i in range(0, len(ids), 50):
                self.run('rm', '-f', *ids[i:i + 50], check=False)
            children = tree(self.process.pid) - {self.process.pid}
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    if processes().get(pid, (0, ''))[1] in ('containerd', 'containerd-shim'):
                        os.kill(pid, signal.SIGTERM)
            time.sleep(0.5)
            self.process = None
        if not keeps:
            self.remove()

    def remove(self):
        if self.process:
            self.stop(keeps=True)
        mounts = [line.split()[4] for line in open('/proc/self/mountinfo') if line.split()[4].startswith(self.dir)]
        for mount in sorted(mounts, reverse=True):
            subprocess.run(['umount', '-l', mount], capture_output=True)
        shutil.rmtree(self.dir, ignore_errors=True)


def minato():
    daemon = find('minatod')
    return Engine('minato',
                  lambda e: [daemon, '--data-root', f'{e.dir}/data', '--exec-root', f'{e.dir}/run', '-H',
                             f'unix://{e.socket}', '--pidfile', f'{e.dir}/pid'],
                  lambda e: [find('minato'), '-H', f'unix://{e.socket}'])


def docker():
    return Engine('docker',
                  lambda e: ['/usr/sbin/dockerd', '--data-root', f'{e.dir}/data', '--exec-root', f'{e.dir}/run', '-H',
                             f'unix://{e.socket}', '--pidfile', f'{e.dir}/pid'],
                  lambda e: ['/usr/bin/docker', '-H', f'unix://{e.socket}'])


def podman():
    """No daemon: the process only holds the network namespace. With runc, for Debian's crun refuses a hybrid host, and with
    limits of its own: its defaults are beyond what may be granted where root has no CAP_SYS_RESOURCE."""
    engine = Engine('podman', lambda e: ['sleep', 'infinity'],
                    lambda e: ['nsenter', '-t', str(e.process.pid), '-n', '--', '/usr/bin/podman', '--root', f'{e.dir}/data', '--runroot',
                               f'{e.dir}/run', '--tmpdir', f'{e.dir}/tmp', '--storage-driver', 'overlay', '--cgroup-manager', 'cgroupfs',
                               '--runtime', shutil.which('runc') or '/usr/sbin/runc', '--events-backend', 'none', '--log-level', 'error'])
    engine.run_options = ('--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024')
    return engine


@contextlib.contextmanager
def running(*makers, keeps=None):
    """Starts engines; with `keeps`, a list, they are added to it at the end and their directories stay."""
    engines = [make() for make in makers]
    try:
        for engine in engines:
            engine.start()
        yield engines
    finally:
        for engine in engines:
            engine.stop(keeps=keeps is not None)
        if keeps is not None:
            keeps += engines
