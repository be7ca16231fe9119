"""Invitations to an event; `body` is its name and description."""

from __future__ import annotations

from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(kind="event", types=("event_creation",), noun=Noun("event", "evento", "📅"))
