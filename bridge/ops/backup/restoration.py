"""Puts a backup in place: checked first, beside what is there; then exchanged, and what was there is kept.

A restored store begins a new epoch, and its open commands become `unknown`: what became of them after the backup was
taken is written nowhere, and sending them again might send them twice.
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
from bridge.ops.backup.paths import PROFILE, STORE, out_of_use, stamp
from bridge.ops.backup.shared import Shared
from bridge.ports import NewNotice, OutboxRow, StoreUnusable
from bridge.store import open_store
from bridge.store.files import COMPANIONS


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done. `kept` and `shared_kept` are where that lies which was there before; None where nothing was."""

    manifest: Manifest
    epoch: str
    unknown: int
    kept: Path | None
    shared: Shared
    shared_kept: Path | None


async def restore(
    archive: Path,
    folder: Path,
    session: str,
    *,
    now: datetime,
    clock: Callable[[], float],
    data_dir: Path,
    with_profile: bool = True,
    exchange_shared: bool = False,
) -> Restored:
    """Restore `archive` as the session in `folder`. Nothing there is touched before everything is checked.

    What belongs to no session goes into `data_dir`, where it is missing there or `exchange_shared` is set.

    Raises `SessionInUse`, `BadBackup`, `StoreUnusable` (a store of a newer bridge, for one).
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        out_of_use(folder, session),
        tempfile.TemporaryDirectory(prefix=".wa-restore-", dir=folder.parent) as name,
    ):
        staging = Path(name)
        manifest = unpack(archive, staging)
        if STORE not in manifest.files:
            raise BadBackup(f"{archive} holds no store.")
        epoch, unknown = await _begin_new_epoch(staging / STORE, session, clock)
        chosen = shared.choose(staging, data_dir, exchange=exchange_shared)
        await shared.checked(staging, chosen.placed, clock)
        with shared.out_of_use(data_dir, chosen.placed):
            kept = _exchange(folder, staging, now, with_profile=with_profile and manifest.has_profile)
            shared_kept = _exchange_shared(data_dir, staging / shared.FOLDER, now, chosen.placed)
    return Restored(manifest, epoch, unknown, kept, chosen, shared_kept)


async def _begin_new_epoch(path: Path, session: str, clock: Callable[[], float]) -> tuple[str, int]:
    async with open_store(path, now=clock) as store:
        unknown = store.outbox.open_count

        def tell(row: OutboxRow) -> NewNotice:
            return notice(result_of(session, row), row.claim.reply_to)

        epoch = await store.new_epoch(tell)
    if any(path.with_name(path.name + ending).exists() for ending in COMPANIONS):
        raise StoreUnusable(f"{path} could not be closed cleanly; nothing was restored.")
    return epoch, unknown


def _exchange(folder: Path, staging: Path, now: datetime, *, with_profile: bool) -> Path | None:
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = _free(folder / f"before-restore-{stamp(now)}")
    if with_profile:
        _exchange_profile(folder / PROFILE, staging / PROFILE, kept)
    _exchange_store(folder / STORE, staging / STORE, kept)
    _sync(folder)
    return kept if kept.exists() else None


def _exchange_shared(data_dir: Path, fresh: Path, now: datetime, names: Sequence[str]) -> Path | None:
    kept = _free(data_dir / f"before-restore-{stamp(now)}")
    for name in names:
        _exchange_store(data_dir / name, fresh / name, kept)
    _sync(data_dir)
    return kept if kept.exists() else None


def _exchange_profile(place: Path, fresh: Path, kept: Path) -> None:
    if place.exists():
        kept.mkdir(mode=0o700, exist_ok=True)
        place.rename(kept / PROFILE)
    fresh.rename(place)
    place.chmod(0o700)


def _exchange_store(place: Path, fresh: Path, kept: Path) -> None:
    """There is a store at every moment: a bridge that finds none begins an empty one."""
    if place.exists():
        kept.mkdir(mode=0o700, exist_ok=True)
        for ending in ("", *COMPANIONS):
            old = place.with_name(place.name + ending)
            if old.exists():
                _link(old, kept / old.name)
        # before the exchange: SQLite would read an old -wal into the new database
        for ending in COMPANIONS:
            place.with_name(place.name + ending).unlink(missing_ok=True)
    fresh.replace(place)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without links
        shutil.copy2(source, target)


def _free(path: Path) -> Path:
    """The path, or one like it that nothing has."""
    count, free = 1, path
    while free.exists():
        count += 1
        free = path.with_name(f"{path.name}-{count}")
    return free


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
