"""Marks of chats."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind

CHAT = "chat"
EVENT = EventKind(
    kind=CHAT,
    summary="The marks of a chat changed, on the phone or elsewhere; only those that changed are there. `muted_until`"
    " is unix seconds, -1 for good, 0 after the end. `read` is false where the chat was marked as unread by hand.",
    fields={"archived": bool, "pinned": bool, "muted": bool, "muted_until": int, "read": bool},
)
