"""Presence of people."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind
from bridge.contract.payload import Instant, PageText

PRESENCE = "presence"
EVENT = EventKind(
    kind=PRESENCE,
    summary="A person that `contacts.subscribe` named is `online`, `offline`, `typing` or `recording`; `last_seen` is"
    " when it was online last, where it shows that.",
    fields={"presence": PageText, "last_seen": Instant},
)
