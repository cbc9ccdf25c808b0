"""Without privileges: in the user namespace of somebody else than root, as rootless Podman runs us. No cgroup can be made there."""
import json, os, shutil, subprocess
import pytest
from conftest import RUNTIME

NOBODY = 65534


@pytest.fixture
def nobody(bundle):
    """Runs a script in a user and a mount namespace of nobody, in the bundle, with the runtime as $R."""
    shutil.copy(RUNTIME, f'{bundle.path}/runtime')
    bundle.mount('/dev/pts')['options'].remove('gid=5')  # there is only one group
    bundle.process['rlimits'] = []

    def run(script):
        bundle.save()
        subprocess.run(['chown', '-hR', f'{NOBODY}:{NOBODY}', bundle.path], check=True)
        start = ('mount --bind . /mnt && cd /mnt && exec setpriv --reuid={0} --regid={0} --clear-groups unshare --user --map-root-user --mount '
                 'sh -c "$0"').format(NOBODY)
        return subprocess.run(['unshare', '--mount', '--propagation', 'private', 'sh', '-c', start, f'R="./runtime --root /mnt/own"\n{script}'],
                              cwd=bundle.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                              env={'PATH': os.environ['PATH'], 'XDG_RUNTIME_DIR': '/mnt/xdg'})
    return run


@pytest.mark.parametrize('command', ['run --detach', 'create'])
def test_a_life_without_privileges(bundle, nobody, command):
    """Everything but what needs a cgroup; that there is none is said once."""
    bundle.process['args'] = ['sleep', '100']
    start = '$R start c;' if command == 'create' else ''
    done = nobody(f'''$R {command} c >out 2>err; cat err; {start}
        $R exec c sh -c 'id -u; id -g; tr -s " " </proc/self/uid_map; ls /sys/fs/cgroup; echo x >/dev/null && hostname'
        $R state c; $R pause c; $R kill c KILL; while $R state c | grep -q running; do sleep 0.05; done; $R delete c; ls own''')
    warning, *inside, state = done.stdout.splitlines()
    assert 'warning: linux.cgroupsPath: ' in warning and 'cannot be made' in warning
    assert inside == ['0', '0', f' 0 {NOBODY} 1', 'minato'] and json.loads(state)['status'] == 'running'
    assert done.stderr.count('\n') == 1 and 'pausing container' in done.stderr


@pytest.mark.parametrize('resources,field', [({'pids': {'limit': 5}}, 'pids.limit'), ({'memory': {'limit': 1 << 26}}, 'memory.limit')])
def test_a_limit_without_privileges(bundle, nobody, resources, field):
    """What cannot be kept is refused by its name, and nothing is left."""
    bundle.linux['resources'] = resources
    done = nobody('$R run c; echo $?; ls own')
    assert done.stdout == '1\n' and f'linux.resources.{field}' in done.stderr


def test_the_directory_of_its_state(bundle, nobody):
    bundle.process['args'] = ['sleep', '100']
    done = nobody('mkdir xdg; ./runtime run --detach c >out 2>&1; ls xdg/minato-runtime; ./runtime delete --force c; ls xdg/minato-runtime')
    assert (done.stdout, done.stderr) == ('c\n', '')


def test_more_groups_than_can_be(bundle, nobody):
    bundle.process['user']['additionalGids'] = [5]
    done = nobody('$R run c')
    assert done.returncode == 1 and 'process.user.additionalGids: operation not permitted' in done.stderr
