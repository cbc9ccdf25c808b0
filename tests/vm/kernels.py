"""Debian packages for the test machine, above all kernels, fetched once into a cache: from the source of packages that this machine is
configured with, and not installed."""
import os, re, shutil, subprocess, sys, tempfile

CACHE = os.environ.get('MINATO_VM_CACHE', os.path.expanduser('~/.cache/minato-vm'))
KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
# Suite and the folder of the cache. Bookworm's kernel, 6.1, is the oldest one that Minato is for.
KERNELS = {'trixie': 'kernel', 'bookworm': 'kernel-bookworm'}
POLICY_PACKAGES = ('selinux-policy-default', 'policycoreutils', 'libsemanage2', 'libsepol2')
POLICY_SETTINGS = '''module-store = direct
expand-check = 0
policy-version = 33
compiler-directory = {0}/usr/libexec/selinux/hll
[setfiles]
path = /bin/true
[end]
[sefcontext_compile]
path = /bin/true
[end]
'''
# What reaches the root where the kernel has it as modules.
ROOT_MODULES = ('virtio_pci', 'virtiofs')
FIRST_SCRIPT = '''#!/bin/sh
for module in /modules/*; do insmod "$module" || echo "vm: no $module"; done
mount -t virtiofs -o ro rootfs /root || { echo 'vm: no root'; echo 'vm: exit 1'; }
exec switch_root /root "$@"
'''


def skip(why):
    print(f'{os.path.relpath(sys.argv[0])}: skipped: {why}', file=sys.stderr)
    sys.exit(77)


def debian_source():
    """Where this machine gets Debian's packages from, as apt itself says it; security and updates live elsewhere."""
    rows = subprocess.run(['apt-get', '-o', 'APT::Get::IndexTargets::Filtered=false', 'indextargets', '--format',
                           '$(REPO_URI) $(ORIGIN) $(COMPONENT) $(RELEASE)', 'Created-By: Packages'],
                          capture_output=True, text=True).stdout.split('\n')
    for row in rows:
        words = row.split()
        if len(words) == 4 and words[1:3] == ['Debian', 'main'] and '-' not in words[3]:
            return words[0]
    skip('apt has no source of Debian packages')


class Suite:
    """One suite of Debian, with lists of its own below `folder`."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        for sub in ('lists/partial', 'cache/archives/partial', 'state', 'debs'):
            os.makedirs(f'{folder}/{sub}')
        with open(f'{folder}/sources.list', 'w') as f:
            f.write(f'deb [signed-by={KEYRING}] {debian_source()} {name} main\n')
        self.options = ['-o', f'Dir::Etc::sourcelist={folder}/sources.list', '-o', 'Dir::Etc::sourceparts=/dev/null', '-o',
                        f'Dir::State::lists={folder}/lists', '-o', f'Dir::Cache={folder}/cache', '-o', 'Acquire::Languages=none',
                        '-o', 'APT::Sandbox::User=root']
        if subprocess.run(['apt-get', *self.options, 'update', '-qq']).returncode:
            skip(f'the list of {name} cannot be fetched')

    def dependency(self, package, pattern):
        shown = subprocess.run(['apt-cache', *self.options, 'depends', package], capture_output=True, text=True).stdout
        found = re.search(f'Depends: ({pattern})', shown)
        return found[1] if found else skip(f'{self.name} has no {package}')

    def unpack(self, *packages):
        """The directory they are unpacked in."""
        if subprocess.run(['apt-get', *self.options, 'download', '-qq', *packages], cwd=f'{self.folder}/debs').returncode:
            skip(f'{" ".join(packages)} cannot be fetched')
        for deb in os.listdir(f'{self.folder}/debs'):
            subprocess.run(['dpkg-deb', '-x', f'{self.folder}/debs/{deb}', f'{self.folder}/x'], check=True)
        return f'{self.folder}/x'


def fetch_kernel(suite):
    """The directory that holds vmlinuz, lib/modules and, where it is needed, initrd."""
    kernel = f'{CACHE}/{KERNELS[suite]}'
    if os.path.exists(f'{kernel}/vmlinuz'):
        return kernel
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as d:
        packages = Suite(d, suite)
        x = packages.unpack(packages.dependency('linux-image-cloud-amd64', r'linux-image-[0-9]\S+'))
        modules = next(p for p in (f'{x}/usr/lib/modules', f'{x}/lib/modules') if os.path.isdir(p))
        release = os.listdir(modules)[0]
        os.makedirs(f'{d}/kernel/lib')
        os.rename(modules, f'{d}/kernel/lib/modules')
        subprocess.run(['/sbin/depmod', '-b', f'{d}/kernel', release], check=True)
        make_initrd(f'{d}/kernel', release)
        shutil.move(f'{x}/boot/vmlinuz-{release}', f'{d}/kernel/vmlinuz')
        os.rename(f'{d}/kernel', kernel)
    return kernel


def make_initrd(kernel, release):
    """A first root with busybox and the modules that reach the true one; none where the kernel has all of them built in."""
    shown = subprocess.run(['/sbin/modprobe', '-d', kernel, '-S', release, '-a', '--show-depends', *ROOT_MODULES],
                           capture_output=True, text=True, check=True).stdout
    modules = list(dict.fromkeys(re.findall(r'insmod (\S+)', shown)))
    if not modules:
        return
    files = {'init': (0o100755, FIRST_SCRIPT.encode()), 'bin/busybox': (0o100755, open('/bin/busybox', 'rb').read())}
    for folder in ('bin', 'modules', 'root'):
        files[folder] = 0o40755, b''
    for applet in ('sh', 'insmod', 'mount', 'switch_root', 'echo'):
        files[f'bin/{applet}'] = 0o120777, b'busybox'
    for order, module in enumerate(modules):
        files[f'modules/{order:02}-{os.path.basename(module)}'] = 0o100644, open(module, 'rb').read()
    with open(f'{kernel}/initrd', 'wb') as f:
        for number, name in enumerate([*sorted(files), 'TRAILER!!!']):  # a folder comes before what is in it
            mode, data = files.get(name, (0, b''))
            numbers = (number + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
            f.write(b'070701' + b''.join(b'%08x' % n for n in numbers) + name.encode() + b'\0')
            f.write(b'\0' * (-f.tell() % 4) + data)
            f.write(b'\0' * (-f.tell() % 4))


def fetch_policy():
    """The file with SELinux's policy, made of Debian's modules as its package would make it at installation."""
    policy = f'{CACHE}/selinux-policy'
    if os.path.exists(policy):
        return policy
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as d:
        x, root = Suite(d, 'bookworm').unpack(*POLICY_PACKAGES), f'{d}/root'
        os.makedirs(f'{root}/var/lib/selinux/default')
        shutil.copytree(f'{x}/etc/selinux/default', f'{root}/etc/selinux/default')
        with open(f'{root}/etc/selinux/config', 'w') as f:
            f.write('SELINUXTYPE=default\n')
        with open(f'{root}/etc/selinux/semanage.conf', 'w') as f:
            f.write(POLICY_SETTINGS.format(x))
        modules = f'{x}/usr/share/selinux/default'
        install = [word for module in os.listdir(modules) if module.endswith('.pp.bz2') for word in ('-i', f'{modules}/{module}')]
        subprocess.run([f'{x}/usr/sbin/semodule', '-n', '-p', root, '-s', 'default', '-X', '100', *install], check=True,
                       env={**os.environ, 'LD_LIBRARY_PATH': f'{x}/usr/lib/x86_64-linux-gnu'})
        shutil.move(f'{root}/etc/selinux/default/policy/policy.33', f'{d}/policy')
        os.rename(f'{d}/policy', policy)
    return policy
