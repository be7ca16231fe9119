"""Who is who: the one place that knows which number and which LID are one person, and gives each person a stable id.

WhatsApp names a person by number or by LID, and may show only later that both are one. A LID has one owner for good; a
number may pass to another owner, so the newest pair counts.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from bridge.contract.events import ALIAS, EventBody
from bridge.contract.jid import Jid, Server, mask
from bridge.contract.payload import instant
from bridge.core.budgets import DAY, RECENT
from bridge.ports import Acquaintance, KeyValueStore, PeopleStore, PersonAddress, SeenPerson

_log = logging.getLogger(__name__)
#: The fact that holds this account's number.
ACCOUNT_PN = "account_pn"


@dataclass(frozen=True, slots=True)
class Person:
    """A human being in one session: the bridge's id, and the known addresses."""

    id: str
    pn: str | None = None
    lid: str | None = None

    @property
    def fields(self) -> dict[str, str | None]:
        """The fields of an event that say whom it is about."""
        return {"person": self.id, "from_pn": self.pn, "from_lid": self.lid}


class People:
    """The people of one session."""

    def __init__(
        self,
        session: str,
        store: PeopleStore,
        memory: KeyValueStore,
        now: Callable[[], float],
        *,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._session = session
        self._store = store
        self._memory = memory
        self._now = now
        self._new_id = new_id
        self._learning = asyncio.Lock()
        self._lids: dict[str, str] = {}
        #: The digits of this account's number, once it is known.
        self.own: str | None = None
        self._own_key = ""
        self._on_pair: Callable[[str, str], None] = lambda _lid, _pn: None
        self._on_written: Callable[[str], None] = lambda _lane: None
        self._written: dict[str, float] = {}  # lane -> when the person last wrote; some are older than `RECENT`
        self._pruned_at = now()

    def on_pair(self, learned: Callable[[str, str], None]) -> None:
        """Call `learned` with the lanes of a LID and of a number that turn out to be one person's."""
        self._on_pair = learned

    async def load(self) -> None:
        """Read what `lane`, `has_written` and `own` need; once, before the first send."""
        self._lids = await self._store.lids()
        for chat, at in (await self._store.last_written(self._now() - RECENT)).items():
            self.note_written(Jid.parse(chat), at)
        self.note_own(await self._memory.get(ACCOUNT_PN))

    def note_own(self, number: str | None) -> None:
        """Take over the address of this account's number; its country's spellings are understood from then on."""
        self.own = Jid.parse(number).user if number else self.own
        self._own_key = str(Jid(self.own, Server.USER).canonical) if self.own else ""

    async def identify(self, seen: Sequence[frozenset[Jid]]) -> list[Person | None]:
        """The person behind each set of addresses; None for an empty set. What is new is stored on return.

        A set holds the addresses under which one person came, at most one number and one LID.
        """
        wanted = {str(one.canonical) for addresses in seen for one in addresses}
        if not wanted:
            return [None] * len(seen)
        async with self._learning:
            book = _AddressBook(await self._store.addresses_of(wanted), self._new_id)
            for addresses in seen:
                book.learn(addresses)
            await self._keep(book)
        return [book.person(addresses) for addresses in seen]

    async def about(self, chat: Jid | None, author: Jid | None = None) -> dict[str, str | None]:
        """The fields of an event in a chat: whom it is about, the author in a group or the other side of the chat."""
        address = author or (chat if chat and is_of_two(chat) else None)
        [person] = await self.identify([frozenset({address} if address else ())])
        return person.fields if person else {}

    def on_written(self, written: Callable[[str], None]) -> None:
        """Call `written` with the lane of a person who has written, and had not lately."""
        self._on_written = written

    def note_written(self, chat: Jid, at: float) -> None:
        """A message came in a chat; `at` is when it was written (unix seconds). Only chats with one person count."""
        if not is_of_two(chat):
            return
        self._prune()
        lane = self.lane(chat)
        known = self.has_written(lane)
        self._written[lane] = max(at, self._written.get(lane, at))
        if not known and self.has_written(lane):
            self._on_written(lane)

    def _prune(self) -> None:
        """Once a day forget those who have not written lately."""
        now = self._now()
        if abs(now - self._pruned_at) < DAY:
            return
        self._pruned_at = now
        self._written = {lane: at for lane, at in self._written.items() if at > now - RECENT}

    def has_written(self, lane: str) -> bool:
        """Whether the person of a lane wrote to this account lately, under any address."""
        return self._written.get(lane, -math.inf) > self._now() - RECENT

    def is_stranger(self, lane: str) -> bool:
        """Whether a message to this lane is a first message: to a person, not oneself, who has not written lately."""
        if self.has_written(lane):
            return False
        return _is_person(lane) and lane not in (self._own_key, self._lids.get(self._own_key))

    async def named(self, data: Any) -> Any:
        """JSON with the fields of a person in place of each `SeenPerson`: of a list's item they are all there is, else
        they stand beside what it was a field of."""
        seen: list[frozenset[Jid]] = []
        _replace(data, lambda one: seen.append(one.addresses))
        found = iter(await self.identify(seen)) if seen else iter(())
        return _replace(data, lambda _: one.fields if (one := next(found)) else {"person": None})

    async def reached(self, to: Jid, chat: Jid) -> None:
        """WhatsApp gave `chat` as the chat of `to`: a LID for a number makes both one person's."""
        if {to.server, chat.server} == {Server.USER, Server.LID} and self.lane(to) != self.lane(chat):
            await self.identify([frozenset({to.canonical, chat.canonical})])

    def lane(self, address: Jid) -> str:
        """What the commands to an address have in common with those to the person's other addresses."""
        key = str(address.canonical)
        return self._lids.get(key, key)

    async def _keep(self, book: _AddressBook) -> None:
        if not book.changed:
            return
        at = instant(self._now())
        events = [
            EventBody(kind=ALIAS, at=at, person=one.id, from_pn=one.pn, from_lid=one.lid, merged=merged).to_json()
            for one, merged in book.pairs
        ]
        pairs = [(str(found.lid), str(found.pn)) for found, _ in book.pairs]
        await self._store.keep(Acquaintance(list(book.changed.values()), pairs, events))
        for lid, pn in pairs:
            _log.debug("%s: %s is %s", self._session, mask(lid), mask(pn))
            number = str(Jid.parse(pn).canonical)
            self._lids[number] = lid
            if (last := self._written.pop(number, None)) is not None:
                self._written[lid] = max(last, self._written.get(lid, last))
            self._on_pair(lid, number)


def _replace(data: Any, fields_of: Callable[[SeenPerson], Any]) -> Any:
    """The data with the fields of each person, always in the same order."""
    if isinstance(data, SeenPerson):
        return fields_of(data)
    if isinstance(data, dict):
        found: dict[str, Any] = {}
        for name, value in data.items():
            replaced = _replace(value, fields_of)
            found |= replaced if isinstance(value, SeenPerson) and replaced else {name: replaced}
        return found
    return [_replace(item, fields_of) for item in data] if isinstance(data, list) else data


def is_of_two(chat: Jid) -> bool:
    """Whether it is the chat with one person."""
    return chat.is_conversation and not chat.is_group


@lru_cache(maxsize=10_000)
def _is_person(lane: str) -> bool:
    return is_of_two(Jid.parse(lane))


class _AddressBook:
    """The rows of the people concerned, and what is learned about them. Pure.

    `changed` are rows to store; `pairs` were learned, each with the id of the person that it merged into the other.
    """

    def __init__(self, rows: Iterable[PersonAddress], new_id: Callable[[], str]) -> None:
        self._rows: dict[str, PersonAddress] = {}
        self._keys: dict[str, set[str]] = {}  # of each person's rows
        for row in rows:
            self._enter(row)
        self._new_id = new_id
        self._stored = set(self._keys)
        self.changed: dict[str, PersonAddress] = {}
        self.pairs: list[tuple[Person, str | None]] = []

    def learn(self, addresses: frozenset[Jid]) -> None:
        pn = next((one for one in addresses if one.is_user), None)
        lid = next((one for one in addresses if one.is_lid), None)
        if pn is None or lid is None:
            person = next(filter(None, map(self._person_at, addresses)), None) or self._new_id()
            for address in addresses:
                self._put(address, self._person_at(address) or person)
            return
        owner, before = self._person_at(lid), self._person_at(pn)
        if owner is not None and owner == before:
            self._put(pn, owner)
            return
        merged = None
        if before is not None and self._has_lid(before):
            before = None  # the number of another account before
        if owner is not None and before is not None:
            owner, merged = sorted((owner, before), key=self._age)
            for row in self._theirs(merged):
                self._set(replace(row, person=owner))
        person = owner or before or self._new_id()
        for address in (lid, pn):
            self._put(address, person)
        found = Person(person, str(pn), str(lid))
        self.pairs.append((found, merged if merged in self._stored else None))

    def person(self, addresses: frozenset[Jid]) -> Person | None:
        """The person, with the newest of its numbers where these addresses hold none."""
        if not addresses:
            return None
        person = next(filter(None, map(self._person_at, addresses)))
        known = {Jid.parse(row.address).server: row.address for row in self._theirs(person)}
        known |= {address.server: str(address) for address in addresses}
        return Person(person, known.get(Server.USER), known.get(Server.LID))

    def _person_at(self, address: Jid) -> str | None:
        row = self._rows.get(str(address.canonical))
        return row.person if row else None

    def _theirs(self, person: str) -> list[PersonAddress]:
        return sorted((self._rows[key] for key in self._keys[person]), key=lambda row: row.number)

    def _has_lid(self, person: str) -> bool:
        return any(Jid.parse(row.key).is_lid for row in self._theirs(person))

    def _age(self, person: str) -> int:
        return self._theirs(person)[0].number

    def _put(self, address: Jid, person: str) -> None:
        key = str(address.canonical)
        row = self._rows.get(key)
        number = row.number if row else 2**62 + len(self._rows)  # the store gives the next one
        self._set(PersonAddress(number, key, str(address), person))

    def _set(self, row: PersonAddress) -> None:
        if self._rows.get(row.key) != row:
            self._enter(row)
            self.changed[row.key] = row

    def _enter(self, row: PersonAddress) -> None:
        if (before := self._rows.get(row.key)) is not None:
            self._keys[before.person].discard(row.key)
        self._rows[row.key] = row
        self._keys.setdefault(row.person, set()).add(row.key)
