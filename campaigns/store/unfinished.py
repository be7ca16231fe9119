"""Drafts and lists that were not finished: deleted at once, or, with the database down, before the next is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bridge.sql.errors import DatabaseDown


class UnfinishedRows:
    """What `delete` still has to delete. No request waits until the database is back; a restart deletes it, too."""

    def __init__(self, delete: Callable[[str], Awaitable[None]]) -> None:
        self._delete = delete
        self._ids: dict[str, None] = {}
        self._clearing = asyncio.Lock()  # an id may be used again once it is deleted

    async def drop(self, unfinished: str) -> None:
        """Delete one, at once or later."""
        self._ids[unfinished] = None
        with suppress(DatabaseDown):
            await self.clear()

    async def clear(self) -> None:
        """Delete those that are left. Raises DatabaseDown."""
        async with self._clearing:
            while self._ids:
                first = next(iter(self._ids))
                await self._delete(first)
                del self._ids[first]
