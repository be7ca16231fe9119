"""Results and acks to be published, numbered in commit order: functions on the outbox's transaction, and the queue that
the publisher reads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from bridge.ports import NewNotice, Notice, ReplyTo
from bridge.store.database import SqliteDatabase
from bridge.store.wake import Threshold


class NoticeQueue:
    """The notices of one session as a publisher sees them."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._newest = Threshold()

    async def load(self) -> None:
        """Read the store into memory; once, before anything else."""
        self._newest.move(await self._database.read(newest_unpublished))

    async def unpublished(self, after: int, limit: int) -> list[Notice]:
        """Notices still to be published with a number above `after`, in order."""

        def read(connection: sqlite3.Connection) -> list[Notice]:
            found = connection.execute(
                "SELECT number, leaf, body, reply_client, correlation FROM notices"
                " WHERE published_at IS NULL AND number > ? ORDER BY number LIMIT ?",
                (after, limit),
            )
            return [Notice(number, leaf, body, reply_to(*asked)) for number, leaf, body, *asked in found]

        return await self._database.read(read)

    async def published(self, numbers: Sequence[int], at: float) -> None:
        """Mark notices as published."""

        def write(connection: sqlite3.Connection) -> int:
            connection.executemany(
                "UPDATE notices SET published_at = ? WHERE number = ? AND published_at IS NULL",
                [(at, number) for number in numbers],
            )
            return newest_unpublished(connection)

        await self._database.write(write, self._newest.move)

    async def wait(self, beyond: int) -> None:
        """Return once an unpublished notice has a number above `beyond`."""
        await self._newest.beyond(beyond)

    def stored(self, newest: int | None) -> None:
        """Take over what `store` returned, once it is committed."""
        if newest is not None:
            self._newest.move(newest)


def store(connection: sqlite3.Connection, notices: Iterable[NewNotice]) -> int | None:
    """Store notices; returns the number of the last one, None if there was none."""
    number = None
    for notice in notices:
        number = connection.execute(
            "INSERT INTO notices (leaf, body, reply_client, correlation) VALUES (?, ?, ?, ?)",
            (
                *(notice.leaf, notice.body),
                *reply_columns(notice.reply_to),
            ),
        ).lastrowid
    return number


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
