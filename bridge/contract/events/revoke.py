"""Messages that were deleted for everyone."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind
from bridge.contract.payload import PageText

REVOKE = "revoke"
EVENT = EventKind(
    kind=REVOKE,
    summary="A message was deleted for everyone, by its author or by an admin of the group.",
    fields={"message_id": str, "by": PageText},
)
