"""What the responder forgets by itself, a little at a time: its bookkeeping, and conversations where that is asked for.

A wish for no answers is never forgotten, nor is what still waits for an answer or an outcome.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, delete, not_, select

from responder.errors import DatabaseDown
from responder.store.database import ResponderDatabase
from responder.store.rows import OPEN
from responder.store.schema import chats, conversations, messages, turns
from responder.store.timestamps import unix
from responder.turns import TurnState

_log = logging.getLogger(__name__)
DAY = 86400.0
#: Seconds between two rounds, and rows of one transaction: what arrives meanwhile waits for one of these at most.
ROUND, CHUNK = 3600.0, 500


@dataclass(frozen=True, slots=True)
class Pruning:
    """Ages in seconds; conversations stay for ever where theirs is 0. Several replicas may prune at once."""

    database: ResponderDatabase
    bookkeeping: float
    said: float

    async def run(self, now: Callable[[], float]) -> None:
        """Prune every hour, until cancelled."""
        while True:
            try:
                await self.once(now())
            except DatabaseDown as error:
                _log.warning("Nothing was pruned: %s", error.text)
            await asyncio.sleep(ROUND)

    async def once(self, now: float) -> int:
        """One round; returns how many rows went. Raises DatabaseDown."""
        old, waits = now - self.bookkeeping, messages.c.turn_id.is_(None) & messages.c.verdict.in_(OPEN)
        gone = await self._sweep(messages, (messages.c.timestamp < old) & not_(waits))
        gone += await self._sweep(turns, (turns.c.created_at < old) & (turns.c.state != TurnState.READY))
        if self.said:
            before = now - self.said
            spoken = unix(conversations.c.created_at, self.database.is_sqlite)
            gone += await self._sweep(conversations, spoken < before)
            silent = chats.c.opted_out_at.is_(None) & (chats.c.paused_until < now)
            gone += await self._sweep(chats, (chats.c.last_at < before) & silent)
        return gone

    async def _sweep(self, table: Table, condition: ColumnElement[bool]) -> int:
        gone = 0
        while True:
            async with self.database.write() as connection:
                found = select(table.c.id).where(condition).order_by(table.c.id).limit(CHUNK)
                ids = list((await connection.execute(found)).scalars())
                if ids:
                    await connection.execute(delete(table).where(table.c.id.in_(ids)))
            gone += len(ids)
            if len(ids) < CHUNK:
                return gone
