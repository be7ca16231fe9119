"""Events about a person who was erased."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind

ERASED_EVENT = "erased"
EVENT = EventKind(
    kind=ERASED_EVENT, summary="An event about a person whom `wa forget` erased; only its position stays."
)
