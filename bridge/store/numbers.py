"""Whether numbers are on WhatsApp, in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping

from typing_extensions import override

from bridge.ports import CheckedNumber, NumberStore
from bridge.ports.numbers import FOUND_LIFE, MISSING_LIFE
from bridge.store.database import SqliteDatabase


class SqliteNumbers(NumberStore):
    def __init__(self, database: SqliteDatabase, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    @override
    async def checked(self, numbers: Iterable[str]) -> Mapping[str, CheckedNumber]:
        wanted, now = json.dumps([*numbers]), self._now()

        def read(connection: sqlite3.Connection) -> dict[str, CheckedNumber]:
            found = connection.execute(
                "SELECT number, chat FROM numbers WHERE number IN (SELECT value FROM json_each(?))"
                " AND at > iif(chat IS NULL, ?, ?)",
                (wanted, now - MISSING_LIFE, now - FOUND_LIFE),
            )
            return {number: CheckedNumber(number, chat) for number, chat in found}

        return await self._database.read(read)

    @override
    async def keep(self, answers: Iterable[CheckedNumber]) -> None:
        stored = [(answer.number, answer.chat, self._now()) for answer in answers]
        await self._database.write(
            lambda connection: connection.executemany("INSERT OR REPLACE INTO numbers VALUES (?, ?, ?)", stored)
        )


def forget(connection: sqlite3.Connection, now: float) -> int:
    """Delete the answers that are not valid any more."""
    return connection.execute("DELETE FROM numbers WHERE at < ?", (now - FOUND_LIFE,)).rowcount
