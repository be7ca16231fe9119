"""WhatsApp addresses and message keys: the only file that parses and builds them.

Pure. It never rewrites an address that came from WhatsApp except for the spelling of the same account
(`@s.whatsapp.net` is `@c.us`, a `:device` suffix is dropped): a LID stays a LID, a group stays a group.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from bridge.contract.details import InvalidDetail
from bridge.contract.errors import InvalidRequest
from bridge.contract.phone_numbers import canonical, from_home


class Server(StrEnum):
    """The part after the `@`."""

    USER = "c.us"
    WIRE_USER = "s.whatsapp.net"
    LID = "lid"
    GROUP = "g.us"
    BROADCAST = "broadcast"
    NEWSLETTER = "newsletter"


# No `_`, which parts a message key.
_USER = re.compile(r"[0-9A-Za-z.-]{1,64}")
_SERVER = re.compile(r"[a-z.]{1,32}")
_SPELLING = re.compile(r"[\s()+./\-\u2010-\u2015\u00a0\u202a-\u202e\u200e\u200f\u2060-\u2069]")
_DIGITS = re.compile(r"[0-9]{5,15}")
_INTERNATIONAL = re.compile(r"[1-9][0-9]{4,14}")
SENDABLE = frozenset({Server.USER, Server.LID, Server.GROUP})
_FEEDS = frozenset({Server.BROADCAST, Server.NEWSLETTER})
#: In examples of the documentation.
GROUP_EXAMPLE = "120363000000000001@g.us"
KEY_EXAMPLE = "true_5491155500001@c.us_3EB0A1B2C3D4E5F6"


@dataclass(frozen=True, slots=True)
class Jid:
    """An address `user@server`, for example `5491155500001@c.us`, `120363000000000001@g.us`, `123456789012345@lid`."""

    user: str
    server: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `user[:device]@server`.

        Raises `InvalidRequest` for anything else.
        """
        user, at, server = text.partition("@")
        user = user.partition(":")[0]
        if not at or not _USER.fullmatch(user) or not _SERVER.fullmatch(server):
            raise InvalidRequest(
                f"{text[:80]!r} is not a WhatsApp address (user@server).", detail=InvalidDetail.NOT_A_RECIPIENT
            )
        return cls(user, Server.USER if server == Server.WIRE_USER else server)

    def __str__(self) -> str:
        return f"{self.user}@{self.server}"

    @property
    def is_user(self) -> bool:
        """A person addressed by phone number."""
        return self.server == Server.USER

    @property
    def is_lid(self) -> bool:
        """A person addressed by hidden id; its digits are not a phone number."""
        return self.server == Server.LID

    @property
    def is_group(self) -> bool:
        return self.server == Server.GROUP

    @property
    def is_conversation(self) -> bool:
        """A chat of people, published on `in`. Not statuses, newsletters, broadcast lists or WhatsApp's own account.

        Servers that are not listed here (`hosted`, `msgr`, `interop`, `bot`) are people and businesses too.
        """
        return self.server not in _FEEDS and not (self.is_user and self.user == "0")

    @property
    def canonical(self) -> Jid:
        """The form in which addresses are compared: equal for every spelling of one phone number."""
        return Jid(canonical(self.user), Server.USER) if self.is_user else self

    @property
    def masked(self) -> str:
        """For logs: the last four characters only."""
        return f"…{self.user[-4:]}@{self.server}"


def parse_recipient(text: str, own: str | None = None) -> Jid:
    """Parse a recipient into the address to send to, without asking WhatsApp.

    Accepts digits in any spelling (`+54 9 11 5550-0001`, `(54911)55500001`, a leading `00`) or a JID of a person, a
    LID or a group. A number as it is dialled at home (`011 15 5550-0001`) needs `own`, the digits of a number of that
    country. Raises `InvalidRequest` for anything else, naming the error.
    """
    stripped = text.strip()
    if "@" in stripped:
        jid = Jid.parse(stripped)
        if jid.server not in SENDABLE:
            raise InvalidRequest(
                f"Messages can go to people and groups, not to @{jid.server}.", detail=InvalidDetail.NOT_A_RECIPIENT
            )
        if jid.is_user and not _INTERNATIONAL.fullmatch(jid.user):
            raise InvalidRequest(
                f"{jid.user[:40]!r} is not a phone number in international form.",
                detail=InvalidDetail.NOT_A_PHONE_NUMBER,
            )
        return jid
    digits = _digits(stripped)
    if is_from_home(text) and (found := from_home(digits, own or "")) is not None:
        digits = found
    if not _INTERNATIONAL.fullmatch(digits) or not digits.isascii():
        raise InvalidRequest(
            f"{text[:40]!r} is not a phone number in international form: 5 to 15 digits that begin with the country"
            " code, for example 5491155500001, or a WhatsApp address.",
            detail=InvalidDetail.NOT_A_PHONE_NUMBER,
        )
    return Jid(digits, Server.USER)


def is_from_home(text: str) -> bool:
    """Whether it is a number with a leading 0, as it is dialled within a country: no country code begins with 0."""
    digits = _digits(text.strip())
    return digits.startswith("0") and _DIGITS.fullmatch(digits) is not None


def canonical_address(text: str) -> str:
    """An address in the form in which addresses are compared; a text that is no address stays as it is."""
    try:
        return str(Jid.parse(text).canonical)
    except InvalidRequest:
        return text


def _digits(text: str) -> str:
    return _SPELLING.sub("", text).removeprefix("00")


def mask(text: str) -> str:
    """Mask an address or a number for a log line, whatever its form."""
    user, at, server = text.partition("@")
    return f"…{user[-4:]}{at}{server}"


def no_message_id(text: str) -> str:
    """What is said of a text that is given as a message's id, without a full stop."""
    return f"{text[:120]!r} is no message id; it looks like {KEY_EXAMPLE}"


@dataclass(frozen=True, slots=True)
class MessageKey:
    """A serialized WhatsApp message key: `<true|false>_<remote>_<id>[_<participant>]`.

    Source: WhatsApp Web's MsgKey; the participant is part of the key in groups.
    """

    from_me: bool
    remote: Jid
    id: str
    participant: Jid | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the serialized form. Raises `InvalidRequest`."""
        parts = text.split("_", 2)
        if len(parts) != 3 or parts[0] not in ("true", "false"):
            raise InvalidRequest(f"{no_message_id(text)}.")
        raw, _, participant = parts[2].partition("_")
        if not raw:
            raise InvalidRequest(f"{no_message_id(text)}.")
        return cls(parts[0] == "true", Jid.parse(parts[1]), raw, Jid.parse(participant) if participant else None)

    def __str__(self) -> str:
        tail = f"_{self.participant}" if self.participant else ""
        return f"{'true' if self.from_me else 'false'}_{self.remote}_{self.id}{tail}"

    def under(self, remote: Jid) -> MessageKey:
        """The key of the same message under another address of its chat."""
        return MessageKey(self.from_me, remote, self.id, self.participant)
