"""The network between bridge and broker: cut, slow, half open."""

from __future__ import annotations

import asyncio
import time

from tests.chaos.faults.fault import Fault, Scene


class NetworkCut(Fault):
    """Every connection is reset."""

    name = "network: connections reset"
    short = True

    async def inject(self, scene: Scene) -> float | None:
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        scene.rig.network.cut()
        return None


class NetworkSlow(Fault):
    """Each packet takes up to half a second."""

    name = "network: slow"

    async def inject(self, scene: Scene) -> float | None:
        scene.rig.network.delay = scene.rng.uniform(0.1, 0.5)
        await asyncio.sleep(scene.rng.uniform(2, 4))
        scene.rig.network.delay = 0.0
        return None


class NetworkHalfOpen(Fault):
    """No packet passes and no connection is closed; half of the time for longer than the keepalive."""

    name = "network: half open"

    async def inject(self, scene: Scene) -> float | None:
        scene.rig.network.freeze()
        down = time.monotonic()
        await asyncio.sleep(scene.rng.choice((scene.rng.uniform(2, 6), scene.rng.uniform(16, 22))))
        if scene.rng.random() < 0.5:
            scene.rig.network.cut()
        scene.rig.network.thaw()
        return down
