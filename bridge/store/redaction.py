"""One person in stored data: all their addresses, and an item without them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bridge.contract.errors import InvalidRequest
from bridge.contract.events import ERASED_EVENT, EventBody
from bridge.contract.jid import Jid, Server, parse_recipient
from bridge.contract.messages import ERASED, MessageBody, Stream
from bridge.contract.phone_numbers import candidates, canonical

#: Replaces the address of an erased person where a field needs one.
ERASED_ADDRESS = Jid("erased", Server.USER)
_NUMBER = re.compile(r"[0-9]+")
#: Fields of a message that say whom it is with or from.
_WHOSE = ("id", "from", "chat", "author", "from_pn", "from_lid")


@dataclass(frozen=True)
class ErasedPerson:
    """A person by all their addresses, as `user@server`."""

    addresses: frozenset[str]

    @classmethod
    def of(cls, number: str) -> ErasedPerson:
        """By a number in any spelling, or an address. Raises `InvalidRequest`, for a group as well."""
        jid = parse_recipient(number)
        if jid.is_group:
            raise InvalidRequest(f"{number[:40]!r} is a group. Forget the people in it, one by one.")
        users = candidates(jid.user) if jid.is_user else (jid.user,)
        return cls(frozenset(str(Jid(user, jid.server)) for user in users))

    def known_as(self, addresses: Iterable[str]) -> ErasedPerson:
        """The same person with more addresses; a number brings its other spellings."""
        found = set(self.addresses)
        for address in addresses:
            found |= ErasedPerson.of(address).addresses
        return ErasedPerson(frozenset(found))

    @cached_property
    def users(self) -> tuple[str, ...]:
        """The digits before each `@`."""
        return tuple(sorted({Jid.parse(address).user for address in self.addresses}))

    @cached_property
    def endings(self) -> tuple[str, ...]:
        """The last digits of every address, which all spellings of a number have in common."""
        return tuple(sorted({user[-6:] for user in self.users}))

    @cached_property
    def _compared(self) -> frozenset[str]:
        return frozenset(map(canonical, self.users))

    def _is_number(self, found: re.Match[str]) -> bool:
        return found[0].endswith(self.endings) and (found[0] in self.users or canonical(found[0]) in self._compared)

    def is_named_in(self, text: object) -> bool:
        """Whether a text contains one of the addresses, in any spelling of a number."""
        return isinstance(text, str) and any(map(self._is_number, _NUMBER.finditer(text)))

    def is_in(self, value: Any) -> bool:
        """Whether a JSON value contains one of the addresses anywhere."""
        if isinstance(value, dict):
            return any(self.is_in(inner) for inner in value.values())
        if isinstance(value, list):
            return any(self.is_in(inner) for inner in value)
        return self.is_named_in(value)

    def without_number(self, text: str) -> str:
        """Another person's text with the number, as in a mention, replaced by `…`."""
        return _NUMBER.sub(lambda found: "…" if self._is_number(found) else found[0], text)


def redact(person: ErasedPerson, stream: Stream, fields: dict[str, Any]) -> str | None:
    """The stored body of an item without the person; None where it is not about them.

    What they wrote, and what was written to them, is erased; what others wrote loses the mention and the quotation.
    """
    if stream is Stream.IN:
        return _message(person, fields)
    message = fields.get("message")
    around = {name: value for name, value in fields.items() if name != "message"}
    if person.is_in(around) or (isinstance(message, dict) and _is_theirs(person, message)):
        return EventBody(kind=ERASED_EVENT, at=fields["at"]).to_json()
    left = _message(person, message) if isinstance(message, dict) else None
    return None if left is None else EventBody.model_validate({**fields, "message": _parsed(left)}).to_json()


def _is_theirs(person: ErasedPerson, message: dict[str, Any]) -> bool:
    return any(person.is_named_in(message.get(name)) for name in _WHOSE)


def _message(person: ErasedPerson, fields: dict[str, Any]) -> str | None:
    if _is_theirs(person, fields):
        return MessageBody(
            id="",
            from_="",
            chat="",
            author="",
            body="",
            type=ERASED,
            timestamp=fields["timestamp"],
            cliente_id=fields["cliente_id"],
            late=fields["late"],
        ).to_json()
    if not person.is_in(fields):
        return None
    left = dict(fields)
    for name, value in fields.items():
        if isinstance(value, list):
            left[name] = [item for item in value if not person.is_in(item)] or None
        elif isinstance(value, dict) and person.is_in(value):
            left[name] = None
        elif isinstance(value, str):
            left[name] = person.without_number(value)
    return MessageBody.model_validate(left).to_json()


def _parsed(body: str) -> dict[str, Any]:
    return MessageBody.model_validate_json(body).model_dump(by_alias=True)
