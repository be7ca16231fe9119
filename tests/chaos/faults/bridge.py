"""The bridge process is killed or terminated: at a random moment, at each step, during a send."""

from __future__ import annotations

import asyncio
import time

from tests.chaos.crash_points import Step
from tests.chaos.faults.fault import Fault, Scene
from tests.chaos.rig import until


class BridgeKilled(Fault):
    """`kill -9` at a random moment; restarted at once, as by a supervisor."""

    name = "bridge: kill -9 at any moment"
    short = True

    async def inject(self, scene: Scene) -> float | None:
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        scene.rig.bridge.kill()
        down = time.monotonic()
        await asyncio.sleep(scene.rng.choice((0, 0, 1.0)))
        scene.rig.bridge.start()
        return down


class BridgeKilledAt(Fault):
    def __init__(self, step: Step, *, short: bool = False) -> None:
        self.name = f"bridge: kill -9, {step}"
        self.short = short
        self._step = step

    async def inject(self, scene: Scene) -> float | None:
        await asyncio.sleep(scene.rng.uniform(0, 0.5))
        if not await scene.rig.bridge.crashes_at(self._step):
            raise AssertionError(f"the bridge did not reach: {self._step}")
        down = time.monotonic()
        scene.rig.bridge.start()
        return down


class BridgeTerminated(Fault):
    """SIGTERM under load, therefore during sends."""

    name = "bridge: SIGTERM in the middle of sends"

    async def inject(self, scene: Scene) -> float | None:
        await asyncio.sleep(scene.rng.uniform(0, 0.5))
        code = await scene.rig.bridge.terminate()
        down = time.monotonic()
        if code:
            raise AssertionError(f"the bridge ended with {code}")
        scene.rig.bridge.start()
        return down


class TwoBridges(Fault):
    """A second bridge on the same data directory, and one on another directory for the same session."""

    name = "two bridges for one session"

    async def inject(self, scene: Scene) -> float | None:
        """Neither may open a browser, and the first must keep running."""
        same = scene.rig.second_bridge()
        same.start()
        if await same.ended(30) == 0:
            raise AssertionError("a second bridge ran on the same data directory")
        other = scene.rig.second_bridge(scene.rig.folder / "second" / "data")
        other.start()
        try:
            log = other.folder / "bridge.log"
            await asyncio.sleep(scene.rng.uniform(3, 6))
            if other.browsers() or not log.exists():
                raise AssertionError("a second bridge opened a browser for an owned session")
        finally:
            await other.terminate()
        return None


class ClockJumps(Fault):
    """The machine's clock jumps ten minutes forward or back for some seconds."""

    name = "clock jumps by ten minutes"

    async def inject(self, scene: Scene) -> float | None:
        scene.rig.bridge.clock.write_text(scene.rng.choice(("600", "-600")))
        await asyncio.sleep(scene.rng.uniform(1, 3))
        scene.rig.bridge.clock.unlink()
        await until(lambda: scene.load.samples, 1, "samples")
        return None
