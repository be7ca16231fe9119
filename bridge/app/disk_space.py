"""Free disk: a session that cannot journal messages must not be `connected`."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from bridge.app.limits import MEGABYTE
from bridge.ports import StoreUnusable


def check_disk(folder: Path, least_free: int) -> None:
    """Raises `StoreUnusable` when fewer than `least_free` bytes are free at a folder, or at its nearest parent."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    if free < least_free:
        raise StoreUnusable(
            f"Only {free // MEGABYTE} MB are free at {folder}. Make room: the session resumes automatically, and"
            " nothing is lost meanwhile."
        )


async def watch_disk(folder: Path, least_free: int, every: float) -> None:
    """Check every `every` seconds. Raises `StoreUnusable`."""
    while True:
        await asyncio.sleep(every)
        check_disk(folder, least_free)
