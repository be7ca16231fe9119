"""Messages whose text was changed."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind
from bridge.contract.payload import PageText

EDIT = "edit"
EVENT = EventKind(
    kind=EDIT,
    summary="The author changed the text, or the caption, of a message; `body` is the text from now on.",
    fields={"message_id": str, "body": PageText},
)
