"""Programs that tests need: if one is missing, the test is skipped, or fails if CI is set."""

from __future__ import annotations

import os

import pytest

from bridge.ops.private_broker.private import find_program


def require_binary(name: str, package: str) -> str:
    """The program's path. If it is missing, the test is skipped (with CI set: fails) and names the package."""
    found = find_program(name)
    if found is None:
        missing = f"{name} is not installed (Debian package: {package})"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found
