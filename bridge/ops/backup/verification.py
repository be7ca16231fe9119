"""Verifies that a backup can be restored, by restoring it to a temporary folder.

A folder is one written by `deploy/backup`, with the checksum of every file in `SHA256SUMS`; a file is one written by
`wa backup`. Every fault is one sentence that names the file; a fault does not end the verification.
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
class VerificationResult:
    """Counts of what was read back, and the faults as sentences."""

    path: Path
    sessions: list[str] = field(default_factory=list)
    items: int = 0
    listeners: int = 0
    keys: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if self.faults:
            return f"{self.path} cannot be restored completely: {'; '.join(self.faults)}"
        return (
            f"{self.path} can be restored: {', '.join(self.sessions) or 'no session'}, {self.items} journalled items,"
            f" {self.listeners} webhooks, {self.keys} keys."
        )


def newest_backup(folder: Path) -> Path:
    """The newest backup of `deploy/backup` in the folder. Raises `BadBackup` if there is none."""
    found = sorted(path for path in folder.iterdir() if path.is_dir() and _TAKEN_AT.fullmatch(path.name))
    if not found:
        raise BadBackup(f"No backup found in {folder}.")
    return found[-1]


async def check_folder(
    folder: Path, *, now: datetime, max_age: timedelta, scratch: Path | None = None
) -> VerificationResult:
    """Verify a backup of `deploy/backup`. `scratch` is the folder for temporary files; by default the system's."""
    result = VerificationResult(folder)
    age = now - datetime.strptime(folder.name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if age > max_age:
        result.faults.append(f"it is {age.days} days old: no newer backup exists")
    result.faults += _checksum_faults(folder)
    for archive in sorted((folder / "bridge/sessions").glob("*.tar.gz")):
        await _check_session(archive, result, now, scratch)
    with tempfile.TemporaryDirectory(prefix="wa-check-", dir=scratch) as name:
        if (bridge := folder / "bridge" / BRIDGE_STORE).exists():
            await _collect_faults(result, bridge, _read_bridge_store(bridge, Path(name), result, now.timestamp))
        for database in sorted([*(folder / "responder").glob("*.db"), *(folder / "campaigns").glob("*.db")]):
            await _collect_faults(result, database, _copy(database, Path(name)))
    result.faults += _settings_faults(folder / "settings.tar")
    return result


async def check_file(archive: Path, *, now: datetime, scratch: Path | None = None) -> VerificationResult:
    """Verify a backup of `wa backup`."""
    result = VerificationResult(archive)
    await _check_session(archive, result, now, scratch)
    return result


def _checksum_faults(folder: Path) -> Iterator[str]:
    """Missing, changed and unexpected files. SHA256SUMS is written last, so without it the backup is unfinished."""
    sums = folder / SUMS
    if not sums.exists():
        yield f"{SUMS} is missing: the backup was not finished, or an older release made it"
        return
    expected = {}
    for line in sums.read_text(encoding="utf-8", errors="replace").splitlines():
        if entry := _SUM.fullmatch(line):
            expected[entry[2]] = entry[1]
        else:
            yield f"{SUMS} is damaged"
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path != sums}
    for name, digest in sorted(expected.items()):
        if name not in present:
            yield f"{name} is missing"
            continue
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                yield f"{name} differs from its checksum"
    yield from (f"{name} was not written by the backup" for name in sorted(present - set(expected)))


async def _check_session(archive: Path, result: VerificationResult, now: datetime, scratch: Path | None) -> None:
    with tempfile.TemporaryDirectory(prefix="wa-check-", dir=scratch) as name:
        await _collect_faults(result, archive, _read_session(archive, Path(name), result, now.timestamp))


async def _read_session(archive: Path, staging: Path, result: VerificationResult, clock: Callable[[], float]) -> None:
    manifest = unpack(archive, staging)
    if STORE not in manifest.files:
        raise BadBackup(f"{archive} contains no store.")
    if faults := glance(staging / STORE, thorough=True).faults:
        raise StoreDamaged(f"its store is damaged: {'; '.join(faults)[:200]}")
    if not manifest.has_profile:
        result.faults.append(f"{archive.name} contains no login: the session would have to be paired again")
    async with open_store(staging / STORE, now=clock) as store:
        for stream in Stream:
            result.items += await _count_items(store.journal, stream)
    if (shared := staging / FOLDER / BRIDGE_STORE).exists():
        async with BridgeStore(shared, now=clock):
            pass
    result.sessions.append(manifest.session)


async def _count_items(journal: Journal, stream: Stream) -> int:
    """Reads the whole stream. Raises `StoreDamaged` if a seq or the last item is missing."""
    bounds, after, count = journal.bounds(stream), 0, 0
    if bounds.first is not None:
        after = bounds.first - 1
    while page := (await journal.read(stream, after, _PAGE)).items:
        for seq, _ in page:
            if seq != after + 1:
                raise StoreDamaged(f"its journal has no {stream} {after + 1}")
            after, count = seq, count + 1
    if after != bounds.last:
        raise StoreDamaged(f"its journal ends at {stream} {after} instead of {bounds.last}")
    return count


async def _read_bridge_store(
    source: Path, staging: Path, result: VerificationResult, clock: Callable[[], float]
) -> None:
    await _copy(source, staging)
    async with BridgeStore(staging / BRIDGE_STORE, now=clock) as store:
        result.listeners = len(await store.webhooks.webhooks())
        result.keys = len(await store.access.keys())


async def _copy(source: Path, staging: Path) -> None:
    """Let SQLite check a copy: it writes beside a database in WAL mode, which must not happen in the backup itself."""
    raw = staging / f"{source.name}.raw"
    shutil.copyfile(source, raw)
    copy_database(raw, staging / source.name)


async def _collect_faults(result: VerificationResult, file: Path, check: Awaitable[None]) -> None:
    try:
        await check
    except (CodedError, OSError) as error:
        result.faults.append(f"{file.name}: {error.text if isinstance(error, CodedError) else error}")


def _settings_faults(archive: Path) -> Iterator[str]:
    if not archive.exists():
        return  # reported by _checksum_faults
    try:
        with tarfile.open(archive) as tar:
            names = {member.name for member in tar if not member.isreg() or tar.extractfile(member)}
    except (tarfile.TarError, OSError, EOFError) as error:
        yield f"{archive.name} cannot be read: {error}"
        return
    if "etc/wa/wa.env" not in names:
        yield f"{archive.name} contains no etc/wa/wa.env"
