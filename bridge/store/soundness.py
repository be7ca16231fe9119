"""How a store is known to be sound before something is committed to it: by the mark of its last close, or by a check.

SQLite's check reads the whole file: 0.6 s for a million messages, more from a slow disk. The mark makes it unnecessary
after a clean end: it names the size, the times and the inode that the file had once its last connection had closed it.
A kill and a power failure leave no mark. A copy has another inode, and whatever writes to the file changes its ctime,
which no program can set. What the mark cannot show, a page that the disk changed by itself, SQLite finds when it reads
that page, and the next start checks the whole file.
"""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from bridge.ports import StoreUnusable
from bridge.store.errors import StoreDamaged, translated

#: The mark's file beside the database; one that is wrong or missing costs a check, nothing else.
MARK = "-closed"
#: SQLite's files beside a database that was not closed.
_OPEN = ("-wal", "-journal")


def mark_closed(path: Path) -> None:
    """Mark a database that is sound, and that its last connection has closed."""
    with suppress(OSError):
        if not _has_companions(path):
            state = _state(path)
            mark = _mark_of(path)
            mark.touch(mode=0o600)
            mark.write_text(state, encoding="ascii")


def take_mark(path: Path) -> bool:
    """Whether the file is as `mark_closed` left it. The mark is removed: it counts for one opening."""
    mark = _mark_of(path)
    try:
        kept = mark.read_text(encoding="ascii")
        mark.unlink()
        return kept == _state(path) and not _has_companions(path)
    except (OSError, UnicodeDecodeError):
        return False


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Have SQLite read the whole file. Raises `StoreDamaged`, and `sqlite3.Error` where it cannot."""
    faults = [fault for (fault,) in connection.execute("PRAGMA quick_check(3)")]
    if faults != ["ok"]:
        raise StoreDamaged(f"{path} is damaged: {'; '.join(map(str, faults))[:300]}.")


class CheckBeside:
    """The check of a store that is already open, on a connection of its own; `run` is its thread.

    Nothing is committed before it has found the file sound: `passed` waits for that.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self.outcome: Future[None] = Future()

    def run(self) -> None:
        try:
            check(self._connection, self._path)
        except StoreUnusable as error:
            self.outcome.set_exception(error)
        except sqlite3.Error as error:
            known = translated(error, self._path)
            interrupted = StoreUnusable(f"{self._path} could not be checked: {error}.")
            self.outcome.set_exception(interrupted if known is error else known)
        else:
            self.outcome.set_result(None)
        finally:
            self._connection.close()

    def passed(self) -> None:
        """Return once the file was found sound. Raises `StoreUnusable`; its subclass `StoreDamaged` for damage."""
        self.outcome.result()

    def end(self) -> None:
        """Stop a check that still runs; what waits for it fails, and nothing of that was stored."""
        while not self.outcome.done():
            with suppress(sqlite3.ProgrammingError):  # it ended in this moment
                self._connection.interrupt()
            with suppress(TimeoutError):
                self.outcome.exception(timeout=0.01)


def _mark_of(path: Path) -> Path:
    return path.with_name(path.name + MARK)


def _has_companions(path: Path) -> bool:
    return any(path.with_name(path.name + ending).exists() for ending in _OPEN)


def _state(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"
