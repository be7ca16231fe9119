"""The history of a session's states in SQLite: a row for each change of state or reason."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection

from typing_extensions import override

from bridge.contract.session import Reason, SessionState, Situation
from bridge.ports import Event, PastState, StateEntered, StateHistory
from bridge.store.database import SqliteDatabase

#: Seconds that a state is kept from its end, and the most states: a site that is down for a day makes thousands.
KEPT, MOST = 30 * 24 * 3600.0, 5000
_ENTER = """
    WITH newest AS (SELECT state, reason, at FROM states ORDER BY number DESC LIMIT 1),
        entered (at, state, reason) AS (SELECT max(?, coalesce((SELECT at FROM newest), 0)), ?, ?)
    INSERT INTO states (at, state, reason, seen_at) SELECT at, state, reason, at FROM entered
    WHERE (state, reason) IS NOT (SELECT state, reason FROM newest)
"""
_SEEN = "UPDATE states SET seen_at = max(seen_at, ?) WHERE number = (SELECT max(number) FROM states)"
_END_INTERRUPTED = """
    INSERT INTO states (at, state, reason, seen_at) SELECT seen_at, ?, ?, seen_at FROM states
    WHERE number = (SELECT max(number) FROM states) AND seen_at < ? AND reason NOT IN (SELECT value FROM json_each(?))
"""
_PAGE = """
    SELECT number, state, reason, at,
        (SELECT later.at FROM states AS later WHERE later.number > states.number ORDER BY later.number LIMIT 1)
    FROM states WHERE ? IS NULL OR number < ? ORDER BY number DESC LIMIT ?
"""
_FORGET = """
    DELETE FROM states WHERE number < max(
        coalesce((SELECT max(number) FROM states WHERE at < ?), 0),
        (SELECT max(number) FROM states) - ?
    )
"""


class SqliteStates(StateHistory):
    def __init__(self, database: SqliteDatabase, observe: Callable[[Event], None] = lambda _: None) -> None:
        self._database = database
        self._observe = observe

    @override
    def enter(self, situation: Situation, at: float) -> None:
        self._soon(_ENTER, (at, situation.state, situation.reason))
        self._observe(StateEntered())

    @override
    def seen(self, at: float) -> None:
        self._soon(_SEEN, (at,))

    @override
    def end_interrupted(self, situation: Situation, before: float, ends: Collection[Reason]) -> None:
        self._soon(_END_INTERRUPTED, (situation.state, situation.reason, before, json.dumps([*ends])))

    @override
    async def newest(self, limit: int, before: int | None = None) -> list[PastState]:
        def read(connection: sqlite3.Connection) -> list[PastState]:
            return [
                PastState(number, SessionState(state), Reason(reason), since, until)
                for number, state, reason, since, until in connection.execute(_PAGE, (before, before, limit))
            ]

        return await self._database.read(read)

    def _soon(self, statement: str, values: tuple[object, ...]) -> None:
        self._database.write_soon(lambda connection: connection.execute(statement, values))


def forget(connection: sqlite3.Connection, now: float) -> None:
    """Delete the states that ended too long ago, or are too many; the newest one stays."""
    connection.execute(_FORGET, (now - KEPT, MOST - 1))
