"""The files of received messages in SQLite: a row comes with its message's journal item, and goes with it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import astuple
from typing import Any

from typing_extensions import override

from bridge.contract.events import MEDIA
from bridge.contract.kinds import load_content
from bridge.contract.kinds.media import MediaState
from bridge.contract.kinds.media_content import MediaContent
from bridge.contract.messages import Stream
from bridge.ports import Event, KeptPicture, MediaChange, MediaEnded, MediaQueue, NewMedia, ReceivedMedia, SentFile
from bridge.store.database import SqliteDatabase
from bridge.store.journal import SqliteJournal

_SELECT = "SELECT number, message_id, chat, state, sha256, size, mimetype, filename, attempts, due FROM media"
_UPDATE = (
    "UPDATE media SET state = ?, sha256 = coalesce(?, sha256), size = coalesce(?, size),"
    " mimetype = coalesce(?, mimetype)"
)
_PENDING = "state = 'pending' AND number NOT IN (SELECT value FROM json_each(?))"
#: The stream of a message that is in none: the bridge did not see it come.
NO_STREAM = ""
#: Commands with a file, by its SHA-256; the expression is the one of their index.
_SENT = (
    'SELECT content FROM commands WHERE instr(content, \'"sha256":"\') > 0'
    ' AND substr(content, instr(content, \'"sha256":"\') + 10, 64) = ? ORDER BY number DESC LIMIT 1'
)
#: Where a stream's item has the fields of its file.
_PLACE = {Stream.IN: "$.media", Stream.EVENT: "$.message.media"}


class SqliteMediaQueue(MediaQueue):
    def __init__(
        self,
        database: SqliteDatabase,
        journal: SqliteJournal,
        now: Callable[[], float],
        observe: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._observe = observe
        self._waiting = 0
        self._journal = journal
        self._now = now

    @property
    @override
    def waiting(self) -> int:
        return self._waiting

    @override
    async def due(self, limit: int, begun: Collection[int]) -> Sequence[ReceivedMedia]:
        chosen = (json.dumps(list(begun)), self._now(), limit)

        def read(connection: sqlite3.Connection) -> tuple[int, list[ReceivedMedia]]:
            (count,) = connection.execute("SELECT count(*) FROM media WHERE state = 'pending'").fetchone()
            query = f"{_SELECT} WHERE {_PENDING} AND due <= ? ORDER BY number DESC LIMIT ?"
            return int(count), [_row(found) for found in connection.execute(query, chosen)]

        self._waiting, rows = await self._database.read(read)
        return rows

    @override
    async def next_due(self, begun: Collection[int]) -> float | None:
        def read(connection: sqlite3.Connection) -> float | None:
            (due,) = connection.execute(
                f"SELECT min(due) FROM media WHERE {_PENDING}",  # noqa: S608 - constant
                (json.dumps(list(begun)),),
            ).fetchone()
            return None if due is None else float(due)

        return await self._database.read(read)

    @override
    async def wait(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._journal.media_added.wait()
        self._journal.media_added.clear()

    @override
    async def begin(self, number: int) -> None:
        await self._write("UPDATE media SET attempts = attempts + 1 WHERE number = ?", number)

    @override
    async def postpone(self, number: int, due: float, *, counted: bool = True) -> None:
        await self._write(
            "UPDATE media SET due = ?, attempts = attempts - ? WHERE number = ?", due, 0 if counted else 1, number
        )

    @override
    async def finish(self, number: int, change: MediaChange) -> bool:
        is_done = await self._change("number = ? AND state = 'pending'", (number,), change)
        if is_done:
            self._observe(MediaEnded(change.state, change.size or 0))
        return is_done

    @override
    async def expire(self, sha256: str, change: MediaChange, message_id: str) -> None:
        await self._change("sha256 = ? AND message_id = ? AND state = 'ready'", (sha256, message_id), change)

    async def _change(self, chosen: str, parameters: tuple[object, ...], change: MediaChange) -> bool:
        at = self._now()
        changed: list[tuple[Stream, int, str]] = []

        def write(connection: sqlite3.Connection) -> Sequence[str]:
            row = connection.execute(
                f"{_UPDATE} WHERE {chosen} RETURNING stream, seq",
                (change.state, change.sha256, change.size, change.mimetype, *parameters),
            ).fetchone()
            if row is None:
                return []
            if row[0] != NO_STREAM:
                stream, seq = Stream(row[0]), int(row[1])
                if (body := _update_item(connection, stream, seq, change)) is not None:
                    changed.append((stream, seq, body))
            return [change.event]

        def replace() -> None:
            for stream, seq, body in changed:
                self._journal.replace(stream, seq, body)

        return bool(await self._journal.append_events(write, MEDIA, at, before=replace))

    @override
    async def add(self, media: NewMedia) -> None:
        await self._write(
            "INSERT INTO media (message_id, chat, stream, seq, state, sha256, size, mimetype, filename, due)"
            " VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, 0) ON CONFLICT (message_id) DO NOTHING",
            *(media.message_id, media.chat, NO_STREAM, media.state),
            *(media.sha256, media.size, media.mimetype, media.filename),
        )

    @override
    async def ask(self, number: int, *, lost: bool = False) -> None:
        await self._write(
            "UPDATE media SET state = 'pending', attempts = 0, due = 0"
            " WHERE number = ? AND state <> 'pending' AND (state <> 'ready' OR ?)",
            *(number, lost),
        )
        self._journal.media_added.set()

    @override
    async def find(self, message_id: str) -> ReceivedMedia | None:
        found = await self._rows(f"{_SELECT} WHERE message_id = ?", message_id)
        return found[0] if found else None

    @override
    async def of_file(self, sha256: str) -> Sequence[ReceivedMedia]:
        return await self._rows(f"{_SELECT} WHERE sha256 = ? AND state = 'ready' ORDER BY number DESC", sha256)

    @override
    async def recent(self, before: int | None, limit: int) -> Sequence[ReceivedMedia]:
        return await self._rows(
            f"{_SELECT} WHERE ?1 IS NULL OR number < ?1 ORDER BY number DESC LIMIT ?2", before, limit
        )

    @override
    async def sent_with(self, sha256: str) -> SentFile | None:
        def read(connection: sqlite3.Connection) -> SentFile | None:
            row = connection.execute(_SENT, (sha256,)).fetchone()
            content = None if row is None else load_content(row[0])[0]
            if not isinstance(content, MediaContent):
                return None
            return SentFile(sha256, content.mimetype, content.filename)

        return await self._database.read(read)

    @override
    async def picture_of(self, contact: str) -> KeptPicture | None:
        return await self._picture("contact = ?", contact)

    @override
    async def picture_with(self, sha256: str) -> KeptPicture | None:
        return await self._picture("sha256 = ? LIMIT 1", sha256)

    @override
    async def keep_picture(self, picture: KeptPicture) -> None:
        await self._write(
            "INSERT OR REPLACE INTO pictures (contact, tag, sha256, size, mimetype) VALUES (?, ?, ?, ?, ?)",
            *astuple(picture),
        )

    @override
    async def forget_picture(self, contact: str) -> None:
        await self._write("DELETE FROM pictures WHERE contact = ?", contact)

    async def _picture(self, chosen: str, value: str) -> KeptPicture | None:
        def read(connection: sqlite3.Connection) -> KeptPicture | None:
            row = connection.execute(
                f"SELECT contact, tag, sha256, size, mimetype FROM pictures WHERE {chosen}",  # noqa: S608 - constant
                (value,),
            ).fetchone()
            return None if row is None else KeptPicture(*row)

        return await self._database.read(read)

    async def _rows(self, query: str, *parameters: object) -> list[ReceivedMedia]:
        return await self._database.read(
            lambda connection: [_row(found) for found in connection.execute(query, parameters)]
        )

    async def _write(self, statement: str, *parameters: object) -> None:
        await self._database.write(lambda connection: connection.execute(statement, parameters).rowcount)


def _row(found: tuple[Any, ...]) -> ReceivedMedia:
    number, message_id, chat, state, *rest = found
    return ReceivedMedia(number, message_id, chat, MediaState(state), *rest)


def _update_item(connection: sqlite3.Connection, stream: Stream, seq: int, change: MediaChange) -> str | None:
    """Write what is known now into the message's item, for replays; returns its new body."""
    place = _PLACE[stream]
    known = {"state": change.state, "url": change.url, "sha256": change.sha256, "size": change.size}
    kept = {name: value for name, value in known.items() if value is not None or name == "url"}
    fields = ", ".join("?, ?" for _ in kept)
    row = connection.execute(
        f"SELECT size, json_set(body, {fields}) FROM journal"  # noqa: S608 - marks only
        " WHERE stream = ? AND seq = ? AND json_type(body, ?) = 'object'",
        (*(part for name, value in kept.items() for part in (f"{place}.{name}", value)), stream, seq, place),
    ).fetchone()
    if row is None:
        return None
    before, body = row
    size = len(body.encode())
    connection.execute("UPDATE journal SET body = ?, size = ? WHERE stream = ? AND seq = ?", (body, size, stream, seq))
    connection.execute("UPDATE streams SET bytes = bytes + ? WHERE stream = ?", (size - before, stream))
    return str(body)
