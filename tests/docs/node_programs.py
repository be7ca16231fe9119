"""Node.js and the packages that `scripts/setup --tests` installs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

FOLDER = Path(__file__).with_name("node")
MODULES = FOLDER / "node_modules"


def require_node() -> str:
    """The path of Playwright's node, which is newer than the system's.

    Missing packages skip the test, or fail it if CI is set.
    """
    if not (MODULES / ".made-from").exists():
        missing = "the packages of tests/docs/node are not installed: scripts/setup --tests"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    node, _ = compute_driver_executable()
    return str(node)
