"""The one thread that writes: waiting operations are committed together, and one that fails fails alone.

A commit costs a disk flush whatever its size, so operations of one turn of the event loop share one, as do those that
arrive during one. Knows no tables.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from bridge.ports import StoreUnusable

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]
#: Operations after which a transaction takes no more: bounds how long the first of them waits for the last.
LARGEST_GROUP = 500


class Job(Generic[T]):
    """An operation in the writer. It may run twice, so it changes nothing but the database."""

    def __init__(self, operation: Operation[T], committed: Callable[[T], None] | None, outcome: asyncio.Future[T]):
        self._operation = operation
        self._committed = committed
        self._outcome = outcome
        self._result: tuple[T] | None = None
        self._error: Exception | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        """Run the operation. What it raises leaves the transaction half done."""
        self._result, self._error = (self._operation(connection),), None

    def run_apart(self, connection: sqlite3.Connection) -> None:
        """Run in a savepoint of its own. Raises only when the whole transaction is lost."""
        self._result = self._error = None
        connection.execute("SAVEPOINT job")
        try:
            self._result = (self._operation(connection),)
        except Exception as error:
            if not connection.in_transaction:  # full disk: SQLite has rolled back the others too
                raise
            self._error = error
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")

    def fail(self, error: Exception) -> None:
        """Nothing of it was stored."""
        self._result, self._error = None, error

    def settle(self, translate: Callable[[Exception], Exception]) -> None:
        """In the event loop: report what was committed, even where the caller was cancelled, then set the outcome."""
        error = self._error
        if self._result is not None:
            (result,) = self._result
            try:
                if self._committed is not None:
                    self._committed(result)
                if not self._outcome.done():
                    self._outcome.set_result(result)
                return
            except Exception as fault:  # noqa: BLE001 - goes to the caller, and must not stop the others of the group
                error = fault
        if error is not None and not self._outcome.done():
            raised = translate(error)
            if raised is not error:
                raised.__cause__ = error
            self._outcome.set_exception(raised)


class Writer:
    """Runs jobs in the order of `put`, until `end`. `run` is the whole life of the thread.

    `ready` returns once the file may be written; where it raises `StoreUnusable`, every job fails with that.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        loop: asyncio.AbstractEventLoop,
        translate: Callable[[Exception], Exception],
        ready: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._translate = translate
        self._ready = ready
        self._waiting: SimpleQueue[Sequence[Job[Any]] | None] = SimpleQueue()

    def put(self, jobs: Sequence[Job[Any]]) -> None:
        """Commit these together, with others that wait."""
        self._waiting.put(jobs)

    def end(self) -> None:
        """Let the thread end after the jobs that were put before."""
        self._waiting.put(None)

    def run(self) -> None:
        """Commit group after group; leaves the connection to its owner."""
        going = True
        while going:
            group, going = self._next_group()
            self._commit(group, Job.run)
            self._loop.call_soon_threadsafe(self._settle, group)

    def _next_group(self) -> tuple[list[Job[Any]], bool]:
        group: list[Job[Any]] = []
        jobs = self._waiting.get()
        while jobs is not None:
            group.extend(jobs)
            if len(group) >= LARGEST_GROUP:
                return group, True
            try:
                jobs = self._waiting.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _commit(self, group: Sequence[Job[Any]], run: Callable[[Job[Any], sqlite3.Connection], None]) -> None:
        """Commit a group; where one of it raises, again with savepoints, which cost as much as a small operation does;
        where the transaction is lost, each alone."""
        if not group:
            return
        try:
            self._ready()
            self._connection.execute("BEGIN IMMEDIATE")
        except (sqlite3.Error, StoreUnusable) as error:  # a lock of another process: waiting for each would not help
            for job in group:
                job.fail(error)
            return
        try:
            for job in group:
                run(job, self._connection)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - the thread lives on and each job gets its outcome
            if self._connection.in_transaction:
                self._connection.rollback()
            if len(group) == 1:
                group[0].fail(error)
                return
            if run is Job.run:
                self._commit(group, Job.run_apart)
                return
            for job in group:
                self._commit([job], Job.run)

    def _settle(self, group: Sequence[Job[Any]]) -> None:
        for job in group:
            job.settle(self._translate)
