"""Takes a backup: the store as it is at one moment, and the profile while no browser has it open.

A profile must not be copied under a running browser: its databases (LevelDB) move from file to file, and a copy of a
moment in between is thrown away by the browser that opens it, with the login. So the browser is paused for the copy.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bridge.contract.payload import rfc3339
from bridge.drivers.web.profile import LOCK, Profile
from bridge.ops.backup.archive import FileMark, Manifest, marks, pack
from bridge.ops.backup.paths import PROFILE, STORE, left_out
from bridge.ops.backup.shared import copy_shared
from bridge.ports import StoreUnusable
from bridge.store.inspection import glance, holders
from bridge.store.online_copy import copy_store

#: Makes the bridge close the session's browser, and open it again at the end.
Pause = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Saved:
    """A backup that is on disk. `paused` = seconds without a browser; None: none was running.

    `lacking` = further databases that could not be copied, each with the reason.
    """

    path: Path
    manifest: Manifest
    size: int
    paused: float | None
    lacking: dict[str, str]


async def save(
    folder: Path,
    session: str,
    target: Path,
    *,
    bridge: str,
    now: datetime,
    pause: Pause,
    with_profile: bool = True,
    shared: Sequence[Path] = (),
) -> Saved:
    """Back up the session in `folder` to `target`. `bridge` is the program's version, `shared` are further databases.

    Raises `StoreUnusable` where there is no store or it is damaged, and what `pause` raises.
    """
    if not (folder / STORE).exists():
        raise StoreUnusable(f"Session {session} has no store in {folder}: there is nothing to back up.")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".wa-backup-", dir=target.parent) as name:
        staging = Path(name)
        # The store first: what arrives while the profile is copied is caught up after a restore, not lost between.
        await asyncio.to_thread(copy_store, folder / STORE, staging / STORE)
        lacking = await asyncio.to_thread(copy_shared, shared, staging)
        paused = None
        if with_profile and (folder / PROFILE).is_dir():
            paused = await _copy_profile(folder / PROFILE, staging / PROFILE, pause)
        manifest = await asyncio.to_thread(_describe, staging, session, bridge, now)
        await asyncio.to_thread(pack, staging, manifest, target)
        size = await asyncio.to_thread(lambda: target.stat().st_size)
    return Saved(target, manifest, size, paused, lacking)


async def _copy_profile(source: Path, target: Path, pause: Pause) -> float | None:
    began = time.monotonic()
    if not await asyncio.to_thread(holders, source / LOCK):
        async with Profile(source):
            await asyncio.to_thread(_copy, source, target)
        return None
    async with pause(), Profile(source):
        await asyncio.to_thread(_copy, source, target)
    return time.monotonic() - began


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=left_out)


def _describe(staging: Path, session: str, bridge: str, now: datetime) -> Manifest:
    # before the look: opening a database may leave companions beside it
    files: dict[str, FileMark] = marks(staging)
    found = glance(staging / STORE)
    return Manifest(
        session=session,
        epoch=found.epoch,
        schema=found.schema,
        created_at=rfc3339(now.astimezone(UTC)),
        bridge=bridge,
        files=files,
    )
