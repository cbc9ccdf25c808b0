# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import daemon as daemons  # noqa: E402


@pytest.fixture
def daemon():
    """A daemon of the test's own, for it will be killed."""
    with daemons.Daemon() as running:
        answer = running.request("POST", "/images/load", daemons.starter_image().read_bytes())
        assert answer.status == 200
        yield running
