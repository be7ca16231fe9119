"""What a store forgets, and when: old journal items, old commands with their notices. Keys of messages are kept.

The newest item of each stream stays however old it is, so that a stream that ever had one has a first and a last.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from bridge.contract.messages import Stream
from bridge.ports import Bounds

from . import rows
from .database import Database
from .journal import bounds_of_all

#: Seconds that a command's id is remembered, counted from its last change.
IDS_REMEMBERED = 30 * 24 * 3600.0
#: Rows of one transaction: a message that arrives meanwhile waits for one of these at most.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Compaction:
    """How much was forgotten."""

    items: int = 0
    commands: int = 0
    notices: int = 0


async def compact(
    database: Database,
    now: float,
    max_age: float,
    max_bytes: int,
    forgotten: Callable[[dict[Stream, Bounds]], None],
    *,
    ids_remembered: float = IDS_REMEMBERED,
) -> Compaction:
    """Forget journal items that are older than `max_age` seconds or too many for `max_bytes` of bodies, oldest first.

    And final commands that last changed more than `ids_remembered` seconds ago, with published notices of that age.
    `forgotten` is called with the bounds after each transaction.
    """
    items = commands = notices = 0
    while removed := (
        await database.write(
            lambda connection: _forget_items(connection, now - max_age, max_bytes), lambda left: forgotten(left[1])
        )
    )[0]:
        items += removed
    while removed := await database.write(lambda connection: rows.forget(connection, now - ids_remembered, _CHUNK)):
        commands += removed
    while removed := await database.write(lambda connection: _forget_notices(connection, now - ids_remembered)):
        notices += removed
    while await database.write(_shrink_file):
        pass
    return Compaction(items, commands, notices)


def _forget_items(connection: sqlite3.Connection, before: float, max_bytes: int) -> tuple[int, dict[Stream, Bounds]]:
    newest = dict(connection.execute("SELECT stream, last FROM streams"))
    (held,) = connection.execute("SELECT coalesce(sum(bytes), 0) FROM streams").fetchone()
    gone: list[tuple[int]] = []
    gone_up_to: dict[str, int] = {}
    freed = dict.fromkeys(newest, 0)
    for number, stream, seq, at, size in connection.execute(
        "SELECT id, stream, seq, at, size FROM journal ORDER BY id LIMIT ?", (_CHUNK,)
    ):
        if seq == newest[stream]:
            continue
        if at >= before and held <= max_bytes:
            break
        gone.append((number,))
        gone_up_to[stream] = seq
        freed[stream] += size
        held -= size
    connection.executemany("DELETE FROM journal WHERE id = ?", gone)
    connection.executemany("DELETE FROM moves WHERE stream = ? AND seq <= ?", gone_up_to.items())
    connection.executemany(
        "UPDATE streams SET bytes = bytes - ? WHERE stream = ?", [(size, stream) for stream, size in freed.items()]
    )
    return len(gone), bounds_of_all(connection)


def _forget_notices(connection: sqlite3.Connection, before: float) -> int:
    return connection.execute(
        "DELETE FROM notices WHERE number IN (SELECT number FROM notices WHERE published_at < ? LIMIT ?)",
        (before, _CHUNK),
    ).rowcount


def _shrink_file(connection: sqlite3.Connection) -> bool:
    """Give some free pages back to the file system; whether there are more."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    for _ in range(min(free, _CHUNK)):
        connection.execute("PRAGMA incremental_vacuum(1)")  # a step frees one page, and Python's module takes one step
    return bool(free > _CHUNK)
