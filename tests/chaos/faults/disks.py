"""The disk under the session is full, or takes nothing any more."""

from __future__ import annotations

import asyncio
import time

import psutil  # type: ignore[import-untyped]

from tests.chaos.faults.fault import Fault, Scene


class DiskRefuses(Fault):
    """Every write beyond a file's first bytes fails for some seconds (the limit on file sizes of the process)."""

    name = "disk: writes fail"

    async def strike(self, scene: Scene) -> float | None:
        """See the base."""
        await asyncio.sleep(scene.rng.uniform(0, 0.5))
        bridge = psutil.Process(scene.rig.bridge.pid)
        _, most = bridge.rlimit(psutil.RLIMIT_FSIZE)
        bridge.rlimit(psutil.RLIMIT_FSIZE, (100, most))
        down = time.monotonic()
        await asyncio.sleep(scene.rng.uniform(1, 4))
        bridge.rlimit(psutil.RLIMIT_FSIZE, (most, most))
        return down
