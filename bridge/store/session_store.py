"""One session's store: the database and the adapters of the three ports on it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from bridge.ports import Event, NewNotice, OutboxRow
from bridge.store import retention, schema
from bridge.store.database import SqliteDatabase
from bridge.store.journal import SqliteJournal
from bridge.store.key_value import SqliteKeyValueStore
from bridge.store.limits import StoreLimits
from bridge.store.media_queue import SqliteMediaQueue
from bridge.store.notices import NoticeQueue
from bridge.store.numbers import SqliteNumbers
from bridge.store.outbox import SqliteOutbox, abandon_open
from bridge.store.people import SqlitePeople
from bridge.store.requests import SqliteRequests
from bridge.store.search import SqliteMessageIndex
from bridge.store.states import SqliteStates


@dataclass(frozen=True, slots=True)
class SessionStore:
    """What `open_store` yields; usable inside its `async with`."""

    journal: SqliteJournal
    outbox: SqliteOutbox
    requests: SqliteRequests
    numbers: SqliteNumbers
    memory: SqliteKeyValueStore
    people: SqlitePeople
    media: SqliteMediaQueue
    search: SqliteMessageIndex
    states: SqliteStates
    database: SqliteDatabase
    now: Callable[[], float]

    @property
    def epoch(self) -> str:
        """The store's UUID; another one means that sequence numbers started again."""
        return self.journal.epoch

    @property
    def incomplete(self) -> bool:
        """Whether its newest commits may be missing: then a new epoch has to begin before anything is published."""
        return self.database.incomplete

    async def checked(self) -> None:
        """Return once the file is known to be sound; until then nothing is committed. Raises `StoreDamaged`."""
        await self.database.checked()

    async def new_epoch(self, unknown: Callable[[OutboxRow], NewNotice]) -> str:
        """Begin a new epoch, as after a restored backup, and return it.

        The outcome of commands that were not final is lost with the old epoch: they become `unknown`, and `unknown`
        makes their result. It runs in the writer's thread and must be pure.
        """
        epoch, at = str(uuid4()), self.now()

        def write(connection: sqlite3.Connection) -> int | None:
            connection.execute("UPDATE store SET epoch = ?, created_at = ?", (epoch, at))
            return abandon_open(connection, at, unknown)

        def committed(newest: int | None) -> None:
            self.journal.take_epoch(epoch)
            self.outbox.abandoned(newest)

        await self.database.write(write, committed)
        return epoch

    async def abandon_open(self, unknown: Callable[[OutboxRow], NewNotice]) -> None:
        """Commands that are not final become `unknown`; `unknown` makes their result, as for `new_epoch`."""
        at = self.now()
        await self.database.write(lambda connection: abandon_open(connection, at, unknown), self.outbox.abandoned)

    async def compact(
        self,
        *,
        max_age: float,
        max_bytes: int,
        ids_remembered: float = retention.IDS_REMEMBERED,
        keys_remembered: float = retention.KEYS_REMEMBERED,
    ) -> retention.Compaction:
        """Delete journal items older than `max_age` seconds or beyond `max_bytes` of bodies, and what else expired.

        After `ids_remembered` seconds: final commands and answered requests (their ids may be used again) and published
        notices; unpublished ones stay. After `keys_remembered` seconds: the keys by which a repeated message is
        recognised; messages as old as that are history from then on.
        """
        try:
            return await retention.compact(
                self.database,
                self.now(),
                max_age,
                max_bytes,
                self.journal.take_bounds,
                self.journal.take_memory,
                ids_remembered=ids_remembered,
                keys_remembered=keys_remembered,
            )
        finally:
            self.outbox.reread()


@asynccontextmanager
async def open_store(
    path: Path,
    *,
    now: Callable[[], float],
    observe: Callable[[Event], None] = lambda _: None,
    limits: StoreLimits = StoreLimits(),  # noqa: B008 - frozen
    check_later: bool = False,
) -> AsyncIterator[SessionStore]:
    """Open the store at `path`, created with its folder if missing; committed and closed on the way out.

    `observe` gets what was committed. The folder is the session's own: it becomes private to its owner (0700), the
    file 0600. `check_later`: after a kill the file is checked while it
    is open already, commits wait, and the caller awaits `checked` beside what it does.

    Raises `StoreUnusable` with a sentence that names the file; its subclass `StoreDamaged` says that the file should
    be kept aside with `keep_aside`.
    """
    async with SqliteDatabase(path, now(), schema.migrations(), check_later=check_later) as database:
        queue = NoticeQueue(database, limits)
        journal = SqliteJournal(database, now, observe, recent_items=limits.recent_items)
        store = SessionStore(
            journal,
            SqliteOutbox(database, queue, now, observe),
            SqliteRequests(database, queue),
            SqliteNumbers(database, now),
            SqliteKeyValueStore(database),
            SqlitePeople(database, journal, now),
            SqliteMediaQueue(database, journal, now, observe),
            SqliteMessageIndex(database, journal, limits),
            SqliteStates(database, observe),
            database,
            now,
        )
        await store.journal.load()
        database.watch(store.journal.reread)
        database.watch(store.people.reread)
        database.watch(store.outbox.reread)
        await queue.load()
        await store.outbox.load()
        yield store
