"""The stored list of sessions in SQLite."""

from __future__ import annotations

import sqlite3

from typing_extensions import override

from bridge.ports.sessions import SessionRegistry, StoredSession
from bridge.store.database import SqliteDatabase


class SqliteSessionRegistry(SessionRegistry):
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    @override
    async def sessions(self) -> list[StoredSession]:
        def read(connection: sqlite3.Connection) -> list[StoredSession]:
            found = connection.execute("SELECT name, cliente_id FROM sessions ORDER BY number")
            return [StoredSession(*row) for row in found]

        return await self._database.read(read)

    @override
    async def store(self, session: StoredSession) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM sessions WHERE name = ?", (session.name,))
            connection.execute(
                "INSERT INTO sessions (name, cliente_id) VALUES (?, ?)", (session.name, session.cliente_id)
            )

        await self._database.write(write)
