"""Whether a bridge is alive, by the arrival of its statuses on the reader's own clock. Pure.

Two hosts' clocks may differ by minutes. A status that arrives live proves its bridge, whatever its time says; a
retained one proves nothing by its arrival, and its time is compared with the reader's clock, corrected by the
difference that live statuses have shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bridge.contract.session import SessionState
from bridge.contract.status import SessionStatus

#: Seconds by which a status may be late without a word about clocks.
TOLERANCE = 2.0
#: States in which a bridge sends no heartbeat.
_SILENT = frozenset({SessionState.OFFLINE, SessionState.STOPPED})


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The newest status of a session. Every `moment` is seconds of any monotonic clock."""

    status: SessionStatus
    #: When it was written, on the monotonic clock; None while nothing proves that its bridge is alive.
    written: float | None = None
    #: Seconds by which the reader's clock is ahead of the bridge's; None before a live status.
    difference: float | None = None

    def is_proven(self, moment: float) -> bool:
        """Whether the status is as old as it claims, and not too old."""
        if self.status.state in _SILENT:
            return True
        return self.written is not None and moment - self.written <= self.status.stale_after

    def seen_at(self, moment: float) -> SessionStatus:
        """The status as a reader should take it: `offline` unless its bridge is known to be alive."""
        return self.status if self.is_proven(moment) else self.status.as_gone()


def heartbeat_after(
    known: Heartbeat | None, status: SessionStatus, *, retained: bool, moment: float, now: datetime
) -> Heartbeat:
    """What is known after a status has arrived at `moment` of a monotonic clock, `now` on the reader's wall clock."""
    if known is not None and retained and status.at == known.status.at:
        return known  # another subscription; its first copy may have come live
    age = (now - status.at).total_seconds()
    if not retained:
        return Heartbeat(status, moment, age)
    difference = known.difference if known is not None else None
    age -= difference or 0.0
    is_plausible = -TOLERANCE <= age <= status.stale_after
    return Heartbeat(status, moment - max(age, 0.0) if is_plausible else None, difference)
