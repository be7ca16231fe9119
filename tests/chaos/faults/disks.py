"""The disk under the session is full, or takes nothing any more."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing, suppress

import psutil

from tests.chaos.faults.browsers import login_is_kept
from tests.chaos.faults.fault import Fault, Scene


class DiskRefuses(Fault):
    """Every write beyond a file's first bytes fails for some seconds (the limit on file sizes of the process)."""

    name = "disk: writes fail"

    async def strike(self, scene: Scene) -> float | None:
        await asyncio.sleep(scene.rng.uniform(0, 0.5))
        bridge = psutil.Process(scene.rig.bridge.pid)
        _, most = bridge.rlimit(psutil.RLIMIT_FSIZE)
        bridge.rlimit(psutil.RLIMIT_FSIZE, (100, most))
        down = time.monotonic()
        await asyncio.sleep(scene.rng.uniform(1, 4))
        bridge.rlimit(psutil.RLIMIT_FSIZE, (most, most))
        return down


class DiskFull(Fault):
    """A file system of its own is full to the last block for some seconds, under store and browser profile."""

    name = "disk: full"
    own_disk = True

    async def strike(self, scene: Scene) -> float | None:
        """See the base. SQLite's log, which has room of its own, is taken in first."""
        disk, store = scene.disk, scene.rig.bridge.store
        assert disk is not None
        with closing(sqlite3.connect(store)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        disk.fill()
        down = time.monotonic()
        try:
            await asyncio.sleep(scene.rng.uniform(2, 5))
        finally:
            disk.free()
        return down


class DiskFails(Fault):
    """The file system stops itself, as after an error of the device: read-only, what was not flushed is gone.

    The operator ends the bridge, mounts it again and starts the bridge.
    """

    name = "disk: read-only after an error, mounted again"
    own_disk = True

    async def strike(self, scene: Scene) -> float | None:
        disk, bridge = scene.disk, scene.rig.bridge
        assert disk is not None
        await login_is_kept(scene)
        disk.settle()  # the login, too; the store does not wait for this
        await asyncio.sleep(scene.rng.uniform(0.5, 1.5))
        disk.fail()
        down = time.monotonic()
        await asyncio.sleep(scene.rng.uniform(1, 3))
        below = psutil.Process(bridge.pid).children(recursive=True)
        bridge.kill()
        for process in below:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await asyncio.to_thread(disk.unmount)
        disk.mount()
        bridge.start()
        return down
