"""The port to the stored addresses of people."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PersonAddress:
    """One address of a person. `number` counts addresses in the order in which they were learned.

    `key` is the form in which addresses are compared, `address` the one that WhatsApp writes.
    """

    number: int
    key: str
    address: str
    person: str


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """What was learned at once. `pairs` are (LID, number) of one person; `events` are the JSON of `EventBody`."""

    addresses: Sequence[PersonAddress] = ()
    pairs: Sequence[tuple[str, str]] = ()
    events: Sequence[str] = ()


class PeopleStore(Protocol):
    """The people of one session. Everything that returns is committed."""

    async def addresses_of(self, keys: Collection[str]) -> Sequence[PersonAddress]:
        """Every address of each person who has one of these, by `number`."""
        ...

    async def last_written(self, since: float) -> dict[str, int]:
        """When the newest message of each chat was written, for those written after a time (unix seconds)."""
        ...

    async def lids(self) -> dict[str, str]:
        """The LID of each other address of a person, by `key`."""
        ...

    async def keep(self, learned: Acquaintance) -> None:
        """Store addresses (new ones get a number; `key` replaces) and journal the events, in one commit.

        Duplicates are recognised across both addresses of a pair from then on.
        """
        ...
