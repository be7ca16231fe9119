"""Messages that became readable."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind

DECRYPTED = "decrypted"
EVENT = EventKind(
    kind=DECRYPTED,
    summary="An undecrypted message became readable; the message itself follows on `in`.",
    fields={"message_id": str},
)
