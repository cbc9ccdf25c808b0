"""Positive controls: each test of the threat catalogue, run again on a runtime that lacks the defence, has to fail.

`minato-runtime-weak` is the product's object files with one function replaced (tests/weak); where a public runtime is known to be
bad, that is the control. The same tests pass on it when nothing is taken out."""
import os, re, shutil, subprocess, sys
import pytest
from conftest import TOP

WEAK = f'{TOP}/build/tests/weak/minato-runtime-weak'
THREATS, SPEC = 'test_threats.py::test_', 'test_spec.py::test_'
CONTROLS = [
    # row, what is taken out, the test that notices
    ('A1', 'null', THREATS + 'a1_mask_does_not_use_the_images_dev_null[volume]'),
    ('A2', 'paths', THREATS + 'a2_terminal_of_another_devpts'),
    ('A3', 'paths', THREATS + 'a3_dev_is_a_link'),
    ('A4', 'paths', THREATS + 'a4_console_is_a_link'),
    ('A5', 'paths', THREATS + 'a5_proc_is_a_link[sys-tmp]'),
    ('A5', 'procfs', THREATS + 'a5_nothing_is_mounted_inside_proc[/proc/sys]'),
    ('A6', 'paths', THREATS + 'a6_links_in_destinations_stay_inside[]'),
    ('A7', 'paths', THREATS + 'a6_racing_renames'),
    ('A8', 'cwd', THREATS + 'a8_working_directory_through_a_link'),
    ('A10', 'readonly', THREATS + 'a10_cgroups_are_read_only'),
    ('A11', 'propagation', THREATS + 'a11_mounts_do_not_leak'),
    ('A12', 'pivot', THREATS + 'a12_the_old_root_is_gone'),
    ('A13', 'recursive', SPEC + 'a13_recursive_readonly'),
    ('A14', 'source', THREATS + 'a14_source_is_resolved_once'),
    ('B1', 'binary', THREATS + 'b1_the_runtime_cannot_be_overwritten'),
    ('B2', 'descriptors', THREATS + 'b2_inherited_descriptors_are_closed'),
    ('B3', 'dumpable', THREATS + 'b3_joining_processes_cannot_be_looked_into'),
    ('B3', 'dumpable', THREATS + 'b3_members_of_a_pod_cannot_be_looked_into'),
    ('B4', 'capabilities', SPEC + 'b4_b5_credentials'),
    ('B5', 'groups', SPEC + 'b4_b5_credentials'),
    ('B6', 'numbers', THREATS + 'b6_users_of_exec[root]'),
    ('B7', 'passwd', THREATS + 'b7_passwd_of_the_image'),
    ('B10', 'ps', THREATS + 'b10_ps_executes_nothing_of_the_container'),
    ('B11', 'pid_key', THREATS + 'b11_a_process_id_that_is_another_process'),
    ('B12', 'session', THREATS + 'b12_no_controlling_terminal_of_the_host'),
    ('B13', 'privileges', SPEC + 'no_new_privileges'),
    ('B14', 'seccomp', THREATS + 'b14_default_profile'),
    ('B15', 'sysctls', SPEC + 'b15_sysctl_of_the_host'),
    ('B17', 'devices', SPEC + 'b17_device_access'),
    ('I1', 'limits', SPEC + 'pids_limit'),
    ('I7', 'numbers', THREATS + 'i7_lists_are_bounded[memoryPolicy-0-20000000]'),
    ('I8', 'keyring', THREATS + 'i8_keyrings_and_terminals_are_given_back'),
    ('I14', 'numbers', THREATS + 'i14_numbers_do_not_wrap[9223372036854775808]'),
    ('I15', 'mappings', THREATS + 'i15_mappings_are_counted'),
]
NODES = sorted({node for _, _, node in CONTROLS})


def own_session_keyring():
    """What a weakness leaves in it is gone with the process."""
    import ctypes
    ctypes.CDLL(None).syscall({'x86_64': 250, 'aarch64': 219}[os.uname().machine], 1, None)  # keyctl(KEYCTL_JOIN_SESSION_KEYRING)


def outcome(nodes, runtime, weakness=''):
    """How many of the tests failed on that runtime (a canary is looked at when a test is over), how many passed, the text."""
    env = {**os.environ, 'MINATO_RUNTIME': runtime, 'MINATO_WEAK': weakness, 'PYTHONDONTWRITEBYTECODE': '1'}
    done = subprocess.run([sys.executable, '-m', 'pytest', '-q', '--tb=short', '-p', 'no:cacheprovider',
                           *(f'{TOP}/tests/runtime/{node}' for node in nodes)], env=env, capture_output=True, text=True, timeout=120,
                          preexec_fn=own_session_keyring)
    count = lambda word: sum(int(n) for n in re.findall(rf'(\d+) {word}', done.stdout.splitlines()[-1]))
    return count('failed') + done.stdout.count('ERROR at teardown'), count('passed'), done.stdout


@pytest.fixture
def weak(tmp_path):
    """A copy: one of the weaknesses is that it can be overwritten."""
    if os.geteuid():
        pytest.skip('needs root')
    if not os.path.exists(WEAK):
        pytest.skip('not built: this build has sanitizers or fuzzers')
    return shutil.copy(WEAK, tmp_path / 'weak')


def test_with_nothing_taken_out_they_pass(weak):
    failed, passed, text = outcome(NODES, str(weak))
    assert failed == 0 and passed >= len(NODES), text


@pytest.mark.parametrize('row,weakness,node', CONTROLS, ids=[f'{row}-{weakness}' for row, weakness, _ in CONTROLS])
def test_control(weak, row, weakness, node):
    failed, _, text = outcome([node], str(weak), weakness)
    assert failed >= 1, f'{row}: {node} does not notice that "{weakness}" is missing\n{text}'


@pytest.mark.parametrize('row,program,version,node', [
    # before its CVE-2026-41579 was mended it makes and removes files of the host behind a link /dev
    ('A3', 'runc', ' 1.1.5', 'a3_dev_is_a_link'),
    ('A15', 'runc', '', 'a15_no_checkpoint'),  # has both commands
    ('B8', 'crun', '', 'b8_nothing_of_the_image_is_loaded'),  # has a loader
])
def test_control_by_a_public_runtime(row, program, version, node):
    path = shutil.which(program)
    if not path or version not in subprocess.run([path, '--version'], capture_output=True, text=True).stdout:
        pytest.skip(f'no {program}{version}')
    failed, _, text = outcome([THREATS + node], path)
    assert failed >= 1, f'{row}: {text}'
