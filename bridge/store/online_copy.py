"""A consistent copy of a store, taken while the bridge writes it; and exclusive access to one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridge.ports import StoreUnusable
from bridge.store import files, schema
from bridge.store.errors import StoreBusy, StoreDamaged, translated


def copy_store(source: Path, target: Path) -> None:
    """`copy_database`, for a store of this bridge only."""
    copy_database(source, target, ours=True)


def copy_database(source: Path, target: Path, *, ours: bool = False) -> None:
    """Copy a database as it is at one moment into one file, checked and on disk. Writers continue meanwhile.

    Raises `StoreUnusable`; its subclass `StoreDamaged` for a source that is not sound.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        reading = files.connect(source, read_only=True)
        try:
            if ours and not schema.is_ours(reading):
                raise StoreDamaged(f"{source} is a database of another program, not a store of this bridge.")
            writing = sqlite3.connect(target, isolation_level=None)
            try:
                # in one step: with several, each commit of the bridge would restart it
                reading.backup(writing, pages=-1)
                # one file: in a copy without its -wal, commits would be missing
                writing.execute("PRAGMA journal_mode = DELETE")
                found = [fault for (fault,) in writing.execute("PRAGMA quick_check(3)")]
            finally:
                writing.close()
        finally:
            reading.close()
    except sqlite3.Error as error:
        known = translated(error, source)
        raise (StoreUnusable(f"{source} cannot be copied: {error}.") if known is error else known) from error
    if found != ["ok"]:
        raise StoreDamaged(f"{source} is damaged: {'; '.join(map(str, found))[:300]}.")
    with target.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep every other process from opening the store, and bring it into one file without companions.

    Does nothing without a store, or for one that SQLite cannot read, which no process can open.

    Raises `StoreBusy` where another connection, of any process, has it open.
    """
    connection = _only_connection(path) if path.exists() else None
    try:
        yield
    finally:
        if connection is not None:
            connection.close()


def _only_connection(path: Path) -> sqlite3.Connection | None:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=0)
    try:
        # both need exclusive access, which any open connection in WAL mode denies
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        connection.close()
        known = translated(error, path)
        if isinstance(known, StoreBusy):
            raise known from error
        return None
    return connection
