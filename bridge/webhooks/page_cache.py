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
    """The last page that was read, one per stream of one session."""

    def __init__(self, session: str, journal: Journal, limits: WebhookLimits) -> None:
        self._session = session
        self._journal = journal
        self._limits = limits
        self._pages: dict[Stream, _Page] = {}
        self._locks = {stream: asyncio.Lock() for stream in Stream}

    async def after(self, stream: Stream, seq: int) -> tuple[Item, ...]:
        """Items after `seq`, at least one where the journal has one. Raises what the journal raises."""
        async with self._locks[stream]:
            last, now = self._journal.bounds(stream).last, asyncio.get_running_loop().time()
            page = self._pages.get(stream)
            if page is None or (page.seq, page.last) != (seq, last) or page.at + self._limits.page_age < now:
                stored = await self._journal.read(stream, seq, self._limits.page)
                items = tuple(self._item(stream, number, body) for number, body in stored.items)
                page = self._pages[stream] = _Page(seq, last, now, items)
            return page.items

    def _item(self, stream: Stream, seq: int, stored: str) -> Item:
        text = in_stream(stream, self._session, self._journal.epoch, seq, stored)
        return Item(seq, json.loads(stored), text.encode())
