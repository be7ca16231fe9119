"""A short day of a small shop, with a wrong clock, small packets and slow posts at once; `day` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mariadb_server import MariaDbServer
from tests.responder.day import run


@pytest.mark.timeout(240)
@pytest.mark.parametrize("webhook", [False, True], ids=["broker", "webhooks"])
async def test_a_day_loses_nothing_and_answers_nothing_twice(tmp_path: Path, *, webhook: bool) -> None:
    with MariaDbServer(tmp_path / "maria") as database:  # its own: its limit is changed
        day = await run(tmp_path / "day", database, webhook=webhook, people=3, hour=0.1, delay=0.1)
    assert len(day.waits) > 20
