"""What tests of several parts share."""

from __future__ import annotations

import pytest

from tests.clocks import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
