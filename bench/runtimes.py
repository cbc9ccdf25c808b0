"""The life of an OCI bundle (create, start, delete) under minato-runtime, runc and crun, with Docker's default profile."""
import json, os, shutil, subprocess
import peers
from report import report, value

ROUNDS = int(os.environ.get('BENCH_RUNTIME_ROUNDS', '200'))


def bundle(directory):
    """A bundle whose program is a static `true`, with the specification our runtime prints and the default seccomp profile."""
    path = f'{directory}/bundle'
    os.makedirs(f'{path}/rootfs/bin')
    subprocess.run(['cc', '-O2', '-static', '-x', 'c', '-o', f'{path}/rootfs/bin/true', '-'], input=b'int main(void){return 0;}', check=True)
    runtime = peers.find('minato-runtime')
    subprocess.run([runtime, 'spec', '--bundle', path, '--seccomp-default'], check=True)
    config = json.load(open(f'{path}/config.json'))
    config['process'].update(args=['/bin/true'], terminal=False)
    config['ociVersion'] = '1.0.2'  # what Debian's crun knows
    json.dump(config, open(f'{path}/config.json', 'w'))
    return path


def lives(directory, path, runtimes, prefix=()):
    scratch = f'{directory}/lives'
    os.makedirs(scratch, exist_ok=True)
    out = subprocess.run([*prefix, peers.find('bench-lifecycle'), str(ROUNDS), path, scratch, *runtimes],
                         capture_output=True, text=True)
    if out.returncode:
        raise SystemExit(f'bench: {out.stderr}')
    return [json.loads(line) for line in out.stdout.splitlines()]


def section(_, image, directory):
    path, ours = bundle(directory), peers.find('minato-runtime')
    us = lambda rows: [row[0] for row in rows]
    print(f'runtime: create, start and delete of a bundle with the default profile, {ROUNDS} rounds')
    a, b = lives(directory, path, [ours, '/usr/sbin/runc'])
    report('life of a bundle', us(a), us(b), 3, peer='runc')
    crun = shutil.which('crun')
    if crun:
        # crun refuses a hybrid host: both get a mount namespace in which only cgroup v2 is mounted.
        v2 = ['unshare', '--mount', '--', 'sh', '-c',
              'umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"', 'sh']
        # and no device rules: for them crun raises RLIMIT_MEMLOCK, which takes CAP_SYS_RESOURCE.
        config = json.load(open(f'{path}/config.json'))
        config['linux'].get('resources', {}).pop('devices', None)
        json.dump(config, open(f'{path}/config.json', 'w'))
        a, b = lives(directory, path, [ours, crun], v2)
        report('life of a bundle, cgroup v2 only', us(a), us(b), 1, peer='crun')
        peak = lambda rows: max(row[1] for row in rows)
        value('peak memory of the runtime', peak(b) / peak(a), 1, f'minato {peak(a)} KiB, crun {peak(b)} KiB')
