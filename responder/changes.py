"""Notifies watchers that something in a chat has changed. Carries ids only: a watcher reads the store for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

#: Changed chats queued for one watcher; beyond that it is asked to reload everything.
QUEUED = 200


class Watch:
    """The queue of one watcher: ids of chats, or None for "reload everything"."""

    def __init__(self) -> None:
        self._changed: dict[int | None, None] = {}
        self._notified = asyncio.Event()

    def notify(self, chat_id: int | None) -> None:
        """Queue a change; a chat that changes repeatedly is queued once."""
        if chat_id is None or len(self._changed) >= QUEUED:
            self._changed.clear()
            chat_id = None
        if None not in self._changed:
            self._changed[chat_id] = None
        self._notified.set()

    async def next(self) -> list[int | None]:
        """Wait for changes; returns all since the last call."""
        await self._notified.wait()
        self._notified.clear()
        changed, self._changed = list(self._changed), {}
        return changed


class Changes:
    """The watchers of this process."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()

    def notify(self, chat_ids: Iterable[int | None]) -> None:
        """Notify every watcher that these chats have changed."""
        if self._watches:
            for chat_id in set(chat_ids):
                for watch in self._watches:
                    watch.notify(chat_id)

    @contextmanager
    def watch(self) -> Iterator[Watch]:
        """A watch that is notified inside the block."""
        watch = Watch()
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)
