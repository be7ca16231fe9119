"""What the page could not deliver, stored so that catch-up goes back to it after a restart.

Chats, whose watermarks newer messages moved past the gap, and what was done to messages (`ACTS`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from bridge.ports import ACTS, KeyValueStore

_UNREAD = "unread"
#: Seconds after which acts that cannot be read are given up: each catch-up announces all acts since then again.
ACTS_RETRIED = 7 * 24 * 3600


class UnreadChats:
    """The time (unix seconds) from which each incomplete chat of a session, or `ACTS`, must be read. Kept in the store
    alone."""

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
        noted.pop(ACTS, None)
        return {**watermarks, **_older(noted, watermarks)}

    async def acts_since(self, live_until: int, now: int) -> int:
        """Until when acts were announced live, or the older time from which they must be read; both unix seconds."""
        noted = _marks(await self._memory.get(_UNREAD)).get(ACTS, live_until)
        return min(live_until, max(noted, now - ACTS_RETRIED))


def _older(marks: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    return {chat: min(mark, others.get(chat, mark)) for chat, mark in marks.items()}


def _marks(stored: str | None) -> dict[str, int]:
    return dict(json.loads(stored or "{}"))
