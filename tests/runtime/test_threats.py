"""Rows of the threat catalogue, groups A and B, that the runtime has to withstand: hostile images and hostile containers."""
import hashlib, json, os, select, signal, struct, subprocess, sys, threading, time
import pytest
from conftest import RUNTIME, hybrid, shifted


RACES = max(40, int(os.environ.get('MINATO_CYCLES', 0)))


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


@pytest.mark.parametrize('place', ['image', 'volume'])
def test_a1_mask_does_not_use_the_images_dev_null(bundle, tmp_path, place):
    """A1: the container's /dev/null is a link into procfs; a masked file must show the host's /dev/null."""
    bundle.without('/dev', '/dev/pts', '/dev/shm', '/dev/mqueue')
    volume = tmp_path / 'volume'
    volume.mkdir()
    os.symlink('/proc/sys/kernel/ostype', f'{bundle.root}/dev/null' if place == 'image' else volume / 'null')
    if place == 'volume':
        bundle.config['mounts'].append({'destination': '/dev', 'type': 'bind', 'source': str(volume), 'options': ['bind']})
    with open(f'{bundle.root}/maskme', 'w') as f:
        f.write('secret')
    bundle.linux['maskedPaths'].append('/maskme')
    result = bundle.shell('stat -c %t:%T /maskme; grep " /maskme " /proc/self/mountinfo | cut -d" " -f4').run(check=False)
    assert (result.returncode == 1 and place == 'image') or result.stdout.split() == ['1:3', '/null'], result


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


def test_a2_terminal_of_another_devpts(runtime, bundle, console):
    """A2: /dev is a volume whose pts/ptmx leads to the host's multiplexer: the terminal is the container's own or none."""
    bundle.without('/dev', '/dev/pts', '/dev/shm', '/dev/mqueue')
    os.mkdir(f'{bundle.root}/dev/pts')
    os.symlink('/dev/pts/ptmx', f'{bundle.root}/dev/pts/ptmx')
    bundle.process['terminal'] = True
    result = runtime('run', '--detach', '--console-socket', console.path, '--bundle', bundle.path, runtime.id(), bundle=bundle,
                     check=False, stdout=subprocess.DEVNULL)
    assert result.returncode == 1 and 'process.terminal' in result.stderr


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


@pytest.mark.parametrize('way', ['', '/../../../..', '../../../../../..'])
def test_a6_links_in_destinations_stay_inside(bundle, canary, way):
    """A6, A7: a destination with a link out of the root ends up in the root; nothing is made on the host."""
    os.symlink(way + canary, f'{bundle.root}/link')
    bundle.config['mounts'].append({'destination': '/link/made/sub', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['size=1m']})
    result = bundle.shell('grep sub /proc/mounts').run(check=False)
    assert result.returncode == 1 or f'{canary}/made/sub' in result.stdout


def flipping(a, b):
    """Exchanges two names as fast as it goes until the returned function is called."""
    import ctypes
    libc, stop = ctypes.CDLL(None), threading.Event()
    a, b = str(a).encode(), str(b).encode()
    def flip():
        while not stop.is_set():
            for _ in range(1000):
                libc.renameat2(-100, a, -100, b, 2)
    racer = threading.Thread(target=flip)
    racer.start()
    def end():
        stop.set()
        racer.join()
    return end


def test_a6_racing_renames(runtime, bundle, canary, tmp_path):
    """A6, A7: while mount targets are made in a shared directory, a path in it flips between a directory and a link."""
    shared = tmp_path / 'shared'
    (shared / 'a').mkdir(parents=True)
    os.symlink(canary, shared / 'b')
    bundle.config['mounts'] += [{'destination': '/v', 'type': 'bind', 'source': str(shared), 'options': ['rbind', 'rslave']},
                                {'destination': '/v/a/x', 'type': 'tmpfs', 'source': 't', 'options': ['size=4k']}]
    bundle.process['args'] = ['true']
    end = flipping(shared / 'a', shared / 'b')
    try:
        for _ in range(RACES):
            bundle.run(check=False)
    finally:
        end()


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
    """A11: the mount table of a host whose tree is shared is the same before, during and after, its propagation too."""
    host = subprocess.Popen(['unshare', '--mount', '--propagation', 'shared', 'sh', '-c', 'echo; exec sleep 100'], stdout=subprocess.PIPE)
    host.stdout.readline()
    try:
        table = lambda: open(f'/proc/{host.pid}/mountinfo').read()
        before = table()
        bundle.process['args'] = ['sleep', '100']
        for kind in ('private', 'shared', 'slave'):
            bundle.linux['rootfsPropagation'] = kind
            c = runtime.id()
            bundle.save()
            subprocess.run(['nsenter', '--mount', '--target', str(host.pid), RUNTIME, '--root', runtime.root, 'run', '--detach', '--bundle',
                            bundle.path, c], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            assert table() == before
            runtime('delete', '--force', c)
        assert table() == before
    finally:
        host.kill()
        host.wait()


ESCAPE = r"""
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv) {
        (void) argc;
        int here = open("/", O_RDONLY);
        mkdir("/tmp/second", 0700);
        if (here < 0 || chroot("/tmp/second") < 0 || fchdir(here) < 0)
                return 2;
        for (int i = 0; i < 64; i++)
                if (chdir("..") < 0)
                        return 2;
        return chroot(".") == 0 && access(argv[1], F_OK) == 0;
}
"""


def test_a12_the_old_root_is_gone(bundle):
    """A12: a second chroot and ".." from every descriptor show nothing of the host."""
    marker = f'/minato-marker-{os.getpid()}'
    open(marker, 'w').close()
    subprocess.run(['cc', '-static', '-x', 'c', '-o', f'{bundle.root}/bin/escape', '-'], input=ESCAPE, text=True, check=True)
    try:
        del bundle.linux['seccomp']  # it allows chroot to none without CAP_SYS_CHROOT when it is printed
        bundle.process['args'] = ['escape', marker]
        assert bundle.run(check=False).returncode == 0
        out = bundle.output(f'ls ..{marker} ../../..{marker}; for f in /proc/self/fd/*; do ls $f/..{marker}; done; mkdir /tmp/c; '
                            f'chroot /tmp/c /bin/ls; ls /proc/1/root{marker} /proc/self/cwd/../..{marker}; echo end', stderr=subprocess.DEVNULL)
        assert out == 'end\n'
    finally:
        os.unlink(marker)


def test_a14_source_is_resolved_once(bundle, tmp_path):
    """A14: what was looked at is what is mounted, also while the source flips between a directory and a file."""
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'inside').touch()
    (tmp_path / 'b').write_text('content\n')
    bundle.config['mounts'].append({'destination': '/dev/x', 'type': 'bind', 'source': str(tmp_path / 'a'), 'options': ['bind']})
    end = flipping(tmp_path / 'a', tmp_path / 'b')
    try:
        for _ in range(RACES):
            assert bundle.output('test -d /dev/x && ls /dev/x || cat /dev/x') in ('inside\n', 'content\n')
    finally:
        end()


def test_a14_source_that_leads_nowhere(bundle, tmp_path):
    os.symlink('/nonexistent', tmp_path / 'dangling')
    bundle.config['mounts'].append({'destination': '/x', 'type': 'bind', 'source': str(tmp_path / 'dangling'), 'options': ['bind']})
    bundle.shell('true').fails('dangling')


def test_a15_no_checkpoint(runtime, bundle, tmp_path):
    """A15: there is no checkpoint to be trusted: neither command is listed or does anything."""
    listed = subprocess.run([RUNTIME, '--help'], capture_output=True, text=True).stdout
    assert 'delete' in listed and 'checkpoint' not in listed and 'restore' not in listed
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    for command in (['checkpoint', '--image-path', str(tmp_path / 'image'), c], ['restore', '--image-path', str(tmp_path), '--bundle', bundle.path, runtime.id()]):
        refused = runtime(*command, check=False)
        assert refused.returncode == 1 and f'{command[0]}: not offered by this runtime' in refused.stderr
    assert runtime.status(c) == 'running' and os.listdir(runtime.root) == [c] and not (tmp_path / 'image').exists()


def test_b1_the_runtime_cannot_be_overwritten(runtime, bundle):
    """B1: a container that executes the runtime through /proc/self/exe cannot write to it, by argument or as interpreter."""
    before = digest(RUNTIME)
    with open(f'{bundle.root}/script', 'w') as f:
        f.write('#!/proc/self/exe\n')
    os.chmod(f'{bundle.root}/script', 0o755)
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    runtime('exec', c, '/script', check=False)
    reader, writer = os.pipe()  # full, and read by nobody: what wants to print there stands still, to be caught
    os.set_blocking(writer, False)
    while os.write(writer, b' ' * 4096) == 4096 and select.select([], [writer], [], 0)[1]:
        pass
    os.set_blocking(writer, True)
    victim = subprocess.Popen([RUNTIME, '--root', runtime.root, 'exec', c, '/proc/self/exe', 'features'],
                              stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.DEVNULL)
    os.close(writer)
    # What is executed is opened while it runs and written to when it is gone, and nobody is told the text is busy.
    caught = runtime('exec', c, 'sh', '-c', 'n=0; while [ $n -lt 500 ]; do for p in /proc/[0-9]*; do case "$(readlink $p/exe)" in '
                     '*busybox|"") ;; *) exec 3< $p/exe && kill -9 ${p#/proc/} && usleep 100000 && echo caught && '
                     'echo overwritten > /proc/self/fd/3; exit;; esac; done; n=$((n+1)); usleep 10000; done', check=False)
    os.close(reader)
    victim.wait()
    assert 'caught' in caught.stdout and 'ead-only file system' in caught.stderr, caught
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


SPY = r"""
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void) {
        FILE *seen = fopen("/tmp/seen", "w");
        for (int alone = 0;;) {
                DIR *proc = opendir("/proc");
                for (struct dirent *e; (e = readdir(proc));)
                        for (int fd = 3; atoi(e->d_name) > 1 && fd < 16; fd++) {
                                char path[64], target[256];
                                snprintf(path, sizeof(path), "/proc/%s/fd/%d", e->d_name, fd);
                                ssize_t n = readlink(path, target, sizeof(target) - 1);
                                if (n > 0)
                                        fprintf(seen, "%s -> %.*s\\n", path, (int) n, target), fflush(seen);
                        }
                closedir(proc);
                if (!alone++)
                        fclose(fopen("/tmp/ready", "w"));
        }
}
"""


def spying(runtime, bundle):
    """Pid 1 of a user namespace, with every capability in it, that notes each descriptor of other processes it sees; its container."""
    subprocess.run(['cc', '-static', '-O2', '-x', 'c', '-o', f'{bundle.root}/bin/spy', '-'], input=SPY, text=True, check=True)
    shifted(bundle)
    bundle.process['args'] = ['spy']
    c = runtime.start(bundle)
    while not os.path.exists(f'{bundle.root}/tmp/ready'):
        time.sleep(0.01)
    return c


def test_b3_joining_processes_cannot_be_looked_into(runtime, bundle):
    """B3: what joins a container never shows a descriptor."""
    c = spying(runtime, bundle)
    for _ in range(30):
        runtime('exec', c, 'true')
    runtime('delete', '--force', c)
    assert open(f'{bundle.root}/tmp/seen').read() == ''


def test_b3_members_of_a_pod_cannot_be_looked_into(runtime, bundle):
    """B3: nor does a container that is made in a user and a pid namespace which are there already."""
    c = spying(runtime, bundle)
    pid, member = runtime.state(c)['pid'], runtime.bundle()
    shifted(member)
    for kind in ('user', 'pid'):
        member.namespace(kind, f'/proc/{pid}/ns/{kind}')
    member.process['args'] = ['true']
    for _ in range(30):
        member.run()
    runtime('delete', '--force', c)
    assert open(f'{bundle.root}/tmp/seen').read() == ''


def is_static(program):
    """An ELF file without the header that names a loader (PT_INTERP)."""
    with open(os.path.realpath(program), 'rb') as f:
        data = f.read(1 << 16)
    first, = struct.unpack_from('<Q', data, 32)
    size, count = struct.unpack_from('<HH', data, 54)
    return all(struct.unpack_from('<I', data, first + i * size)[0] != 3 for i in range(count))


def test_b8_nothing_of_the_image_is_loaded():
    """B8: the runtime is static and reads no library, locale or name service file, neither the host's nor the image's."""
    assert is_static(RUNTIME) and not is_static(sys.executable)
    with open(RUNTIME, 'rb') as f:
        text = f.read()
    assert b'libnss' not in text and b'gconv-modules' not in text and b'/etc/nsswitch.conf' not in text


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


@pytest.mark.parametrize('user', ['-1', '+1', '4294967295', '4294967296', '99999999999999999999', '0x0', '', 'root', '1000:', ':5', '1:2:3', '1 ', ' 1'])
def test_b6_users_of_exec(runtime, bundle, user):
    """B6: a user is a number or an error, never a name and never 0 by accident."""
    bundle.process['args'] = ['sleep', '100']
    bundle.process['user'] = {'uid': 1000, 'gid': 1000}
    with open(f'{bundle.root}/etc/passwd', 'a') as f:
        f.write('1000:x:0:0::/root:/bin/sh\n')
    c = runtime.start(bundle)
    assert runtime('exec', '--user', '1000', c, 'id', '-u').stdout == '1000\n'
    refused = runtime('exec', '--user', user, c, 'id', '-u', check=False)
    assert refused.returncode == 255 and refused.stdout == '' and 'is not UID[:GID]' in refused.stderr


def test_b10_ps_executes_nothing_of_the_container(runtime, bundle):
    """B10: `ps` looks from outside."""
    os.unlink(f'{bundle.root}/bin/ps')
    with open(f'{bundle.root}/bin/ps', 'w') as f:
        f.write('#!/bin/sh\ntouch /tmp/executed\n')
    os.chmod(f'{bundle.root}/bin/ps', 0o755)
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    assert 'sleep 100' in runtime('ps', c).stdout
    assert not os.path.exists(f'{bundle.root}/tmp/executed')


def test_b11_a_process_id_that_is_another_process(runtime, bundle):
    """B11: the recorded process is gone and its id taken: no signal reaches the new one, and nothing enters it."""
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    os.kill(runtime.state(c)['pid'], signal.SIGKILL)
    runtime.wait_status(c, 'stopped')
    decoy = subprocess.Popen(['sleep', '100'])
    try:
        path = f'{runtime.root}/{c}/state.json'
        record = json.load(open(path))
        record['pid'] = decoy.pid
        json.dump(record, open(path, 'w'))
        assert runtime.status(c) == 'stopped'
        for command in (('kill', c, 'KILL'), ('exec', c, 'true'), ('pause', c), ('delete', c)):
            runtime(*command, check=False)
        assert decoy.poll() is None
    finally:
        decoy.kill()
        decoy.wait()


def test_i8_keyrings_and_terminals_are_given_back(runtime, bundle):
    """I8: a session keyring and a terminal per container are gone with it: neither quota fills up."""
    def used():
        keys = next((line.split()[1].split('/')[0] for line in open('/proc/key-users') if line.split(':')[0].strip() == '0'), '0')
        return int(keys), int(open('/proc/sys/kernel/pty/nr').read())
    bundle.process['terminal'] = True
    bundle.process['args'] = ['true']
    bundle.save()
    before = used()
    for _ in range(30):
        bundle.run()
    end = time.monotonic() + 10  # keys are collected in the background; others on this machine make some, too
    while any(now > then + 15 for now, then in zip(used(), before)):
        assert time.monotonic() < end, (before, used())
        time.sleep(0.1)


@pytest.mark.parametrize('field,text', [('execCPUAffinity', '0-8192'), ('execCPUAffinity', '0-9223372036854775807'), ('memoryPolicy', '0-1024'),
                                        ('memoryPolicy', '0-20000000'), ('memoryPolicy', '1-0')])
def test_i7_lists_are_bounded(bundle, field, text):
    """I7: a list of processors or nodes costs what it may cost at most, whatever it says."""
    if field == 'memoryPolicy':
        bundle.linux['memoryPolicy'] = {'mode': 'MPOL_BIND', 'nodes': text}
    else:
        bundle.process['execCPUAffinity'] = {'final': text}
    bundle.shell('true').fails(f'{field}.{"nodes" if field == "memoryPolicy" else "final"}: "{text}" is not a list of numbers below')


@pytest.mark.parametrize('number', [1 << 63, -(1 << 63) - 1, 10 ** 30, 1e30, 1.5])
def test_i14_numbers_do_not_wrap(bundle, number):
    """I14: a number that does not fit is an error, neither the largest that does nor what is left of it."""
    bundle.linux['resources']['memory'] = {'limit': number}
    bundle.shell('true').fails('linux.resources.memory.limit')


def test_i15_mappings_are_counted(runtime, bundle):
    """I15: more mappings than the kernel takes are refused before anything is made or sent."""
    bundle.namespace('user')
    bundle.linux['uidMappings'] = bundle.linux['gidMappings'] = [{'containerID': i, 'hostID': 100000 + i, 'size': 1} for i in range(10000)]
    bundle.shell('true').fails('linux.uidMappings: more than 340 mappings')
    assert not os.path.exists(runtime.root)
