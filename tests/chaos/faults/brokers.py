"""The broker is killed and restarted: with its database, without it, and with a configuration that persists nothing."""

from __future__ import annotations

import asyncio

from tests.chaos.faults.fault import Fault, Scene


class BrokerKilled(Fault):
    """`kill -9` of mosquitto with the shipped configuration."""

    name = "mosquitto: kill -9, our configuration"
    short = True

    async def inject(self, scene: Scene) -> float | None:
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        scene.rig.broker.kill()
        await asyncio.sleep(scene.rng.uniform(0, 2.0))
        scene.rig.broker.start()
        return None


class BrokerForgets(Fault):
    """`kill -9` of mosquitto, restarted without its database, while commands wait in the clients."""

    name = "mosquitto: kill -9, restarted empty"

    async def inject(self, scene: Scene) -> float | None:
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        scene.rig.broker.kill()
        scene.rig.broker.forget()
        await asyncio.sleep(scene.rng.uniform(0.5, 2.0))
        scene.rig.broker.start()
        return None


class UnconfiguredBroker(Fault):
    """`kill -9` of mosquitto with its default configuration: it loses what it has acknowledged."""

    name = "mosquitto: kill -9, its default configuration"

    async def inject(self, scene: Scene) -> float | None:
        """The first injection only switches to that configuration."""
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        scene.rig.broker.kill()
        scene.rig.broker.bare = True
        scene.rig.broker.start()
        return None
