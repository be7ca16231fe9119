"""The short campaign: one injection of some faults on one real stack, from a seed. `make chaos` is the long one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.contract.status import HEARTBEAT
from tests.chaos.campaign import run
from tests.chaos.faults import FAULTS
from tests.chaos.faults.fault import Fault, Scene
from tests.parts import require_binary

SEED = 4
#: Seconds in which mosquitto saves what it did. Two faults within them are two at once: of commands without an id, what
#: it kept while the bridge was away and delivered comes twice if it is killed then (RELIABILITY.md, "Not guaranteed").
SAVED = 6.0


class Sequence(Fault):
    """Injects each of the faults once, in order, one at a time."""

    name = "sequence"

    def __init__(self, *faults: Fault) -> None:
        self.remaining = list(faults)

    async def inject(self, scene: Scene) -> float | None:
        await asyncio.sleep(SAVED)
        return await self.remaining.pop(0).inject(scene)


@pytest.mark.timeout(300)
async def test_nothing_lost_and_nothing_sent_twice(tmp_path: Path) -> None:
    for program in ("mosquitto", "mosquitto_sub", "mosquitto_pub", "chromium-headless-shell"):
        require_binary(program, program)
    print(f"seed {SEED}")
    faults = Sequence(*(fault for fault in FAULTS if fault.short))
    times = len(faults.remaining)
    row = await run(faults, times, SEED, tmp_path)
    assert row.is_kept, (tmp_path / "evidence").read_text()
    assert (row.times, faults.remaining) == (times, [])
    assert row.verdict.messages > 50
    assert row.verdict.commands > 10
    assert all(seconds < HEARTBEAT for seconds in row.false_connected)
