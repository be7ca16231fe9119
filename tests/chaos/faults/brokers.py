"""The broker dies and comes back: with its memory, with none, and under a configuration that keeps nothing."""

from __future__ import annotations

import asyncio

from tests.chaos.faults.fault import Fault, Scene


class BrokerKilled(Fault):
    """`kill -9` of mosquitto with the shipped configuration."""

    name = "mosquitto: kill -9, our configuration"
    short = True

    async def strike(self, scene: Scene) -> float | None:
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        scene.rig.broker.kill()
        await asyncio.sleep(scene.rng.uniform(0, 2.0))
        scene.rig.broker.start()
        return None


class BrokerForgets(Fault):
    """`kill -9` of mosquitto, started again empty, while commands wait in the clients."""

    name = "mosquitto: kill -9, started again empty"

    async def strike(self, scene: Scene) -> float | None:
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        scene.rig.broker.kill()
        scene.rig.broker.forget()
        await asyncio.sleep(scene.rng.uniform(0.5, 2.0))
        scene.rig.broker.start()
        return None


class BareBroker(Fault):
    """`kill -9` of mosquitto without a configuration: it keeps nothing of what it acknowledged."""

    name = "mosquitto: kill -9, its default configuration"

    async def strike(self, scene: Scene) -> float | None:
        """See the base. The first time only brings it under that configuration."""
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        scene.rig.broker.kill()
        scene.rig.broker.bare = True
        scene.rig.broker.start()
        return None
