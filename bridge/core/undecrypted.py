"""Messages that WhatsApp shows but cannot decrypt yet: tracked and reported, from the first sight to their end.

They are stored, so that catch-up goes back to them after a restart. Only ids and times are in memory; their senders are
in the store alone, where `wa forget` erases them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from bridge.contract.errors import InvalidRequest
from bridge.contract.events import DECRYPTED, UNDECRYPTED, EventBody, GivenUp
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.payload import instant
from bridge.core.conversion import text_of, time_of
from bridge.core.people import People
from bridge.ports import IncomingMessage, Journal, KeyValueStore

#: WhatsApp's types of a message that waits for its text, and of one that was revoked.
CIPHERTEXT, REVOKED = "ciphertext", "revoked"
#: Seconds after which a message is given up. WhatsApp Web asks the phone for a text up to 14 days long.
GIVE_UP = 14 * 24 * 3600
#: Maximum number tracked.
MAX_TRACKED = 200
_NAME = "undecrypted"


class Undecrypted(NamedTuple):
    """A message that cannot be read yet; `at` is unix seconds."""

    chat: str
    at: int
    message_id: str

    @classmethod
    def of(cls, message: IncomingMessage) -> Undecrypted:
        return cls(str(message.chat), time_of(message), text_of(message.id))


#: By raw id, oldest first.
Waiting = dict[str, Undecrypted]


class UndecryptedMessages:
    """The messages of one session. Call `load` first. `now` gives unix seconds."""

    def __init__(self, memory: KeyValueStore, journal: Journal, people: People, now: Callable[[], float]) -> None:
        self._memory = memory
        self._journal = journal
        self._people = people
        self._now = now
        self._ahead = 0.0  # seconds by which the service's clock is ahead of this machine's
        self._times: dict[str, int] = {}

    async def load(self) -> None:
        """Read the stored ids into memory."""
        self._take(_parsed(await self._memory.get(_NAME)))

    async def connected(self, at: int) -> None:
        """Take the service's time (unix seconds), and give up what is too old."""
        self._ahead = at - self._now()
        await self._give_up_old()

    async def notice(self, messages: Iterable[IncomingMessage]) -> None:
        """Track and report those among the messages that are new and cannot be read. Durable on return."""
        fresh = {
            raw_id: Undecrypted.of(message)
            for message in messages
            if message.type == CIPHERTEXT
            and time_of(message)
            and (raw_id := text_of(message.key.id)) not in self._times
        }
        for raw_id, one in fresh.items():
            await self._report(UNDECRYPTED, raw_id, one)
        for raw_id, one in (await self._note(fresh)).items():
            await self._report(UNDECRYPTED, raw_id, one, GivenUp.TOO_MANY)
        await self._give_up_old()

    async def report_readable(self, messages: Iterable[IncomingMessage]) -> None:
        """Report those among the messages that were tracked; `remove` them once they are journalled."""
        for message in messages:
            if (raw_id := text_of(message.key.id)) in self._times:
                await self._report(DECRYPTED, raw_id, Undecrypted.of(message))

    async def end_revoked(self, messages: Iterable[IncomingMessage]) -> None:
        """Give up those among the messages that were tracked and are revoked."""
        for message in messages:
            if message.type == REVOKED and (raw_id := text_of(message.key.id)) in self._times:
                await self._report(UNDECRYPTED, raw_id, Undecrypted.of(message), GivenUp.REMOVED)
                await self.remove([raw_id])

    async def remove(self, raw_ids: Collection[str]) -> None:
        """Stop tracking those among them that were tracked."""
        if not self._times.keys().isdisjoint(raw_ids):
            await self._change(
                lambda waiting: {raw_id: one for raw_id, one in waiting.items() if raw_id not in raw_ids}
            )

    async def give_up_all(self) -> None:
        """Give up all of them: another account is linked."""
        for raw_id, one in _parsed(await self._memory.get(_NAME)).items():
            await self._report(UNDECRYPTED, raw_id, one, GivenUp.REMOVED)
        await self._change(lambda _: {})

    async def lowered(self, watermarks: Mapping[str, int]) -> dict[str, int]:
        """Each chat's watermark, or the older time of a tracked message in it."""
        marks = dict(watermarks)
        for one in _parsed(await self._memory.get(_NAME)).values():
            marks[one.chat] = min(marks.get(one.chat, one.at), one.at)
        return marks

    async def _note(self, fresh: Waiting) -> Waiting:
        """Returns those that are no longer tracked because there are too many."""
        dropped: Waiting = {}

        def change(waiting: Waiting) -> Waiting:
            tracked = {**waiting, **fresh}
            dropped.update(list(tracked.items())[:-MAX_TRACKED])
            return {raw_id: one for raw_id, one in tracked.items() if raw_id not in dropped}

        if fresh:
            await self._change(change)
        return dropped

    async def _give_up_old(self) -> None:
        oldest_kept = int(self._now() + self._ahead) - GIVE_UP
        if min(self._times.values(), default=oldest_kept) >= oldest_kept:
            return
        stored = _parsed(await self._memory.get(_NAME))
        old = {raw_id: one for raw_id, one in stored.items() if one.at < oldest_kept}
        for raw_id, one in old.items():
            await self._report(UNDECRYPTED, raw_id, one, GivenUp.EXPIRED)
        await self.remove(old)

    async def _report(self, kind: str, raw_id: str, one: Undecrypted, given_up: GivenUp | None = None) -> None:
        at = one.at if kind == UNDECRYPTED and given_up is None else self._now() + self._ahead
        about = await self._people.about(Jid.parse(one.chat), _author(one.message_id))
        event = EventBody(
            kind=kind, at=instant(at), chat=one.chat, message_id=one.message_id, given_up=given_up, **about
        )
        once = f"{kind}:{raw_id}" + (":given_up" if given_up else "")
        await self._journal.append_event(event.to_json(), kind=kind, once=once)

    async def _change(self, change: Callable[[Waiting], Waiting]) -> None:
        stored = await self._memory.change(_NAME, lambda value: json.dumps(change(_parsed(value))))
        self._take(_parsed(stored))

    def _take(self, waiting: Waiting) -> None:
        self._times = {raw_id: one.at for raw_id, one in waiting.items()}


def _parsed(stored: str | None) -> Waiting:
    return {raw_id: Undecrypted(*one) for raw_id, one in json.loads(stored or "{}").items()}


def _author(message_id: str) -> Jid | None:
    """The author of a message in a group; the id in a key is the sender's choice and may be anything."""
    try:
        return MessageKey.parse(message_id).participant
    except InvalidRequest:
        return None
