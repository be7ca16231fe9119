"""Two addresses of one person."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind
from bridge.contract.payload import PageText

ALIAS = "alias"
EVENT = EventKind(
    kind=ALIAS,
    summary="A number and a LID are one person's. Where both were known as two persons, `merged` is the id that is not"
    " used any more: what came under it belongs to `person`.",
    fields={"merged": PageText},
)
