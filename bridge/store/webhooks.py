"""Webhooks and their dead letters in SQLite. The tables keep the name `listeners`."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from typing_extensions import override

from bridge.contract.messages import Stream
from bridge.ports import DeadLetter, Failure, Position, Webhook, WebhookFilter, WebhookRepository
from bridge.store.database import SqliteDatabase

_WEBHOOKS = """
    SELECT id, session, url, created_at, kinds, chats, groups, secret, legacy, start_epoch, start_seq, start_event_seq,
           ended_at, paused_at
    FROM listeners ORDER BY created_at, id
"""
_DEAD_LETTERS = """
    SELECT listener_id, session, url, stream, epoch, seq, body, attempts, status, error, at, number, failure
    FROM dead_letters
"""
_PUT_DEAD_LETTER = """
    INSERT INTO dead_letters
        (listener_id, session, url, stream, epoch, seq, body, attempts, status, error, at, failure)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (listener_id, stream, epoch, seq) DO UPDATE
    SET attempts = excluded.attempts, status = excluded.status, error = excluded.error, at = excluded.at,
        failure = excluded.failure
    RETURNING number
"""
_TRIM_DEAD_LETTERS = """
    DELETE FROM dead_letters WHERE session = ?1 AND number <=
        (SELECT number FROM dead_letters WHERE session = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)
"""


class SqliteWebhookRepository(WebhookRepository):
    """`dead_letter_limit`: dead letters kept per session; the oldest are dropped."""

    def __init__(self, database: SqliteDatabase, *, dead_letter_limit: int) -> None:
        self._database = database
        self._dead_letter_limit = dead_letter_limit

    @override
    async def webhooks(self) -> list[Webhook]:
        return await self._database.read(lambda connection: [_webhook(*row) for row in connection.execute(_WEBHOOKS)])

    @override
    async def put(self, webhook: Webhook) -> None:
        chosen, start = webhook.filter, webhook.start
        values = (
            *(webhook.id, webhook.session, webhook.url, webhook.created_at),
            " ".join(sorted(chosen.kinds)),
            None if chosen.chats is None else json.dumps(sorted(chosen.chats)),
            *(chosen.groups, webhook.secret, webhook.legacy),
            *((start.epoch, start.seq, start.event_seq) if start else [None] * 3),
            *(webhook.ended_at, webhook.paused_at),
        )

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                f"INSERT OR REPLACE INTO listeners VALUES ({', '.join('?' * len(values))})",  # noqa: S608 - marks only
                values,
            )

        await self._database.write(write)

    @override
    async def remove(self, webhook_id: str) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM listeners WHERE id = ?", (webhook_id,))

        await self._database.write(write)

    @override
    async def put_dead_letter(self, dead_letter: DeadLetter) -> DeadLetter:

        def write(connection: sqlite3.Connection) -> int:
            (number,) = connection.execute(
                _PUT_DEAD_LETTER,
                (
                    *(dead_letter.webhook_id, dead_letter.session, dead_letter.url),
                    *(dead_letter.stream, dead_letter.epoch, dead_letter.seq, dead_letter.body, dead_letter.attempts),
                    *(dead_letter.status, dead_letter.error, dead_letter.at, dead_letter.failure),
                ),
            ).fetchone()
            connection.execute(_TRIM_DEAD_LETTERS, (dead_letter.session, self._dead_letter_limit))
            return int(number)

        return replace(dead_letter, number=await self._database.write(write))

    @override
    async def change_dead_letter(self, dead_letter: DeadLetter) -> None:
        one = dead_letter

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE dead_letters SET attempts = ?, status = ?, error = ?, at = ?, failure = ? WHERE number = ?",
                (one.attempts, one.status, one.error, one.at, one.failure, one.number),
            )

        await self._database.write(write)

    @override
    async def dead_letters(self, session: str, after: int, limit: int) -> list[DeadLetter]:
        def read(connection: sqlite3.Connection) -> list[DeadLetter]:
            found = connection.execute(
                f"{_DEAD_LETTERS} WHERE session = ? AND number > ? ORDER BY number LIMIT ?", (session, after, limit)
            )
            return [_dead_letter(*row) for row in found]

        return await self._database.read(read)

    @override
    async def dead_letter(self, number: int) -> DeadLetter | None:
        def read(connection: sqlite3.Connection) -> DeadLetter | None:
            row = connection.execute(f"{_DEAD_LETTERS} WHERE number = ?", (number,)).fetchone()
            return None if row is None else _dead_letter(*row)

        return await self._database.read(read)

    @override
    async def remove_dead_letter(self, number: int) -> bool:
        def write(connection: sqlite3.Connection) -> bool:
            return connection.execute("DELETE FROM dead_letters WHERE number = ?", (number,)).rowcount == 1

        return await self._database.write(write)


def _webhook(
    webhook_id: str,
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
        id=webhook_id,
        session=session,
        url=url,
        created_at=created_at,
        filter=WebhookFilter(frozenset(kinds.split()), chosen, bool(groups)),
        secret=secret,
        legacy=bool(legacy),
        start=None if epoch is None else Position(epoch, seq, event_seq),
        ended_at=ended_at,
        paused_at=paused_at,
    )


def _dead_letter(
    webhook_id: str,
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
        *(webhook_id, session, url, Stream(stream), epoch, seq, body, attempts, status, error, at, number),
        failure=None if failure is None else Failure(failure),
    )
