"""The short campaign: one fault of some kinds on one real stack, from a seed. `make chaos` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.contract.status import HEARTBEAT
from tests.chaos.campaign import run
from tests.chaos.faults import FAULTS
from tests.chaos.faults.fault import Fault, Scene
from tests.parts import require_binary

SEED = 4


class InTurn(Fault):
    """The faults, one after the other."""

    name = "in turn"

    def __init__(self, *faults: Fault) -> None:
        self.left = list(faults)

    async def strike(self, scene: Scene) -> float | None:
        return await self.left.pop(0).strike(scene)


@pytest.mark.timeout(300)
async def test_nothing_lost_and_nothing_sent_twice(tmp_path: Path) -> None:
    for program in ("mosquitto", "mosquitto_sub", "mosquitto_pub", "chromium-headless-shell"):
        require_binary(program, program)
    print(f"seed {SEED}")
    faults = InTurn(*(fault for fault in FAULTS if fault.short))
    times = len(faults.left)
    row = await run(faults, times, SEED, tmp_path)
    assert row.is_kept, (tmp_path / "evidence").read_text()
    assert (row.times, faults.left) == (times, [])
    assert row.verdict.messages > 50
    assert row.verdict.commands > 10
    assert all(claim < HEARTBEAT for claim in row.claims)
