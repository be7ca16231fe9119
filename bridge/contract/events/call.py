"""Calls."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind
from bridge.contract.payload import PageText

CALL = "call"
OFFERED, ENDED, REJECTED, MISSED = "offered", "ended", "rejected", "missed"
EVENT = EventKind(
    kind=CALL,
    summary=f"A person calls the account: `action` is `{OFFERED}` while it rings, then once `{ENDED}` (taken on another"
    f" device), `{REJECTED}` (by this account) or `{MISSED}`; `video` says whether with a picture.",
    fields={"call_id": PageText, "action": PageText, "video": bool},
)
