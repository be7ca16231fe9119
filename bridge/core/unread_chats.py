"""Chats that the page could not deliver completely, stored so that catch-up goes back to them after a restart.

Newer messages moved their watermarks past the gap.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from bridge.ports import KeyValueStore

_UNREAD = "unread"


class UnreadChats:
    """The time (unix seconds) from which each incomplete chat of a session must be read. Kept in the store alone."""

    def __init__(self, memory: KeyValueStore) -> None:
        self._memory = memory

    async def add(self, chats: Mapping[str, int]) -> None:
        """Add chats; an older time that is already stored stays. Durable on return."""
        await self._memory.change(
            _UNREAD, lambda stored: json.dumps({**(noted := _marks(stored)), **_older(chats, noted)})
        )

    async def replace(self, chats: Mapping[str, int]) -> None:
        """Store these chats only: all others were read completely. Durable on return."""
        if _marks(await self._memory.get(_UNREAD)) != chats:
            await self._memory.set(_UNREAD, json.dumps(dict(chats)))

    async def lowered(self, watermarks: Mapping[str, int]) -> dict[str, int]:
        """Each chat's watermark, or the older time from which it must be read."""
        noted = _marks(await self._memory.get(_UNREAD))
        return {**watermarks, **_older(noted, watermarks)}


def _older(marks: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    return {chat: min(mark, others.get(chat, mark)) for chat, mark in marks.items()}


def _marks(stored: str | None) -> dict[str, int]:
    return dict(json.loads(stored or "{}"))
