"""What tests of several parts share."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from tests.clocks import FakeClock

# Each start of Playwright compiles 7 MB of JavaScript: once for all tests, also of the programs that they start.
os.environ.setdefault("NODE_COMPILE_CACHE", str(Path(__file__).parents[1] / ".pytest_cache" / "node"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Without looks for garbage: the collection creates a million objects, and they stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()  # each later look takes less without them
        gc.enable()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """In the repetition of `scripts/test`: name what failed beside other tests and passed alone."""
    if os.environ.get("WA_TEST_REPEATED") and (passed := terminalreporter.getreports("passed")):
        terminalreporter.section("flaky: failed beside other tests, passed alone", yellow=True)
        for report in passed:
            terminalreporter.write_line(f"FLAKY {report.nodeid}")
