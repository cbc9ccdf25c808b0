"""SELinux labels of a container's process and files; on kernels that have SELinux with a policy (tests/vm/run --selinux)."""
import os, time
import pytest

pytestmark = pytest.mark.skipif(not os.path.exists('/sys/fs/selinux/class/process'),
                                reason='no SELinux here')
PROCESS, OTHER = 'system_u:system_r:svirt_t:s0:c1,c2', 'system_u:system_r:svirt_t:s0:c3,c4'
FILE = 'system_u:object_r:svirt_image_t:s0:c1,c2'


def test_selinux_label_is_applied_to_run_and_exec(runtime, bundle):
    bundle.process['selinuxLabel'] = PROCESS
    assert bundle.output('cat /proc/self/attr/current') == f'{PROCESS}\0'
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    with open(f'/proc/{runtime.state(c)["pid"]}/attr/current') as f:
        assert f.read() == f'{PROCESS}\0'
    assert runtime('exec', c, 'cat', '/proc/self/attr/current').stdout == f'{PROCESS}\0'
    assert runtime('exec', '--process-label', OTHER, c, 'cat', '/proc/self/attr/current').stdout == f'{OTHER}\0'


@pytest.mark.parametrize('command', ['run', 'create'])
def test_selinux_label_with_no_new_privileges(runtime, bundle, command):
    bundle.process.update(selinuxLabel=PROCESS, noNewPrivileges=True)
    if command == 'run':
        assert bundle.output('cat /proc/self/attr/current') == f'{PROCESS}\0'
        return
    bundle.process['args'] = ['sleep', '100']
    c = runtime.id()
    with open(os.devnull, 'w') as null:
        runtime('create', '--bundle', bundle.path, c, bundle=bundle, stdout=null, stderr=null)
        runtime('start', c)
    with open(f'/proc/{runtime.state(c)["pid"]}/attr/current') as f:
        assert f.read() == f'{PROCESS}\0'


def test_selinux_mount_label_is_the_context_of_file_systems(runtime, bundle):
    bundle.linux['mountLabel'] = FILE
    bundle.config['mounts'].append({'destination': '/own', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['size=1m']})
    mounts = [line.split() for line in bundle.output('cat /proc/mounts').splitlines()]
    labelled = {m[1] for m in mounts if FILE in m[3]}
    assert labelled == {'/dev', '/dev/pts', '/dev/shm', '/own'}
    bundle.shell('echo > /own/file; sleep 100')
    c = runtime.start(bundle)
    root = f'/proc/{runtime.state(c)["pid"]}/root'
    while not os.path.exists(f'{root}/own/file'):
        time.sleep(0.01)
    for name in ('own/file', 'dev/mqueue'):
        assert os.getxattr(f'{root}/{name}', 'security.selinux') == FILE.encode() + b'\0'


@pytest.mark.parametrize('label', ['nonsense', 'system_u:system_r:no_such_type:s0', 'system_u:system_r:svirt_t:s0:c5000'])
def test_selinux_unknown_labels_are_refused(runtime, bundle, label):
    bundle.process['selinuxLabel'] = label
    bundle.shell('true').fails(f'process.selinuxLabel: "{label}"')
    del bundle.process['selinuxLabel']
    bundle.linux['mountLabel'] = label
    bundle.shell('true').fails(f'linux.mountLabel: "{label}"')
    del bundle.linux['mountLabel']
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    refused = runtime('exec', '--process-label', label, c, 'true', check=False)
    assert refused.returncode != 0 and f'process.selinuxLabel: "{label}"' in refused.stderr
