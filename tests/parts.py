"""Real parts that tests run against: found here, or the test is skipped by name (with CI set: it fails)."""

from __future__ import annotations

import os

import pytest

from bridge.ops.private_broker.private import find_program


def require_binary(name: str, package: str) -> str:
    """The program's path. A missing one skips the test and names the package to install; with CI set it fails."""
    found = find_program(name)
    if found is None:
        missing = f"{name} is not installed (Debian package: {package})"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found
