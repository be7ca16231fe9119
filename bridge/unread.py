"""Chats that WhatsApp's page could not read whole: what came since has moved their watermarks past what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .ports import Memory

_NAME = "unread"


class Unread:
    """From when on (unix seconds) each of one session's chats is still to be read. It stands in the store alone."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def add(self, chats: Mapping[str, int]) -> None:
        """Read these again from then on, or from before where that was noted already. Durable on return."""
        await self._memory.change(
            _NAME, lambda stored: json.dumps({**(noted := _parsed(stored)), **_older(chats, noted)})
        )

    async def become(self, chats: Mapping[str, int]) -> None:
        """All others have been read. Durable on return."""
        if _parsed(await self._memory.get(_NAME)) != chats:
            await self._memory.set(_NAME, json.dumps(dict(chats)))

    async def lowered(self, watermarks: Mapping[str, int]) -> dict[str, int]:
        """Each chat's watermark, or the older time from which it is still to be read."""
        noted = _parsed(await self._memory.get(_NAME))
        return {**watermarks, **_older(noted, watermarks)}


def _older(marks: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    return {chat: min(mark, others.get(chat, mark)) for chat, mark in marks.items()}


def _parsed(stored: str | None) -> dict[str, int]:
    return dict(json.loads(stored or "{}"))
