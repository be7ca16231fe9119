"""Messages that WhatsApp shows as "Waiting for this message"."""

from __future__ import annotations

from enum import StrEnum

from bridge.contract.events.event_kind import EventKind


class GivenUp(StrEnum):
    """Why a message will not be readable here."""

    EXPIRED = "expired"
    """WhatsApp asks for its text no more."""
    REMOVED = "removed"
    """It was revoked or deleted, or another number is linked now."""
    TOO_MANY = "too_many"
    """Too many others are waiting."""


UNDECRYPTED = "undecrypted"
EVENT = EventKind(
    kind=UNDECRYPTED,
    summary="A message came that cannot be decrypted yet. It ends with `decrypted`, or with a second event of this kind"
    " that has `given_up`.",
    fields={"message_id": str, "given_up": GivenUp},
)
