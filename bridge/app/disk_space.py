"""Room on the disk: a session that cannot store what arrives must not call itself connected."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from bridge.drivers.web.profile import LEAST_FREE, MEGABYTE
from bridge.ports import StoreUnusable

#: Seconds between two looks.
LOOK = 5.0


def check_room(folder: Path) -> None:
    """Raises `StoreUnusable` where a folder, or what is there of its path, has too little room."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    if free < LEAST_FREE:
        raise StoreUnusable(
            f"Only {free // MEGABYTE} MB are free at {folder}. Make room: the session goes on by itself, and nothing"
            " is lost meanwhile."
        )


async def watch_room(folder: Path) -> None:
    """Look again and again. Raises `StoreUnusable`."""
    while True:
        await asyncio.sleep(LOOK)
        check_room(folder)
