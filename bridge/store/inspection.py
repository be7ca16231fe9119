"""Inspection of a store from outside, beside a bridge that uses it: read only, nothing is created or repaired.

Locks are read from the kernel's list: taking a lock to find out who holds one would disturb a start.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from bridge.contract.messages import Stream
from bridge.ports import StoreUnusable
from bridge.store import files, schema
from bridge.store.errors import StoreDamaged, translated


def holders(path: Path) -> list[int] | None:
    """Pids of the processes that hold a lock on the file; None where the system does not say (only Linux does).

    A SQLite connection in WAL mode holds one as long as it is open. A holder in another container has the pid 0.
    """
    try:
        locks = Path("/proc/locks").read_text(encoding="ascii")
        file = path.stat()
    except FileNotFoundError:
        return [] if Path("/proc/locks").exists() else None
    except OSError:
        return None
    return sorted({pid for pid in of_inode(locks, file.st_ino) if _has_open(pid, file)})


def _has_open(pid: int, file: os.stat_result) -> bool:
    """Whether the process really has this file: another file system may have a file of the same inode."""
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return True  # not readable for us
    return any(_is(descriptor, file) for descriptor in descriptors)


def _is(descriptor: Path, file: os.stat_result) -> bool:
    try:
        return os.path.samestat(descriptor.stat(), file)
    except OSError:
        return False


def of_inode(locks: str, inode: int) -> list[int]:
    """From the text of /proc/locks, for example `1: FLOCK  ADVISORY  WRITE 24635 fe:00:2269744 0 EOF`. Pure.

    The device is left out: an overlay reports that of the layer below.
    """
    found = []
    for line in locks.splitlines():
        fields = line.split()
        if "->" in fields[:2]:  # waits for the lock, does not hold it
            continue
        if int(fields[5].split(":")[2]) == inode:
            found.append(max(int(fields[4]), 0))
    return found


@dataclass(frozen=True, slots=True)
class StoreGlance:
    """Summary of a store. `facts`: the session's key-value pairs; `faults`: what SQLite finds wrong with the file."""

    epoch: str
    created_at: float
    schema: int
    last_seq: int
    open_commands: int
    unpublished: int
    size: int
    facts: dict[str, str]
    faults: tuple[str, ...] = ()

    @property
    def account(self) -> str | None:
        """Address of the number that was paired last."""
        return self.facts.get("account_pn") or self.facts.get("account_lid") or None


def glance(path: Path, *, thorough: bool = False) -> StoreGlance:
    """Read a store. `thorough` has SQLite check the whole file, which takes seconds for a large one.

    Raises `StoreUnusable`; its subclass `StoreDamaged` for a file that is not a sound store.
    """
    try:
        connection = files.connect(path, read_only=True)
    except sqlite3.Error as error:
        known = translated(error, path)
        raise (StoreUnusable(f"{path} cannot be read: {error}.") if known is error else known) from error
    try:
        if not schema.is_ours(connection):
            raise StoreDamaged(f"{path} is a database of another program, not a store of this bridge.")
        connection.execute("BEGIN")
        epoch, created_at = connection.execute("SELECT epoch, created_at FROM store").fetchone()
        last = connection.execute("SELECT last FROM streams WHERE stream = ?", (Stream.IN,)).fetchone()
        (open_commands,) = connection.execute("SELECT count(*) FROM commands WHERE open").fetchone()
        (unpublished,) = connection.execute("SELECT count(*) FROM notices WHERE published_at IS NULL").fetchone()
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")] if thorough else ["ok"]
        return StoreGlance(
            epoch=epoch,
            created_at=created_at,
            schema=schema.version(connection),
            last_seq=last[0] if last else 0,
            open_commands=open_commands,
            unpublished=unpublished,
            size=path.stat().st_size,
            facts=dict(connection.execute("SELECT name, value FROM facts")),
            faults=() if found == ["ok"] else tuple(found),
        )
    except sqlite3.Error as error:
        known = translated(error, path)
        raise (StoreDamaged(f"{path} is damaged: {error}.") if known is error else known) from error
    finally:
        connection.close()
