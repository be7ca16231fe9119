"""What a store deletes, and when: old journal items, old commands with their notices, and last the keys of messages.

The newest item of each stream stays however old it is, so that a stream that ever had one has a first and a last seq.
Before a key is deleted, everything as old as its message has become history, which is never published.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from bridge.contract.messages import Stream
from bridge.ports import Bounds
from bridge.store import numbers, requests, rows, states
from bridge.store.ages import age_to, newest_message, remember_from, remembers_from
from bridge.store.database import SqliteDatabase
from bridge.store.journal import bounds_of_all
from bridge.store.slices import Slices

#: Seconds that a command's id is kept, from its last change.
IDS_REMEMBERED = 30 * 24 * 3600.0
#: Seconds that the key of a message is kept, from when the message was written.
KEYS_REMEMBERED = 400 * 24 * 3600.0
#: Keys that one slice looks at, at most.
_MOST_KEYS = 5000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Compaction:
    """How much was deleted."""

    items: int = 0
    commands: int = 0
    requests: int = 0
    notices: int = 0
    keys: int = 0


async def compact(
    database: SqliteDatabase,
    now: float,
    max_age: float,
    max_bytes: int,
    forgotten: Callable[[dict[Stream, Bounds]], None],
    remembers: Callable[[int], None],
    *,
    ids_remembered: float = IDS_REMEMBERED,
    keys_remembered: float = KEYS_REMEMBERED,
) -> Compaction:
    """Delete journal items that are older than `max_age` seconds or too many for `max_bytes` of bodies, oldest first.

    Also final commands and answered requests that last changed more than `ids_remembered` seconds ago, with published
    notices of that age; and keys of messages written more than `keys_remembered` seconds before the newest. Ages are
    counted by `ages.age_to`. `forgotten` is called with the bounds after each transaction, `remembers` with the time
    before which everything is history.
    """
    newest = await database.read(newest_message)
    now = await database.write(lambda connection: age_to(connection, now, newest))
    items = await _in_slices(
        database,
        lambda connection, limit: _forget_items(connection, now - max_age, max_bytes, limit),
        lambda done: forgotten(done[1]),
    )
    until = now - ids_remembered
    commands = await _in_slices(database, lambda connection, limit: (rows.forget(connection, until, limit), None))
    answered = await _in_slices(database, lambda connection, limit: (requests.forget(connection, until, limit), None))
    notices = await _in_slices(database, lambda connection, limit: (_forget_notices(connection, until, limit), None))
    await database.write(lambda connection: numbers.forget(connection, now))
    await database.write(lambda connection: states.forget(connection, now))
    keys = await _forget_keys(database, now, newest, keys_remembered, remembers)
    await _in_slices(database, lambda connection, limit: (_shrink_file(connection, limit), None))
    return Compaction(items, commands, answered, notices, keys)


async def _in_slices(
    database: SqliteDatabase,
    step: Callable[[sqlite3.Connection, int], tuple[int, T]],
    committed: Callable[[tuple[int, T]], None] | None = None,
) -> int:
    """Repeat a step until it has removed nothing; returns how much all of them removed. The writer rests in between."""
    slices, count = Slices(database), 0
    while True:
        (removed, _), spent = await slices.write(step, committed)
        if not removed:
            return count
        count += removed
        await slices.rest(spent)


def _forget_items(
    connection: sqlite3.Connection, before: float, max_bytes: int, limit: int
) -> tuple[int, dict[Stream, Bounds]]:
    newest = dict(connection.execute("SELECT stream, last FROM streams"))
    (held,) = connection.execute("SELECT coalesce(sum(bytes), 0) FROM streams").fetchone()
    gone: list[tuple[int]] = []
    gone_up_to: dict[str, int] = {}
    freed = dict.fromkeys(newest, 0)
    for number, stream, seq, at, size in connection.execute(
        "SELECT id, stream, seq, at, size FROM journal ORDER BY id LIMIT ?", (limit,)
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
    connection.executemany("DELETE FROM media WHERE stream = ? AND seq <= ?", gone_up_to.items())
    # what goes with no item goes with its file
    connection.execute("DELETE FROM media WHERE stream = '' AND state = 'expired'")
    connection.executemany(
        "UPDATE streams SET bytes = bytes - ? WHERE stream = ?", [(size, stream) for stream, size in freed.items()]
    )
    return len(gone), bounds_of_all(connection)


def _forget_notices(connection: sqlite3.Connection, before: float, limit: int) -> int:
    return connection.execute(
        "DELETE FROM notices WHERE number IN (SELECT number FROM notices WHERE published_at < ? LIMIT ?)",
        (before, limit),
    ).rowcount


async def _forget_keys(
    database: SqliteDatabase, now: float, newest: int, remembered: float, remembers: Callable[[int], None]
) -> int:
    """Delete the keys that were history at the last run, and make the next ones history.

    In that order, so that no arriving message can come between the two. Keys have no index by time, which would take as
    much space as they do: so this runs once in a hundredth of the time that they are kept.
    """
    history = await database.read(remembers_from)
    begins = int(min(now, newest) - remembered)
    if begins < history + remembered / 100:
        return 0
    count = 0
    for forget in (_forget_reported_events, _forget_message_keys):
        slices, after = Slices(database, rows=250, fewest=50, most=_MOST_KEYS), ""
        while True:
            step = partial(forget, after, history)
            (removed, last), spent = await slices.write(step)
            count += removed
            if last is None:
                break
            after = last
            await slices.rest(spent)
    await database.write(lambda connection: remember_from(connection, begins), lambda _: remembers(begins))
    return count


def _forget_reported_events(
    beyond: str, before: int, connection: sqlite3.Connection, limit: int
) -> tuple[int, str | None]:
    """The keys of own messages: each was reported after the message was written. As `_forget_message_keys`."""
    (last,) = connection.execute(
        "SELECT max(key) FROM (SELECT key FROM told_once WHERE subject = 'event' AND key > ? ORDER BY key LIMIT ?)",
        (beyond, limit),
    ).fetchone()
    forgotten = connection.execute(
        "DELETE FROM told_once WHERE subject = 'event' AND key > ? AND key <= ? AND at < ?", (beyond, last, before)
    )
    return forgotten.rowcount, last


def _forget_message_keys(
    beyond: str, before: int, connection: sqlite3.Connection, limit: int
) -> tuple[int, str | None]:
    """Scan the next keys; returns how many were deleted and the key to continue after, None at the end."""
    (last,) = connection.execute(
        "SELECT max(raw_id) FROM (SELECT raw_id FROM message_keys WHERE raw_id > ? ORDER BY raw_id LIMIT ?)",
        (beyond, limit),
    ).fetchone()
    forgotten = connection.execute(  # a message without a time is never history
        "DELETE FROM message_keys WHERE raw_id > ? AND raw_id <= ? AND timestamp > 0 AND timestamp < ?",
        (beyond, last, before),
    )
    return forgotten.rowcount, last


def _shrink_file(connection: sqlite3.Connection, limit: int) -> int:
    """Return some free pages to the file system; how many."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    pages = min(free, limit)
    for _ in range(pages):
        connection.execute("PRAGMA incremental_vacuum(1)")  # a step frees one page, and Python's module takes one step
    return int(pages)
