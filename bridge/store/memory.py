"""Small facts and counters in SQLite."""

from __future__ import annotations

import sqlite3

from .database import Database


class SqliteMemory:
    """Implements `bridge.ports.Memory`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> str | None:
        """The stored value, or None."""

        def read(connection: sqlite3.Connection) -> str | None:
            row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
            return None if row is None else str(row[0])

        return await self._database.read(read)

    async def set(self, name: str, value: str) -> None:
        """Store a value."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

        await self._database.write(write)
        # Facts are few, and without the moment of pairing everything owed would count as history.
        await self._database.checkpoint()

    async def number(self, name: str) -> int:
        """A stored number as it is; 0 for one that was never counted."""

        def read(connection: sqlite3.Connection) -> int:
            row = connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
            return 0 if row is None else int(row[0])

        return await self._database.read(read)

    async def next_number(self, name: str) -> int:
        """Count up a stored number from 1."""

        def write(connection: sqlite3.Connection) -> int:
            (number,) = connection.execute(
                "INSERT INTO counters (name, value) VALUES (?, 1)"
                " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
                (name,),
            ).fetchone()
            return int(number)

        return await self._database.write(write)
