"""Messages known to be missing from the journal, remembered across restarts so that catch-up goes back to them.

`UnreadChats`: chats that the page could not deliver completely; newer messages moved their watermarks past the gap.
`UndecryptedMessages`: messages that WhatsApp shows but cannot decrypt yet. Only WhatsApp's ids are in memory; who sent
them is in the store alone, where `wa forget` finds it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Set

from bridge.ports import KeyValueStore

_UNREAD = "unread"


class UnreadChats:
    """From when on (unix seconds) each of one session's chats is still to be read. It stands in the store alone."""

    def __init__(self, memory: KeyValueStore) -> None:
        self._memory = memory

    async def add(self, chats: Mapping[str, int]) -> None:
        """Read these again from then on, or from before where that was noted already. Durable on return."""
        await self._memory.change(
            _UNREAD, lambda stored: json.dumps({**(noted := _marks(stored)), **_older(chats, noted)})
        )

    async def become(self, chats: Mapping[str, int]) -> None:
        """All others have been read. Durable on return."""
        if _marks(await self._memory.get(_UNREAD)) != chats:
            await self._memory.set(_UNREAD, json.dumps(dict(chats)))

    async def lowered(self, watermarks: Mapping[str, int]) -> dict[str, int]:
        """Each chat's watermark, or the older time from which it is still to be read."""
        noted = _marks(await self._memory.get(_UNREAD))
        return {**watermarks, **_older(noted, watermarks)}


def _older(marks: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    return {chat: min(mark, others.get(chat, mark)) for chat, mark in marks.items()}


def _marks(stored: str | None) -> dict[str, int]:
    return dict(json.loads(stored or "{}"))


_UNDECRYPTED = "undecrypted"
#: Seconds after which catch-up no longer goes back to one, and the most that are waited for.
WAITED_FOR, MOST_WAITED = 7 * 24 * 3600, 200
#: Raw id -> chat, unix seconds.
Waiting = dict[str, tuple[str, int]]


class UndecryptedMessages:
    """The list of one session. `load` comes first."""

    def __init__(self, memory: KeyValueStore) -> None:
        self._memory = memory
        self._ids: frozenset[str] = frozenset()

    async def load(self) -> None:
        """Begin with what was stored."""
        self._ids = frozenset(_parsed(await self._memory.get(_UNDECRYPTED)))

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
        await self._change(lambda _: {})

    async def lowered(self, watermarks: Mapping[str, int]) -> dict[str, int]:
        """Each chat's watermark, or the time of one that is waited for there, where that is older."""
        marks = dict(watermarks)
        newest = max(marks.values(), default=0)
        for chat, at in _parsed(await self._memory.get(_UNDECRYPTED)).values():
            if at > newest - WAITED_FOR:
                marks[chat] = min(marks.get(chat, at), at)
        return marks

    async def _change(self, change: Callable[[Waiting], Waiting]) -> None:
        stored = await self._memory.change(_UNDECRYPTED, lambda value: json.dumps(change(_parsed(value))))
        self._ids = frozenset(_parsed(stored))


def _parsed(stored: str | None) -> Waiting:
    return {raw_id: (chat, at) for raw_id, (chat, at) in json.loads(stored or "{}").items()}
