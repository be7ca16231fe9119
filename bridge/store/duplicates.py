"""Which messages are one. Pure.

A raw id is chosen by the sender's client: alone it proves nothing, since another chat may bring the same one. And
WhatsApp names one chat, or one group author, now by phone number and now by LID, so an address that differs
proves nothing either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid

Linked = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of a message beside its direction and raw id. `author` is empty in a chat of two."""

    chat: str
    author: str
    timestamp: int
    type: str
    content_hash: str

    @property
    def content(self) -> tuple[int, str, str]:
        """What stays the same under another address."""
        return self.timestamp, self.type, self.content_hash


def are_one(one: Seen, other: Seen, linked: Linked) -> bool:
    """Whether two messages of equal direction and raw id are one; `linked` knows the aliases."""
    pairs = [(one.chat, other.chat), (one.author, other.author)]
    doubtful = [pair for pair in pairs if pair[0] != pair[1] and not linked(*pair)]
    if not doubtful:
        return True
    # Two phone numbers, or two groups, are never one; a number and a LID may be, before we learn the alias.
    return one.content == other.content and all(may_be_one(*pair) for pair in doubtful)


def may_be_one(one: str, other: str) -> bool:
    """Whether two addresses may be the same person: one a phone number, the other a LID."""
    try:
        first, second = Jid.parse(one), Jid.parse(other)
    except InvalidRequest:
        return False
    return (first.is_lid and second.is_user) or (first.is_user and second.is_lid)
