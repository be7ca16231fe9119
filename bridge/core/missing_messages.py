"""Messages known to be missing from the journal, stored so that catch-up goes back to them after a restart.

`UnreadChats`: chats that the page could not deliver completely; newer messages moved their watermarks past the gap.
`UndecryptedMessages`: messages that WhatsApp shows but cannot decrypt yet. Only WhatsApp's ids are in memory; their
senders are in the store alone, where `wa forget` erases them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Set

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


_UNDECRYPTED = "undecrypted"
#: Seconds after which catch-up no longer goes back to a message, and the maximum number tracked.
MAX_AGE, MAX_TRACKED = 7 * 24 * 3600, 200
#: Raw id -> chat, unix seconds.
Waiting = dict[str, tuple[str, int]]


class UndecryptedMessages:
    """The messages of one session. Call `load` first."""

    def __init__(self, memory: KeyValueStore) -> None:
        self._memory = memory
        self._ids: frozenset[str] = frozenset()

    async def load(self) -> None:
        """Read the stored ids into memory."""
        self._ids = frozenset(_parsed(await self._memory.get(_UNDECRYPTED)))

    async def note(self, fresh: Mapping[str, tuple[str, int]]) -> None:
        """Track these, too. Durable on return."""
        if not fresh.keys() <= self._ids:
            await self._change(lambda waiting: dict(list({**waiting, **fresh}.items())[-MAX_TRACKED:]))

    async def remove(self, raw_ids: Set[str]) -> None:
        """Stop tracking those among them that were tracked."""
        if self._ids & raw_ids:
            await self._change(
                lambda waiting: {raw_id: one for raw_id, one in waiting.items() if raw_id not in raw_ids}
            )

    async def clear(self) -> None:
        await self._change(lambda _: {})

    async def lowered(self, watermarks: Mapping[str, int]) -> dict[str, int]:
        """Each chat's watermark, or the older time of a tracked message in it."""
        marks = dict(watermarks)
        newest = max(marks.values(), default=0)
        for chat, at in _parsed(await self._memory.get(_UNDECRYPTED)).values():
            if at > newest - MAX_AGE:
                marks[chat] = min(marks.get(chat, at), at)
        return marks

    async def _change(self, change: Callable[[Waiting], Waiting]) -> None:
        stored = await self._memory.change(_UNDECRYPTED, lambda value: json.dumps(change(_parsed(value))))
        self._ids = frozenset(_parsed(stored))


def _parsed(stored: str | None) -> Waiting:
    return {raw_id: (chat, at) for raw_id, (chat, at) in json.loads(stored or "{}").items()}
