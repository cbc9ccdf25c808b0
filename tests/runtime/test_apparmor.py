"""AppArmor profiles of a container and of what is executed in it; on kernels that have AppArmor."""
import os, subprocess
import pytest
from conftest import shifted

pytestmark = pytest.mark.skipif(not os.path.isdir('/sys/kernel/security/apparmor') or not os.path.exists('/sbin/apparmor_parser'),
                                reason='no AppArmor here')


@pytest.fixture
def profile():
    name = f'minato-test-{os.getpid()}'
    text = f'profile {name} flags=(attach_disconnected,mediate_deleted) {{\n  file,\n  capability,\n  deny /tmp/forbidden rw,\n}}\n'
    subprocess.run(['/sbin/apparmor_parser', '--replace', '--skip-cache'], input=text, text=True, check=True)
    yield name
    subprocess.run(['/sbin/apparmor_parser', '--remove'], input=text, text=True, check=True)


def test_apparmor_profile_is_applied_to_run_and_exec(runtime, bundle, profile):
    bundle.process['apparmorProfile'] = profile
    script = 'cat /proc/self/attr/current; (echo x > /tmp/allowed) && echo wrote; (echo x > /tmp/forbidden) 2>/dev/null || echo denied'
    assert bundle.output(script) == f'{profile} (enforce)\nwrote\ndenied\n'
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    with open(f'/proc/{runtime.state(c)["pid"]}/attr/current') as f:
        assert f.read() == f'{profile} (enforce)\n'
    assert runtime('exec', c, 'cat', '/proc/self/attr/current').stdout == f'{profile} (enforce)\n'
    assert runtime('exec', '--apparmor', 'unconfined', c, 'cat', '/proc/self/attr/current').stdout == 'unconfined\n'


def test_apparmor_profile_with_no_new_privileges(bundle, profile):
    bundle.process.update(apparmorProfile=profile, noNewPrivileges=True)
    assert bundle.output('cat /proc/self/attr/current') == f'{profile} (enforce)\n'


def test_apparmor_unknown_profile_is_refused(runtime, bundle):
    bundle.process['apparmorProfile'] = 'no-such-profile'
    bundle.shell('true').fails('process.apparmorProfile: "no-such-profile"')
    del bundle.process['apparmorProfile']
    bundle.process['args'] = ['sleep', '100']
    c = runtime.start(bundle)
    refused = runtime('exec', '--apparmor', 'no-such-profile', c, 'true', check=False)
    assert refused.returncode != 0 and 'process.apparmorProfile: "no-such-profile"' in refused.stderr


def test_apparmor_profile_without_securityfs(runtime, bundle, profile):
    """Podman takes it away before it has a container with a user namespace made."""
    shifted(bundle)
    bundle.process['apparmorProfile'] = profile
    bundle.shell('cat /proc/self/attr/current').save()
    script = 'umount -l /sys/kernel/security && exec "$@"'
    done = subprocess.run(['unshare', '-m', 'sh', '-c', script, 'sh', runtime.program, '--root', runtime.root, 'run', '--bundle', bundle.path, runtime.id()],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stdout == f'{profile} (enforce)\n', done.stderr
