"""Gaps: places where a stream has items that a reader will never get, and why. Values only; `merge` finds them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bridge.contract.commands import Cursor
from bridge.contract.messages import Stream


class GapReason(StrEnum):
    """Why items are missing."""

    NEW_EPOCH = "new_epoch"  # the bridge's store is another one: what followed in the old one is not known
    RETENTION = "retention"  # the bridge does not keep items that old
    REWOUND = "rewound"  # the store is older than the cursor, as after a backup was copied back by hand
    UNREADABLE = "unreadable"  # the item is not in a form that this version of the client knows
    LOST = "lost"  # the bridge has it by its own account and does not deliver it


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where the stream does not continue: the last item was `before`, the next follows on `after`."""

    session: str
    stream: Stream
    reason: GapReason
    before: Cursor
    after: Cursor

    @property
    def missing(self) -> int | None:
        """How many items; None where that cannot be known."""
        same = self.before.epoch == self.after.epoch
        return self.after.seq - self.before.seq if same and self.after.seq > self.before.seq else None
