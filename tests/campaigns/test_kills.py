"""A short campaign with every part killed once, on the real stack. `make kills` runs the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.kill_run import KillRun, check
from tests.parts import require_binary


@pytest.mark.timeout(240)
async def test_each_recipient_exactly_once_or_named_unknown(tmp_path: Path) -> None:
    for program in ("mosquitto", "chromium-headless-shell"):
        require_binary(program, program)
    run = KillRun(tmp_path, total=60, rounds=1, seed=3)
    view = await run.run()
    check(run, view)
    assert dict(run.killed) == {"campaigns": 1, "bridge": 1, "broker": 1, "browser": 1}
    assert view["sent"] > 50
