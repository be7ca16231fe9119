"""Long work on a store in slices that hold the writer for milliseconds, so that what arrives waits for one at most.

A slice costs what its rows cost: deleting an item with its words costs fifty times what looking at a key does. So the
number of rows follows the time that the last slice took.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from bridge.store.database import SqliteDatabase

T = TypeVar("T")
#: Seconds that a slice should hold the writer.
SLICE = 0.003
#: Between two slices the writer is free for this many times the last slice.
SHARE = 4.0
#: Slices between two checkpoints beside the writer, which would else make them in a commit.
CHECKPOINT = 8


class Slices:
    """Slices of one kind of work: `rows` of the first one, between `fewest` and `most`. `clock` counts seconds."""

    def __init__(
        self,
        database: SqliteDatabase,
        *,
        rows: int = 25,
        fewest: int = 5,
        most: int = 400,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._rows = rows
        self._fewest = fewest
        self._most = most
        self._clock = clock
        self._written = 0

    async def write(
        self, step: Callable[[sqlite3.Connection, int], T], committed: Callable[[T], None] | None = None
    ) -> tuple[T, float]:
        """Run `step` with the number of rows that it may touch; returns its result, and the seconds that it took.

        `committed` gets the result in the event loop, as for `SqliteDatabase.write`.
        """
        rows = self._rows

        def write(connection: sqlite3.Connection) -> tuple[T, float]:
            begun = self._clock()
            result = step(connection, rows)
            connection.execute("SAVEPOINT written")  # FTS5 writes now instead of in the commit
            connection.execute("RELEASE written")
            return result, max(self._clock() - begun, 1e-6)

        def report(written: tuple[T, float]) -> None:
            if committed is not None:
                committed(written[0])

        result, spent = await self._database.write(write, report)
        if result:  # what found nothing to do says nothing about the rows
            self._rows = int(min(max(rows * min(SLICE / spent, 1.5), self._fewest), self._most))
        return result, spent

    async def rest(self, spent: float) -> None:
        """Leave the writer to others after a slice that took `spent` seconds."""
        self._written += 1
        if self._written % CHECKPOINT == 0:
            await self._database.checkpoint()
        await asyncio.sleep(spent * SHARE)
