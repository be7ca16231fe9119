"""Reactions to messages."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind
from bridge.contract.payload import PageText

REACTION = "reaction"
EVENT = EventKind(
    kind=REACTION,
    summary="`author` reacted to a message; `emoji` is empty where the reaction was taken back.",
    fields={"message_id": str, "emoji": PageText, "author": PageText},
)
