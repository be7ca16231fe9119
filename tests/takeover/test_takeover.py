"""The short form of `make takeover`: real processes, a shorter lease, one login."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos.rig import until
from tests.parts import require_binary
from tests.takeover.rig import NAMES, Pair

#: The product's times, shorter by so much that the clean end of a browser still fits.
SHARE = 0.25


@pytest.mark.timeout(180)
async def test_a_frozen_owner_loses_its_browser_in_time_and_gets_its_session_back(tmp_path: Path) -> None:
    """SIGSTOP past the lease. The standby has no login, so it does not take over."""
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    async with Pair(tmp_path, SHARE, clocks=(0.0, 3600.0), logins=1) as pair:
        owner, standby = (pair.bridges[name] for name in NAMES)
        owner.freeze()
        await until(lambda: not pair.connected_devices(), 30, "the watchdog ends the browser")
        await asyncio.sleep(21 * SHARE)
        assert "standby (login_missing)" in standby.log.read_text()
        assert not pair.connected_devices()
        owner.wake()
        await until(pair.connected_devices, 60, "the owner has its session again")
        assert "scan_qr" not in standby.log.read_text()
