"""Pages of the journal, read and parsed once for all listeners that are at the same place, which most are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.contract.messages import Stream, in_stream
from bridge.ports import Journal

#: Items read at once; small, since a listener that fails holds them in memory.
PAGE = 20
#: Seconds for which a page is taken to be what the journal has: `wa forget` changes items there.
FRESH = 1.0


@dataclass(frozen=True, slots=True)
class Item:
    """A stored item: its fields, and the bytes that are posted."""

    seq: int
    fields: Mapping[str, Any]
    body: bytes


class PageCache:
    """The newest page that anybody asked for, of each stream of one session."""

    def __init__(self, session: str, journal: Journal) -> None:
        self._session = session
        self._journal = journal
        self._held: dict[Stream, tuple[tuple[int, int], float, tuple[Item, ...]]] = {}
        self._reading = {stream: asyncio.Lock() for stream in Stream}

    async def after(self, stream: Stream, seq: int) -> tuple[Item, ...]:
        """Items behind `seq`, at least one where the journal has one. Raises what the journal raises."""
        async with self._reading[stream]:
            place, now = (seq, self._journal.bounds(stream).last), asyncio.get_running_loop().time()
            held = self._held.get(stream)
            if held is None or held[0] != place or held[1] + FRESH < now:
                page = await self._journal.read(stream, seq, PAGE)
                held = place, now, tuple(self._item(stream, number, body) for number, body in page.items)
                self._held[stream] = held
            return held[2]

    def _item(self, stream: Stream, seq: int, stored: str) -> Item:
        text = in_stream(stream, self._session, self._journal.epoch, seq, stored)
        return Item(seq, json.loads(stored), text.encode())
