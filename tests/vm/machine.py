"""The virtual machine of the tests: a kernel, this host's "/" through virtiofs, and what is said on its serial line."""
import os, re, shutil, subprocess, time
from kernels import CACHE, skip

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VIRTIOFSD = '/usr/lib/qemu/virtiofsd'
PROGRAMS = {'qemu-system-x86_64': 'qemu-system-x86', VIRTIOFSD: 'qemu-system-common', '/lib/systemd/systemd': 'systemd',
            '/usr/bin/dbus-daemon': 'dbus', '/sbin/modprobe': 'kmod', '/sbin/apparmor_parser': 'apparmor'}
NOISE = re.compile(r'qemu-system-x86_64: warning: TCG|\s*(\[?\x1b|$)|Inserted module|Welcome to')


def need_programs():
    if os.geteuid() or os.uname().machine != 'x86_64':
        skip('needs root on x86_64')
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if missing:
        skip(f'not installed: {" ".join(missing)}')


def start_share(folder):
    """virtiofsd, once its socket is there."""
    if os.path.exists(f'{folder}/fs.sock'):
        os.unlink(f'{folder}/fs.sock')
    share = subprocess.Popen([VIRTIOFSD, f'--socket-path={folder}/fs.sock', '-o', 'source=/', '-o', 'cache=always', '-o', 'sandbox=chroot'],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not os.path.exists(f'{folder}/fs.sock'):
        if share.poll() is not None:
            skip('virtiofsd does not run here')
        time.sleep(0.02)
    return share


def arguments(folder, kernel, words, security='apparmor=1 security=apparmor', devices=()):
    """QEMU's command line. `folder`: of this run, seen inside as /images; `words`: for tests/vm/inside."""
    script, first = f'{TOP}/tests/vm/init', os.path.exists(f'{kernel}/initrd')  # the script of a first root takes the true one's as a word
    initrd = ['-initrd', f'{kernel}/initrd'] if first else []
    # -cx16: QEMU 7.2 emulates cmpxchg16b wrongly now and then, and the kernel does without.
    return ['qemu-system-x86_64', '-M', 'pc', '-accel', 'tcg,thread=multi', '-cpu', 'Haswell-v4,-cx16', '-smp', '2', '-m', '1536',
            '-object', 'memory-backend-memfd,id=m,size=1536M,share=on', '-numa', 'node,memdev=m', '-nodefaults', '-no-reboot',
            '-display', 'none', '-serial', 'stdio', '-chardev', f'socket,id=c,path={folder}/fs.sock',
            '-device', 'vhost-user-fs-pci,chardev=c,tag=rootfs', *devices, '-kernel', f'{kernel}/vmlinuz', *initrd, '-append',
            f'console=ttyS0 quiet loglevel=3 panic=-1 root=rootfs rootfstype=virtiofs ro cgroup_no_v1=all {security} systemd.show_status=0 '
            f'init={script} -- {script if first else ""} {TOP} {CACHE} {os.path.basename(kernel)} {folder} {",".join(words)}']


class Machine:
    """A running one. `lines` gives what it says, without the noise of its start, until it ends."""

    def __init__(self, folder, kernel, words, **options):
        self.share = start_share(folder)
        self.process = subprocess.Popen(arguments(folder, kernel, words, **options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors='replace')

    def lines(self):
        for line in self.process.stdout:
            if not NOISE.match(line):
                yield line.rstrip('\r\n')

    def kill(self):
        self.process.kill()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.share.terminate()
        self.share.wait()
