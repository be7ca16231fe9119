"""The short campaign: a few kinds of fault on the real stack, from a seed. `make chaos` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.contract.status import HEARTBEAT
from tests.chaos.campaign import run
from tests.chaos.faults import FAULTS
from tests.chaos.faults.fault import Fault
from tests.parts import require_binary

SEED = 4
SHORT = [fault for fault in FAULTS if fault.short]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", SHORT, ids=lambda fault: fault.name)
async def test_nothing_lost_and_nothing_sent_twice(fault: Fault, tmp_path: Path) -> None:
    for program in ("mosquitto", "mosquitto_sub", "mosquitto_pub", "chromium-headless-shell"):
        require_binary(program, program)
    print(f"seed {SEED}")
    row = await run(fault, 1, SEED, tmp_path)
    assert row.is_kept, (tmp_path / "evidence").read_text()
    assert row.times == 1
    assert row.verdict.messages > 0
    assert row.verdict.commands > 0
    assert all(claim < HEARTBEAT for claim in row.claims)
