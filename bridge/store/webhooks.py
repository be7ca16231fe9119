"""Listeners and their dead letters in SQLite."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from typing_extensions import override

from bridge.contract.messages import Stream
from bridge.ports import DeadLetter, Failure, Position, Webhook, WebhookFilter, WebhookRepository
from bridge.store.database import SqliteDatabase

_LISTENERS = """
    SELECT id, session, url, created_at, kinds, chats, groups, secret, legacy, start_epoch, start_seq, start_event_seq,
           ended_at, paused_at
    FROM listeners ORDER BY created_at, id
"""
_LETTERS = """
    SELECT listener_id, session, url, stream, epoch, seq, body, attempts, status, error, at, number, failure
    FROM dead_letters
"""
_BURY = """
    INSERT INTO dead_letters
        (listener_id, session, url, stream, epoch, seq, body, attempts, status, error, at, failure)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (listener_id, stream, epoch, seq) DO UPDATE
    SET attempts = excluded.attempts, status = excluded.status, error = excluded.error, at = excluded.at,
        failure = excluded.failure
    RETURNING number
"""
#: Dead letters that a session keeps; the oldest make way.
KEPT = 10_000
_MAKE_WAY = """
    DELETE FROM dead_letters WHERE session = ?1 AND number <=
        (SELECT number FROM dead_letters WHERE session = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)
"""


class SqliteWebhookRepository(WebhookRepository):
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    @override
    async def listeners(self) -> list[Webhook]:
        """Every listener that is not forgotten, oldest first."""
        return await self._database.read(lambda connection: [_listener(*row) for row in connection.execute(_LISTENERS)])

    @override
    async def put(self, listener: Webhook) -> None:
        """Store a listener, new or changed."""
        choice, start = listener.choice, listener.start
        values = (
            *(listener.id, listener.session, listener.url, listener.created_at),
            " ".join(sorted(choice.kinds)),
            None if choice.chats is None else json.dumps(sorted(choice.chats)),
            *(choice.groups, listener.secret, listener.legacy),
            *((start.epoch, start.seq, start.event_seq) if start else [None] * 3),
            *(listener.ended_at, listener.paused_at),
        )

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                f"INSERT OR REPLACE INTO listeners VALUES ({', '.join('?' * len(values))})",  # noqa: S608 - marks only
                values,
            )

        await self._database.write(write)

    @override
    async def forget(self, listener_id: str) -> None:
        """Forget a listener; its dead letters stay."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM listeners WHERE id = ?", (listener_id,))

        await self._database.write(write)

    @override
    async def bury(self, letter: DeadLetter) -> DeadLetter:
        """Store a dead letter, once for each listener and item; returns it with its number."""

        def write(connection: sqlite3.Connection) -> int:
            (number,) = connection.execute(
                _BURY,
                (
                    *(letter.listener_id, letter.session, letter.url, letter.stream, letter.epoch, letter.seq),
                    *(letter.body, letter.attempts, letter.status, letter.error, letter.at, letter.failure),
                ),
            ).fetchone()
            connection.execute(_MAKE_WAY, (letter.session, KEPT))
            return int(number)

        return replace(letter, number=await self._database.write(write))

    @override
    async def dead_letters(self, session: str, after: int, limit: int) -> list[DeadLetter]:
        """Dead letters of a session with a number above `after`, in order."""

        def read(connection: sqlite3.Connection) -> list[DeadLetter]:
            found = connection.execute(
                f"{_LETTERS} WHERE session = ? AND number > ? ORDER BY number LIMIT ?", (session, after, limit)
            )
            return [_letter(*row) for row in found]

        return await self._database.read(read)

    @override
    async def dead_letter(self, number: int) -> DeadLetter | None:

        def read(connection: sqlite3.Connection) -> DeadLetter | None:
            row = connection.execute(f"{_LETTERS} WHERE number = ?", (number,)).fetchone()
            return None if row is None else _letter(*row)

        return await self._database.read(read)

    @override
    async def remove_dead_letter(self, number: int) -> bool:
        """Remove one; returns whether it was there."""

        def write(connection: sqlite3.Connection) -> bool:
            return connection.execute("DELETE FROM dead_letters WHERE number = ?", (number,)).rowcount == 1

        return await self._database.write(write)


def _listener(
    listener_id: str,
    session: str,
    url: str,
    created_at: float,
    kinds: str,
    chats: str | None,
    groups: int,
    secret: str | None,
    legacy: int,
    epoch: str | None,
    seq: int,
    event_seq: int,
    ended_at: float | None,
    paused_at: float | None,
) -> Webhook:
    chosen = None if chats is None else frozenset(json.loads(chats))
    return Webhook(
        id=listener_id,
        session=session,
        url=url,
        created_at=created_at,
        choice=WebhookFilter(frozenset(kinds.split()), chosen, bool(groups)),
        secret=secret,
        legacy=bool(legacy),
        start=None if epoch is None else Position(epoch, seq, event_seq),
        ended_at=ended_at,
        paused_at=paused_at,
    )


def _letter(
    listener_id: str,
    session: str,
    url: str,
    stream: str,
    epoch: str,
    seq: int,
    body: str,
    attempts: int,
    status: int | None,
    error: str,
    at: float,
    number: int,
    failure: str | None,
) -> DeadLetter:
    return DeadLetter(
        *(listener_id, session, url, Stream(stream), epoch, seq, body, attempts, status, error, at, number),
        failure=None if failure is None else Failure(failure),
    )
