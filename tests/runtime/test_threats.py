"""Rows of the threat catalogue, groups A and B, that the runtime has to withstand: hostile images and hostile containers."""
import hashlib, os, subprocess, threading, time
import pytest
from conftest import RUNTIME, hybrid


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def test_a1_mask_does_not_use_the_images_dev_null(bundle):
    """A1: the image's /dev/null is a link into procfs; a masked file must show the host's /dev/null."""
    bundle.without('/dev', '/dev/pts', '/dev/shm', '/dev/mqueue')
    os.symlink('/proc/sys/kernel/ostype', f'{bundle.root}/dev/null')
    with open(f'{bundle.root}/maskme', 'w') as f:
        f.write('secret')
    bundle.linux['maskedPaths'].append('/maskme')
    result = bundle.shell('stat -c %t:%T /maskme; grep " /maskme " /proc/self/mountinfo | cut -d" " -f4').run(check=False)
    assert result.returncode == 1 or result.stdout.split() == ['1:3', '/null'], result


def test_a3_dev_is_a_link(bundle, canary):
    """A3: default nodes and links are not made where a symbolic link /dev of the image leads."""
    bundle.without('/dev', '/dev/pts', '/dev/shm', '/dev/mqueue')
    os.rmdir(f'{bundle.root}/dev')
    os.symlink(canary, f'{bundle.root}/dev')
    result = bundle.shell('true').run(check=False)
    assert result.returncode == 1 and '/dev' in result.stderr


def test_a4_console_is_a_link(runtime, bundle, console, canary):
    """A4: a link at /dev/console is not followed."""
    bundle.without('/dev')
    os.symlink(f'{canary}/file', f'{bundle.root}/dev/console')
    bundle.process['terminal'] = True
    result = runtime('run', '--detach', '--console-socket', console.path, '--bundle', bundle.path, runtime.id(), bundle=bundle,
                     check=False, stdout=subprocess.DEVNULL)
    assert result.returncode == 1


@pytest.mark.parametrize('name,target', [('proc', 'tmp'), ('proc', '/canary'), ('sys', 'tmp')])
def test_a5_proc_is_a_link(bundle, name, target):
    """A5: /proc and /sys are mounted on real directories or not at all."""
    os.rmdir(f'{bundle.root}/{name}')
    os.symlink(target, f'{bundle.root}/{name}')
    assert bundle.shell('true').run(check=False).returncode == 1


@pytest.mark.parametrize('destination', ['/proc/self', '/proc/sys', '/proc/1/attr', '/proc/sys/net', '/link/kernel'])
def test_a5_nothing_is_mounted_inside_proc(bundle, tmp_path, destination):
    os.symlink('/proc/sys', f'{bundle.root}/link')
    bundle.config['mounts'].append({'destination': destination, 'type': 'bind', 'source': str(tmp_path), 'options': ['bind']})
    bundle.shell('true').fails('cannot be mounted because it is inside /proc')


def test_a5_lxcfs_files_may_be(bundle, tmp_path):
    (tmp_path / 'uptime').write_text('1.00 1.00\n')
    bundle.config['mounts'].append({'destination': '/proc/uptime', 'type': 'bind', 'source': str(tmp_path / 'uptime'), 'options': ['bind']})
    assert bundle.output('cat /proc/uptime') == '1.00 1.00\n'


def test_a6_links_in_destinations_stay_inside(bundle, canary):
    """A6, A7: a destination with a link out of the root ends up in the root; nothing is made on the host."""
    os.symlink(f'/../../../..{canary}', f'{bundle.root}/link')
    bundle.config['mounts'].append({'destination': '/link/made/sub', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['size=1m']})
    result = bundle.shell('grep sub /proc/mounts').run(check=False)
    assert result.returncode == 1 or f'{canary}/made/sub' in result.stdout


def test_a6_racing_renames(runtime, bundle, canary, tmp_path):
    """A6, A7: while mount targets are made in a shared directory, a path in it flips between a directory and a link."""
    shared = tmp_path / 'shared'
    (shared / 'a').mkdir(parents=True)
    os.symlink(canary, shared / 'b')
    bundle.config['mounts'] += [{'destination': '/v', 'type': 'bind', 'source': str(shared), 'options': ['rbind', 'rslave']},
                                {'destination': '/v/a/x', 'type': 'tmpfs', 'source': 't', 'options': ['size=4k']}]
    bundle.process['args'] = ['true']
    import ctypes
    libc, stop = ctypes.CDLL(None), threading.Event()
    a, b = str(shared / 'a').encode(), str(shared / 'b').encode()
    def flip():
        while not stop.is_set():
            for _ in range(1000):
                libc.renameat2(-100, a, -100, b, 2)
    racer = threading.Thread(target=flip)
    racer.start()
    try:
        for _ in range(40):
            bundle.run(check=False)
    finally:
        stop.set()
        racer.join()


def test_a8_working_directory_through_a_link(bundle, canary):
    """A8: a missing working directory is made in the container."""
    os.symlink(canary, f'{bundle.root}/w')
    bundle.process['cwd'] = '/w/new'
    bundle.shell('pwd').run(check=False)


def test_a10_cgroups_are_read_only(bundle):
    """A10: nothing of the cgroups can be written from inside."""
    out = bundle.output('n=0; for f in $(find /sys/fs/cgroup -name release_agent -o -name cgroup.procs -o -name tasks); do '
                        '(echo 1 > $f) 2>/dev/null && echo wrote $f; n=$((n+1)); done; test $n -gt 0 && echo tried')
    assert out == 'tried\n'


def test_a11_mounts_do_not_leak(runtime, bundle, tmp_path):
    """A11: the host's mount table is the same before and after, its propagation too."""
    rows = lambda: [line for line in open('/proc/1/mountinfo') if str(tmp_path) in line or line.split()[4] in ('/', '/proc', '/sys')]
    before = rows()
    for kind in ('private', 'shared', 'slave'):
        bundle.linux['rootfsPropagation'] = kind
        bundle.shell('true').run()
    assert rows() == before


def test_a12_the_old_root_is_gone(bundle):
    """A12: chroot and ".." from every descriptor show nothing of the host."""
    marker = f'/minato-marker-{os.getpid()}'
    open(marker, 'w').close()
    try:
        out = bundle.output(f'ls ..{marker} ../../..{marker}; for f in /proc/self/fd/*; do ls $f/..{marker}; done; mkdir /tmp/c; '
                            f'chroot /tmp/c /bin/ls; ls /proc/1/root{marker} /proc/self/cwd/../..{marker}; echo end', stderr=subprocess.DEVNULL)
        assert out == 'end\n'
    finally:
        os.unlink(marker)


def test_a14_source_is_resolved_once(bundle, tmp_path):
    """A14: a bind whose source is a link mounts what it names, and a missing one is an error that names the field."""
    os.symlink('/nonexistent', tmp_path / 'dangling')
    bundle.config['mounts'].append({'destination': '/x', 'type': 'bind', 'source': str(tmp_path / 'dangling'), 'options': ['bind']})
    bundle.shell('true').fails('dangling')


def test_b1_the_runtime_cannot_be_overwritten(runtime, bundle):
    """B1: a container that executes the runtime through /proc/self/exe cannot write to it, by argument or as interpreter."""
    before = digest(RUNTIME)
    with open(f'{bundle.root}/script', 'w') as f:
        f.write('#!/proc/self/exe\n')
    os.chmod(f'{bundle.root}/script', 0o755)
    writer = ('for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do for e in /proc/[0-9]*/exe; do '
              '(echo overwritten > $e) 2>/dev/null; done; usleep 10000; done')
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    attacker = subprocess.Popen([RUNTIME, '--root', runtime.root, 'exec', c, 'sh', '-c', writer], stdin=subprocess.DEVNULL)
    while attacker.poll() is None:
        runtime('exec', c, '/proc/self/exe', 'events', 'x', check=False)
        runtime('exec', c, '/script', check=False)
        runtime('exec', c, 'true')
    assert digest(RUNTIME) == before
    bundle.process['args'] = ['/proc/self/exe']
    bundle.run(check=False)
    assert digest(RUNTIME) == before


@pytest.mark.parametrize('fd', [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 20, 40])
def test_b2_working_directory_in_a_leaked_descriptor(bundle, fd):
    """B2: cwd in one of the runtime's own descriptors is an error, and no descriptor is left open."""
    bundle.process['cwd'] = f'/proc/self/fd/{fd}'
    result = bundle.shell('ls ../../..').run(check=False)
    assert result.returncode == 1 and result.stdout == '', result


def test_b2_inherited_descriptors_are_closed(runtime, bundle):
    host = os.open('/', os.O_RDONLY | os.O_DIRECTORY)
    def leak():
        for n in range(3, 50):
            os.dup2(host, n)
    for args in ((), ('exec',)):
        if not args:
            out = bundle.shell('ls /proc/self/fd').run(close_fds=False, preexec_fn=leak).stdout
        else:
            bundle.process['args'] = ['sleep', '100']
            c = runtime.start(bundle)
            out = runtime('exec', c, 'ls', '/proc/self/fd', close_fds=False, preexec_fn=leak).stdout
        assert out.split() == ['0', '1', '2', '3'], out  # 3: the directory that is being read
    os.close(host)


def test_b3_joining_processes_cannot_be_looked_into(runtime, bundle):
    """B3: pid 1 of the container never sees a host path through /proc/PID of a process that is joining."""
    bundle.shell('while :; do for p in /proc/[0-9]*; do for n in root cwd fd/3 fd/4 fd/5 fd/6 fd/7; do '
                 'readlink $p/$n 2>/dev/null; done; done; done | grep -v "^/$" | grep -E "cgroup|state|minato|pytest" > /tmp/seen')
    c = runtime.start(bundle)
    for _ in range(30):
        runtime('exec', c, 'true')
    runtime('delete', '--force', c)
    seen = open(f'{bundle.root}/tmp/seen').read() if os.path.exists(f'{bundle.root}/tmp/seen') else ''
    assert seen == '', seen


def test_b8_nothing_of_the_image_is_loaded(bundle):
    """B8: the runtime is static and reads no library, locale or name service file, neither the host's nor the image's."""
    out = subprocess.run(['file', '-L', RUNTIME], capture_output=True, text=True).stdout if os.path.exists('/usr/bin/file') else 'statically linked'
    assert 'statically linked' in out or 'static-pie' in out
    with open(f'{bundle.root}/etc/nsswitch.conf', 'w') as f:
        f.write('passwd: evil\n')
    trace = subprocess.run(['strace', '-f', '-qq', '-e', 'trace=open,openat', RUNTIME, '--root', f'{bundle.path}/state', 'run', '--bundle',
                            bundle.shell('true').save().path, 'b8'], capture_output=True, text=True).stderr if os.path.exists('/usr/bin/strace') else ''
    assert 'nss' not in trace and 'locale' not in trace and '.so' not in trace


def test_b7_passwd_of_the_image(bundle):
    """B7: HOME is looked up in the image's passwd, which may be anything."""
    os.unlink(f'{bundle.root}/etc/passwd')
    os.mkfifo(f'{bundle.root}/etc/passwd')
    assert bundle.output('echo $HOME', timeout=5) == '/\n'
    os.unlink(f'{bundle.root}/etc/passwd')
    os.symlink('/dev/zero', f'{bundle.root}/etc/passwd')
    assert bundle.output('echo $HOME', timeout=5) == '/\n'
    os.unlink(f'{bundle.root}/etc/passwd')
    with open(f'{bundle.root}/etc/passwd', 'wb') as f:
        f.truncate(5 << 30)
    assert bundle.output('echo $HOME', timeout=5) == '/\n'


def test_b12_no_controlling_terminal_of_the_host(bundle):
    """B12: the container is in a session of its own."""
    sid = bundle.output('cut -d" " -f6,7 /proc/self/stat').split()
    assert sid == ['1', '0']


def test_b14_default_profile(bundle):
    """B14: what Docker's profile refuses is refused, what is newer than it looks missing."""
    out = bundle.output('grep Seccomp: /proc/self/status; unshare -r true 2>&1; mount -t tmpfs t /tmp 2>&1; true')
    assert 'Seccomp:\t2' in out and 'denied' in out
