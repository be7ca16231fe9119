"""Browser and page crash, hang or reload."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress

import psutil

from bridge.sandbox.linked_devices import CodeNotShown
from tests.chaos.faults.fault import Fault, Scene
from tests.chaos.rig import login_is_written, until


async def signal_processes(scene: Scene, kind: str, number: signal.Signals) -> float:
    """Send a signal to Chromium's processes of a kind, once there is one; returns the time (monotonic)."""
    await until(lambda: bool(scene.rig.bridge.browsers(kind)), 60, f"a process {kind or 'browser'}")
    for process in scene.rig.bridge.browsers(kind):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    return time.monotonic()


class BrowserKilled(Fault):
    """`kill -9` of Chromium."""

    name = "browser: kill -9"
    short = True

    async def inject(self, scene: Scene) -> float | None:
        await login_is_written(scene.rig.world)
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        return await signal_processes(scene, "", signal.SIGKILL)


class RendererKilled(Fault):
    """`kill -9` of the page's process."""

    name = "renderer: kill -9"

    async def inject(self, scene: Scene) -> float | None:
        await login_is_written(scene.rig.world)
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        return await signal_processes(scene, "renderer", signal.SIGKILL)


class PageHangs(Fault):
    """The page's process is stopped and never continues."""

    name = "page hangs"

    async def inject(self, scene: Scene) -> float | None:
        await login_is_written(scene.rig.world)
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        return await signal_processes(scene, "renderer", signal.SIGSTOP)


class PageReloads(Fault):
    """The site reloads its page during a burst: messages arrive before the hook is installed."""

    name = "page reloads, messages before the hook"

    async def inject(self, scene: Scene) -> float | None:
        await asyncio.sleep(scene.rng.uniform(0, 0.5))
        scene.rig.world.faults.reload()
        down = time.monotonic()
        for number in range(40):
            scene.load.contact_writes(f"burst {down} {number}")
            await asyncio.sleep(0.05)
        return down


class KilledWhilePairing(Fault):
    """Logged out by the phone; the browser is killed while the QR code is shown; then the code is scanned."""

    name = "logged out, browser killed while pairing"

    async def inject(self, scene: Scene) -> float | None:
        linking = scene.rig.world.linking
        linking.log_out(next(iter(linking.devices)))
        down = time.monotonic()
        await until(lambda: any(slot.ref for slot in linking.slots.values()), 60, "a QR code")
        if scene.rng.random() < 0.7:
            shown = set(linking.slots)
            await signal_processes(scene, "", signal.SIGKILL)
            await until(lambda: set(linking.slots) - shown, 60, "a QR code of the next browser")
        await scan(scene)
        return down


async def scan(scene: Scene) -> None:
    """Scan the QR code as soon as it is shown."""
    while True:
        try:
            scene.rig.world.linking.scan()
        except CodeNotShown:
            await asyncio.sleep(0.1)
        else:
            return
