"""Full text of the journal's messages in SQLite (FTS5). What arrived is indexed later, beside the burst it came in.

The commit of a message costs nothing more: a cursor says how far the index is, and a search indexes the rest first.
Deletions and redactions reach the index by triggers (migration 0015), in their own transaction.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from functools import partial

from typing_extensions import override

from bridge.contract.errors import LimitReached
from bridge.contract.events import EDIT, REVOKE
from bridge.contract.messages import Stream
from bridge.ports import FoundMessage, FoundPage, MessageIndex, StoreUnusable, TextQuery
from bridge.store.database import SqliteDatabase
from bridge.store.journal import SqliteJournal
from bridge.store.limits import StoreLimits
from bridge.store.slices import SHARE, Slices

_log = logging.getLogger(__name__)
#: Pages of the index that one slice rewrites.
PAGES = 16
#: Seconds of a burst after which its items are indexed in any case.
LATEST = 30.0
#: Seconds that a search may take.
TIMEOUT = 5.0
#: Searches at once: each has a thread, and reads beside what arrives.
AT_ONCE = 2
#: Words around what was found.
_WIDTH = 16
#: Instructions of SQLite between two looks at the clock.
_STEPS = 20_000
_MARK = re.compile("\x02(.*?)\x03", re.DOTALL)

_ADD = """
    INSERT INTO search_messages (id, message_id, chat, timestamp, from_me, text, filename)
    SELECT id, message_id, chat, timestamp, from_me, text, filename FROM search_source
    WHERE id > ?1 AND id <= ?2 AND (text <> '' OR filename <> '')
"""
_ACTS = """
    SELECT json_extract(body, '$.kind'), json_extract(body, '$.message_id'), json_extract(body, '$.body') FROM journal
    WHERE id > ?1 AND id <= ?2 AND stream = 'event' AND json_valid(body) AND json_extract(body, '$.kind') IN (?3, ?4)
    ORDER BY id
"""
_FIND = """
    SELECT journal.id, journal.stream, journal.seq, journal.body,
           snippet(search_index, -1, char(2), char(3), '…', :width)
    FROM search_index JOIN search_messages AS found ON found.id = search_index.rowid
    JOIN journal ON journal.id = search_index.rowid
    WHERE search_index MATCH :match AND search_index.rowid < :before
      AND (:chats IS NULL OR found.chat IN (SELECT value FROM json_each(:chats)))
      AND found.timestamp >= :since AND found.timestamp < :until
      AND (:from_me IS NULL OR found.from_me = :from_me)
    ORDER BY search_index.rowid DESC LIMIT :limit
"""
_NO_LIMIT = 2**62


class SqliteMessageIndex(MessageIndex):
    def __init__(
        self,
        database: SqliteDatabase,
        journal: SqliteJournal,
        limits: StoreLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._journal = journal
        self._limits = limits
        self._clock = clock
        self._slices = Slices(database, rows=50, fewest=10, clock=clock)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Index what is journalled, old and new, until it is cancelled."""
        while True:
            seen = self._ends()
            try:
                async for spent in self.work():
                    await asyncio.sleep(spent * SHARE)
            except StoreUnusable as error:
                if not error.transient:
                    raise
                _log.warning("messages were not indexed: %s", error)
            await self._new_items(seen)

    async def work(self) -> AsyncIterator[float]:
        """Index the rest, in slices; yields the seconds for which each held the writer."""
        while spent := await self._index_slice():
            yield spent
            while spent := await self._merge_slice():
                yield spent

    @override
    async def find(self, query: TextQuery) -> FoundPage:
        async with self._slots:
            until, complete = self._clock() + self._limits.search_catch_up, False
            while not complete and self._clock() < until:
                complete = not await self._index_slice()
            found = await self._database.read_apart(partial(_find, query=query, until=self._clock() + TIMEOUT))
        return FoundPage(found[: query.limit], more=len(found) > query.limit, complete=complete)

    def _ends(self) -> dict[Stream, int]:
        return {stream: self._journal.bounds(stream).last for stream in Stream}

    async def _new_items(self, seen: dict[Stream, int]) -> None:
        """Return after new items, once the burst that they came in is over, or has lasted `LATEST` seconds."""
        waits = [asyncio.ensure_future(self._journal.wait_beyond(stream, last)) for stream, last in seen.items()]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        until, before = self._clock() + LATEST, None
        # an event would wake it for each item of the burst
        while before != (before := self._ends()) and self._clock() < until:  # noqa: ASYNC110
            await asyncio.sleep(self._limits.index_quiet)

    async def _index_slice(self) -> float:
        count, spent = await self._slices.write(index_next)
        return spent if count else 0.0

    async def _merge_slice(self) -> float:
        merged, spent = await self._slices.write(lambda connection, _: merge_index(connection, PAGES))
        return spent if merged else 0.0


def index_next(connection: sqlite3.Connection, limit: int) -> int:
    """Index at most `limit` items after those that are; returns how many were looked at."""
    (after,) = connection.execute("SELECT indexed FROM search_progress").fetchone()
    count, upto = connection.execute(
        "SELECT count(*), max(id) FROM (SELECT id FROM journal WHERE id > ? ORDER BY id LIMIT ?)", (after, limit)
    ).fetchone()
    if count:
        connection.execute(_ADD, (after, upto))
        for kind, message_id, text in connection.execute(_ACTS, (after, upto, EDIT, REVOKE)).fetchall():
            if kind == EDIT:
                plain = re.sub("[\x02\x03]", "", text or "")
                connection.execute("UPDATE search_messages SET text = ? WHERE message_id = ?", (plain, message_id))
            else:
                connection.execute("DELETE FROM search_messages WHERE message_id = ?", (message_id,))
        connection.execute("UPDATE search_progress SET indexed = ?", (upto,))
    return int(count)


def merge_index(connection: sqlite3.Connection, pages: int) -> bool:
    """Merge parts of the index, some pages of them; negative: all parts, so that nothing deleted is left in it.

    Returns whether anything was done.
    """
    before = connection.total_changes
    connection.execute("INSERT INTO search_index (search_index, rank) VALUES ('merge', ?)", (pages,))
    return connection.total_changes - before >= 2


def _find(connection: sqlite3.Connection, query: TextQuery, until: float) -> list[FoundMessage]:
    """One message more than the limit where there are more. Raises `LimitReached` after `until` (monotonic)."""
    connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    chats = None if query.chats is None else json.dumps(sorted(query.chats))
    try:
        rows = connection.execute(
            _FIND,
            {
                "match": match_of(query.words),
                "before": _NO_LIMIT if query.before is None else query.before,
                "chats": chats,
                "since": -_NO_LIMIT if query.since is None else query.since,
                "until": _NO_LIMIT if query.until is None else query.until,
                "from_me": query.from_me,
                "limit": query.limit + 1,
                "width": _WIDTH,
            },
        ).fetchall()
    except sqlite3.OperationalError as error:
        if time.monotonic() > until:
            raise LimitReached(f"The search took longer than {TIMEOUT:g} seconds: search for rarer words.") from error
        raise
    return [
        FoundMessage(item, Stream(stream), seq, body, pieces_of(snippet)) for item, stream, seq, body, snippet in rows
    ]


def match_of(words: tuple[str, ...]) -> str:
    """The FTS5 expression of words that are data: each in quotes, so that no syntax in them counts."""
    quoted = ['"' + word.replace('"', '""') + '"' for word in words]
    return " ".join(quoted) + "*"


def pieces_of(snippet: str) -> list[tuple[str, bool]]:
    """The marked text in pieces; True for those that were found."""
    return [(piece, bool(index % 2)) for index, piece in enumerate(_MARK.split(snippet)) if piece]
