"""Small facts and counters in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from typing_extensions import override

from bridge.ports import KeyValueStore
from bridge.store.database import SqliteDatabase


class SqliteKeyValueStore(KeyValueStore):
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    @override
    async def get(self, name: str) -> str | None:
        return await self._database.read(lambda connection: _value(connection, name))

    @override
    async def set(self, name: str, value: str) -> None:
        await self.change(name, lambda _: value)

    @override
    async def change(self, name: str, change: Callable[[str | None], str]) -> str:
        def write(connection: sqlite3.Connection) -> str:
            value = change(_value(connection, name))
            connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))
            return value

        stored = await self._database.write(write)
        # Facts change rarely, and without the time of pairing every missed message would count as history.
        await self._database.checkpoint()
        return stored

    @override
    async def entries(self, name: str) -> dict[str, str]:
        return await self._database.read(
            lambda connection: dict(connection.execute("SELECT key, value FROM entries WHERE name = ?", (name,)))
        )

    @override
    async def set_entries(self, name: str, changes: Mapping[str, str | None]) -> None:
        kept = [(name, key, value) for key, value in changes.items() if value is not None]
        gone = [(name, key) for key, value in changes.items() if value is None]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO entries (name, key, value) VALUES (?, ?, ?)", kept)
            connection.executemany("DELETE FROM entries WHERE name = ? AND key = ?", gone)

        if changes:
            await self._database.write(write)

    @override
    async def clear_entries(self, name: str) -> None:
        await self._database.write(lambda connection: connection.execute("DELETE FROM entries WHERE name = ?", (name,)))

    @override
    async def number(self, name: str) -> int:
        def read(connection: sqlite3.Connection) -> int:
            row = connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
            return 0 if row is None else int(row[0])

        return await self._database.read(read)

    @override
    async def next_number(self, name: str) -> int:
        def write(connection: sqlite3.Connection) -> int:
            (number,) = connection.execute(
                "INSERT INTO counters (name, value) VALUES (?, 1)"
                " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
                (name,),
            ).fetchone()
            return int(number)

        return await self._database.write(write)


def _value(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])
