"""A session moves with its login to a bridge that has none, by the two commands that the operator types."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.chaos.rig import SESSION
from tests.forked import CompletedCommand, run_forked
from tests.takeover.rig import NAMES, Pair, SharingBridge


async def _wa(bridge: SharingBridge, *arguments: str) -> CompletedCommand:
    return await run_forked(arguments, bridge.environment, bridge.folder, limit=300)


async def move(folder: Path) -> float:
    """Returns the seconds in which both bridges were connected. Raises AssertionError if the session did not move."""
    async with Pair(folder, logins=1) as pair:
        first, second = (pair.bridges[name] for name in NAMES)
        archive = folder / "moved.tar.gz"
        moving = asyncio.create_task(_wa(first, "session", "move", SESSION, second.name, "-o", str(archive)))
        while not archive.exists():
            assert not moving.done(), moving.result()
            await asyncio.sleep(0.1)
        restored = await _wa(second, "restore", str(archive), "--session", SESSION, "--yes")
        assert restored.code == 0, restored
        moved = await moving
        print(moved.out, flush=True)
        assert moved.code == 0, moved
        assert f"{SESSION} runs on {second.name}" in moved.out, moved
        assert not (first.data_dir / "sessions" / SESSION / "profile").exists()
        assert len(pair.world.linking.devices) == 1, "paired again"
        return pair.overlap
