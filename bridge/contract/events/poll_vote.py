"""Votes in polls."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind
from bridge.contract.payload import PageText

POLL_VOTE = "poll_vote"
EVENT = EventKind(
    kind=POLL_VOTE,
    summary="`author` voted in a poll; `selected` are all answers chosen now, none where the vote was withdrawn.",
    fields={"message_id": str, "selected": list[PageText], "author": PageText},
)
