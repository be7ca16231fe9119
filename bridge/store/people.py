"""The people of a session in SQLite: their addresses, stored together with the events that announce them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence

from typing_extensions import override

from bridge.contract.events import ALIAS
from bridge.contract.jid import Server
from bridge.ports import Acquaintance, PeopleStore, PersonAddress
from bridge.store.database import SqliteDatabase
from bridge.store.journal import SqliteJournal

#: Answers of `addresses_of` that are held in memory.
ANSWERS = 4096


class SqlitePeople(PeopleStore):
    def __init__(self, database: SqliteDatabase, journal: SqliteJournal, now: Callable[[], float]) -> None:
        self._database = database
        self._journal = journal
        self._now = now
        # A read in another thread costs as much as all else that is done with a message before its commit.
        self._answers: dict[frozenset[str], Sequence[PersonAddress]] = {}
        self._changes = 0

    def reread(self) -> None:
        """Read addresses from the file again: it was changed."""
        self._answers.clear()
        self._changes += 1

    @override
    async def addresses_of(self, keys: Collection[str]) -> Sequence[PersonAddress]:
        asked = frozenset(keys)
        if (known := self._answers.get(asked)) is not None:
            return known
        wanted, changes = json.dumps(sorted(asked)), self._changes

        def read(connection: sqlite3.Connection) -> Sequence[PersonAddress]:
            found = connection.execute(
                "SELECT number, key, address, person FROM people WHERE person IN"
                " (SELECT person FROM people WHERE key IN (SELECT value FROM json_each(?))) ORDER BY number",
                (wanted,),
            )
            return tuple(PersonAddress(*row) for row in found)

        answer = await self._database.read(read)
        if answer and changes == self._changes:
            if len(self._answers) >= ANSWERS:
                self._answers.clear()
            self._answers[asked] = answer
        return answer

    @override
    async def last_written(self, since: float) -> dict[str, int]:
        return await self._database.read(
            lambda connection: dict(
                connection.execute("SELECT chat, timestamp FROM watermarks WHERE timestamp > ?", (since,))
            )
        )

    @override
    async def lids(self) -> dict[str, str]:
        return await self._database.read(
            lambda connection: dict(
                connection.execute(
                    "SELECT other.key, lids.key FROM people AS lids JOIN people AS other"
                    " ON other.person = lids.person AND other.key <> lids.key WHERE lids.key LIKE ?",
                    (f"%@{Server.LID}",),
                )
            )
        )

    @override
    async def keep(self, learned: Acquaintance) -> None:
        def write(connection: sqlite3.Connection) -> Sequence[str]:
            connection.executemany(
                "INSERT INTO people (key, address, person) VALUES (?, ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET address = excluded.address, person = excluded.person",
                [(one.key, one.address, one.person) for one in learned.addresses],
            )
            connection.executemany(
                "INSERT INTO aliases (lid, pn, first_seen) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [(*pair, at) for pair in learned.pairs],
            )
            return learned.events

        at = self._now()
        try:
            await self._journal.append_events(write, ALIAS, at)
        finally:
            self.reread()
