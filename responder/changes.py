"""Tells whoever watches that something of a chat has changed. Holds no content: who is told looks it up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

#: Chats that may wait for one watcher; one that is slower than that is told to look at everything.
WAITING = 200


class Watch:
    """What one watcher is told: ids of chats, or None for "look at everything"."""

    def __init__(self) -> None:
        self._changed: dict[int | None, None] = {}
        self._news = asyncio.Event()

    def tell(self, chat_id: int | None) -> None:
        """Note a change, once for each chat however often it changes meanwhile."""
        if chat_id is None or len(self._changed) >= WAITING:
            self._changed.clear()
            chat_id = None
        if None not in self._changed:
            self._changed[chat_id] = None
        self._news.set()

    async def next(self) -> list[int | None]:
        """Wait for changes; returns all since the last call."""
        await self._news.wait()
        self._news.clear()
        changed, self._changed = list(self._changed), {}
        return changed


class Changes:
    """All watchers of this process."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()

    @property
    def watchers(self) -> int:
        """How many there are."""
        return len(self._watches)

    def tell(self, chat_ids: Iterable[int | None]) -> None:
        """Something of these chats has changed."""
        if self._watches:
            for chat_id in set(chat_ids):
                for watch in self._watches:
                    watch.tell(chat_id)

    @contextmanager
    def watch(self) -> Iterator[Watch]:
        """Be told inside the block."""
        watch = Watch()
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)
