"""Whether a backup could be restored: tried in a scratch folder, with nothing else touched.

A folder is what `deploy/backup` writes, with the checksum of every file in `SHA256SUMS`; a file is what `wa backup`
writes. Every fault is a sentence that names the file; one of them hides no other.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tarfile
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bridge.contract.errors import CodedError
from bridge.contract.messages import Stream
from bridge.ops.backup.archive import BadBackup, unpack
from bridge.ops.backup.paths import STORE
from bridge.ops.backup.shared import FOLDER
from bridge.ports import Journal
from bridge.store import BRIDGE_STORE, BridgeStore, StoreDamaged, open_store
from bridge.store.inspection import glance
from bridge.store.online_copy import copy_database

SUMS = "SHA256SUMS"
_TAKEN_AT = re.compile(r"\d{8}T\d{6}Z")
_SUM = re.compile(r"([0-9a-f]{64})  \./(.+)")
_PAGE = 1000


@dataclass(slots=True)
class Checked:
    """What was read back, and what is wrong."""

    place: Path
    sessions: list[str] = field(default_factory=list)
    items: int = 0
    listeners: int = 0
    keys: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if self.faults:
            return f"{self.place} could not be restored whole: {'; '.join(self.faults)}"
        return (
            f"{self.place} can be restored: {', '.join(self.sessions) or 'no session'}, {self.items} journalled items,"
            f" {self.listeners} listeners, {self.keys} keys."
        )


def newest(folder: Path) -> Path:
    """The newest of the backups that `deploy/backup` has put there. Raises `BadBackup` where there is none."""
    found = sorted(place for place in folder.iterdir() if place.is_dir() and _TAKEN_AT.fullmatch(place.name))
    if not found:
        raise BadBackup(f"There is no backup in {folder}.")
    return found[-1]


async def check_folder(place: Path, *, now: datetime, max_age: timedelta, scratch: Path | None = None) -> Checked:
    """Try one of `deploy/backup`. `scratch` is where room is taken; by default the system's temporary directory."""
    checked = Checked(place)
    age = now - datetime.strptime(place.name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if age > max_age:
        checked.faults.append(f"it is {age.days} days old: no newer one was made")
    checked.faults += _differing(place)
    for archive in sorted((place / "bridge/sessions").glob("*.tar.gz")):
        await _try_session(archive, checked, now, scratch)
    with tempfile.TemporaryDirectory(prefix="wa-check-", dir=scratch) as name:
        if (bridge := place / "bridge" / BRIDGE_STORE).exists():
            await _try(checked, bridge, _bridge_store(bridge, Path(name), checked, now.timestamp))
        for database in sorted((place / "responder").glob("*.db")):
            await _try(checked, database, _database(database, Path(name)))
    checked.faults += _unreadable_settings(place / "settings.tar")
    return checked


async def check_file(archive: Path, *, now: datetime, scratch: Path | None = None) -> Checked:
    """Try one of `wa backup`."""
    checked = Checked(archive)
    await _try_session(archive, checked, now, scratch)
    return checked


def _differing(place: Path) -> Iterator[str]:
    """What is missing, changed or foreign, by the sums that were written last."""
    sums = place / SUMS
    if not sums.exists():
        yield f"{SUMS} is missing: it was not finished, or an older release made it"
        return
    expected = {}
    for line in sums.read_text(encoding="utf-8", errors="replace").splitlines():
        if known := _SUM.fullmatch(line):
            expected[known[2]] = known[1]
        else:
            yield f"{SUMS} is damaged"
    there = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file() and path != sums}
    for name, digest in sorted(expected.items()):
        if name not in there:
            yield f"{name} is missing"
            continue
        with (place / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                yield f"{name} is not as it was written"
    yield from (f"{name} was not written by the backup" for name in sorted(there - set(expected)))


async def _try_session(archive: Path, checked: Checked, now: datetime, scratch: Path | None) -> None:
    with tempfile.TemporaryDirectory(prefix="wa-check-", dir=scratch) as name:
        await _try(checked, archive, _session(archive, Path(name), checked, now.timestamp))


async def _session(archive: Path, staging: Path, checked: Checked, clock: Callable[[], float]) -> None:
    manifest = unpack(archive, staging)
    if STORE not in manifest.files:
        raise BadBackup(f"{archive} holds no store.")
    if faults := glance(staging / STORE, thorough=True).faults:
        raise StoreDamaged(f"its store is damaged: {'; '.join(faults)[:200]}")
    if not manifest.has_profile:
        checked.faults.append(f"{archive.name} holds no login: the session would have to be paired again")
    async with open_store(staging / STORE, now=clock) as store:
        for stream in Stream:
            checked.items += await _read_through(store.journal, stream)
    if (shared := staging / FOLDER / BRIDGE_STORE).exists():
        async with BridgeStore(shared, now=clock):
            pass
    checked.sessions.append(manifest.session)


async def _read_through(journal: Journal, stream: Stream) -> int:
    """How many items there are. Raises `StoreDamaged` where a seq is missing or the last one is not there."""
    bounds, after, count = journal.bounds(stream), 0, 0
    if bounds.first is not None:
        after = bounds.first - 1
    while page := (await journal.read(stream, after, _PAGE)).items:
        for seq, _ in page:
            if seq != after + 1:
                raise StoreDamaged(f"its journal lacks {stream} {after + 1}")
            after, count = seq, count + 1
    if after != bounds.last:
        raise StoreDamaged(f"its journal ends at {stream} {after} instead of {bounds.last}")
    return count


async def _bridge_store(source: Path, staging: Path, checked: Checked, clock: Callable[[], float]) -> None:
    _copy(source, staging)
    async with BridgeStore(staging / BRIDGE_STORE, now=clock) as store:
        checked.listeners = len(await store.webhooks.webhooks())
        checked.keys = len(await store.access.keys())


async def _database(source: Path, staging: Path) -> None:
    _copy(source, staging)


def _copy(source: Path, staging: Path) -> None:
    """Checked by SQLite, which has to write beside a database that was in WAL mode: not in the backup itself."""
    raw = staging / f"{source.name}.raw"
    shutil.copyfile(source, raw)
    copy_database(raw, staging / source.name)


async def _try(checked: Checked, file: Path, trial: Awaitable[None]) -> None:
    try:
        await trial
    except (CodedError, OSError) as error:
        checked.faults.append(f"{file.name}: {error.text if isinstance(error, CodedError) else error}")


def _unreadable_settings(archive: Path) -> Iterator[str]:
    if not archive.exists():
        return  # said by the sums
    try:
        with tarfile.open(archive) as tar:
            names = {member.name for member in tar if not member.isreg() or tar.extractfile(member)}
    except (tarfile.TarError, OSError, EOFError) as error:
        yield f"{archive.name} cannot be read: {error}"
        return
    if "etc/wa/wa.env" not in names:
        yield f"{archive.name} holds no etc/wa/wa.env"
