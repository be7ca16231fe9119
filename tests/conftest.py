"""What tests of several parts share."""

from __future__ import annotations

import os

import pytest
from _pytest.terminal import TerminalReporter

from tests.clocks import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """In the repetition of `scripts/test`: name what failed beside other tests and passed alone."""
    if os.environ.get("WA_TEST_REPEATED") and (passed := terminalreporter.getreports("passed")):
        terminalreporter.section("flaky: failed beside other tests, passed alone", yellow=True)
        for report in passed:
            terminalreporter.write_line(f"FLAKY {report.nodeid}")
