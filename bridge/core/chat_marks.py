"""Marks of chats that changed while the bridge was not connected: each gives the event that it would have given live.

What was known last is stored. Of the number of unread messages only whether there are any counts, and whether the chat
is marked by hand: messages come on their own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bridge.contract.errors import CodedError
from bridge.contract.events.chat import CHAT
from bridge.contract.jid import Jid
from bridge.contract.requests import ChatList
from bridge.core.inbound import InboundPipeline
from bridge.ports import Answers, Clock, IncomingEvent, IncomingMessage, Item, KeyValueStore

_log = logging.getLogger(__name__)
#: Name of the entries, one for each chat with a mark, and of the fact that says whether a first look was stored.
_NAME, _KNOWN = "chat_marks", "known"
#: Chats in one call into the page.
PAGE = 200
#: Marks of a chat without any. `unread`: 1 = it has unread messages, -1 = marked by hand.
_NONE: Mapping[str, Any] = {"archived": False, "pinned": False, "muted_until": 0, "unread": 0}
Marks = dict[str, Any]


class ChatMarks:
    """The marks of one session's chats."""

    def __init__(
        self, session: str, driver: Answers, memory: KeyValueStore, inbound: InboundPipeline, clock: Clock
    ) -> None:
        self._session = session
        self._driver = driver
        self._memory = memory
        self._inbound = inbound
        self._clock = clock
        self._known: dict[str, Marks] | None = None  # of chats with a mark; None: not read yet
        self._touched: set[str] = set()
        self._missing: set[str] = set()  # of those, the ones that the page did not have at the last look

    async def forget(self) -> None:
        """The account was paired: the next look only remembers. Raises what the store raises."""
        self._known = None
        await self._memory.set(_NAME, "")

    async def seen(self, batch: Sequence[Item]) -> None:
        """Take over what arrived live. Raises what the store raises."""
        known = await self._load()
        if known is None:
            return
        changed: set[str] = set()
        for item in batch:
            match item:
                case IncomingEvent(chat=Jid() as chat) if item.kind == CHAT:
                    changed |= self._update(known, str(chat), _changed(item.fields))
                case IncomingMessage() if not item.key.from_me:
                    changed |= self._update(known, str(item.key.remote), {"unread": 1})
        await self._store(known, changed)

    async def look(self) -> None:
        """Compare the page's chats with what is known, and report what differs; the first time, only remember it.

        Who wrote last in a chat is known from then on to have written, also before the pairing.

        Raises what the store raises.
        """
        self._touched = set()
        try:
            chats = await self._read()
        except CodedError as error:  # the next connection looks again
            _log.info("%s: the marks of chats were not read: %s", self._session, error.text)
            return
        first, known = await self._load() is None, self._known or {}
        events, changed = [], set[str]()
        for address, marks in chats.items():
            if address in self._touched:
                continue  # an event says what it is by now
            if not first and (fields := _difference(known.get(address, _NONE), marks)):
                events.append(self._event(address, fields))
            changed |= self._update(known, address, marks)
        changed |= self._drop_missing(known, chats)
        self._known = known
        for event in events:
            await self._inbound.journal_event(event)
        if events:
            _log.info("%s: marks of %d chats changed meanwhile", self._session, len(events))
        if first:
            await self._memory.clear_entries(_NAME)  # of the login before
        await self._store(known, changed)
        if first:
            await self._memory.set(_NAME, _KNOWN)

    async def note_writers(self) -> None:
        """Note who wrote last in each chat that the page has: more come in the minutes after a pairing."""
        try:
            await self._read()
        except CodedError as error:
            _log.info("%s: who wrote before the pairing was not read: %s", self._session, error.text)

    async def _read(self) -> dict[str, Marks]:
        found: dict[str, Marks] = {}
        after: str | None = None
        while True:
            page = await self._driver.answer(ChatList(limit=PAGE, after=after))
            newest = [one.get("last") for one in page["chats"]]
            self._inbound.note_written(one for one in newest if isinstance(one, IncomingMessage))
            for one in page["chats"]:
                found[one["chat"]] = {
                    "archived": bool(one.get("archived")),
                    "pinned": bool(one.get("pinned")),
                    "muted_until": one.get("muted_until") or 0,
                    "unread": min(one.get("unread") or 0, 1),
                }
            if (after := page.get("next")) is None:
                return found

    def _event(self, address: str, fields: Mapping[str, Any]) -> IncomingEvent:
        now = self._clock.now()
        return IncomingEvent(CHAT, f"{address}:{now}", int(now), Jid.parse(address), dict(fields))

    def _drop_missing(self, known: dict[str, Marks], chats: Mapping[str, Marks]) -> set[str]:
        """Forget the chats that the page had neither this time nor the last: they were deleted. Returns them."""
        missing = known.keys() - chats.keys() - self._touched
        gone, self._missing = missing & self._missing, missing - self._missing
        for address in gone:
            del known[address]
        return gone

    def _update(self, known: dict[str, Marks], address: str, marks: Mapping[str, Any]) -> set[str]:
        """Take over marks; returns the chat where they are other ones."""
        self._touched.add(address)
        before = known.get(address, _NONE)
        now = {**before, **marks}
        if now == _NONE:
            known.pop(address, None)
        else:
            known[address] = now
        return {address} if now != before else set()

    async def _load(self) -> dict[str, Marks] | None:
        if self._known is None and await self._memory.get(_NAME):
            stored = await self._memory.entries(_NAME)
            self._known = {address: json.loads(marks) for address, marks in stored.items()}
        return self._known

    async def _store(self, known: Mapping[str, Marks], changed: Iterable[str]) -> None:
        changes = {one: json.dumps(known[one], separators=(",", ":")) if one in known else None for one in changed}
        await self._memory.set_entries(_NAME, changes)


def _changed(fields: Mapping[str, Any]) -> Marks:
    """The marks that an event of the page says."""
    marks = {name: fields[name] for name in ("archived", "pinned", "muted_until") if name in fields}
    return {**marks, **({"unread": 0 if fields["read"] else -1} if "read" in fields else {})}


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> Marks:
    """The fields of the event for a change of marks."""
    fields = {name: now[name] for name in ("archived", "pinned") if now[name] != before[name]}
    if now["muted_until"] != before["muted_until"]:
        fields |= {"muted": now["muted_until"] != 0, "muted_until": now["muted_until"]}
    if now["unread"] != before["unread"] and now["unread"] in (0, -1):
        fields["read"] = now["unread"] == 0
    return fields
