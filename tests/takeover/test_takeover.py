"""The short form of `make takeover`: real processes, a shorter lease."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.chaos.rig import SESSION
from tests.parts import require_binary
from tests.takeover.faults import owner_frozen
from tests.takeover.rig import NAMES, Pair, SharingBridge

#: The product's times, shorter by so much that the clean end of a browser still fits.
SHARE = 0.25


async def wa(bridge: SharingBridge, *arguments: str) -> tuple[int, str]:
    """Run a command beside a bridge; returns exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge.cli", *arguments),
        cwd=Path(__file__).parents[2],
        env=bridge.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.timeout(120)
async def test_a_frozen_owner_is_followed_and_does_not_come_between_when_it_wakes(tmp_path: Path) -> None:
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    async with Pair(tmp_path, SHARE, clocks=(0.0, 3600.0)) as pair:
        await owner_frozen(pair)
        assert pair.overlap == 0


@pytest.mark.timeout(120)
async def test_a_session_moves_with_its_login_to_a_bridge_without_one(tmp_path: Path) -> None:
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    async with Pair(tmp_path, SHARE, logins=1) as pair:
        first, second = (pair.bridges[name] for name in NAMES)
        moving = asyncio.create_task(
            wa(first, "session", "move", SESSION, second.name, "-o", str(tmp_path / "moved.tar.gz"))
        )
        while not (tmp_path / "moved.tar.gz").exists():
            assert not moving.done(), moving.result()
            await asyncio.sleep(0.1)
        code, output = await wa(second, "restore", str(tmp_path / "moved.tar.gz"), "--session", SESSION, "--yes")
        assert code == 0, output
        code, output = await moving
        assert code == 0, output
        assert f"{SESSION} runs on {second.name}" in output
        assert not (first.data_dir / "sessions" / SESSION / "profile").exists()
        assert pair.overlap == 0
        assert len(pair.world.linking.devices) == 1
