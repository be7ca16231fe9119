"""Deletes old rows, a few at a time: verdicts and turns, and conversations where a setting asks for it.

Never deletes an opt-out, nor what still waits for an answer or an outcome.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, delete, not_, select

from bridge.sql.database import SqlDatabase
from bridge.sql.errors import DatabaseDown
from responder.store.rows import OPEN
from responder.store.schema import chats, conversations, identities, marks, messages, turns, unix
from responder.turns import TurnState

_log = logging.getLogger(__name__)
DAY = 86400.0
#: Seconds between two rounds.
INTERVAL = 3600.0


@dataclass(frozen=True, slots=True)
class Pruning:
    """Maximum ages in seconds; 0 keeps conversations indefinitely. Several replicas may prune at the same time.

    `chunk` is the number of rows of one transaction, which is how long a message waits at most.
    """

    database: SqlDatabase
    records: float
    conversations: float
    chunk: int = 500

    async def run(self, now: Callable[[], float]) -> None:
        """Prune every hour until cancelled."""
        while True:
            try:
                await self.once(now())
            except DatabaseDown as error:
                _log.warning("Nothing was pruned: %s", error.text)
            await asyncio.sleep(INTERVAL)

    async def once(self, now: float) -> int:
        """One round; returns the number of deleted rows. Raises DatabaseDown."""
        old, waits = now - self.records, messages.c.turn_id.is_(None) & messages.c.verdict.in_(OPEN)
        deleted = await self._delete(messages, (messages.c.timestamp < old) & not_(waits))
        deleted += await self._delete(turns, (turns.c.created_at < old) & (turns.c.state != TurnState.READY))
        deleted += await self._delete(marks, marks.c.at < old)
        if self.conversations:
            before = now - self.conversations
            created_at = unix(conversations.c.created_at, self.database.is_sqlite)
            deleted += await self._delete(conversations, created_at < before)
            unneeded = chats.c.opted_out_at.is_(None) & (chats.c.paused_until < now)
            deleted += await self._delete(chats, (chats.c.last_at < before) & unneeded)
            async with self.database.write() as connection:
                gone = identities.c.chat_id.not_in(select(chats.c.id))
                await connection.execute(delete(identities).where(gone))
        return deleted

    async def _delete(self, table: Table, condition: ColumnElement[bool]) -> int:
        deleted = 0
        while True:
            async with self.database.write() as connection:
                found = select(table.c.id).where(condition).order_by(table.c.id).limit(self.chunk)
                ids = list((await connection.execute(found)).scalars())
                if ids:
                    await connection.execute(delete(table).where(table.c.id.in_(ids)))
            deleted += len(ids)
            if len(ids) < self.chunk:
                return deleted
