# SPDX-License-Identifier: Apache-2.0
"""Threats R5: the disk is full from the k-th effect of an operation on. It fails with an error, or is done; nothing is left in
between, the daemon goes on, and with room again everything works. MINATO_TEST_CRASH_POINTS=all takes every k."""
import errno
import random

import pytest

from effects import FAIL, until
from test_crash_points import OPERATIONS, SEED, TAKES_ALL, clear, daemon, daemons_, set_up  # noqa: F401  (fixtures)

SOME = 3
NAMES = ["create", "create with everything", "start", "start with everything", "create network", "create volume", "rename",
         "remove", "remove volume", "tag"]


def attempt(daemon, step, at):
    method, path, body, query = step
    daemon.arm(at, FAIL, errno.ENOSPC, lasts=True)
    answer = daemon.request(method, path, body, query=query)
    daemon.wait_idle()
    daemon.disarm()
    assert not daemon.is_dead(), "a full disk has ended the daemon"
    return answer


@pytest.mark.parametrize("name", NAMES)
def test_full_from_every_effect_on(daemon, name):  # noqa: F811
    before, step, _ = OPERATIONS[name]
    was = set_up(daemon, before)
    assert attempt(daemon, step, 1 << 30).status < 300
    total, will_be = daemon.count, daemon.look()
    points = range(1, total + 1)
    if not TAKES_ALL:
        points = sorted(random.Random(f"{SEED} {name}").sample(points, min(SOME, total)))
    for at in points:
        set_up(daemon, before)
        answer = attempt(daemon, step, at)
        where = f"{name}, full from effect {at} of {total} ({daemon.last}), answered {answer.status} {answer.body[:200]}"
        found = daemon.look()
        assert found in ([will_be] if answer.status < 300 else [was, will_be]), f"{where}: found {found}"
        try:
            until(lambda: not daemon.orphans())
        except AssertionError:
            raise AssertionError(f"{where}: left {daemon.orphans()}") from None
    clear(daemon)
