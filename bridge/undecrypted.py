"""Messages that WhatsApp shows and cannot read yet: until their text comes, catch-up goes back to each of them.

Whose they are stands in the store alone, where `wa forget` finds it; in memory are only WhatsApp's ids.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Set

from .ports import Memory

_NAME = "undecrypted"
#: Seconds after which catch-up no longer goes back to one, and the most that are waited for.
WAITED_FOR, MOST_WAITED = 7 * 24 * 3600, 200
#: Raw id -> chat, unix seconds.
Waiting = dict[str, tuple[str, int]]


class Undecrypted:
    """The list of one session. `load` comes first."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._ids: frozenset[str] = frozenset()

    async def load(self) -> None:
        """Begin with what was stored."""
        self._ids = frozenset(_parsed(await self._memory.get(_NAME)))

    async def note(self, fresh: Mapping[str, tuple[str, int]]) -> None:
        """Wait for these, too. Durable on return."""
        if not fresh.keys() <= self._ids:
            await self._change(lambda waiting: dict(list({**waiting, **fresh}.items())[-MOST_WAITED:]))

    async def told(self, raw_ids: Set[str]) -> None:
        """Wait no more for those of them that were waited for."""
        if self._ids & raw_ids:
            await self._change(
                lambda waiting: {raw_id: one for raw_id, one in waiting.items() if raw_id not in raw_ids}
            )

    async def clear(self) -> None:
        """Wait for none."""
        await self._change(lambda _: {})

    async def lowered(self, watermarks: Mapping[str, int]) -> dict[str, int]:
        """Each chat's watermark, or the time of one that is waited for there, where that is older."""
        marks = dict(watermarks)
        newest = max(marks.values(), default=0)
        for chat, at in _parsed(await self._memory.get(_NAME)).values():
            if at > newest - WAITED_FOR:
                marks[chat] = min(marks.get(chat, at), at)
        return marks

    async def _change(self, change: Callable[[Waiting], Waiting]) -> None:
        stored = await self._memory.change(_NAME, lambda value: json.dumps(change(_parsed(value))))
        self._ids = frozenset(_parsed(stored))


def _parsed(stored: str | None) -> Waiting:
    return {raw_id: (chat, at) for raw_id, (chat, at) in json.loads(stored or "{}").items()}
