"""Pages of the journal, read and parsed once for all webhooks with the same cursor, which most have."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.contract.messages import Stream, in_stream
from bridge.ports import Journal
from bridge.webhooks.limits import WebhookLimits


@dataclass(frozen=True, slots=True)
class Item:
    """A stored item: its fields, and the bytes that are posted."""

    seq: int
    fields: Mapping[str, Any]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Page:
    """The items after `seq`, read at `at` on the loop's clock while `last` was the newest item of the stream."""

    seq: int
    last: int
    at: float
    items: tuple[Item, ...]


class PageCache:
    """The last page that was read, one per stream of one session, and the last that was read again."""

    def __init__(self, session: str, journal: Journal, limits: WebhookLimits) -> None:
        self._session = session
        self._journal = journal
        self._limits = limits
        self._pages: dict[Stream, _Page] = {}
        self._again: dict[Stream, _Page] = {}
        self._locks = {stream: asyncio.Lock() for stream in Stream}

    async def after(self, stream: Stream, seq: int) -> tuple[Item, ...]:
        """Items after `seq`, at least one where the journal has one. Raises what the journal raises."""
        async with self._locks[stream]:
            page = self._pages.get(stream)
            last = self._journal.bounds(stream).last
            if page is None or (page.seq, page.last) != (seq, last) or not self._fresh(page):
                page = self._pages[stream] = await self._read(stream, seq)
            return page.items

    async def item(self, stream: Stream, seq: int) -> Item | None:
        """One item as it is now; None if it is no longer kept. Raises what the journal raises."""
        async with self._locks[stream]:
            for page in (self._pages.get(stream), self._again.get(stream)):
                if page is not None and self._fresh(page):
                    for item in page.items:
                        if item.seq == seq:
                            return item
            page = self._again[stream] = await self._read(stream, seq - 1)
            return page.items[0] if page.items and page.items[0].seq == seq else None

    def _fresh(self, page: _Page) -> bool:
        return page.at + self._limits.page_age >= asyncio.get_running_loop().time()

    async def _read(self, stream: Stream, seq: int) -> _Page:
        last, now = self._journal.bounds(stream).last, asyncio.get_running_loop().time()
        stored = await self._journal.read(stream, seq, self._limits.page)
        return _Page(seq, last, now, tuple(self._item(stream, number, body) for number, body in stored.items))

    def _item(self, stream: Stream, seq: int, stored: str) -> Item:
        text = in_stream(stream, self._session, self._journal.epoch, seq, stored)
        return Item(seq, json.loads(stored), text.encode())
