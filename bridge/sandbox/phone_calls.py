"""Calls from contacts, as the service knows them. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CallOutcome(StrEnum):
    """How a call ended, by the page's own names."""

    MISSED = "Missed"
    REJECTED = "Rejected"
    """By the account: on the phone, or by a linked device."""
    ELSEWHERE = "AcceptedElsewhere"
    """It was taken on the phone."""


@dataclass(frozen=True, slots=True)
class PhoneCall:
    """A call that rings. `caller` is the address that the page shows, `t` unix seconds."""

    id: str
    caller: str
    video: bool
    t: int
