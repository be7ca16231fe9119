"""The promised figures, leniently: a machine that is busy with other things must not fail, a fault of ours must.

`python -m bench.facade` measures them in earnest.
"""

from __future__ import annotations

import pytest

from bench import facade


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.app.host.OWNERSHIP_PATIENCE", 0.05)


async def test_sends_are_accepted_by_the_hundred() -> None:
    # The 40 ms of a delayed ACK, which a socket without TCP_NODELAY waits for, would make it 250.
    assert await facade.measure_sends(800) > 300


async def test_listeners_that_hang_cost_the_others_nothing() -> None:
    # Each message would come 5 s late if the listeners were posted to one after the other.
    assert await facade.measure_webhooks(listeners=30, hanging=3, messages=10) < 2_000
