"""Requests of a session in SQLite: claimed once, answered once, their responses published like results."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from bridge.ports import ClaimedRequest, NewNotice, Notice, RequestClaim, RequestLedger, RequestRow
from bridge.store import notices, origins
from bridge.store.database import SqliteDatabase

_SELECT = """
    SELECT number, response, id, action, arguments, content_hash, claimed_at, reply_client, correlation, "transaction",
           topic, payload_sha256, packet_id, connection
    FROM requests
"""
_BY_ID = f"{_SELECT} WHERE id = ?"
_BY_NUMBER = f"{_SELECT} WHERE number = ?"
_UNANSWERED = f"{_SELECT} WHERE response IS NULL ORDER BY number"


class SqliteRequests(RequestLedger):
    def __init__(self, database: SqliteDatabase, queue: notices.NoticeQueue) -> None:
        self._database = database
        self._notices = queue

    @override
    async def claim(
        self, claim: RequestClaim, on_new_row: Callable[[RequestRow], None] | None = None
    ) -> ClaimedRequest:
        def write(connection: sqlite3.Connection) -> ClaimedRequest:
            number = origins.redelivered(connection, "requests", claim.origin)
            if number is not None:
                return ClaimedRequest(_found(connection, _BY_NUMBER, number), fresh=False)
            if (number := _insert(connection, claim)) is not None:
                return ClaimedRequest(RequestRow(number, claim), fresh=True)
            known = _found(connection, _BY_ID, claim.id)
            return ClaimedRequest(known, fresh=False, conflict=known.claim.content_hash != claim.content_hash)

        def committed(claimed: ClaimedRequest) -> None:
            if claimed.fresh and on_new_row is not None:
                on_new_row(claimed.row)

        return await self._database.write(write, committed)

    @override
    async def answer(self, number: int, response: NewNotice, at: float) -> None:
        def write(connection: sqlite3.Connection) -> list[Notice]:
            connection.execute(
                "UPDATE requests SET response = ?, changed_at = ? WHERE number = ?", (response.body, at, number)
            )
            return notices.store(connection, [response])

        await self._database.write(write, self._notices.stored)

    @override
    async def get(self, number: int) -> RequestRow | None:
        return await self._database.read(lambda connection: _find(connection, _BY_NUMBER, number))

    @override
    async def unanswered(self) -> list[RequestRow]:
        return await self._database.read(lambda connection: [_row(found) for found in connection.execute(_UNANSWERED)])


def forget(connection: sqlite3.Connection, before: float, limit: int) -> int:
    """Delete requests that were answered before a time; returns how many."""
    return connection.execute(
        "DELETE FROM requests WHERE number IN"
        " (SELECT number FROM requests WHERE response IS NOT NULL AND changed_at < ? LIMIT ?)",
        (before, limit),
    ).rowcount


def _insert(connection: sqlite3.Connection, claim: RequestClaim) -> int | None:
    """The number of the new row, None where its id is taken."""
    inserted = connection.execute(
        "INSERT INTO requests (id, action, arguments, content_hash, claimed_at, changed_at, reply_client, correlation,"
        ' "transaction", topic, payload_sha256, packet_id, connection)'
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (
            *(claim.id, claim.action, claim.arguments, claim.content_hash, claim.claimed_at, claim.claimed_at),
            *(*notices.reply_columns(claim.reply_to), claim.transaction, *origins.columns(claim.origin)),
        ),
    )
    return inserted.lastrowid if inserted.rowcount else None


def _find(connection: sqlite3.Connection, query: str, key: object) -> RequestRow | None:
    found = connection.execute(query, (key,)).fetchone()
    return None if found is None else _row(found)


def _found(connection: sqlite3.Connection, query: str, key: object) -> RequestRow:
    row = _find(connection, query, key)
    if row is None:
        raise LookupError(f"there is no request {key}")
    return row


def _row(found: tuple[Any, ...]) -> RequestRow:
    number, response, request_id, action, arguments, content_hash, claimed_at, client, correlation = found[:9]
    claim = RequestClaim(
        id=request_id,
        action=action,
        arguments=arguments,
        content_hash=content_hash,
        claimed_at=claimed_at,
        reply_to=notices.reply_to(client, correlation),
        transaction=found[9],
        origin=origins.origin_of(*found[10:]),
    )
    return RequestRow(number, claim, response)
