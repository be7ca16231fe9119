"""The newest items of a stream, kept in memory: who follows a stream closely need not ask the disk for them.

Holds only what is committed, in commit order; `Journal.read` goes to the database for anything older.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

#: Items, and characters in them, that are kept of a stream.
ITEMS, SIZE = 1000, 1_000_000


class RecentItems:
    """Consecutive items up to the newest one; empty at first, and whenever what it held may no longer be true."""

    def __init__(self) -> None:
        self._items: deque[tuple[int, str]] = deque()
        self._size = 0

    def add(self, seq: int, body: str) -> None:
        """Append the item that was committed next."""
        if self._items and seq != self._items[-1][0] + 1:
            self.clear()
        self._items.append((seq, body))
        self._size += len(body)
        while len(self._items) > ITEMS or (self._size > SIZE and len(self._items) > 1):
            self._drop()

    def after(self, seq: int, limit: int) -> tuple[tuple[int, str], ...] | None:
        """At most `limit` items behind `seq`, or None where they do not all lie here."""
        if not self._items or seq + 1 < self._items[0][0]:
            return None
        start = min(seq + 1 - self._items[0][0], len(self._items))
        return tuple(islice(self._items, start, start + limit))

    def start_at(self, first: int | None) -> None:
        """Forget what lies before `first`; None = everything: the stream keeps it no longer."""
        if first is None:
            self.clear()
        while self._items and first is not None and self._items[0][0] < first:
            self._drop()

    def clear(self) -> None:
        self._items.clear()
        self._size = 0

    def _drop(self) -> None:
        self._size -= len(self._items.popleft()[1])
