"""A session moves with its login to a bridge that has none, by the two commands that the operator types."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.chaos.rig import SESSION
from tests.takeover.rig import NAMES, Pair, SharingBridge


async def _wa(bridge: SharingBridge, *arguments: str) -> tuple[int, str]:
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


async def move(folder: Path) -> float:
    """Returns the seconds in which both bridges were connected. Raises AssertionError if the session did not move."""
    async with Pair(folder, logins=1) as pair:
        first, second = (pair.bridges[name] for name in NAMES)
        archive = folder / "moved.tar.gz"
        moving = asyncio.create_task(_wa(first, "session", "move", SESSION, second.name, "-o", str(archive)))
        while not archive.exists():
            assert not moving.done(), moving.result()
            await asyncio.sleep(0.1)
        code, output = await _wa(second, "restore", str(archive), "--session", SESSION, "--yes")
        assert code == 0, output
        code, output = await moving
        print(output, flush=True)
        assert code == 0, output
        assert f"{SESSION} runs on {second.name}" in output, output
        assert not (first.data_dir / "sessions" / SESSION / "profile").exists()
        assert len(pair.world.linking.devices) == 1, "paired again"
        return pair.overlap
