"""The disk of the session is full, or rejects writes."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing, suppress

import psutil

from tests.chaos.faults.fault import Fault, Scene
from tests.chaos.rig import login_is_written


class DiskWritesFail(Fault):
    """Every write beyond the first bytes of a file fails for some seconds (file size limit of the process)."""

    name = "disk: writes fail"

    async def inject(self, scene: Scene) -> float | None:
        await asyncio.sleep(scene.rng.uniform(0, 0.5))
        bridge = psutil.Process(scene.rig.bridge.pid)
        _, most = bridge.rlimit(psutil.RLIMIT_FSIZE)
        bridge.rlimit(psutil.RLIMIT_FSIZE, (100, most))
        down = time.monotonic()
        await asyncio.sleep(scene.rng.uniform(1, 4))
        bridge.rlimit(psutil.RLIMIT_FSIZE, (most, most))
        return down


class DiskFull(Fault):
    """The file system with store and browser profile is full to the last block for some seconds."""

    name = "disk: full"
    own_disk = True

    async def inject(self, scene: Scene) -> float | None:
        """Checkpoints SQLite's log first, because it has reserved space of its own."""
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
    """The file system aborts as after a device error: read-only, and unflushed data is lost.

    The operator kills the bridge, mounts the disk again and starts the bridge.
    """

    name = "disk: read-only after an error, remounted"
    own_disk = True

    async def inject(self, scene: Scene) -> float | None:
        disk, bridge = scene.disk, scene.rig.bridge
        assert disk is not None
        await login_is_written(scene.rig.world)
        disk.sync()  # for the login; the store syncs by itself
        await asyncio.sleep(scene.rng.uniform(0.5, 1.5))
        disk.fail()
        down = time.monotonic()
        await asyncio.sleep(scene.rng.uniform(1, 3))
        children = psutil.Process(bridge.pid).children(recursive=True)
        bridge.kill()
        for process in children:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await asyncio.to_thread(disk.unmount)
        disk.mount()
        bridge.start()
        return down
