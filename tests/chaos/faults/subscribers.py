"""Subscribers that are slow or away; other subscribers must not be affected."""

from __future__ import annotations

import asyncio
import os
import signal

from bridge.ops.private_broker.child import tied_command
from tests.chaos.faults.fault import Fault, Scene
from tests.chaos.rig import SESSION, start
from tests.parts import require_binary


class SlowSubscriber(Fault):
    """A hundred more subscribers, one of which is stopped, and a burst."""

    name = "a slow subscriber among a hundred"

    async def inject(self, scene: Scene) -> float | None:
        program, broker = require_binary("mosquitto_sub", "mosquitto-clients"), scene.rig.broker
        command = tied_command(
            program,
            "-p",
            str(broker.port),
            "-u",
            "reader",
            "-P",
            broker.passwords["reader"],
            "-q",
            "1",
            "-t",
            f"wa/{SESSION}/in",
        )
        crowd = [start(command, scene.rig.folder / "crowd") for _ in range(100)]
        try:
            await asyncio.sleep(0.5)
            os.kill(crowd[0].pid, signal.SIGSTOP)
            for number in range(100):
                scene.load.contact_writes(f"crowd {scene.rng.random()} {number}")
            await asyncio.sleep(scene.rng.uniform(1, 3))
        finally:
            for process in crowd:
                process.kill()
            for process in crowd:
                process.wait()
        return None


class ReaderAway(Fault):
    """The reader with the cursor stops while 300 messages arrive (about an hour of traffic), then continues."""

    name = "the reader is away for 300 messages"

    async def inject(self, scene: Scene) -> float | None:
        await scene.load.stop_reading()
        for number in range(300):
            scene.load.contact_writes(f"away {scene.rng.random()} {number}")
        await asyncio.sleep(scene.rng.uniform(0.5, 2))
        scene.load.read()
        return None
