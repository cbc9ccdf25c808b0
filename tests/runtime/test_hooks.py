"""What failing hooks do, step by step of the specification's life cycle."""
import json, os, time
import pytest


def hook(bundle, name, script):
    path = f'{bundle.path}/{name}.sh'
    with open(path, 'w') as f:
        f.write(f'#!/bin/sh\n{script}\n')
    os.chmod(path, 0o755)
    return {'path': path}


@pytest.mark.parametrize('command', ['run', 'start'])
def test_poststart_that_fails_ends_the_container(runtime, bundle, command):
    """Step 9: an error, the container is stopped and destroyed, and the hooks after its end run."""
    log = f'{bundle.path}/log'
    bundle.config['hooks'] = {'poststart': [hook(bundle, 'bad', f'grep -q sleep /proc/$(sed "s/.*\\"pid\\":\\([0-9]*\\).*/\\1/")/cmdline '
                                                 f'&& echo runs already >> {log}; exit 3')],
                              'poststop': [hook(bundle, 'after', f'echo poststop >> {log}')]}
    bundle.process['args'] = ['sleep', '100']
    c = runtime.id()
    if command == 'run':
        failed = runtime('run', '--detach', '--bundle', bundle.path, c, bundle=bundle, check=False)
    else:
        with open(f'{bundle.path}/out', 'w') as out:
            runtime('create', '--bundle', bundle.path, c, bundle=bundle, stdout=out, stderr=out)
        failed = runtime('start', c, check=False)
    assert failed.returncode == 1 and 'hooks.poststart[0]' in failed.stderr
    assert open(log).read() == 'runs already\npoststop\n'
    assert os.listdir(runtime.root) == []


def test_poststop_that_fails_is_a_warning(bundle):
    """Step 13: the remaining hooks run all the same."""
    log = f'{bundle.path}/log'
    bundle.config['hooks'] = {'poststop': [hook(bundle, 'bad', 'exit 3'), hook(bundle, 'good', f'echo ran >> {log}')]}
    result = bundle.shell('exit 6').run(check=False)
    assert result.returncode == 6 and 'warning: hooks.poststop[0]' in result.stderr
    assert open(log).read() == 'ran\n'


@pytest.mark.parametrize('kind', ['prestart', 'createRuntime', 'createContainer'])
def test_a_hook_of_create_that_fails(runtime, bundle, kind):
    """Steps 3 to 5: an error, nothing is left, and the hooks after the end run since hooks have seen the container."""
    log = f'{bundle.path}/log'
    bundle.config['hooks'] = {'prestart': [], kind: [hook(bundle, 'bad', 'exit 3')], 'createRuntime': [], **{kind: [hook(bundle, 'bad', 'exit 3')]},
                              'poststop': [hook(bundle, 'after', f'echo poststop >> {log}')]}
    result = runtime('create', '--bundle', bundle.path, runtime.id(), bundle=bundle, check=False)
    assert result.returncode == 1 and f'hooks.{kind}[0]' in result.stderr
    assert open(log).read() == 'poststop\n' and os.listdir(runtime.root) == []


@pytest.mark.parametrize('command', ['run', 'start'])
@pytest.mark.parametrize('is_bad', [True, False])
def test_start_container_that_fails(runtime, bundle, command, is_bad):
    """Step 7: an error of `start` itself, the program never runs, the container is destroyed. One that succeeds is waited for."""
    log = f'{bundle.path}/log'
    with open(f'{bundle.root}/hook', 'w') as f:
        f.write(f'#!/bin/sh\nusleep 50000\necho hook >> /log\nexit {3 if is_bad else 0}\n')
    os.chmod(f'{bundle.root}/hook', 0o755)
    bundle.config['hooks'] = {'startContainer': [{'path': '/hook', 'env': ['PATH=/bin']}], 'poststop': [hook(bundle, 'after', f'echo poststop >> {log}')]}
    bundle.shell('echo program >> /log; sleep 100')
    c = runtime.id()
    with open(f'{bundle.path}/out', 'w') as out:
        done = runtime(*(('run', '--detach') if command == 'run' else ('create',)), '--bundle', bundle.path, c, bundle=bundle, check=False, stdout=out, stderr=out)
    if command == 'run':
        text = open(f'{bundle.path}/out').read()
    else:
        done = runtime('start', c, check=False)
        text = done.stderr
    inside = open(f'{bundle.root}/log').read
    if is_bad:
        assert done.returncode == 1 and 'hooks.startContainer[0]: "/hook" exited with status 3' in text
        assert inside() == 'hook\n' and os.listdir(runtime.root) == []
        assert open(log).read() == 'poststop\n'
    else:
        assert done.returncode == 0 and inside().startswith('hook\n')
        assert runtime.status(c) == 'running' and not os.path.exists(f'{runtime.root}/{c}/start.error')
        runtime('delete', '--force', c)
        assert open(log).read() == 'poststop\n'


@pytest.mark.parametrize('command', ['run', 'create'])
def test_a_hook_in_the_container_gets_the_pid_it_sees(runtime, bundle, command):
    """Without a pid namespace of its own that is the host's number."""
    bundle.linux['namespaces'] = [n for n in bundle.linux['namespaces'] if n['type'] != 'pid']
    bundle.config['hooks'] = {'createContainer': [hook(bundle, 'state', f'cat > {bundle.path}/state')]}
    bundle.process['args'] = ['sleep', '100']
    c = runtime.id()
    with open(f'{bundle.path}/out', 'w') as out:
        runtime(command, *(['--detach'] if command == 'run' else []), '--bundle', bundle.path, c, bundle=bundle, stdout=out, stderr=out)
    assert json.load(open(f'{bundle.path}/state'))['pid'] == runtime.state(c)['pid'] > 1
