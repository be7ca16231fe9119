"""The two streams of a session in SQLite: messages and events, numbered without gaps, each journalled once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence

from typing_extensions import override

from bridge.contract.kinds.media import MediaState
from bridge.contract.messages import Stream
from bridge.ports import (
    MQTT_READER,
    AlreadyJournalled,
    Bounds,
    Event,
    Journal,
    Journalled,
    JournalRecord,
    NewMedia,
    Published,
    StreamPage,
)
from bridge.store.ages import remembers_from
from bridge.store.database import SqliteDatabase
from bridge.store.duplicates import Seen, are_one
from bridge.store.recent_items import RecentItems
from bridge.store.wake import Threshold

_BOUNDS = """
    SELECT (SELECT seq FROM journal WHERE stream = :stream ORDER BY seq LIMIT 1),
           coalesce((SELECT last FROM streams WHERE stream = :stream), 0)
"""
_LEVEL = """
    UPDATE watermarks SET timestamp = newest FROM (
        SELECT pn AS one, timestamp AS newest FROM aliases JOIN watermarks ON chat = lid
        UNION ALL SELECT lid, timestamp FROM aliases JOIN watermarks ON chat = pn
    ) WHERE chat = one AND timestamp < newest
"""
#: Items of a stream whose commit times are kept until their PUBACK.
TIMED = 10_000


class SqliteJournal(Journal):
    def __init__(
        self,
        database: SqliteDatabase,
        now: Callable[[], float],
        observe: Callable[[Event], None] = lambda _: None,
        *,
        recent_items: int,
    ) -> None:
        self._database = database
        self._now = now
        self._observe = observe
        self._epoch = ""
        self._remembers_from = 0
        self._bounds = {stream: Bounds(None, 0) for stream in Stream}
        self._last = {stream: Threshold() for stream in Stream}
        self._tails = {stream: RecentItems(recent_items) for stream in Stream}
        self._committed: dict[Stream, deque[tuple[int, float]]] = {stream: deque(maxlen=TIMED) for stream in Stream}
        self._last_inbound_at: float | None = None
        #: Set when a file that is to be downloaded was added.
        self.media_added = asyncio.Event()

    async def load(self) -> None:
        """Read the store into memory; once, before anything else."""

        def read(connection: sqlite3.Connection) -> dict[Stream, Bounds]:
            (self._epoch,) = connection.execute("SELECT epoch FROM store").fetchone()
            newest = connection.execute(
                "SELECT at FROM journal WHERE stream = ? ORDER BY seq DESC LIMIT 1", (Stream.IN,)
            ).fetchone()
            self._last_inbound_at = newest and newest[0]
            self._remembers_from = remembers_from(connection)
            return bounds_of_all(connection)

        self.take_bounds(await self._database.read(read))

    @property
    @override
    def epoch(self) -> str:
        return self._epoch

    @property
    @override
    def remembers_from(self) -> int:
        return self._remembers_from

    @property
    @override
    def last_inbound_at(self) -> float | None:
        return self._last_inbound_at

    @override
    async def append(self, records: Sequence[JournalRecord]) -> list[int | None]:
        at, begun = self._now(), _monotonic()

        def write(connection: sqlite3.Connection) -> tuple[list[int | None], Bounds]:
            seqs = [_append_one(connection, record, at) for record in records]
            return seqs, _bounds(connection, Stream.IN)

        def committed(appended: tuple[list[int | None], Bounds]) -> None:
            seqs, bounds = appended
            done = _monotonic()
            for seq, record in zip(seqs, records, strict=True):
                if seq is not None:
                    self._add(Stream.IN, seq, record.body, done)
                    self._observe(Journalled(Stream.IN, record.type, done - begun))
                    self._announce_media(record.media)
            if any(seq is not None for seq in seqs):
                self._last_inbound_at = at
                self.take_bounds({Stream.IN: bounds})
            if repeated := seqs.count(None):
                self._observe(AlreadyJournalled(repeated))

        seqs, _ = await self._database.write(write, committed)
        return seqs

    @override
    async def append_event(
        self, body: str, *, kind: str = "other", once: str | None = None, media: NewMedia | None = None
    ) -> int | None:
        def fresh(connection: sqlite3.Connection) -> Sequence[str]:
            return [body] if once is None or is_first_report(connection, "event", once, at) else []

        at = self._now()
        seq = next(iter(await self.append_events(fresh, kind, at, media)), None)
        if seq is not None:
            self._announce_media(media)
        return seq

    async def append_events(
        self,
        fresh: Callable[[sqlite3.Connection], Sequence[str]],
        kind: str,
        at: float,
        media: NewMedia | None = None,
        *,
        before: Callable[[], None] = lambda: None,
    ) -> list[int]:
        """Journal the bodies that `fresh` returns; what it writes is committed with them. `media` is of each.

        `before` is called once that is committed, before readers learn of it.
        """

        def write(connection: sqlite3.Connection) -> tuple[list[tuple[int, str]], Bounds]:
            items = [(_next_in(connection, Stream.EVENT, body, None, at), body) for body in fresh(connection)]
            for seq, _ in items:
                _add_media(connection, Stream.EVENT, seq, media, at)
            return items, _bounds(connection, Stream.EVENT)

        def committed(appended: tuple[list[tuple[int, str]], Bounds]) -> None:
            items, bounds = appended
            before()
            for seq, body in items:
                self._add(Stream.EVENT, seq, body, _monotonic())
                self._observe(Journalled(Stream.EVENT, kind))
            self.take_bounds({Stream.EVENT: bounds})

        items, _ = await self._database.write(write, committed)
        return [seq for seq, _ in items]

    @override
    async def read(self, stream: Stream, after: int, limit: int) -> StreamPage:
        newest = self._tails[stream].after(after, limit)
        if newest is not None:
            return StreamPage(newest, self._bounds[stream])

        def read(connection: sqlite3.Connection) -> StreamPage:
            items = connection.execute(
                "SELECT seq, body FROM journal WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?",
                (stream, after, limit),
            )
            return StreamPage(tuple(items), _bounds(connection, stream))

        return await self._database.read(read)

    @override
    def bounds(self, stream: Stream) -> Bounds:
        return self._bounds[stream]

    @override
    async def wait_beyond(self, stream: Stream, seq: int) -> None:
        await self._last[stream].beyond(seq)

    @override
    async def cursor(self, reader: str, stream: Stream) -> int:
        return await self._database.read(lambda connection: _cursor(connection, reader, stream))

    @override
    async def move_cursor(self, reader: str, stream: Stream, seq: int) -> None:
        """A cursor never moves back.

        Raises `ValueError` for a seq that the stream has not reached: the reader would miss the items up to it.
        """
        self._check_reached(reader, stream, seq)
        at, acknowledged_at = self._now(), _monotonic()

        def write(connection: sqlite3.Connection) -> int:
            return _move(connection, reader, stream, seq, seq, at)

        def committed(moved: int) -> None:
            if reader == MQTT_READER:
                waited = []
                while self._committed[stream] and self._committed[stream][0][0] <= seq:
                    waited.append(acknowledged_at - self._committed[stream].popleft()[1])
                self._observe(Published(stream, moved, tuple(waited)))

        self._database.write_soon(write, committed)

    @override
    async def settle(self, reader: str, stream: Stream, seq: int, upto: int) -> None:
        self._check_reached(reader, stream, max(seq, upto))
        at = self._now()

        def write(connection: sqlite3.Connection) -> None:
            _move(connection, reader, stream, seq, upto, at)
            if seq > upto:
                connection.execute(
                    "INSERT INTO settled (reader, stream, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    (reader, stream, seq),
                )

        await self._database.write(write)

    @override
    async def settled(self, reader: str, stream: Stream) -> frozenset[int]:
        def read(connection: sqlite3.Connection) -> frozenset[int]:
            rows = connection.execute("SELECT seq FROM settled WHERE reader = ? AND stream = ?", (reader, stream))
            return frozenset(seq for (seq,) in rows)

        return await self._database.read(read)

    def _check_reached(self, reader: str, stream: Stream, seq: int) -> None:
        if seq > self._bounds[stream].last:
            raise ValueError(f"{reader} cannot have {stream} {seq}: the last is {self._bounds[stream].last}")

    @override
    async def forget_cursor(self, reader: str) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM cursors WHERE reader = ?", (reader,))
            connection.execute("DELETE FROM settled WHERE reader = ?", (reader,))

        await self._database.write(write)

    @override
    async def watermarks(self) -> dict[str, int]:
        """Under each address that a chat was seen under."""
        return await self._database.read(
            lambda connection: dict(connection.execute("SELECT chat, timestamp FROM watermarks"))
        )

    @override
    async def level_watermarks(self) -> None:
        await self._database.write(lambda connection: connection.execute(_LEVEL))

    def replace(self, stream: Stream, seq: int, body: str) -> None:
        """Take over the committed change of an item's body."""
        self._tails[stream].replace(seq, body)

    def _announce_media(self, media: NewMedia | None) -> None:
        if media is not None and media.state is MediaState.PENDING:
            self.media_added.set()

    def _add(self, stream: Stream, seq: int, body: str, committed_at: float) -> None:
        self._tails[stream].add(seq, body)
        self._committed[stream].append((seq, committed_at))

    def take_bounds(self, bounds: dict[Stream, Bounds]) -> None:
        """Take over committed bounds; called in commit order."""
        self._bounds |= bounds
        for stream, span in bounds.items():
            self._tails[stream].start_at(span.first)
            self._last[stream].move(span.last)

    def take_memory(self, begins: int) -> None:
        """Keys of messages written before `begins` are about to be deleted."""
        self._remembers_from = begins

    def take_epoch(self, epoch: str) -> None:
        """Take over a committed epoch."""
        self._epoch = epoch
        self.reread()

    def reread(self) -> None:
        """Read every item from the database again: for when bodies were changed there."""
        for tail in self._tails.values():
            tail.clear()


def is_first_report(connection: sqlite3.Connection, subject: str, key: str, at: float) -> bool:
    """Whether `key` was not reported before; it is from now on."""
    inserted = connection.execute(
        "INSERT INTO told_once (subject, key, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (subject, key, at)
    )
    return inserted.rowcount == 1


def _monotonic() -> float:
    return asyncio.get_running_loop().time()


def _move(connection: sqlite3.Connection, reader: str, stream: Stream, seq: int, upto: int, at: float) -> int:
    """Move a cursor to `upto` because the reader has the item `seq`; returns by how much it moved."""
    moved = max(0, upto - _cursor(connection, reader, stream))
    connection.execute(
        "INSERT INTO cursors (reader, stream, seq) VALUES (?, ?, ?)"
        " ON CONFLICT (reader, stream) DO UPDATE SET seq = max(seq, excluded.seq)",
        (reader, stream, upto),
    )
    connection.execute(
        "INSERT INTO moves (stream, seq, reader, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (stream, seq, reader, at),
    )
    connection.execute("DELETE FROM settled WHERE reader = ? AND stream = ? AND seq <= ?", (reader, stream, upto))
    return moved


def _cursor(connection: sqlite3.Connection, reader: str, stream: Stream) -> int:
    row = connection.execute("SELECT seq FROM cursors WHERE reader = ? AND stream = ?", (reader, stream)).fetchone()
    return 0 if row is None else int(row[0])


def bounds_of_all(connection: sqlite3.Connection) -> dict[Stream, Bounds]:
    return {stream: _bounds(connection, stream) for stream in Stream}


def _bounds(connection: sqlite3.Connection, stream: Stream) -> Bounds:
    return Bounds(*connection.execute(_BOUNDS, {"stream": stream}).fetchone())


def _append_one(connection: sqlite3.Connection, record: JournalRecord, at: float) -> int | None:
    known = _is_known(connection, record)
    # Under the address form it came by, so that the next arrival in that form is recognised whatever its content.
    connection.execute(
        "INSERT INTO message_keys (raw_id, from_me, chat, author, timestamp, type, content_hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            *(record.raw_id, record.from_me, record.chat, record.author or ""),
            *(record.timestamp, record.type, record.content_hash),
        ),
    )
    # A duplicate moves it too: catch-up uses the address that the page uses now. A time in the future moves it no
    # further than now: catch-up would skip everything until then.
    connection.execute(
        "INSERT INTO watermarks (chat, timestamp) VALUES (?, ?)"
        " ON CONFLICT (chat) DO UPDATE SET timestamp = max(timestamp, excluded.timestamp)",
        (record.chat, min(record.timestamp, int(at))),
    )
    if known:
        return None
    seq = _next_in(connection, Stream.IN, record.body, record.chat, at)
    _add_media(connection, Stream.IN, seq, record.media, at)
    return seq


def _add_media(connection: sqlite3.Connection, stream: Stream, seq: int, media: NewMedia | None, at: float) -> None:
    if media is not None:
        connection.execute(
            "INSERT OR REPLACE INTO media (message_id, chat, stream, seq, state, sha256, size, mimetype, filename, due)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(media.message_id, media.chat, stream, seq, media.state),
                *(media.sha256, media.size, media.mimetype, media.filename, at),
            ),
        )


def _is_known(connection: sqlite3.Connection, record: JournalRecord) -> bool:
    candidates = connection.execute(
        "SELECT chat, author, timestamp, type, content_hash FROM message_keys WHERE raw_id = ? AND from_me = ?",
        (record.raw_id, record.from_me),
    ).fetchall()

    def aliases(one: str, other: str) -> bool | None:
        known = connection.execute(
            "SELECT lid, pn FROM aliases WHERE lid IN (?1, ?2) OR pn IN (?1, ?2)", (one, other)
        ).fetchall()
        return ((one, other) in known or (other, one) in known) if known else None

    fresh = Seen(record.chat, record.author or "", record.timestamp, record.type, record.content_hash)
    return any(are_one(Seen(*candidate), fresh, aliases) for candidate in candidates)


def _next_in(connection: sqlite3.Connection, stream: Stream, body: str, chat: str | None, at: float) -> int:
    size = len(body.encode())
    (seq,) = connection.execute(
        "INSERT INTO streams (stream, last, bytes) VALUES (?, 1, ?)"
        " ON CONFLICT (stream) DO UPDATE SET last = last + 1, bytes = bytes + excluded.bytes RETURNING last",
        (stream, size),
    ).fetchone()
    connection.execute(
        "INSERT INTO journal (stream, seq, at, chat, size, body) VALUES (?, ?, ?, ?, ?, ?)",
        (stream, seq, at, chat, size, body),
    )
    return int(seq)
