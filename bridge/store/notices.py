"""Results and acks to be published, numbered in commit order: functions on the outbox's transaction, and the queue that
the publisher reads.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable, Sequence

from bridge.ports import NewNotice, Notice, ReplyTo
from bridge.store.database import SqliteDatabase
from bridge.store.limits import StoreLimits
from bridge.store.wake import Threshold


class NoticeQueue:
    """The notices of one session as a publisher sees them: the newest in memory, those before in the store.

    A publisher that keeps up reads no row, which would be a hop to a thread and back for each result.
    """

    def __init__(self, database: SqliteDatabase, limits: StoreLimits) -> None:
        self._database = database
        self._limits = limits
        self._newest = Threshold()  # the highest number still to be published, or 0
        self._held: deque[Notice] = deque()  # all that are to be published after `_held_after`
        self._held_size = 0
        self._held_after = 0
        self._older = 0  # the highest number still to be published up to `_held_after`, or 0

    async def load(self) -> None:
        """Read the store into memory; once, before anything else."""
        self.left(await self._database.read(newest_unpublished))

    async def unpublished(self, after: int, limit: int) -> list[Notice]:
        """Notices still to be published with a number above `after`, in order."""
        if after >= self._held_after or not self._older:
            return [notice for notice in self._held if notice.number > after][:limit]

        def read(connection: sqlite3.Connection) -> list[Notice]:
            found = connection.execute(
                "SELECT number, leaf, body, reply_client, correlation FROM notices"
                " WHERE published_at IS NULL AND number > ? ORDER BY number LIMIT ?",
                (after, limit),
            )
            return [Notice(number, leaf, body, reply_to(*asked)) for number, leaf, body, *asked in found]

        return await self._database.read(read)

    def published(self, numbers: Sequence[int], at: float) -> None:
        """Mark notices as published, soon: after a kill they may be published again. Those of before are published."""

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "UPDATE notices SET published_at = ? WHERE number = ? AND published_at IS NULL",
                [(at, number) for number in numbers],
            )

        self._database.write_soon(write)
        if max(numbers, default=0) >= self._older:
            self._older = 0
        gone = set(numbers)
        self._held = deque(notice for notice in self._held if notice.number not in gone)
        self._held_size = sum(len(notice.body) for notice in self._held)
        self._show()

    async def wait(self, beyond: int) -> None:
        """Return once an unpublished notice has a number above `beyond`."""
        await self._newest.beyond(beyond)

    def stored(self, notices: list[Notice]) -> None:
        """Take over what `store` returned, once it is committed."""
        for notice in notices:
            self._held.append(notice)
            self._held_size += len(notice.body)
        while len(self._held) > self._limits.notices or self._held_size > self._limits.notices_size:
            oldest = self._held.popleft()
            self._held_size -= len(oldest.body)
            self._older = self._held_after = oldest.number
        self._show()

    def left(self, newest: int | None) -> None:
        """There are committed ones up to this number that are to be read from the store; None = none."""
        if newest:
            self._older = self._held_after = newest
            self._held.clear()
            self._held_size = 0
            self._show()

    def reread(self) -> None:
        """Read all from the store again: something else changed them there."""
        if self._held:
            self.left(self._held[-1].number)

    def _show(self) -> None:
        self._newest.move(self._held[-1].number if self._held else self._older)


def store(connection: sqlite3.Connection, new: Iterable[NewNotice]) -> list[Notice]:
    """Store notices; returns them with their numbers."""
    stored = []
    for notice in new:
        number = connection.execute(
            "INSERT INTO notices (leaf, body, reply_client, correlation) VALUES (?, ?, ?, ?)",
            (
                *(notice.leaf, notice.body),
                *reply_columns(notice.reply_to),
            ),
        ).lastrowid
        assert number is not None  # noqa: S101 - an INSERT that was done has one
        stored.append(Notice(number, notice.leaf, notice.body, notice.reply_to))
    return stored


def newest_unpublished(connection: sqlite3.Connection) -> int:
    """The highest number still to be published, or 0: a waiter must not wake for published ones."""
    (number,) = connection.execute("SELECT coalesce(max(number), 0) FROM notices WHERE published_at IS NULL").fetchone()
    return int(number)


def reply_columns(reply_to: ReplyTo | None) -> tuple[str | None, bytes | None]:
    """What the columns `reply_client` and `correlation` hold."""
    return (None, None) if reply_to is None else (reply_to.client, reply_to.correlation)


def reply_to(client: str | None, correlation: bytes | None) -> ReplyTo | None:
    """The columns `reply_client` and `correlation`, read."""
    return None if client is None else ReplyTo(client, correlation)
