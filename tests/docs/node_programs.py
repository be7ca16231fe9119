"""Node.js, and the packages that `scripts/setup --tests` has put beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

FOLDER = Path(__file__).with_name("node")
MODULES = FOLDER / "node_modules"


def require_node() -> str:
    """The path of Playwright's node, newer than the system's, with the packages there.

    Missing ones skip the test; with CI set they fail it.
    """
    if not (MODULES / ".made-from").exists():
        missing = "the packages of tests/docs/node are not here: scripts/setup --tests"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    node, _ = compute_driver_executable()
    return str(node)
