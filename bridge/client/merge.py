"""Merges live items, replayed items and statuses into one gapless stream: what to yield, what to request, and when.

Pure: arrivals and times (seconds of any monotonic clock) come in; items, gaps and replay requests come out. Every
item is yielded once, in seq order, whatever the broker lost, repeated or reordered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Literal, TypeVar

from bridge.contract.messages import ReplayEnd, Stream
from bridge.contract.replays import Cursor, ReplayRequest

_T = TypeVar("_T")
#: Seconds that an item announced by a status may take to arrive before a replay is requested.
GRACE = 2.0
#: Seconds without an item after which a replay request is repeated: at first, and at most.
SILENCE, LONGEST_SILENCE = 5.0, 30.0
#: Replay pages that may end without the missing item before it is reported as a gap.
MAX_EMPTY_PAGES = 5

Start = Cursor | Literal["now"] | None


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


class _Unreadable:
    """Placeholder for an item that cannot be read."""


UNREADABLE = _Unreadable()


class Merge(Generic[_T]):
    """The merge of one reader of one stream. `start`: None = the oldest kept item, "now" = only new ones."""

    def __init__(
        self,
        session: str,
        stream: Stream,
        reader: str,
        start: Start,
        *,
        new_id: Callable[[], str],
        limit: int = 10_000,
        page: int = 500,
    ) -> None:
        self._session = session
        self._stream = stream
        self._reader = reader
        self._new_id = new_id
        self._limit = limit
        self._page = page
        self._epoch = start.epoch if isinstance(start, Cursor) else None
        self._last = start.seq if isinstance(start, Cursor) else 0
        self._positioned = start != "now"
        self._from_oldest = start is None
        self._left_epochs: dict[str, int] = {}  # earlier epochs, and the last seq read of each
        self._buffered: dict[int, _T | _Unreadable] = {}
        self._ready: deque[_T | Gap] = deque()
        self._newest = 0
        self._away = False
        self._request_needed = False
        self._request: ReplayRequest | None = None
        self._silence = SILENCE
        self._empty_pages = 0
        #: When to call `request` next; None = only after another arrival.
        self.due: float | None = None

    def pop(self) -> _T | Gap | None:
        """The next item or gap; None when there is none yet."""
        return self._ready.popleft() if self._ready else None

    def take(self, epoch: str, seq: int, item: _T | _Unreadable, now: float, *, replayed: bool) -> None:
        """Add an item, live or replayed."""
        if not self._positioned:
            if replayed:
                return  # requested by another reader of the same name
            self._set_position(epoch, seq - 1)
        if epoch in self._left_epochs:
            return
        self._enter_epoch(epoch, now)
        if replayed and self._request is not None and self.due is not None:
            self.due = max(self.due, now + self._silence)  # the page is arriving
        if seq == self._last + 1:
            self._advance(seq, item)
            self._release_buffered()
        elif seq > self._last:
            self._buffer(seq, item)
            if self._request is None and not self._request_needed:
                self._schedule(now)

    def take_status(self, epoch: str | None, newest: int, now: float, *, away: bool) -> None:
        """Note a status: the bridge's epoch, its newest seq, and whether the bridge is offline."""
        if away:
            self._away = True
            return
        returned, self._away = self._away, False
        if epoch is None:
            return
        if not self._positioned:
            self._set_position(epoch, newest)
            return
        if epoch in self._left_epochs:
            # a late status of the old store, or the earlier bridge took over again: the replay shows which
            self._schedule(now)
            return
        self._enter_epoch(epoch, now)
        self._newest = newest
        if returned:
            self._schedule(now)
        elif self._last < newest and self.due is None:
            self.due = now + GRACE

    def take_end(self, end: ReplayEnd, now: float) -> None:
        """Close a page: an item that it should contain and does not was lost on the way, or is no longer kept."""
        if self._request is None or end.request != self._request.request:
            return
        request, self._request = self._request, None
        if end.error is not None:
            self._request_needed, self.due = True, now + self._silence
            return
        self._enter_epoch(end.epoch, now)
        self._request_needed, self.due = False, None
        self._newest = end.last_seq
        if request.after is not None and request.after.epoch == end.epoch and request.after.seq > end.last_seq:
            self._skip_to(end.last_seq, GapReason.REWOUND)
        first = end.last_seq + 1 if end.first_seq is None else end.first_seq
        if self._last + 1 < first:
            self._skip_to(first - 1, GapReason.RETENTION)
        self._from_oldest = False
        reached = end.last_seq if end.next is None else end.next
        if self._last < reached:
            self._empty_pages += 1
            if self._empty_pages >= MAX_EMPTY_PAGES:
                self._skip_to(min(self._buffered, default=reached + 1) - 1, GapReason.LOST)
            self._schedule(now + self._empty_pages)
        elif end.next is not None:
            self._schedule(now)
        elif self._buffered:
            self._schedule(now + GRACE)

    def resubscribed(self, now: float) -> None:
        """Items may have been missed until now: request a replay."""
        self._request = None
        self._schedule(now)

    def request(self, now: float) -> ReplayRequest | None:
        """The request to publish now, if one is due. Each is repeated, with growing pauses, until its page ends."""
        if self.due is None or self.due > now:
            return None
        self.due = None
        # While the bridge is offline, requests would fill its queue at the broker; a status reports its return.
        if (
            not self._positioned
            or self._away
            or not (self._request_needed or self._buffered or self._last < self._newest)
        ):
            return None
        after = None if self._epoch is None else Cursor(epoch=self._epoch, seq=self._last)
        if self._request is None or self._request.after != after:
            self._silence = SILENCE
            self._request = ReplayRequest(
                request=self._new_id(), reader=self._reader, after=after, stream=self._stream, limit=self._page
            )
        else:
            self._silence = min(2 * self._silence, LONGEST_SILENCE)
        self._request_needed = True
        self.due = now + self._silence
        return self._request

    def _schedule(self, at: float) -> None:
        self._request_needed = True
        self.due = at if self.due is None else min(self.due, at)

    def _set_position(self, epoch: str, last: int) -> None:
        self._positioned = True
        self._epoch, self._last = epoch, last

    def _enter_epoch(self, epoch: str, now: float) -> None:
        """Switch to `epoch`. Reports a gap, and continues where this epoch was left before, or at its oldest item."""
        if epoch == self._epoch:
            return
        if self._epoch is None:
            self._epoch = epoch
            return
        for seq in sorted(self._buffered):  # valid items after a hole that cannot be filled any more
            if seq > self._last:
                self._skip_to(seq - 1, GapReason.LOST)
        before = Cursor(epoch=self._epoch, seq=self._last)
        self._left_epochs[self._epoch] = self._last
        self._epoch, self._last = epoch, self._left_epochs.pop(epoch, 0)
        self._from_oldest = self._last == 0
        self._newest = 0
        self._request = None
        self._ready.append(
            Gap(self._session, self._stream, GapReason.NEW_EPOCH, before, Cursor(epoch=epoch, seq=self._last))
        )
        self._schedule(now)

    def _advance(self, seq: int, item: _T | _Unreadable) -> None:
        if isinstance(item, _Unreadable):
            self._skip_to(seq, GapReason.UNREADABLE)
            return
        self._last = seq
        self._empty_pages = 0
        self._ready.append(item)

    def _release_buffered(self) -> None:
        while self._last + 1 in self._buffered:
            seq = self._last + 1
            self._advance(seq, self._buffered.pop(seq))

    def _skip_to(self, seq: int, reason: GapReason) -> None:
        """Continue after `seq` and report what is skipped. A reader that starts at the oldest item misses nothing
        before it."""
        if seq == self._last or self._epoch is None:
            self._release_buffered()
            return
        if not (self._from_oldest and reason is GapReason.RETENTION):
            self._ready.append(
                Gap(
                    self._session,
                    self._stream,
                    reason,
                    Cursor(epoch=self._epoch, seq=self._last),
                    Cursor(epoch=self._epoch, seq=seq),
                )
            )
        self._last = seq
        self._empty_pages = 0
        self._buffered = {held: item for held, item in self._buffered.items() if held > seq}
        self._release_buffered()

    def _buffer(self, seq: int, item: _T | _Unreadable) -> None:
        self._buffered[seq] = item
        if len(self._buffered) > self._limit:
            del self._buffered[max(self._buffered)]  # the newest are replayed later
