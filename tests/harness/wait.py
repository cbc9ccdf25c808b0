# SPDX-License-Identifier: Apache-2.0
import time


def until(condition, seconds=30):
    """Waits for a condition and gives what it gave; the time limit only tells a failure from a slow machine."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it does not come to pass"
        time.sleep(0.02)
    return value
