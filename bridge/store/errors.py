"""The errors of a store, made from SQLite's."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bridge.ports import StoreUnusable


class StoreDamaged(StoreUnusable):
    """The file is not a sound store: keep it aside, and do not continue without the operator."""


class StoreBusy(StoreUnusable):
    """Nothing was stored; the store itself is sound and works again once the cause is gone."""

    transient = True


_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_TRANSIENT = {
    sqlite3.SQLITE_FULL: "the disk is full; make room, nothing else is needed",
    sqlite3.SQLITE_IOERR: "the disk reported an error; check it and its free space",
    sqlite3.SQLITE_BUSY: "another program holds a lock on it; end that program",
    sqlite3.SQLITE_LOCKED: "another program holds a lock on it; end that program",
    sqlite3.SQLITE_NOMEM: "memory ran out",
}
#: Faults of a statement or of our code, not of the file.
_OURS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)


def translated(error: Exception, path: Path) -> Exception:
    """The error to raise for one that SQLite raised on `path`; any other is returned as it is."""
    if not isinstance(error, sqlite3.Error) or isinstance(error, _OURS):
        return error
    # Extended result codes keep the primary code in the low byte.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _DAMAGED:
        return StoreDamaged(f"{path} is damaged: {error}.")
    if code in _TRANSIENT:
        return StoreBusy(f"{path} could not be used: {_TRANSIENT[code]}.")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreUnusable(f"{path} cannot be written ({error}). Give its owner the right to write the folder.")
    return error
