"""The stored list of sessions in SQLite, and what was set for each."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from typing_extensions import override

from bridge.ports.sessions import SessionRegistry, StoredOptions, StoredSession
from bridge.store import files
from bridge.store.database import SqliteDatabase


class SqliteSessionRegistry(SessionRegistry):
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    @override
    async def sessions(self) -> list[StoredSession]:
        return await self._database.read(_sessions)

    @override
    async def store(self, session: StoredSession) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM sessions WHERE name = ?", (session.name,))
            connection.execute(
                "INSERT INTO sessions (name, cliente_id) VALUES (?, ?)", (session.name, session.cliente_id)
            )

        await self._database.write(write)

    @override
    async def options(self) -> Mapping[str, StoredOptions]:
        return await self._database.read(_options)

    @override
    async def store_options(self, session: str, options: StoredOptions) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO session_options (name, proxy, sleep_after) VALUES (?, ?, ?)",
                (session, options.proxy, options.sleep_after),
            )

        await self._database.write(write)


def read_sessions(path: Path) -> tuple[list[StoredSession], Mapping[str, StoredOptions]]:
    """What the registry at `path` holds, whether a bridge runs on it or not; nothing where it cannot be read."""
    try:
        connection = files.connect(path, read_only=True)
    except sqlite3.Error:
        return [], {}
    try:
        return _sessions(connection), _options(connection)
    except sqlite3.Error:  # not there, or of an earlier version that has not been started since
        return [], {}
    finally:
        connection.close()


def _sessions(connection: sqlite3.Connection) -> list[StoredSession]:
    found = connection.execute("SELECT name, cliente_id FROM sessions ORDER BY number")
    return [StoredSession(*row) for row in found]


def _options(connection: sqlite3.Connection) -> dict[str, StoredOptions]:
    found = connection.execute("SELECT name, proxy, sleep_after FROM session_options")
    return {name: StoredOptions(*rest) for name, *rest in found}
