"""Which messages are duplicates. Pure.

A raw id is chosen by the sender's client: alone it proves nothing, since another chat may use the same one. WhatsApp
names a chat, or a group author, sometimes by phone number and sometimes by LID, so a different address proves nothing
either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid

#: Whether the aliases make two addresses one person; None = unknown.
Aliases = Callable[[str, str], bool | None]


@dataclass(frozen=True, slots=True)
class Seen:
    """The key of a message beside its direction and raw id. `author` is empty in a chat of two."""

    chat: str
    author: str
    timestamp: int
    type: str
    content_hash: str

    @property
    def content(self) -> tuple[int, str, str]:
        """The part that does not depend on the address."""
        return self.timestamp, self.type, self.content_hash


def are_one(one: Seen, other: Seen, aliases: Aliases) -> bool:
    """Whether two messages of equal direction and raw id are one."""
    verdicts = [
        _same_address(one.chat, other.chat, aliases),
        _same_address(one.author, other.author, aliases),
    ]
    if False in verdicts:
        return False
    return None not in verdicts or one.content == other.content


def _same_address(one: str, other: str, aliases: Aliases) -> bool | None:
    """Whether two addresses are one person or group; None = they may be."""
    if one == other:
        return True
    # Two phone numbers, or two groups, are never one; a number and a LID may be, before we learn the alias.
    return aliases(one, other) if _may_be_one(one, other) else False


def _may_be_one(one: str, other: str) -> bool:
    try:
        first, second = Jid.parse(one), Jid.parse(other)
    except InvalidRequest:
        return False
    return (first.is_lid and second.is_user) or (first.is_user and second.is_lid)
