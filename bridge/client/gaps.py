"""Gaps: positions where a stream has items that a reader will never get, and why. Values only; `merge` finds them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bridge.contract.commands import Cursor
from bridge.contract.messages import Stream


class GapReason(StrEnum):
    NEW_EPOCH = "new_epoch"  # the bridge has a new store: what followed in the old one is unknown
    RETENTION = "retention"  # the bridge no longer keeps items that old
    REWOUND = "rewound"  # the store is older than the cursor, as after a backup was copied back by hand
    UNREADABLE = "unreadable"  # this version of the client does not know the item's schema
    LOST = "lost"  # the bridge reports the item in its status and does not deliver it


@dataclass(frozen=True, slots=True)
class Gap:
    """An interruption of the stream: the last item was `before`, the next one follows `after`."""

    session: str
    stream: Stream
    reason: GapReason
    before: Cursor
    after: Cursor

    @property
    def missing(self) -> int | None:
        """Number of missing items; None if it cannot be known."""
        same = self.before.epoch == self.after.epoch
        return self.after.seq - self.before.seq if same and self.after.seq > self.before.seq else None
