"""WhatsApp's side fails: the link, the login, the answers."""

from __future__ import annotations

import asyncio
import time

from bridge.client import connect
from bridge.sandbox.records import BlockReason, TransmissionMode
from tests.chaos.faults.browsers import scan
from tests.chaos.faults.fault import Fault, Scene
from tests.chaos.rig import SESSION, until


class LinkDown(Fault):
    """The link to WhatsApp is down for some time, with traffic in both directions."""

    def __init__(self, name: str, shortest: float, longest: float, *, short: bool = False) -> None:
        self.name = f"WhatsApp: link down for {name}"
        self.short = short
        self._range = shortest, longest

    async def inject(self, scene: Scene) -> float | None:
        scene.rig.world.set_link(up=False)
        down = time.monotonic()
        await asyncio.sleep(scene.rng.uniform(*self._range))
        scene.rig.world.set_link(up=True)
        return down


class LoggedOut(Fault):
    """The owner unlinks the device on the phone and links it again."""

    name = "WhatsApp: logged out by the phone"

    async def inject(self, scene: Scene) -> float | None:
        linking = scene.rig.world.linking
        linking.log_out(next(iter(linking.devices)))
        down = time.monotonic()
        await asyncio.sleep(scene.rng.uniform(0, 2))
        await asyncio.wait_for(scan(scene), 60)
        return down


class Conflict(Fault):
    """WhatsApp Web is opened elsewhere; an admin takes the session back."""

    name = "WhatsApp: opened elsewhere"

    async def inject(self, scene: Scene) -> float | None:
        scene.rig.world.faults.replace()
        down = time.monotonic()
        await until(lambda: scene.load.samples[-1][1] == "conflict", 30, "conflict")
        async with connect(scene.rig.broker.url("admin"), name="chaos-admin") as admin:
            async for _ in admin.control(SESSION, "init"):
                pass
        return down


class Unavailable(Fault):
    """The service refuses connections (503) for some time."""

    name = "WhatsApp: service unavailable"

    async def inject(self, scene: Scene) -> float | None:
        scene.rig.world.faults.block(BlockReason.SERVICE_UNAVAILABLE)
        down = time.monotonic()
        await asyncio.sleep(scene.rng.uniform(0.5, 4.0))
        scene.rig.world.faults.block(None)
        return down


async def transmissions_fail(scene: Scene, mode: TransmissionMode, **settings: object) -> None:
    """Let every message of the next moments go wrong in this way."""
    world = scene.rig.world
    world.configure(world.state.settings.model_copy(update={"send_mode": mode, **settings}))
    await asyncio.sleep(scene.rng.uniform(0.5, 2.5))
    world.configure(world.state.settings.model_copy(update={"send_mode": TransmissionMode.NORMAL}))


class SendsFail(Fault):
    """Messages end with an error: refused by the service, failed before they left, or in the middle of it."""

    def __init__(self, name: str, mode: TransmissionMode, code: int = 403) -> None:
        self.name = f"WhatsApp: sends {name}"
        self._mode, self._code = mode, code

    async def inject(self, scene: Scene) -> float | None:
        await transmissions_fail(scene, self._mode, refusal_code=self._code)
        return None


class ReloadWithSends(Fault):
    """The site reloads its page while messages wait on the clock: the page marks them as failed."""

    name = "WhatsApp: page reloads, sends on the clock"
    short = True

    async def inject(self, scene: Scene) -> float | None:
        mode = scene.rng.choice((TransmissionMode.HOLD, TransmissionMode.LOSE_ANSWER))
        await transmissions_fail(scene, mode)
        scene.rig.world.faults.reload()
        return time.monotonic()


class AnswersLost(Fault):
    """The service accepts messages without an ack, then the link breaks."""

    name = "WhatsApp: acks lost"
    mode = TransmissionMode.LOSE_ANSWER

    async def inject(self, scene: Scene) -> float | None:
        await transmissions_fail(scene, self.mode)
        world = scene.rig.world
        world.set_link(up=False)
        down = time.monotonic()
        await asyncio.sleep(scene.rng.uniform(0.2, 1.0))
        world.set_link(up=True)
        return down


class SendsHeld(AnswersLost):
    """Messages are lost in transit to the service; the page keeps them until the link is up again."""

    name = "WhatsApp: sends lost in transit"
    mode = TransmissionMode.HOLD
