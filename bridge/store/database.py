"""One session's database as the event loop sees it: writes that are durable when they return, reads beside them.

Owns the threads and connections. Reads have a connection of their own, so that a long replay holds up no write.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from bridge.ports import StoreUnusable
from bridge.store import files
from bridge.store.errors import translated
from bridge.store.writer import Job, Operation, Writer

T = TypeVar("T")
#: Seconds between two looks at whether another process changed the file, as `wa forget` does.
LOOK = 1.0


class SqliteDatabase:
    """An `async with`: the file is checked, or made with schema `steps`, on the way in, and closed on the way out."""

    def __init__(self, path: Path, at: float, steps: Sequence[str]) -> None:
        self.path = path
        self._at = at
        self._steps = steps
        self._open = False
        #: Whether the newest commits may be gone, since a -wal was: what was told of them may be told otherwise now.
        self.lacking = False
        #: Called in the event loop within `LOOK` seconds after another process changed the file.
        self.changed_by_others: Callable[[], None] = lambda: None
        self._version: int | None = None

    async def __aenter__(self) -> Self:
        self._reader = ThreadPoolExecutor(1, f"store-reader-{self.path}")
        opening = self._reader.submit(files.prepare, self.path, self._at, self._steps)
        try:
            self._writing, self.lacking = await asyncio.wrap_future(opening)
            self._reading = files.connect(self.path, read_only=True)
        except BaseException:
            opening.add_done_callback(self._close_unused)  # a caller that is cancelled does not stop the thread
            self._reader.shutdown(wait=False)
            raise
        self._writer = Writer(self._writing, asyncio.get_running_loop(), self._translate)
        # Daemon: a program that dies without closing must not hang here; what was committed is safe.
        self._thread = threading.Thread(target=self._writer.run, name=f"store-writer-{self.path}", daemon=True)
        self._thread.start()
        self._open = True
        self._look()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        self._looking.cancel()
        # In a thread to its end even if we are cancelled meanwhile: jobs that were put in are still committed.
        await asyncio.shield(asyncio.to_thread(self._close))

    async def write(self, operation: Operation[T], committed: Callable[[T], None] | None = None) -> T:
        """Run `operation` in the writer; returns its result once it is on disk.

        Operations run in the order of the calls. `committed` is called in the event loop in that order too, before
        this returns, and even if the caller was cancelled: what is kept in memory follows the disk, not the callers.
        Raises what the operation raised, or `StoreUnusable`; then nothing of it was stored.
        """
        self._check_open()
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.put(Job(operation, committed, outcome))
        return await outcome

    async def checkpoint(self) -> None:
        """Bring what is committed into the database file itself, where even the loss of the -wal leaves it."""

        def run() -> None:
            connection = files.connect(self.path)
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error:
                pass  # it is committed all the same, and goes there with the next one
            finally:
                connection.close()

        await asyncio.to_thread(run)

    async def read(self, operation: Operation[T]) -> T:
        """Run `operation` on one snapshot that has everything committed so far."""
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._read, operation)

    def _read(self, operation: Operation[T]) -> T:
        try:
            self._reading.execute("BEGIN")
            try:
                return operation(self._reading)
            finally:
                self._reading.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def _close(self) -> None:
        # The reader first: a checkpoint is complete only when nobody reads.
        self._reader.shutdown()
        self._reading.close()
        self._writer.end()
        self._thread.join()
        files.close(self._writing, self.path)

    def _close_unused(self, opening: Future[tuple[sqlite3.Connection, bool]]) -> None:
        """Closed as every store is: left to itself it would lose its -wal, and the next start begin a new epoch."""
        if not opening.cancelled() and opening.exception() is None:
            files.close(opening.result()[0], self.path)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        nobody: asyncio.Future[int] = loop.create_future()
        nobody.cancel()  # a look that failed is followed by another: nobody is to be told
        self._writer.put(Job(_version, self._looked, nobody))
        self._looking = loop.call_later(LOOK, self._look)

    def _looked(self, version: int) -> None:
        before, self._version = self._version, version
        if before is not None and before != version:
            self.changed_by_others()

    def _check_open(self) -> None:
        if not self._open:
            raise StoreUnusable(f"{self.path} is not open.")

    def _translate(self, error: Exception) -> Exception:
        return translated(error, self.path)


def _version(connection: sqlite3.Connection) -> int:
    """A number that changes when another connection has changed the file; our own writes leave it as it is."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)
