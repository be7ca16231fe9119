"""Creates a backup: a consistent snapshot of the store, and the profile while no browser has it open.

A profile must not be copied under a running browser: its databases (LevelDB) are spread over changing files, and the
browser discards an inconsistent copy together with the login. So the browser is closed during the copy.
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
from functools import partial
from pathlib import Path

from bridge.contract.payload import rfc3339
from bridge.ops.backup.archive import FileDigest, Manifest, digests, pack
from bridge.ops.backup.media import copy_media
from bridge.ops.backup.paths import STORE
from bridge.ops.backup.shared import copy_shared
from bridge.ports import LoginFiles, MediaStore, StoreUnusable
from bridge.store.inspection import glance, holders
from bridge.store.online_copy import copy_store

#: Context in which the bridge keeps the session's browser closed.
Pause = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A backup on disk. `paused` is how many seconds the browser was closed; None: none was running.

    `skipped` maps each further database that could not be copied to the reason.
    """

    path: Path
    manifest: Manifest
    size: int
    paused: float | None
    skipped: dict[str, str]


async def create_backup(
    folder: Path,
    session: str,
    target: Path,
    *,
    bridge: str,
    now: datetime,
    pause: Pause,
    login: LoginFiles | None,
    shared: Sequence[Path] = (),
    media: MediaStore | None = None,
) -> BackupResult:
    """Back up the session in `folder` to `target`. `bridge` is the program's version, `login` is what to
    copy of the login (None: nothing), `shared` are further databases, `media` the files of messages (None: without).

    Raises `StoreUnusable` if the store is missing or damaged, `MediaUnusable`, and whatever `pause` raises.
    """
    if not (folder / STORE).exists():
        raise StoreUnusable(f"Session {session} has no store in {folder}: there is nothing to back up.")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".wa-backup-", dir=target.parent) as name:
        staging = Path(name)
        # The store first: messages that arrive while the profile is copied are caught up after a restore, not lost.
        await asyncio.to_thread(copy_store, folder / STORE, staging / STORE)
        skipped = await asyncio.to_thread(copy_shared, shared, staging)
        if media is not None:
            await copy_media(media, folder / STORE, staging)
        paused = None
        if login is not None and (folder / login.folder).is_dir():
            paused = await _copy_login(login, folder / login.folder, staging / login.folder, pause)
        manifest = await asyncio.to_thread(_describe, staging, session, bridge, now)
        await asyncio.to_thread(pack, staging, manifest, target)
        size = await asyncio.to_thread(lambda: target.stat().st_size)
    return BackupResult(target, manifest, size, paused, skipped)


async def _copy_login(login: LoginFiles, source: Path, target: Path, pause: Pause) -> float | None:
    copy = partial(shutil.copytree, source, target, ignore=login.excluded)
    started = time.monotonic()
    if not await asyncio.to_thread(holders, source / login.lock):
        async with login.exclusive(source):
            await asyncio.to_thread(copy)
        return None
    async with pause(), login.exclusive(source):
        await asyncio.to_thread(copy)
    return time.monotonic() - started


def _describe(staging: Path, session: str, bridge: str, now: datetime) -> Manifest:
    # before the store is opened: SQLite may leave -wal and -shm files beside it
    files: dict[str, FileDigest] = digests(staging)
    store = glance(staging / STORE)
    return Manifest(
        session=session,
        epoch=store.epoch,
        schema=store.schema,
        created_at=rfc3339(now.astimezone(UTC)),
        bridge=bridge,
        files=files,
    )
