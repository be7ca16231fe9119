"""One session's database as the event loop sees it: writes that are durable when they return, reads beside them.

Owns the threads and connections. Reads have a connection of their own, so that a long replay holds up no write.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from bridge.ports import StoreUnusable
from bridge.store import files, soundness
from bridge.store.errors import StoreDamaged, translated
from bridge.store.writer import Job, Operation, Writer

T = TypeVar("T")
#: Seconds between two checks whether another process changed the file, as `wa forget` does.
POLL = 1.0
#: Seconds after which what waits for another commit gets one of its own (`write_soon`).
SOON = 0.2
#: Threads for connections beside the two of a store: more than searches at once.
BESIDE = 4
#: Held by each thread of this process that opens or closes the store at a path: in between, its file says WAL mode and
#: has no -wal, which an opening takes for a loss. An opening whose caller was cancelled closes it later.
_changing: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)


class SqliteDatabase:
    """An `async with`: the file is checked, or made with schema `steps`, on the way in, and closed on the way out.

    `check_later`: after a kill, open at once and check beside; `write` then waits for `checked`, reads do not.
    """

    def __init__(self, path: Path, at: float, steps: Sequence[str], *, check_later: bool = False) -> None:
        self.path = path
        self._at = at
        self._steps = steps
        self._check_later = check_later
        self._open = False
        self._check: soundness.CheckBeside | None = None
        self._damaged = False
        #: The newest commits may be missing, since a -wal is: results already published for them may be contradicted.
        self.incomplete = False
        self._watchers: list[Callable[[], None]] = []
        self._polling: asyncio.TimerHandle | None = None
        self._turn: list[Job[Any]] = []
        self._soon: list[Job[Any]] = []
        self._soon_due: asyncio.TimerHandle | None = None
        self._version: int | None = None
        self._beside = ThreadPoolExecutor(BESIDE, f"store-beside-{path}")  # has no thread until it is used

    async def __aenter__(self) -> Self:
        self._reader = ThreadPoolExecutor(1, f"store-reader-{self.path}")
        opening = self._reader.submit(self._prepare)
        try:
            prepared = await asyncio.wrap_future(opening)
            self._writing, self.incomplete = prepared.connection, prepared.incomplete
            self._reading = files.connect(self.path, read_only=True)
            if not prepared.checked:
                self._check = soundness.CheckBeside(files.connect(self.path, read_only=True), self.path)
                self._beside.submit(self._check.run)
        except BaseException:
            opening.add_done_callback(self._close_unused)  # a caller that is cancelled does not stop the thread
            self._reader.shutdown(wait=False)
            raise
        ready = self._check.passed if self._check is not None else _nothing
        self._writer = Writer(self._writing, asyncio.get_running_loop(), self._translate, ready)
        # Daemon: a program that dies without closing must not hang here; what was committed is safe.
        self._thread = threading.Thread(target=self._writer.run, name=f"store-writer-{self.path}", daemon=True)
        self._thread.start()
        self._open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        for timer in (self._polling, self._soon_due):
            if timer is not None:
                timer.cancel()
        self._hand_over()
        # To its end even if we are cancelled meanwhile: jobs that were put in are still committed, and the caller may
        # open the store again at once.
        closing = asyncio.ensure_future(asyncio.to_thread(self._close))
        cancelled: asyncio.CancelledError | None = None
        while not closing.done():
            try:
                await asyncio.wait([closing])
            except asyncio.CancelledError as request:
                cancelled = request
        closing.result()
        if cancelled is not None:
            raise cancelled

    async def checked(self) -> None:
        """Return once the file is known to be sound. Raises `StoreUnusable`; its subclass `StoreDamaged` for damage."""
        if self._check is not None:
            await asyncio.wrap_future(self._check.outcome)

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` in the event loop within `POLL` seconds after another process changed the file."""
        self._watchers.append(changed)
        if self._polling is None:
            self._poll()

    async def write(self, operation: Operation[T], committed: Callable[[T], None] | None = None) -> T:
        """Run `operation` in the writer; returns its result once it is on disk.

        Operations run in the order of the calls. `committed` is called in the event loop in that order too, before
        this returns, even if the caller was cancelled: the state in memory follows the disk, not the callers.
        Raises what the operation raised, or `StoreUnusable`; then nothing of it was stored.
        """
        self._check_open()
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._put(Job(operation, committed, outcome))
        return await outcome

    def write_soon(self, operation: Operation[T], committed: Callable[[T], None] | None = None) -> None:
        """As `write`, for what may be lost with a kill: it waits up to `SOON` seconds for the commit of something else.

        A flush to the disk for itself would cost more than the operation. Reads have it. Raises `StoreUnusable` where
        the store is closed; an error of the operation is lost with it.
        """
        self._check_open()
        self._soon.append(Job(operation, committed, self._no_waiter()))
        if self._soon_due is None:
            self._soon_due = asyncio.get_running_loop().call_later(SOON, self._end_wait)

    async def checkpoint(self) -> None:
        """Copy what is committed into the database file itself, so that it survives even the loss of the -wal."""
        if not self._open:
            return  # the close copies everything

        def run() -> None:
            connection = files.connect(self.path)
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error:
                pass  # it is committed anyway, and the next checkpoint copies it
            finally:
                connection.close()

        with suppress(StoreUnusable):  # it closed meanwhile, which copies everything
            await self._run_beside(run)

    async def read(self, operation: Operation[T]) -> T:
        """Run `operation` on one snapshot that has everything committed so far, and what was to be written soon."""
        if self._soon:
            await self.write(_nothing_of)
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._read, operation)

    async def read_apart(self, operation: Operation[T]) -> T:
        """As `read`, on a connection of its own, for what may take seconds: it holds up no other read."""
        self._check_open()

        def run() -> T:
            connection = files.connect(self.path, read_only=True)
            try:
                return operation(connection)
            except sqlite3.Error as error:
                raise self._translate(error) from error
            finally:
                connection.close()

        return await self._run_beside(run)

    async def _run_beside(self, work: Callable[[], T]) -> T:
        """Raises `StoreUnusable` where the store closes before the work has begun."""
        running = asyncio.get_running_loop().run_in_executor(self._beside, work)
        try:
            await asyncio.wait([running])
        finally:
            running.cancel()
        if running.cancelled():  # by `_close`: the caller was not, and must not look so
            raise StoreUnusable(f"{self.path} is not open.")
        return running.result()

    def _read(self, operation: Operation[T]) -> T:
        try:
            self._reading.execute("BEGIN")
            try:
                return operation(self._reading)
            finally:
                self._reading.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def _prepare(self) -> files.PreparedFile:
        with _changing[self.path]:
            return files.prepare(self.path, self._at, self._steps, check_later=self._check_later)

    def _close(self) -> None:
        # Every other connection first: a checkpoint is complete only when no connection reads, and SQLite removes the
        # -wal when the last one closes, which must be the one that has left WAL mode. Callers of `checkpoint` that
        # were cancelled have left its thread behind.
        if self._check is not None:
            self._check.end()
        self._beside.shutdown(cancel_futures=True)
        self._reader.shutdown()
        self._reading.close()
        self._writer.end()
        self._thread.join()
        sound = not self._damaged and (self._check is None or self._check.outcome.exception() is None)
        with _changing[self.path]:
            if files.close(self._writing, self.path) and sound:
                soundness.mark_closed(self.path)

    def _close_unused(self, opening: Future[files.PreparedFile]) -> None:
        """Without a proper close it would lose its -wal, and the next start would begin a new epoch."""
        if not opening.cancelled() and opening.exception() is None:
            prepared = opening.result()
            with _changing[self.path]:
                if files.close(prepared.connection, self.path) and prepared.checked:
                    soundness.mark_closed(self.path)

    def _put(self, job: Job[Any]) -> None:
        """Jobs of one turn of the event loop share a commit, with those that wait for one."""
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._turn += (*self._soon, job)
        self._soon.clear()

    def _hand_over(self) -> None:
        jobs, self._turn = [*self._turn, *self._soon], []
        self._soon.clear()
        if jobs:
            self._writer.put(jobs)

    def _end_wait(self) -> None:
        self._soon_due = None
        self._hand_over()

    def _poll(self) -> None:
        self._put(Job(_version, self._compare, self._no_waiter()))  # a failed poll is followed by another
        self._polling = asyncio.get_running_loop().call_later(POLL, self._poll)

    def _no_waiter(self) -> asyncio.Future[Any]:
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        outcome.cancel()
        return outcome

    def _compare(self, version: int) -> None:
        before, self._version = self._version, version
        if before is not None and before != version:
            for changed in self._watchers:
                changed()

    def _check_open(self) -> None:
        if not self._open:
            raise StoreUnusable(f"{self.path} is not open.")

    def _translate(self, error: Exception) -> Exception:
        known = translated(error, self.path)
        self._damaged = self._damaged or isinstance(known, StoreDamaged)
        return known


def _nothing() -> None:
    """There is nothing to wait for."""


def _nothing_of(_: sqlite3.Connection) -> None:
    """An operation for the commit alone."""


def _version(connection: sqlite3.Connection) -> int:
    """A number that changes when another connection has changed the file; our own writes leave it as it is."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)
