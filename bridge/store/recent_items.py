"""The newest items of a stream, kept in memory, so that readers that are up to date need not read the disk.

Holds committed items only, in commit order; `Journal.read` reads older ones from the database.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

#: Characters in the items that are kept of a stream.
SIZE = 1_000_000


class RecentItems:
    """Consecutive items up to the newest one; empty at first, and whenever its items may have changed on disk."""

    def __init__(self, items: int, size: int = SIZE) -> None:
        self._most_items = items
        self._most_size = size
        self._items: deque[tuple[int, str]] = deque()
        self._size = 0

    def add(self, seq: int, body: str) -> None:
        """Append the next committed item."""
        if self._items and seq != self._items[-1][0] + 1:
            self.clear()
        self._items.append((seq, body))
        self._size += len(body)
        while len(self._items) > self._most_items or (self._size > self._most_size and len(self._items) > 1):
            self._drop()

    def after(self, seq: int, limit: int) -> tuple[tuple[int, str], ...] | None:
        """At most `limit` items after `seq`, or None where some of them are no longer held."""
        if not self._items or seq + 1 < self._items[0][0]:
            return None
        start = min(seq + 1 - self._items[0][0], len(self._items))
        return tuple(islice(self._items, start, start + limit))

    def start_at(self, first: int | None) -> None:
        """Drop items before `first`, which the stream no longer keeps; None drops all."""
        if first is None:
            self.clear()
        while self._items and first is not None and self._items[0][0] < first:
            self._drop()

    def replace(self, seq: int, body: str) -> None:
        """Change the body of an item, if it is held."""
        index = seq - self._items[0][0] if self._items else -1
        if 0 <= index < len(self._items):
            self._size += len(body) - len(self._items[index][1])
            self._items[index] = (seq, body)

    def clear(self) -> None:
        self._items.clear()
        self._size = 0

    def _drop(self) -> None:
        self._size -= len(self._items.popleft()[1])
