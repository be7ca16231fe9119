"""Restores a backup: unpacked and verified in a staging folder, then exchanged; the replaced files are kept.

A restored store starts a new epoch, and its open commands become `unknown`: their outcome after the backup is recorded
nowhere, and sending them again could send them twice.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bridge.core.results import notice, result_of
from bridge.ops.backup import shared
from bridge.ops.backup.archive import BadBackup, Manifest, unpack
from bridge.ops.backup.media import restore_media
from bridge.ops.backup.paths import STORE, locked_session, timestamp
from bridge.ops.backup.shared import SharedDatabases
from bridge.ports import LoginFiles, MediaStore, NewNotice, OutboxRow, StoreUnusable
from bridge.store import open_store
from bridge.store.files import COMPANIONS


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """`unknown` counts open commands, `files` the files of messages;
    `kept` and `shared_kept` are folders with replaced files, None without any."""

    manifest: Manifest
    epoch: str
    unknown: int
    kept: Path | None
    shared: SharedDatabases
    shared_kept: Path | None
    files: int = 0


async def restore_backup(
    archive: Path,
    folder: Path,
    session: str,
    *,
    now: datetime,
    clock: Callable[[], float],
    data_dir: Path,
    login: LoginFiles | None,
    with_login: bool = True,
    replace_shared: bool = False,
    media: MediaStore | None = None,
) -> RestoreResult:
    """Restore `archive` as the session in `folder`, which is not changed before everything is verified.

    Its files of messages, if it has any, go to `media`.
    Databases that belong to no session go to `data_dir` if they are missing there or `replace_shared` is set.

    Raises `SessionInUse`, `BadBackup`, `StoreUnusable` (for example a store of a newer bridge).
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        locked_session(folder, session, login),
        tempfile.TemporaryDirectory(prefix=".wa-restore-", dir=folder.parent) as name,
    ):
        staging = Path(name)
        manifest = unpack(archive, staging)
        if STORE not in manifest.files:
            raise BadBackup(f"{archive} contains no store.")
        epoch, unknown = await _start_new_epoch(staging / STORE, session, clock)
        databases = shared.select(staging, data_dir, replace=replace_shared)
        await shared.check_usable(staging, databases.restored, clock)
        files = 0 if media is None else await restore_media(staging, manifest, media)
        with shared.locked_databases(data_dir, databases.restored):
            kept = _exchange(folder, staging, now, login=login if with_login and manifest.has_profile else None)
            shared_kept = _exchange_shared(data_dir, staging / shared.FOLDER, now, databases.restored)
    return RestoreResult(manifest, epoch, unknown, kept, databases, shared_kept, files)


async def _start_new_epoch(path: Path, session: str, clock: Callable[[], float]) -> tuple[str, int]:
    async with open_store(path, now=clock) as store:
        unknown = store.outbox.open_count

        def result_notice(row: OutboxRow) -> NewNotice:
            return notice(result_of(session, row), row.claim.reply_to)

        epoch = await store.new_epoch(result_notice)
    if any(path.with_name(path.name + ending).exists() for ending in COMPANIONS):
        raise StoreUnusable(f"{path} could not be closed cleanly; nothing was restored.")
    return epoch, unknown


def _exchange(folder: Path, staging: Path, now: datetime, *, login: LoginFiles | None) -> Path | None:
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = _unused(folder / f"before-restore-{timestamp(now)}")
    if login is not None:
        _exchange_login(folder / login.folder, staging / login.folder, kept)
    _exchange_store(folder / STORE, staging / STORE, kept)
    _sync(folder)
    return kept if kept.exists() else None


def _exchange_shared(data_dir: Path, restored: Path, now: datetime, names: Sequence[str]) -> Path | None:
    kept = _unused(data_dir / f"before-restore-{timestamp(now)}")
    for name in names:
        _exchange_store(data_dir / name, restored / name, kept)
    _sync(data_dir)
    return kept if kept.exists() else None


def _exchange_login(current: Path, restored: Path, kept: Path) -> None:
    if current.exists():
        kept.mkdir(mode=0o700, exist_ok=True)
        current.rename(kept / current.name)
    restored.rename(current)
    current.chmod(0o700)


def _exchange_store(current: Path, restored: Path, kept: Path) -> None:
    """A store exists at every moment: a bridge that finds none creates an empty one."""
    if current.exists():
        kept.mkdir(mode=0o700, exist_ok=True)
        for ending in ("", *COMPANIONS):
            old = current.with_name(current.name + ending)
            if old.exists():
                _link(old, kept / old.name)
        # before the exchange: SQLite would apply an old -wal to the new database
        for ending in COMPANIONS:
            current.with_name(current.name + ending).unlink(missing_ok=True)
    restored.replace(current)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def _unused(path: Path) -> Path:
    """The path, with a number appended if it exists."""
    count, candidate = 1, path
    while candidate.exists():
        count += 1
        candidate = path.with_name(f"{path.name}-{count}")
    return candidate


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
