"""Pauses grow to their limit and are spread by their jitter."""

from __future__ import annotations

import math

import pytest

from bridge.contract.backoff import Backoff


def test_pauses_grow_by_the_factor_up_to_the_limit() -> None:
    assert [Backoff(0.5, 8).pause(failures) for failures in range(1, 8)] == [0.5, 1, 2, 4, 8, 8, 8]
    assert [Backoff(1, 100, factor=3).pause(failures) for failures in range(1, 6)] == [1, 3, 9, 27, 81]
    assert Backoff(0.5, 8).pause(10_000) == 8


@pytest.mark.parametrize(("jitter", "lowest"), [(0.0, 4.0), (0.5, 2.0), (1.0, 0.0)])
def test_the_jitter_is_the_share_that_is_drawn(jitter: float, lowest: float) -> None:
    backoff = Backoff(1, 60, jitter=jitter)
    assert math.isclose(backoff.pause(3, 0.0), lowest)
    assert math.isclose(backoff.pause(3, 1.0), 4.0)
    assert backoff.pause(3, 0.5) == (lowest + 4) / 2
