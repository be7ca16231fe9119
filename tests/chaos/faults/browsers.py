"""Browser and page die, hang, reload."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress

import psutil

from bridge.sandbox.linked_devices import CodeNotShown
from tests.chaos.faults.fault import Fault, Scene
from tests.chaos.rig import until

#: Seconds after which Chromium has written a new login to its profile. Killed before, it has to be paired again.
LOGIN_KEPT = 7.0


async def login_is_kept(scene: Scene) -> None:
    """Wait until the browser can be killed without a new pairing."""
    newest = max((device.paired_at for device in scene.rig.world.linking.devices.values()), default=0)
    await asyncio.sleep(max(0.0, newest + LOGIN_KEPT - time.time()))


async def strike_process(scene: Scene, kind: str, number: signal.Signals) -> float:
    """Send a signal to Chromium's processes of a kind once there are any (it may be being replaced); the moment."""
    await until(lambda: bool(scene.rig.bridge.browsers(kind)), 60, f"a process {kind or 'browser'}")
    for process in scene.rig.bridge.browsers(kind):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    return time.monotonic()


class BrowserKilled(Fault):
    """`kill -9` of Chromium."""

    name = "browser: kill -9"
    short = True

    async def strike(self, scene: Scene) -> float | None:
        await login_is_kept(scene)
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        return await strike_process(scene, "", signal.SIGKILL)


class RendererKilled(Fault):
    """`kill -9` of the page's process."""

    name = "renderer: kill -9"

    async def strike(self, scene: Scene) -> float | None:
        await login_is_kept(scene)
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        return await strike_process(scene, "renderer", signal.SIGKILL)


class PageHangs(Fault):
    """The page's process is stopped and never goes on."""

    name = "page hangs"

    async def strike(self, scene: Scene) -> float | None:
        await login_is_kept(scene)
        await asyncio.sleep(scene.rng.uniform(0, 1.0))
        return await strike_process(scene, "renderer", signal.SIGSTOP)


class PageReloads(Fault):
    """The site makes its page load again, in the middle of a burst: much arrives before the hook is in place."""

    name = "page reloads, messages before the hook"

    async def strike(self, scene: Scene) -> float | None:
        await asyncio.sleep(scene.rng.uniform(0, 0.5))
        scene.rig.world.faults.reload()
        down = time.monotonic()
        for number in range(40):
            scene.load.person_writes(f"burst {down} {number}")
            await asyncio.sleep(0.05)
        return down


class KilledWhilePairing(Fault):
    """Logged out by the phone; the browser is killed while the code is on show; then the code is scanned."""

    name = "logged out, browser killed while pairing"

    async def strike(self, scene: Scene) -> float | None:
        linking = scene.rig.world.linking
        linking.log_out(next(iter(linking.devices)))
        down = time.monotonic()
        await until(lambda: any(slot.ref for slot in linking.slots.values()), 60, "a code to scan")
        if scene.rng.random() < 0.7:
            shown = set(linking.slots)
            await strike_process(scene, "", signal.SIGKILL)
            await until(lambda: set(linking.slots) - shown, 60, "a code of the next browser")
        await scan(scene)
        return down


async def scan(scene: Scene) -> None:
    """Scan the code as soon as there is one."""
    while True:
        try:
            scene.rig.world.linking.scan()
        except CodeNotShown:
            await asyncio.sleep(0.1)
        else:
            return
