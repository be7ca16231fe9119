"""The store of the bridge as a whole (`WA_DATA_DIR/bridge.db`): webhooks, dead letters, keys, audit, charts,
sends that agents asked for, sessions added at run time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from bridge.store import schema
from bridge.store.access import AUDIT_LINES, SqliteAccessRepository
from bridge.store.agents import SqliteProposalRepository
from bridge.store.charts import SqliteChartRepository
from bridge.store.database import SqliteDatabase
from bridge.store.sessions import SqliteSessionRegistry
from bridge.store.webhooks import SqliteWebhookRepository

#: File name in WA_DATA_DIR.
BRIDGE_STORE = "bridge.db"
#: Seconds for which the outbox keeps an id: what an agent asked to send is kept as long.
PROPOSALS = 30 * 86400.0


class BridgeStore:
    """An `async with`; its repositories are usable inside. Entering raises `StoreUnusable`, as `open_store`.

    More than one process may have it open: `wa key` changes it while the bridge runs.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], float],
        audit_lines: int = AUDIT_LINES,
        dead_letter_limit: int = 10_000,
    ) -> None:
        self._now = now
        self._database = SqliteDatabase(path, now(), schema.migrations("bridge_migrations"))
        self.webhooks = SqliteWebhookRepository(self._database, dead_letter_limit=dead_letter_limit)
        self.access = SqliteAccessRepository(self._database, audit_lines=audit_lines)
        self.proposals = SqliteProposalRepository(self._database)
        self.charts = SqliteChartRepository(self._database)
        self.sessions = SqliteSessionRegistry(self._database)

    async def compact(self, *, letters: float, audit: float) -> int:
        """Delete dead letters and lines of the audit older than these seconds; returns how many."""
        now = self._now()

        def write(connection: sqlite3.Connection) -> int:
            return sum(
                connection.execute(f"DELETE FROM {table} WHERE at < ?", (now - age,)).rowcount  # noqa: S608 - constants
                for table, age in (("dead_letters", letters), ("audit", audit), ("proposals", PROPOSALS))
            )

        return await self._database.write(write)

    async def __aenter__(self) -> Self:
        await self._database.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._database.__aexit__(kind, error, trace)
