"""Pages of the journal, read and parsed once for all webhooks with the same cursor, which most have.

It also waits for new items once for all of them: a message must not wake a thousand tasks at the moment when MQTT
publishes it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.contract.messages import Stream, in_stream
from bridge.ports import Journal
from bridge.webhooks.limits import WebhookLimits
from bridge.webhooks.loop_turns import LoopTurns


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

    def __init__(self, session: str, journal: Journal, limits: WebhookLimits, turns: LoopTurns) -> None:
        self._session = session
        self._journal = journal
        self._limits = limits
        self._turns = turns
        self._waiting: dict[Stream, list[asyncio.Future[None]]] = {stream: [] for stream in Stream}
        self._pages: dict[Stream, _Page] = {}
        self._again: dict[Stream, _Page] = {}
        self._locks = {stream: asyncio.Lock() for stream in Stream}

    async def run(self) -> None:
        """Release those that wait for new items, one after the other, until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for stream in Stream:
                tasks.create_task(self._announce(stream), name=f"new {stream} of {self._session} for webhooks")

    async def beyond(self, stream: Stream, seq: int) -> None:
        """Return in a turn of one's own once the stream has an item after `seq`; needs `run`."""
        if self._journal.bounds(stream).last > seq:
            await self._turns.take()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[stream].append(turn)
        await turn

    async def _announce(self, stream: Stream) -> None:
        last = self._journal.bounds(stream).last
        while True:
            await self._journal.wait_beyond(stream, last)
            last = self._journal.bounds(stream).last
            self._turns.release(self._waiting[stream])
            self._waiting[stream] = []

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
