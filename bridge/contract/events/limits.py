"""A change of what WhatsApp allows this account."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind
from bridge.contract.limits import AccountLimits

LIMITS = "limits"
EVENT = EventKind(
    kind=LIMITS,
    summary="WhatsApp limits this account, otherwise than before, or no longer: what `status.limits` has now.",
    fields={"limits": AccountLimits},
)
