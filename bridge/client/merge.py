"""One gapless stream out of live items, replayed items and statuses: what to yield, what to ask for, and when.

Pure: arrivals and moments (seconds of any monotonic clock) come in, items, gaps and replay requests come out. Every
item leaves once, in the order of its seq, whatever the broker lost, repeated or let overtake.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, Literal, TypeVar

from bridge.client.gaps import Gap, GapReason
from bridge.contract.commands import Cursor, ReplayRequest
from bridge.contract.messages import ReplayEnd, Stream

_T = TypeVar("_T")
#: Seconds that an item announced by a status may take to arrive before a replay is asked for.
GRACE = 2.0
#: Seconds of silence after which a replay request is repeated: the first, and what it grows to.
SILENCE, LONGEST_SILENCE = 5.0, 30.0
#: Pages that may end without the item they should have brought, before it is given up and told as a gap.
FRUITLESS = 5

Start = Cursor | Literal["now"] | None


class _Unreadable:
    """Holds the place of an item that cannot be read."""


UNREADABLE = _Unreadable()


class Merge(Generic[_T]):
    """Decides for one reader of one stream. `start`: None = the oldest that is kept, "now" = only what is new."""

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
        self._placed = start != "now"
        self._from_oldest = start is None
        self._left: dict[str, int] = {}  # epochs that were left, and how far they were read
        self._held: dict[int, _T | _Unreadable] = {}
        self._ready: deque[_T | Gap] = deque()
        self._newest = 0
        self._away = False
        self._must = False
        self._request: ReplayRequest | None = None
        self._silence = SILENCE
        self._fruitless = 0
        #: When `request` is worth calling next; None = only after more has arrived.
        self.due: float | None = None

    def pop(self) -> _T | Gap | None:
        """The next item or gap, or None when there is none yet."""
        return self._ready.popleft() if self._ready else None

    def take(self, epoch: str, seq: int, item: _T | _Unreadable, now: float, *, replayed: bool) -> None:
        """An item arrived, live or replayed."""
        if not self._placed:
            if replayed:
                return  # asked for by another reader of the same name
            self._place(epoch, seq - 1)
        if epoch in self._left:
            return
        self._enter(epoch, now)
        if replayed and self._request is not None and self.due is not None:
            self.due = max(self.due, now + self._silence)  # the page is under way
        if seq == self._last + 1:
            self._advance(seq, item)
            self._release()
        elif seq > self._last:
            self._hold(seq, item)
            if self._request is None and not self._must:
                self._ask(now)

    def told(self, epoch: str | None, newest: int, now: float, *, away: bool) -> None:
        """A status arrived: which epoch the bridge has, its newest seq, and whether the bridge is there at all."""
        if away:
            self._away = True
            return
        returned, self._away = self._away, False
        if epoch is None:
            return
        if not self._placed:
            self._place(epoch, newest)
            return
        if epoch in self._left:
            self._ask(now)  # an old status that was overtaken, or a bridge that took over again: the answer tells
            return
        self._enter(epoch, now)
        self._newest = newest
        if returned:
            self._ask(now)
        elif self._last < newest and self.due is None:
            self.due = now + GRACE

    def ended(self, end: ReplayEnd, now: float) -> None:
        """A page is complete: what it should have brought and did not is lost on the way, or not kept any more."""
        if self._request is None or end.request != self._request.request:
            return
        asked, self._request = self._request, None
        if end.error is not None:
            self._must, self.due = True, now + self._silence
            return
        self._enter(end.epoch, now)
        self._must, self.due = False, None
        self._newest = end.last_seq
        if asked.after is not None and asked.after.epoch == end.epoch and asked.after.seq > end.last_seq:
            self._jump(end.last_seq, GapReason.REWOUND)
        first = end.last_seq + 1 if end.first_seq is None else end.first_seq
        if self._last + 1 < first:
            self._jump(first - 1, GapReason.RETENTION)
        self._from_oldest = False
        reached = end.last_seq if end.next is None else end.next
        if self._last < reached:
            self._fruitless += 1
            if self._fruitless >= FRUITLESS:
                self._jump(min(self._held, default=reached + 1) - 1, GapReason.LOST)
            self._ask(now + self._fruitless)
        elif end.next is not None:
            self._ask(now)
        elif self._held:
            self._ask(now + GRACE)

    def resumed(self, now: float) -> None:
        """Anything may have been missed until now: ask again."""
        self._request = None
        self._ask(now)

    def request(self, now: float) -> ReplayRequest | None:
        """The request to publish now, if one is due. Each is repeated, ever more rarely, until its page has ended."""
        if self.due is None or self.due > now:
            return None
        self.due = None
        # While the bridge is away its queue at the broker must not fill with requests: its return is told.
        if not self._placed or self._away or not (self._must or self._held or self._last < self._newest):
            return None
        after = None if self._epoch is None else Cursor(epoch=self._epoch, seq=self._last)
        if self._request is None or self._request.after != after:
            self._silence = SILENCE
            self._request = ReplayRequest(
                request=self._new_id(), reader=self._reader, after=after, stream=self._stream, limit=self._page
            )
        else:
            self._silence = min(2 * self._silence, LONGEST_SILENCE)
        self._must = True
        self.due = now + self._silence
        return self._request

    def _ask(self, at: float) -> None:
        self._must = True
        self.due = at if self.due is None else min(self.due, at)

    def _place(self, epoch: str, last: int) -> None:
        self._placed = True
        self._epoch, self._last = epoch, last

    def _enter(self, epoch: str, now: float) -> None:
        """Be in `epoch`. Coming from another, tell it, and read the new one from where it was left or its oldest."""
        if epoch == self._epoch:
            return
        if self._epoch is None:
            self._epoch = epoch
            return
        for seq in sorted(self._held):  # valid messages behind a hole that nobody can fill any more
            if seq > self._last:
                self._jump(seq - 1, GapReason.LOST)
        before = Cursor(epoch=self._epoch, seq=self._last)
        self._left[self._epoch] = self._last
        self._epoch, self._last = epoch, self._left.pop(epoch, 0)
        self._from_oldest = self._last == 0
        self._newest = 0
        self._request = None
        self._ready.append(
            Gap(self._session, self._stream, GapReason.NEW_EPOCH, before, Cursor(epoch=epoch, seq=self._last))
        )
        self._ask(now)

    def _advance(self, seq: int, item: _T | _Unreadable) -> None:
        if isinstance(item, _Unreadable):
            self._jump(seq, GapReason.UNREADABLE)
            return
        self._last = seq
        self._fruitless = 0
        self._ready.append(item)

    def _release(self) -> None:
        while self._last + 1 in self._held:
            seq = self._last + 1
            self._advance(seq, self._held.pop(seq))

    def _jump(self, seq: int, reason: GapReason) -> None:
        """Continue behind `seq`, telling what is left out. Who wants the oldest misses nothing before it."""
        if seq == self._last or self._epoch is None:
            self._release()
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
        self._fruitless = 0
        self._held = {held: item for held, item in self._held.items() if held > seq}
        self._release()

    def _hold(self, seq: int, item: _T | _Unreadable) -> None:
        self._held[seq] = item
        if len(self._held) > self._limit:
            del self._held[max(self._held)]  # the far ones are replayed later
