"""Addresses in the form in which people are compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.contract.errors import CodedError
from bridge.contract.jid import Jid
from bridge.contract.phone_numbers import canonical

LONGEST = 96


def person_of(address: str | None) -> str | None:
    """The digits of a number in the one form for all its spellings, or a LID; None for a group and for what is none."""
    if not address:
        return None
    try:
        jid = Jid.parse(address)
    except CodedError:
        return None
    if jid.is_user:
        return canonical(jid.user)[:LONGEST]
    return str(jid.canonical)[:LONGEST] if jid.is_lid else None


def people_of(addresses: Iterable[str | None]) -> tuple[str, ...]:
    """The people that these addresses name, each once."""
    return tuple(dict.fromkeys(filter(None, map(person_of, addresses))))
