"""The charts' minutes in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from typing_extensions import override

from bridge.ports import ChartRepository, ChartRow
from bridge.store.database import SqliteDatabase


class SqliteChartRepository(ChartRepository):
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    @override
    async def minutes(self, after: int) -> list[ChartRow]:
        def read(connection: sqlite3.Connection) -> list[ChartRow]:
            found = connection.execute("SELECT session, minute, counts FROM minutes WHERE minute > ?", (after,))
            return [ChartRow(*row) for row in found]

        return await self._database.read(read)

    @override
    async def keep_minutes(self, rows: Sequence[ChartRow], after: int) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO minutes (session, minute, counts) VALUES (?, ?, ?)", rows)
            connection.execute("DELETE FROM minutes WHERE minute <= ?", (after,))

        await self._database.write(write)
