"""The clock by which ages are counted, and the moment before which everything is history.

A clock that is wrong by a month for an hour must not delete a month of ids: a repeated command would be sent again.
"""

from __future__ import annotations

import sqlite3

_DAY = 86400.0
_AGED_TO, _REMEMBERS_FROM = "aged_to", "remembers_from"


def age_to(connection: sqlite3.Connection, now: float, newest: int) -> float:
    """The time (unix seconds) by which ages are counted: `now`, but at most a day beyond what is certain.

    Certain are `newest`, which `newest_message` returned, and what this returned before, which is stored. So
    after a month without either, each compaction advances by a day, until a message arrives or `now` is reached.
    """
    certain = max(_fact(connection, _AGED_TO), newest)
    aged = min(now, certain + _DAY) if certain else now
    _keep(connection, _AGED_TO, max(aged, certain))
    return aged


def newest_message(connection: sqlite3.Connection) -> int:
    """When the newest message was written, by WhatsApp's clock (unix seconds); 0 without one. Looks at every chat."""
    (newest,) = connection.execute("SELECT coalesce(max(timestamp), 0) FROM watermarks").fetchone()
    return int(newest)


def remembers_from(connection: sqlite3.Connection) -> int:
    """Messages written before (unix seconds) are history: their keys may be deleted; 0 = none are."""
    return int(_fact(connection, _REMEMBERS_FROM))


def remember_from(connection: sqlite3.Connection, begins: int) -> None:
    """Make messages written before `begins` history."""
    _keep(connection, _REMEMBERS_FROM, begins)


def _fact(connection: sqlite3.Connection, name: str) -> float:
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return 0.0 if row is None else float(row[0])


def _keep(connection: sqlite3.Connection, name: str, value: float) -> None:
    connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, str(value)))
