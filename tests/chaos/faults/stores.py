"""The session's database is damaged while the bridge is down, or restored from a backup."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path
from random import Random

from tests.chaos.faults.fault import Fault, Scene
from tests.chaos.rig import until
from tests.forked import run_forked


def truncated(store: Path, rng: Random) -> None:
    os.truncate(store, rng.randrange(100, store.stat().st_size))


def flipped(store: Path, rng: Random) -> None:
    with store.open("r+b") as file:
        for _ in range(200):
            file.seek(rng.randrange(store.stat().st_size))
            file.write(rng.randbytes(8))


def emptied(store: Path, rng: Random) -> None:
    os.truncate(store, 0)


class StoreDamaged(Fault):
    """After a kill the database is damaged. The session must refuse it; then the operator restores the intact files."""

    name = "store: damaged, refused, restored by hand"

    async def inject(self, scene: Scene) -> float | None:
        bridge, store = scene.rig.bridge, scene.rig.bridge.store
        bridge.kill()
        down = time.monotonic()
        intact = scene.rig.folder / "intact"
        intact.mkdir(exist_ok=True)
        files = [file for file in store.parent.glob("store.db*") if ".corrupt-" not in file.name]
        for file in files:
            shutil.copy2(file, intact)
        for file in files:
            if file != store:
                file.unlink()
        scene.rng.choice((truncated, flipped, emptied))(store, scene.rng)
        bridge.start()
        await until(lambda: scene.load.samples[-1][1] == "error", 60, "the status reports the damage")
        bridge.kill()
        for file in store.parent.glob("store.db*"):
            file.unlink()
        for file in intact.iterdir():
            shutil.move(file, store.parent)
        bridge.start()
        return down


class WalMissing(Fault):
    """After a kill the write-ahead log is missing, as after copying only the database file."""

    name = "store: -wal missing after a kill"
    new_epoch = True

    async def inject(self, scene: Scene) -> float | None:
        scene.rig.bridge.kill()
        down = time.monotonic()
        for ending in ("-wal", "-shm"):
            scene.rig.bridge.store.with_name(f"store.db{ending}").unlink()
        scene.rig.bridge.start()
        return down


class StoreRestored(Fault):
    """`wa backup --store-only` under load, traffic, `wa restore`: another epoch, open commands become `unknown`."""

    name = "store: restored from a backup"
    new_epoch = True

    async def inject(self, scene: Scene) -> float | None:
        bridge, file = scene.rig.bridge, scene.rig.folder / f"backup-{scene.rng.random()}.tar.gz"
        await self._wa(scene, "backup", "--store-only", "--output", str(file))
        await asyncio.sleep(scene.rng.uniform(0.5, 2.0))
        await bridge.terminate()
        down = time.monotonic()
        await self._wa(scene, "restore", str(file), "--store-only", "--yes")
        bridge.start()
        return down

    async def _wa(self, scene: Scene, *arguments: str) -> None:
        done = await run_forked(arguments, scene.rig.bridge.environment, scene.rig.folder, limit=120)
        assert done.code == 0, done
