# SPDX-License-Identifier: Apache-2.0
"""Runs last: every operation of the route table must have been reached by some test of this suite."""
import pathlib

import pytest

from harness import client, openapi


def test_every_operation_was_reached(request):
    files = {pathlib.Path(item.fspath).name for item in request.session.items}
    if files != {p.name for p in pathlib.Path(__file__).parent.glob("test_*.py")}:
        pytest.skip("only a part of the suite runs")
    table = openapi.Description(openapi.generated())
    own = table.paths
    reached = {(method.lower(), table.operation(method, path)[0]) for method, path in client.reached}
    missing = [f"{method.upper()} {path}" for path, methods in own.items() for method in methods if (method, path) not in reached]
    assert not missing
